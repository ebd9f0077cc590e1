"""``refjs sim``: run a scenario, run many, judge a recorded history.

Exit codes: 0 every property held, 2 the input was bad, 3 a safety property was violated, 4 only a liveness property
was; 130 after an interrupt, with what had been done by then.
"""

from __future__ import annotations

import argparse
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from refjs.types.units import SECOND
from sim import timeline
from sim.campaign import Row, campaign
from sim.checkers.catalogue import judge
from sim.checkers.verdict import Exit, Judgement, Kind, Verdict, seconds
from sim.history import BadHistoryError, Ended, History, load
from sim.plan import BadPlanError, describe, load_plan
from sim.scenario import Run, Scenario
from sim.scenario import run as run_scenario
from sim.scenarios.registry import SCENARIOS, UnknownScenarioError, scenario_named

if TYPE_CHECKING:
    SubParsers: TypeAlias = argparse._SubParsersAction[ArgumentParser]  # noqa: SLF001 - it has no public name

BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
_COLORS: Final = {Kind.OK: "green", Kind.SAFETY: "bold red", Kind.LIVENESS: "yellow"}
_PICTURES: Final = (".png", ".svg", ".pdf")
_FAILURES_SHOWN: Final = 20


class UsageError(Exception):
    """The command line asks for what there is not; ``str(error)`` is one sentence."""


def add_parser(subparsers: SubParsers) -> None:
    """Add ``sim`` with its commands; what is parsed is for ``run``."""
    sim = subparsers.add_parser("sim", help="simulate clusters under faults and judge what happened")
    commands = sim.add_subparsers(dest="sim_command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="list the scenarios").set_defaults(sim_run=_list)
    one = commands.add_parser("run", help="run one seed of a scenario")
    one.add_argument("scenario")
    one.add_argument("--seed", type=int, default=1, help="draws the faults and every delay (default 1)")
    one.add_argument("--plan", type=Path, metavar="FILE", help="follow this plan of faults instead of the seed's")
    one.add_argument("--save-plan", type=Path, metavar="FILE", help="write the plan of faults, to be edited and run")
    _output(one)
    one.set_defaults(sim_run=_run)
    again = commands.add_parser("judge", help="judge a history that was saved")
    again.add_argument("history_file", type=Path, metavar="FILE")
    _output(again)
    again.set_defaults(sim_run=_judge)
    many = commands.add_parser("campaign", help="run many seeds of a scenario on all cores")
    many.add_argument("scenario")
    many.add_argument("--seeds", type=_positive, default=100, metavar="N", help="how many (default 100)")
    many.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed (default 0)")
    many.add_argument("--jobs", type=_positive, metavar="N", help="how many processes (default: one for each core)")
    many.add_argument("--json", action="store_true", help="print a line of JSON for each run")
    many.set_defaults(sim_run=_campaign)


def run(args: Namespace) -> int:
    """Carry out what was parsed; bad input is one sentence on standard error and exit code 2."""
    command: Command = args.sim_run
    try:
        return command(args)
    except (UnknownScenarioError, BadPlanError, BadHistoryError, UsageError) as error:
        print(f"refjs sim: {error}", file=sys.stderr)
    except OSError as error:
        print(f"refjs sim: {error.filename}: {error.strerror}", file=sys.stderr)
    return BAD_INPUT


def _output(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the verdicts as one JSON object")
    parser.add_argument("--history", type=Path, metavar="FILE", help="write the history as JSON lines")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the run (.png, .svg or .pdf)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _list(args: Namespace) -> int:
    del args
    table = Table(box=None, pad_edge=False)
    for title in ("scenario", "servers", "question"):
        table.add_column(title)
    for scenario in SCENARIOS.values():
        table.add_row(scenario.name, str(scenario.setup.servers), scenario.question)
    Console().print(table)
    return Exit.OK


def _run(args: Namespace) -> int:
    scenario = scenario_named(args.scenario)
    _check_picture(args.picture)
    outcome = run_scenario(scenario, args.seed, load_plan(args.plan) if args.plan else None)
    if args.save_plan:
        args.save_plan.write_bytes(outcome.plan.dump())
    _keep(args, outcome.history, outcome.judgement)
    if args.json:
        print(_as_json(outcome.judgement, outcome.history, scenario=outcome.scenario, seed=outcome.seed))
    else:
        _tell(scenario, outcome)
    return outcome.judgement.exit_code


def _judge(args: Namespace) -> int:
    _check_picture(args.picture)
    history = load(args.history_file)
    judgement = judge(history)
    _keep(args, history, judgement)
    if args.json:
        print(_as_json(judgement, history))
    else:
        _show(Console(highlight=False), judgement)
    return judgement.exit_code


def _campaign(args: Namespace) -> int:
    scenario_named(args.scenario)
    seeds = range(args.first, args.first + args.seeds)
    rows: list[Row] = []
    started = perf_counter()
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    interrupted = False
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(args.scenario, total=len(seeds))
        try:
            for row in campaign(args.scenario, seeds, jobs=args.jobs):
                rows.append(row)
                progress.advance(task)
        except KeyboardInterrupt:
            interrupted = True
    rows.sort(key=lambda row: row.seed)
    if args.json:
        for row in rows:
            print(msgspec.json.encode(row).decode())
    else:
        _summarize(rows, len(seeds), perf_counter() - started)
    return INTERRUPTED if interrupted else max((Exit[row.kind.name] for row in rows), key=_severity, default=Exit.OK)


def _severity(code: Exit) -> int:
    """Order exit codes from good to bad."""
    match code:
        case Exit.OK:
            return 0
        case Exit.LIVENESS:
            return 1
        case Exit.SAFETY:
            return 2
        case _:
            assert_never(code)


def _check_picture(path: Path | None) -> None:
    if path is not None and path.suffix not in _PICTURES:
        raise UsageError(f"a picture ends in {', '.join(_PICTURES)}, not {path.suffix!r}")


def _keep(args: Namespace, history: History, judgement: Judgement) -> None:
    if args.history:
        history.save(args.history)
    if args.picture:
        timeline.save(history, args.picture, judgement)


def _tell(scenario: Scenario, outcome: Run) -> None:
    console = Console(highlight=False)
    console.print(Text.assemble((f"{outcome.scenario}, seed {outcome.seed}: ", "bold"), scenario.question))
    for fault in outcome.plan.faults:
        console.print(f"  {describe(fault)}", style="dim")
    _show(console, outcome.judgement)
    ended = next(outcome.history.of(Ended), None)
    unseed = "" if ended is None else f", unseed {ended.unseed}"
    speed = f"{outcome.cpu_seconds:.2f} s of one core, {outcome.speed:,.0f} times real time"
    same = f"history {outcome.history.fingerprint()[:16]}{unseed}"
    console.print(f"{seconds(outcome.simulated_ns)} in {speed}; {same}", style="dim")


def _show(console: Console, judgement: Judgement) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("property", "verdict", "examined", "what must hold"):
        table.add_column(title, justify="right" if title == "examined" else "left")
    for verdict in judgement.verdicts:
        table.add_row(verdict.property_id, _word(verdict), f"{verdict.examined:,}", _title(verdict))
    console.print(table)
    for verdict in judgement.verdicts:
        for finding in verdict.findings:
            console.print(Text.assemble((f"{verdict.property_id}: ", _COLORS[verdict.kind]), finding))
    console.print(Text.assemble("verdict: ", (judgement.kind.value, _COLORS[judgement.kind])))


def _word(verdict: Verdict) -> Text:
    return Text(verdict.kind.value, style=_COLORS[verdict.kind])


def _title(verdict: Verdict) -> str:
    return f"{verdict.title} ({verdict.note})" if verdict.note else verdict.title


def _as_json(judgement: Judgement, history: History, **more: str | int) -> str:
    record = {
        **more,
        "verdict": judgement.kind,
        "properties": [
            {"id": v.property_id, "verdict": v.kind, "examined": v.examined, "findings": v.findings, "note": v.note}
            for v in judgement.verdicts
        ],
        "history": history.fingerprint(),
    }
    return msgspec.json.encode(record).decode()


def _summarize(rows: list[Row], wanted: int, wall_seconds: float) -> None:
    console = Console(highlight=False)
    bad = [row for row in rows if row.kind is not Kind.OK]
    for row in bad[:_FAILURES_SHOWN]:
        said = f" {', '.join(row.violated)}: {row.finding}"
        console.print(Text.assemble((f"seed {row.seed}", _COLORS[row.kind]), said))
    if len(bad) > _FAILURES_SHOWN:
        console.print(f"and {len(bad) - _FAILURES_SHOWN} more seeds")
    counts = ", ".join(f"{sum(row.kind is kind for row in rows)} {kind.value}" for kind in Kind)
    simulated = sum(row.simulated_ns for row in rows) / SECOND
    console.print(
        f"{len(rows)} of {wanted} runs: {counts}; {simulated / 3600:,.1f} simulated hours in {wall_seconds:.1f} s "
        f"({len(rows) / wall_seconds:.1f} runs/s, {simulated / wall_seconds:,.0f} times real time)"
    )
    if bad:
        console.print(f"replay: refjs sim run {bad[0].scenario} --seed {bad[0].seed} --picture run.png", style="dim")


Command: TypeAlias = Callable[[Namespace], int]
