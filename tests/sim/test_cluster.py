"""Whole simulated clusters: every kind of trouble, judged by every property."""

from __future__ import annotations

import pytest

from sim.history import Delivered, Mark, Marked, Settled
from sim.scenario import run
from sim.scenarios.registry import SCENARIOS
from tests.sim.test_raft_group import failed, fingerprints

WHOLE = [name for name, scenario in SCENARIOS.items() if scenario.setup.consumers]


@pytest.mark.req(
    "CLU-PUB-001", "CLU-PUB-002", "CLU-PUB-004", "CLU-PUB-006", "CLU-MET-004", "CLU-REC-001", "CLU-CON-001",
    "CLU-CON-003", "STR-DUP-001", "STR-SEQ-001", "CON-ACK-002", "CON-ACK-010",
)  # fmt: skip
@pytest.mark.parametrize("name", WHOLE)
def test_a_cluster_comes_through(name: str) -> None:
    """Whatever the trouble, nothing acknowledged is lost or doubled, and after the heal everything comes true."""
    outcome = run(SCENARIOS[name], 2)

    assert failed(outcome) == []
    assert [v.property_id for v in outcome.judgement.verdicts if v.examined == 0] == []


def test_the_trouble_happens() -> None:
    """A run with a crashing leader sees kills, new leaders, redeliveries and confirmed acknowledgements."""
    history = run(SCENARIOS["leader_crash"], 1).history
    marks = [mark.mark for mark in history.of(Marked)]

    assert marks.count(Mark.KILLED) >= 2
    assert marks.count(Mark.LED) > marks.count(Mark.KILLED)
    assert any(record.delivery > 1 for record in history.of(Delivered))
    assert any(history.of(Settled))


def test_a_cluster_is_deterministic() -> None:
    """Two processes with different orders of hashes record byte-identical histories of a whole cluster."""
    first, second = fingerprints("power_failure", 3)

    assert first == second
