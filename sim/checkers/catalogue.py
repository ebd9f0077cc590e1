"""The table of properties and their checkers, and the judgement of a whole history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from sim.checkers.consuming import at_least_once, double_acks_final, floors_monotone
from sim.checkers.evidence import Bounds, Evidence, collect
from sim.checkers.leading import answered_after_heal, elections_end, leader_in_time, one_leader_a_term
from sim.checkers.publishing import deduplicated, linearizable, sequences
from sim.checkers.storage import caught_up, converged, no_phantoms, nothing_lost
from sim.checkers.verdict import Judgement, Verdict
from sim.history import History

Checker: TypeAlias = Callable[[Evidence], Verdict]

PROPERTY_IDS: Final[Mapping[str, Checker]] = {
    "P1": linearizable,
    "P2": sequences,
    "P3": nothing_lost,
    "P4": no_phantoms,
    "P6": deduplicated,
    "C3": floors_monotone,
    "C4": at_least_once,
    "C6": double_acks_final,
    "R1": one_leader_a_term,
    "R11": converged,
    "L1": leader_in_time,
    "L2": caught_up,
    "L3": answered_after_heal,
    "L4": elections_end,
}
"""Every property that a history is judged by, in the order of reports."""


def judge(history: History, *, properties: Iterable[str] = PROPERTY_IDS, bounds: Bounds | None = None) -> Judgement:
    """Judge a history by the named properties, in one pass each."""
    evidence = collect(history, bounds)
    return Judgement(tuple(PROPERTY_IDS[name](evidence) for name in properties))
