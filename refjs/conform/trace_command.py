"""``refjs conform trace``: whether refjs and a server do the same, in a trace from a file or in many random ones."""

from __future__ import annotations

import argparse
import json
import secrets
import string
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from rich.console import Console

from refjs.conform import trace
from refjs.conform.matching import Json
from refjs.conform.trace import Trace
from refjs.conform.trace_run import Finding, Judge, Verdict, generate, steady
from refjs.conform.trace_shrink import shrink

if TYPE_CHECKING:
    SubParsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 (it has no other name)

SAME: Final = 0
DIFFERENT: Final = 1

_CHUNK: Final = 60
_SHOWN: Final = 5
_LETTERS: Final = string.ascii_lowercase
_EXAMPLES: Final = """
examples:
  refjs conform trace found.json --against nats://127.0.0.1:4222
  refjs conform trace --random 1000 --seed 7 --against nats://127.0.0.1:4222 --json summary.json

exit codes:
  0  refjs and the server do the same
  1  they differ; the difference is printed, and can be tried again from a file
  2  wrong usage, or a file that holds no trace
  3  the server cannot be reached or does not speak NATS
"""


def add_parser(subparsers: SubParsers) -> None:
    """Add ``trace``; the parsed result is for ``run``."""
    parser = subparsers.add_parser(
        "trace",
        help="do the same on refjs and on a server, and compare",
        description="Play traces on refjs in virtual time and on a server in real time, and compare what they do.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a trace, as a difference is printed")
    what.add_argument("--random", type=int, metavar="N", help="N random traces")
    parser.add_argument("--against", required=True, metavar="URL", help="the server: nats://host:port")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which random traces (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary as JSON")
    parser.add_argument("--no-shrink", action="store_true", help="print the differences as they were found")


def run(args: argparse.Namespace, console: Console) -> int:
    """Carry out a parsed ``refjs conform trace`` and return the exit code.

    Raises ``TraceError`` where the file holds no trace, ``TargetError`` where the server cannot be reached.
    """
    judge = Judge(args.against, "".join(secrets.choice(_LETTERS) for _ in range(2)))
    if args.file is not None:
        candidates: Sequence[Trace] = [trace.read(args.file)]
    else:
        candidates = [each for each in generate(args.random, args.seed) if steady(each)]
        console.print(f"{len(candidates)} of {args.random} traces do not depend on milliseconds.", highlight=False)
    began = time.monotonic()
    verdicts = _judge(judge, candidates, console)
    findings = _distinct([verdict.finding for verdict in verdicts if verdict.finding is not None])
    shown = findings[:_SHOWN]
    if not args.no_shrink and args.file is None:
        shown = [shrink(finding, judge) for finding in shown]
    for finding in shown:
        console.print(describe(finding), highlight=False, markup=False, soft_wrap=True)
    summary = _summary(verdicts, findings, time.monotonic() - began)
    console.print(", ".join(f"{name} {value}" for name, value in summary.items() if name != "kinds"), highlight=False)
    if args.json is not None:
        details = [{"trace": json.loads(trace.encode(each.trace)), **each.mismatch._asdict()} for each in shown]
        args.json.write_text(json.dumps({**summary, "seed": args.seed, "differences": details}, indent=2) + "\n")
    return DIFFERENT if findings else SAME


def _judge(judge: Judge, candidates: Sequence[Trace], console: Console) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for at in range(0, len(candidates), _CHUNK):
        verdicts += judge.judge(candidates[at : at + _CHUNK])
        different = sum(verdict.finding is not None for verdict in verdicts)
        console.print(f"{len(verdicts)} of {len(candidates)} played, {different} differ", highlight=False)
    return verdicts


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    """Return the smallest finding of each kind, the most frequent kind first."""
    count = Counter(finding.mismatch.kind for finding in findings)
    smallest: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda found: len(found.trace.steps)):
        smallest.setdefault(finding.mismatch.kind, finding)
    return [smallest[kind] for kind, _ in count.most_common()]


def _summary(verdicts: Sequence[Verdict], findings: Sequence[Finding], seconds: float) -> Mapping[str, Json]:
    return {
        "played": len(verdicts),
        "same": sum(verdict.told and verdict.finding is None for verdict in verdicts),
        "different": sum(verdict.finding is not None for verdict in verdicts),
        "untold": sum(not verdict.told for verdict in verdicts),
        "kinds": [finding.mismatch.kind for finding in findings],
        "seconds": round(seconds, 1),
    }


def describe(finding: Finding) -> str:
    """Return a finding as a report: the trace as JSON, ready to be saved and tried again, and where it differs."""
    lane, place, ours, theirs = finding.mismatch
    return "\n".join(
        [
            "The servers differ in this trace (save it and try again: refjs conform trace FILE --against URL):",
            trace.encode(finding.trace).rstrip(),
            f"on lane {lane} at {place or 'all of it'}:",
            f"  refjs:      {json.dumps(ours)}",
            f"  the server: {json.dumps(theirs)}",
            "all that came on that lane:",
            f"  refjs:      {json.dumps(finding.ours.get(lane, []))}",
            f"  the server: {json.dumps(finding.theirs.get(lane, []))}",
        ]
    )
