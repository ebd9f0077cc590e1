"""Breadth-first exploration: every reachable state of a model, and the shortest way to a broken property.

A model is asked for successors only, without labels: what a step was is explained afterwards, for the few steps of a
counterexample.  States must be small and quick to hash; a model with large states interns their parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar, final

S = TypeVar("S", bound=Hashable)


class Model(ABC, Generic[S]):
    """One initial state, the steps from a state, and the properties of a state; all of them pure functions."""

    @abstractmethod
    def initial(self) -> S:
        """Return the state in which everything begins."""

    @abstractmethod
    def successors(self, state: S) -> list[S]:
        """Return the states that one step leads to, without ``state`` itself; repetitions count as transitions."""

    @abstractmethod
    def broken(self, state: S) -> str:
        """Return the ID of a property that does not hold in ``state``, or nothing."""

    @abstractmethod
    def explain(self, before: S, after: S) -> str:
        """Return in a few words the step that leads from ``before`` to ``after``."""


@final
@dataclass(frozen=True, slots=True)
class Violation:
    """A property that does not hold, and the steps of a shortest way there."""

    property_id: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{number:3}. {step}" for number, step in enumerate(self.steps, 1)]
        return "\n".join([f"{self.property_id} does not hold after {len(self.steps)} steps:", *lines])


@final
@dataclass(frozen=True, slots=True)
class Exploration:
    """What was seen: distinct states, transitions between them, the greatest distance from the initial state.

    ``complete`` tells that there are no other states; a violation or ``states_max`` ends an exploration early.
    """

    states: int
    transitions: int
    depth: int
    complete: bool
    violation: Violation | None


def explore(model: Model[S], *, states_max: int) -> Exploration:
    """Visit the states of ``model`` in order of their distance, about ``states_max`` of them at most."""
    start = model.initial()
    number = {start: 0}  # in the order of discovery, so that a state's number is its place in ``parents``
    parents = array("q", [-1])
    transitions = depth = 0
    level = [start]
    bad = start if model.broken(start) else None
    while level and bad is None and len(number) < states_max:
        found: list[S] = []
        for state in level:
            successors = model.successors(state)
            transitions += len(successors)
            here = number[state]
            for successor in successors:
                if successor not in number:
                    number[successor] = len(parents)
                    parents.append(here)
                    found.append(successor)
        bad = next((state for state in found if model.broken(state)), None)
        level = found
        depth += bool(found)
    violation = None if bad is None else Violation(model.broken(bad), _way(model, number, parents, bad))
    return Exploration(len(number), transitions, depth, not level and bad is None, violation)


def _way(model: Model[S], number: dict[S, int], parents: array[int], state: S) -> tuple[str, ...]:
    states = list(number)
    steps: list[str] = []
    at = number[state]
    while parents[at] >= 0:
        steps.append(model.explain(states[parents[at]], states[at]))
        at = parents[at]
    return tuple(reversed(steps))
