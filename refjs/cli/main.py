"""The command ``refjs``: one subcommand a room, loaded when it is asked for.

A subcommand is loaded by name, so that one of them can be used without the packages that another one needs, and so
that a server does not start more slowly because there is a simulator.  ``serve`` reads its own words, because they are
nats-server's; the others go through ``refjs.cli.subcommand``.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

import refjs
from refjs.server.options import VERSION

_CLONE: Final = Path(refjs.__file__).parents[1]
OK: Final = 0
WRONG_USAGE: Final = 2
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141


class Command(NamedTuple):
    """A subcommand: the module that has it, the extra it needs, what it does, and an example."""

    module: str
    extra: str
    purpose: str
    example: str


SERVE: Final = "serve"
COMMANDS: Final = {
    SERVE: Command("refjs.server.process", "server", "run a server with nats-server's flags", "serve -js -p 4222"),
    "conform": Command(
        "refjs.conform.command", "conform", "judge any NATS server", "conform run nats://127.0.0.1:4222"
    ),
    "sim": Command("sim.command", "sim", "simulate clusters under faults", "sim list"),
    "models": Command("models.command", "sim", "visit every state of a model", "models --json"),
    "demo": Command("refjs.cli.demo", "dev", "show all of it in a minute and a half", "demo"),
    "bench": Command("benchmarks.command", "dev", "measure refjs beside nats-server", "bench --quick"),
}


class UnavailableError(Exception):
    """A subcommand that cannot be loaded here; the text says what is missing and how to get it."""


def main(words: list[str] | None = None) -> int:
    """Run the command line (default: this process's) and return the exit code; no input ends in a traceback."""
    arguments = sys.argv[1:] if words is None else words
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is flushed at the exit goes nowhere
        return _PIPE_CLOSED


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help())
        return OK if arguments else WRONG_USAGE
    name, rest = arguments[0], arguments[1:]
    if name in ("--version", "-v"):
        sys.stdout.write(f"refjs {refjs.__version__} (behaves as nats-server v{VERSION})\n")
        return OK
    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        sys.stderr.write(f'refjs: unknown {kind} "{name}"; refjs --help lists what there is\n')
        return WRONG_USAGE
    try:
        module = _load(name)
    except UnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    if name == SERVE:
        return int(module.main(rest))
    return int(importlib.import_module("refjs.cli.subcommand").run(module, [name, *rest]))


def _load(name: str) -> ModuleType:
    command = COMMANDS[name]
    if (_CLONE / command.module.partition(".")[0]).is_dir() and str(_CLONE) not in sys.path:
        sys.path.append(str(_CLONE))  # what is not installed, such as the benchmarks, is found in a clone
    try:
        return importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.startswith("refjs.") and missing != command.module:
            raise  # one of our own: no extra brings it
        if command.module == missing or command.module.startswith(f"{missing}."):
            reason = f"refjs {name} is not part of this installation: use it from a clone of the repository"
        else:
            reason = f"refjs {name} needs the [{command.extra}] extra: pip install 'refjs[{command.extra}]'"
            reason += f" (there is no module {missing})"
        raise UnavailableError(reason) from error


def _help() -> str:
    lines = [
        "refjs: NATS JetStream as a formally tested reference implementation",
        "",
        "usage: refjs COMMAND ...",
        "",
        *(f"  {name:<9}{command.purpose:<40} refjs {command.example}" for name, command in COMMANDS.items()),
        "",
        "refjs COMMAND --help tells more; refjs --version names the release that is followed.",
    ]
    return "\n".join(lines) + "\n"
