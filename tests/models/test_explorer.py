"""The explorer sees everything, once, and finds the shortest way."""

from __future__ import annotations

from itertools import pairwise
from typing import final

from models.explorer import Model, Violation, explore


@final
class Jugs(Model[tuple[int, int]]):
    """Two jugs of 3 and 5 litres, to be filled, emptied and poured; ``wanted`` litres must not be measured."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted

    def initial(self) -> tuple[int, int]:
        return 0, 0

    def successors(self, state: tuple[int, int]) -> list[tuple[int, int]]:
        small, big = state
        to_big, to_small = min(small, 5 - big), min(big, 3 - small)
        steps = [(3, big), (small, 5), (0, big), (small, 0)]
        steps += [(small - to_big, big + to_big), (small + to_small, big - to_small)]
        return [step for step in steps if step != state]

    def broken(self, state: tuple[int, int]) -> str:
        return "measured" if self.wanted in state else ""

    def explain(self, before: tuple[int, int], after: tuple[int, int]) -> str:
        return f"{before} to {after}"


def test_every_state_is_seen_once() -> None:
    """Of the 24 fillings of two jugs the 16 are seen in which one of them is full or empty."""
    seen = explore(Jugs(-1), states_max=1_000)
    assert (seen.states, seen.complete, seen.violation) == (16, True, None)


def test_the_way_to_a_violation_is_a_shortest_one() -> None:
    """Four litres are measured in six steps, and each step begins where the one before it ends."""
    violation = explore(Jugs(4), states_max=1_000).violation
    assert violation is not None
    assert len(violation.steps) == 6
    assert violation.steps[0].startswith("(0, 0)")
    assert all(one.split(" to ")[1] == two.split(" to ")[0] for one, two in pairwise(violation.steps))
    assert str(violation).startswith("measured does not hold after 6 steps:")


def test_a_violation_at_the_start_needs_no_step() -> None:
    """An initial state that breaks a property is found, with an empty way."""
    assert explore(Jugs(0), states_max=1_000).violation == Violation("measured", ())


def test_the_bound_ends_an_exploration() -> None:
    """An exploration that was cut short does not claim to be complete."""
    seen = explore(Jugs(-1), states_max=4)
    assert not seen.complete
    assert 4 <= seen.states < 16
