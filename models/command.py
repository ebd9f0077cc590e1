"""``refjs models``: explore, and print what was seen; ``--full`` adds the large scopes, ``--json`` is for machines.

The exit code is 0 where every scope holds and every mutant is found, else 1.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from typing import Final, TypeAlias, final

from models.explorer import Violation, explore
from models.raft_scopes import LARGE_SCOPES, MUTANTS, SCOPES
from models.raft_small import RaftModel, Scope

SubParsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 (it has no public name)

STATES_MAX: Final = 20_000_000


@final
@dataclass(frozen=True, slots=True)
class Row:
    """One exploration: its figures, how long it took in ms, and what it found."""

    scope: str
    states: int
    transitions: int
    depth: int
    complete: bool
    milliseconds: int
    violation: Violation | None
    as_expected: bool


def explore_scope(scope: Scope, expected: str) -> Row:
    """Explore ``scope``, in which the property ``expected`` (or none) must fail."""
    begin = time.perf_counter_ns()
    seen = explore(RaftModel(scope), states_max=STATES_MAX)
    milliseconds = (time.perf_counter_ns() - begin) // 1_000_000
    found = seen.violation.property_id if seen.violation else ""
    right = found == expected and (bool(expected) or seen.complete)
    return Row(
        scope.name, seen.states, seen.transitions, seen.depth, seen.complete, milliseconds, seen.violation, right
    )


def text(row: Row) -> str:
    """Return a row of the table."""
    figures = f"{row.states:>10,} {row.transitions:>12,} {row.depth:>5} {row.milliseconds / 1000:>7.1f}"
    rate = row.states * 1000 // max(1, row.milliseconds)
    verdict = f"breaks {row.violation.property_id}" if row.violation else "holds"
    return f"{row.scope:<58} {figures} {rate:>9,}  {verdict}{'' if row.as_expected else '  NOT AS EXPECTED'}"


def add_parser(subparsers: SubParsers) -> None:
    """Add ``models`` to the command line."""
    parser = subparsers.add_parser(
        "models",
        help="visit every state of a model",
        description="Explore Raft, the shipped transition functions, exhaustively in small scopes; find the mutants.",
        epilog="example: refjs models --json",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, a list of all rows")
    parser.add_argument("--full", action="store_true", help="add the large scopes (minutes)")


def run(arguments: argparse.Namespace) -> int:
    """Explore every scope and every mutant; return the exit code."""
    shown: bool = not arguments.json
    if shown:
        print(f"{'scope':<58} {'states':>10} {'transitions':>12} {'depth':>5} {'seconds':>7} {'states/s':>9}")
    rows: list[Row] = []
    scopes = [*SCOPES, *(LARGE_SCOPES if arguments.full else ())]
    for scope, expected in [*((scope, "") for scope in scopes), *((m.scope, m.property_id) for m in MUTANTS)]:
        row = explore_scope(scope, expected)
        rows.append(row)
        if shown:
            print(text(row), flush=True)
            if row.violation:
                print("\n".join(f"    {line}" for line in str(row.violation).splitlines()[1:]))
    if not shown:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    return 0 if all(row.as_expected for row in rows) else 1
