"""The vectors against refjs in this process, in virtual time; and against themselves: what they demand, they check."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from refjs.conform import corpus
from refjs.conform.corpus import Entry
from refjs.conform.inprocess import in_process
from refjs.conform.run import Verdict, run
from refjs.conform.vector import build
from tests.conform.helpers import complaints, skipped

ENTRIES: Final = corpus.read()
_LOOSE: Final = frozenset({"$type", "$regex", "$range", "$as"})
_WHERE: Final = frozenset({"expect", "messages", "info", "line"})


def test_every_vector_passes_in_process() -> None:
    """Refjs meets every vector, without waiting for any of the time that passes in them."""
    report = run("in-process", in_process(), ENTRIES, salt="test")
    assert complaints(report) == []
    assert skipped(report) <= {"until"}


@pytest.mark.parametrize("release", ["2.10.25", "2.11.0", "2.11.11", "2.12.0", "2.12.6", "2.14.0", "2.14.6", "2.15.0"])
def test_every_vector_of_a_release_passes_in_its_profile(release: str) -> None:
    """With the profile of an older release refjs meets the vectors that hold for that release."""
    report = run(release, in_process(release), ENTRIES, salt="test")
    assert report.profile.version == release
    assert complaints(report) == []


def test_a_run_in_process_repeats_itself() -> None:
    """Two runs with the same names exchange the same bytes."""
    first, second = (run("in-process", in_process(), ENTRIES, salt="same") for _ in range(2))
    for one, other in zip(first.outcomes, second.outcomes, strict=True):
        assert one.transcript == other.transcript, one.entry.path


def expectations(steps: list[Any], place: list[Any]) -> Iterator[list[Any]]:
    """Yield the place of every literal that a step expects."""
    for number, step in enumerate(steps):
        here = [*place, number]
        if step["op"] == "repeat":
            yield from expectations(step["steps"], [*here, "steps"])
        for name in _WHERE & set(step):
            yield from literals(step[name], [*here, name])


def literals(value: Any, place: list[Any]) -> Iterator[list[Any]]:  # noqa: ANN401 (any JSON)
    """Yield the place of every scalar in ``value``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _LOOSE:
                yield from literals(inner, [*place, key])
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from literals(inner, [*place, number])
    elif value is not None:
        yield place


def spoiled(vector: Any, place: list[Any]) -> Any:  # noqa: ANN401 (any JSON)
    """Return the vector with another literal at ``place``: one that no server answers."""
    changed = copy.deepcopy(vector)
    holder = changed["steps"]
    for key in place[:-2]:
        holder = holder[key]
    if place[-1] == "$absent":
        holder[place[-2]] = {"$type": "nonempty"}
        return changed
    holder = holder[place[-2]]
    value = holder[place[-1]]
    holder[place[-1]] = not value if isinstance(value, bool) else value + 1000 if isinstance(value, int) else "spoiled"
    return changed


@pytest.mark.parametrize("area", sorted({entry.area for entry in ENTRIES}))
def test_every_literal_of_an_expectation_matters(area: str) -> None:
    """A vector in which any expected value is replaced by another one fails: nothing is written for show."""
    entries, places = [], []
    for entry in (each for each in ENTRIES if each.area == area):
        original = json.loads((corpus.VECTORS / f"{entry.path}.json").read_text())
        for place in expectations(original["steps"], []):
            vector = build(spoiled(original, place))
            entries.append(Entry(entry.area, entry.name, vector))
            places.append(f"{entry.path}: {place}")
    report = run("in-process", in_process(), entries, salt="spoiled")
    verdicts = [outcome.verdict for outcome in report.outcomes]
    assert [place for place, verdict in zip(places, verdicts, strict=True) if verdict is Verdict.PASSED] == []
