"""Verdicts for people and for machines: tables, JSON and JUnit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from refjs.conform.run import Outcome, Report, Verdict
from refjs.types.units import SECOND

Requirements: TypeAlias = Mapping[str, str]
"""The catalogue: the text of each requirement by its ID."""

_RULE_SHOWN: Final = 240
_STYLES: Final = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.DEVIATES: "yellow",
    Verdict.EXPECTED: "yellow",
    Verdict.SKIPPED: "dim",
}


def areas_of(report: Report) -> list[str]:
    """Return the areas of a report's vectors, in order."""
    return list(dict.fromkeys(outcome.entry.area for outcome in report.outcomes))


def print_report(console: Console, report: Report, requirements: Requirements) -> None:
    """Print what is not met, each with its first difference, then the table of areas."""
    for outcome in report.outcomes:
        if outcome.failure is not None:
            _print_failure(console, outcome, requirements)
    console.print(area_table(report))
    reasons = dict.fromkeys(f"{each.entry.path}: {each.reason}" for each in report.outcomes if each.reason)
    for reason in reasons:
        console.print(f"[dim]skipped or excused  {escape(reason)}[/dim]", highlight=False)


def area_table(report: Report) -> Table:
    """Return the table of verdicts for each area."""
    table = Table(title=f"{report.target}, version {report.profile.version}", title_justify="left")
    table.add_column("area")
    for verdict in Verdict:
        table.add_column(verdict.value, justify="right", style=_STYLES[verdict])
    rows = {area: [each for each in report.outcomes if each.entry.area == area] for area in areas_of(report)}
    for area, outcomes in rows.items():
        table.add_row(area, *_counts(outcomes))
    table.add_section()
    table.add_row("all", *_counts(report.outcomes))
    return table


def _counts(outcomes: list[Outcome]) -> list[str]:
    numbers = [sum(each.verdict is verdict for each in outcomes) for verdict in Verdict]
    return [str(number) if number else "." for number in numbers]


def _print_failure(console: Console, outcome: Outcome, requirements: Requirements) -> None:
    failure, vector = outcome.failure, outcome.entry.vector
    assert failure is not None
    style = _STYLES[outcome.verdict]
    console.print(f"[{style}]{outcome.verdict.upper()}[/] {outcome.entry.path} [bold]{vector.id}[/]", highlight=False)
    rule = vector.requirements[0]
    words = shorten(requirements.get(rule, "(see docs/spec)"))
    lines = [
        f"  vector    {vector.title}",
        f"  rule      {rule}: {words}",
        f"  step      {failure.place} ({failure.step})",
        f"  expected  {failure.expected}",
        f"  got       {failure.actual}",
    ]
    console.print(escape("\n".join(lines)), highlight=False, soft_wrap=True)


def shorten(text: str) -> str:
    """Return a requirement's text at a length fit for a terminal."""
    return text if len(text) <= _RULE_SHOWN else f"{text[:_RULE_SHOWN]}..."


def comparison_table(reports: list[Report]) -> Table:
    """Return the verdicts of several targets side by side: met of applicable, for each area."""
    table = Table(title="vectors met", title_justify="left")
    table.add_column("area")
    for report in reports:
        table.add_column(f"{report.target}\nversion {report.profile.version}", justify="right")
    areas = dict.fromkeys(area for report in reports for area in areas_of(report))
    for area in areas:
        table.add_row(area, *(_met(report, area) for report in reports))
    table.add_section()
    table.add_row("all", *(_met(report, None) for report in reports))
    return table


def _met(report: Report, area: str | None) -> str:
    outcomes = [each for each in report.outcomes if area in (None, each.entry.area)]
    applicable = sum(each.verdict is not Verdict.SKIPPED for each in outcomes)
    passed = sum(each.verdict is Verdict.PASSED for each in outcomes)
    colour = "green" if passed == applicable else "bold red"
    return f"[{colour}]{passed}[/] of {applicable}"


def differing(reports: list[Report]) -> list[tuple[Outcome, list[Verdict]]]:
    """Return the vectors on which the targets do not agree, with each one's verdict."""
    rows = zip(*(report.outcomes for report in reports), strict=True)
    return [(row[0], [each.verdict for each in row]) for row in rows if len({each.verdict for each in row}) > 1]


def as_json(report: Report) -> dict[str, object]:
    """Return the report as JSON; what is not met carries its conversation."""
    return {
        "target": report.target,
        "version": report.profile.version,
        "counts": {verdict.value: report.count(verdict) for verdict in Verdict},
        "vectors": [_outcome_json(outcome) for outcome in report.outcomes],
    }


def _outcome_json(outcome: Outcome) -> dict[str, object]:
    vector, failure = outcome.entry.vector, outcome.failure
    told: dict[str, object] = {
        "id": vector.id,
        "path": outcome.entry.path,
        "title": vector.title,
        "requirements": vector.requirements,
        "verdict": outcome.verdict.value,
        "elapsed_ns": outcome.elapsed,
    }
    if outcome.reason:
        told["reason"] = outcome.reason
    if failure is not None:
        told["failure"] = {
            "place": failure.place,
            "step": failure.step,
            "expected": failure.expected,
            "actual": failure.actual,
        }
        told["transcript"] = outcome.transcript
    return told


def as_junit(report: Report) -> str:
    """Return the report as JUnit XML: a suite for each area, a case for each vector."""
    root = ET.Element("testsuites", name=f"refjs conform {report.target}")
    for area in areas_of(report):
        outcomes = [each for each in report.outcomes if each.entry.area == area]
        failures = sum(each.verdict is Verdict.FAILED for each in outcomes)
        skipped = sum(each.verdict not in {Verdict.FAILED, Verdict.PASSED} for each in outcomes)
        counts = {"tests": str(len(outcomes)), "failures": str(failures), "skipped": str(skipped)}
        suite = ET.SubElement(root, "testsuite", {"name": area, **counts})
        for outcome in outcomes:
            _junit_case(suite, outcome)
    ET.indent(root)
    return str(ET.tostring(root, encoding="unicode", xml_declaration=True))


def _junit_case(suite: ET.Element, outcome: Outcome) -> None:
    vector, failure = outcome.entry.vector, outcome.failure
    seconds = f"{outcome.elapsed // SECOND}.{outcome.elapsed % SECOND // 1_000_000:03d}"
    name = f"{vector.id} {vector.title}"
    case = ET.SubElement(suite, "testcase", {"classname": outcome.entry.path, "name": name, "time": seconds})
    if outcome.verdict is Verdict.FAILED and failure is not None:
        message = f"{failure.place} ({failure.step}): expected {failure.expected}, got {failure.actual}"
        ET.SubElement(case, "failure", {"message": message}).text = "\n".join(outcome.transcript)
    elif outcome.verdict is not Verdict.PASSED:
        ET.SubElement(case, "skipped", {"message": outcome.reason or outcome.verdict.value})
