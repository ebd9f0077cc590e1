"""``refjs conform``: judge a server by the vectors, check vector files, put several servers side by side.

Exit codes: 0 every vector is met (or excused), 1 some are not, 2 wrong usage or a vector file that does not fit its
schema, 3 the target cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from rich.console import Console

from refjs.conform import catalogue, corpus, report, trace_command
from refjs.conform.inprocess import in_process
from refjs.conform.link import Link, SocketLink, TargetError, parse_url
from refjs.conform.run import LinkFactory, Report, Verdict
from refjs.conform.run import run as run_vectors
from refjs.conform.trace import TraceError
from refjs.conform.vector import VectorError
from refjs.types.profile import DEFAULT
from refjs.types.profile import profile as profile_of_release

if TYPE_CHECKING:
    SubParsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 (it has no other name)

MET: Final = 0
NOT_MET: Final = 1
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3
_JOBS: Final = 8

IN_PROCESS: Final = "in-process"
"""The URL of refjs itself, without sockets and without waiting."""

_EXIT_CODES: Final = """
exit codes:
  0  every vector is met, skipped or excused by the baseline
  1  a vector is not met
  2  wrong usage, or a vector file that does not fit its schema
  3  the target cannot be reached or does not speak NATS
"""
_RUN_EXAMPLES: Final = """
examples:
  refjs conform run nats://127.0.0.1:4222
  refjs conform run nats://127.0.0.1:4222 --vector 'consumers/*' --requirement CON-ACK-005
  refjs conform run nats://127.0.0.1:4222 --json verdicts.json --junit verdicts.xml
  refjs conform run in-process
  refjs conform run in-process:2.12.0
  refjs conform run nats://127.0.0.1:4222 --file my/vector.json
  refjs conform run --list --vector 'STR-DUP-*'
"""
_COMPARE_EXAMPLES: Final = """
examples:
  refjs conform compare refjs=in-process nats-server=nats://127.0.0.1:4222
"""
_BASELINE_HELP: Final = 'excuse what FILE names: a JSON object {"STR-DUP-001/1": "the reason"}'


class UsageError(Exception):
    """The command line asks for what there is not; ``str(error)`` is one sentence."""


def add_parser(subparsers: SubParsers) -> None:
    """Add ``conform`` with its commands; each parsed result is for ``run``."""
    conform = _parser(subparsers, "conform", "judge a server by the conformance vectors", "")
    commands = conform.add_subparsers(dest="conform_command", required=True, metavar="COMMAND")
    running = _parser(commands, "run", "run vectors against a server", _RUN_EXAMPLES)
    running.add_argument("url", nargs="?", metavar="URL", help="nats://host:port, or in-process for refjs itself")
    _add_choice(running)
    running.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    running.add_argument("--junit", type=Path, metavar="FILE", help="write the verdicts as JUnit XML")
    running.add_argument("--baseline", type=Path, metavar="FILE", help=_BASELINE_HELP)
    running.add_argument("--list", action="store_true", help="list the chosen vectors and run nothing")
    compare = _parser(commands, "compare", "put the verdicts on several servers side by side", _COMPARE_EXAMPLES)
    compare.add_argument("urls", nargs="+", metavar="[NAME=]URL", help="a server, under a name of your choice")
    _add_choice(compare)
    validate = _parser(commands, "validate", "check vector files against the schema", "")
    validate.add_argument("files", nargs="+", type=Path, metavar="FILE")
    trace_command.add_parser(commands)


def _parser(subparsers: SubParsers, name: str, text: str, examples: str) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=examples + _EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vector", action="append", default=[], metavar="GLOB", help="by id or path; may be repeated")
    parser.add_argument("--requirement", action="append", default=[], metavar="ID", help="by rule; may be repeated")
    parser.add_argument("--file", action="append", type=Path, metavar="FILE", help="run this vector instead of ours")
    parser.add_argument(
        "--jobs", type=positive_number, default=_JOBS, metavar="N", help="vectors at a time (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Carry out a parsed ``refjs conform`` and return the exit code."""
    commands: Mapping[str, Callable[[argparse.Namespace, Console], int]] = {
        "run": _run,
        "compare": _compare,
        "validate": _validate,
        "trace": trace_command.run,
    }
    try:
        for wanted in ("json", "junit"):
            _check_writable(getattr(args, wanted, None))
        return commands[args.conform_command](args, Console())
    except (VectorError, UsageError, TraceError) as error:
        return _complain(str(error), WRONG_USAGE)
    except TargetError as error:
        return _complain(str(error), UNREACHABLE)


def _check_writable(path: Path | None) -> None:
    """Refuse a file that could not be written when all is judged."""
    if path is None:
        return
    try:
        path.open("a").close()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}.") from error


def positive_number(text: str) -> int:
    """Return the number that a flag states; raise ``ValueError`` where it is below 1."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"refjs conform: {text}\n")
    return code


def _run(args: argparse.Namespace, console: Console) -> int:
    entries = _chosen(args)
    if args.list:
        for entry in entries:
            console.print(f"{entry.vector.id:18} {entry.path:40} {entry.vector.title}", highlight=False, soft_wrap=True)
        return MET
    if args.url is None:
        raise UsageError("A URL is wanted, such as nats://127.0.0.1:4222.")
    verdicts = _judge(args.url, entries, args.jobs, _read_baseline(args.baseline))
    report.print_report(console, verdicts, _rules())
    if args.json is not None:
        args.json.write_text(json.dumps(report.as_json(verdicts), indent=2) + "\n")
    if args.junit is not None:
        args.junit.write_text(report.as_junit(verdicts))
    return _exit_code([verdicts])


def _compare(args: argparse.Namespace, console: Console) -> int:
    entries = _chosen(args)
    targets = [_named(argument) for argument in args.urls]
    reports = [_judge(url, entries, args.jobs, {}, name=name) for name, url in targets]
    console.print(report.comparison_table(reports))
    for outcome, verdicts in report.differing(reports):
        words = ", ".join(verdict.value for verdict in verdicts)
        console.print(
            f"{outcome.entry.vector.id:18} {words:24} {outcome.entry.vector.title}", highlight=False, soft_wrap=True
        )
    return _exit_code(reports)


def _validate(args: argparse.Namespace, console: Console) -> int:
    errors = []
    for path in args.files:
        try:
            corpus.read([path])
        except VectorError as error:
            errors.append(str(error))
    for text in errors:
        _complain(text, WRONG_USAGE)
    console.print(f"{len(args.files) - len(errors)} of {len(args.files)} files fit the schema.", highlight=False)
    return WRONG_USAGE if errors else MET


def _chosen(args: argparse.Namespace) -> list[corpus.Entry]:
    entries = corpus.choose(corpus.read(args.file), args.vector, args.requirement)
    if not entries:
        raise UsageError(f"No vector matches {' '.join([*args.vector, *args.requirement])}.")
    return entries


def _rules() -> dict[str, str]:
    """Return the words of the rules; an installed package comes without the catalogue and quotes none."""
    try:
        return {rule.id: rule.text for rule in catalogue.load(catalogue.find(Path(__file__).parent)).values()}
    except catalogue.CatalogueError:
        return {}


def _read_baseline(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        excused = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as a baseline: {error}.") from error
    if not isinstance(excused, dict):
        raise UsageError(f"{path}: a baseline is a JSON object from vector ids to reasons.")
    return {str(name): str(reason) for name, reason in excused.items()}


def _named(argument: str) -> tuple[str, str]:
    name, equals, url = argument.partition("=")
    return (name, url) if equals else (argument, argument)


def _judge(
    url: str, entries: list[corpus.Entry], jobs: int, baseline: Mapping[str, str], *, name: str | None = None
) -> Report:
    salt = secrets.token_hex(8)
    return run_vectors(name or url, link_factory(url), entries, salt=salt, jobs=jobs, baseline=baseline)


def link_factory(url: str) -> LinkFactory:
    """Return what opens links to ``url``; raise ``TargetError`` where it is no address.

    ``in-process`` is refjs itself, a fresh server for each vector, in virtual time; ``in-process:2.12.0`` behaves as
    that release.
    """
    kind, _, release = url.partition(":")
    if kind == IN_PROCESS:
        try:
            profile = profile_of_release(release or DEFAULT.release)
        except ValueError as error:
            raise TargetError(f"{url}: {error}.") from error
        return in_process(profile.release)
    parse_url(url)

    def connect() -> Link:
        return SocketLink(url)

    return connect


def _exit_code(reports: list[Report]) -> int:
    return NOT_MET if any(each.count(Verdict.FAILED) for each in reports) else MET
