"""Whole simulated clusters: every kind of trouble, judged by every property."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import pytest

from refjs.raft.config import RaftRules
from sim.history import Completed, Delivered, Mark, Marked, Settled
from sim.jetstream_cluster import JetStreamCluster
from sim.scenario import Run, run
from sim.scenarios.registry import SCENARIOS
from tests.sim.test_raft_group import failed, fingerprints

WHOLE = [name for name, scenario in SCENARIOS.items() if scenario.setup.consumers]


@cache
def whole_run(name: str) -> Run:
    """One run of a scenario, judged."""
    return run(SCENARIOS[name], 2)


@pytest.mark.req(
    "CLU-PUB-001", "CLU-PUB-002", "CLU-PUB-004", "CLU-PUB-006", "CLU-MET-004", "CLU-REC-001", "CLU-CON-001",
    "CLU-CON-003", "STR-DUP-001", "STR-SEQ-001", "CON-ACK-002", "CON-ACK-010",
)  # fmt: skip
@pytest.mark.parametrize("name", WHOLE)
def test_a_cluster_comes_through(name: str) -> None:
    """Whatever the trouble, nothing acknowledged is lost or doubled, and after the heal everything comes true."""
    outcome = whole_run(name)

    assert failed(outcome) == []
    assert [v.property_id for v in outcome.judgement.verdicts if v.examined == 0] == []


def test_the_trouble_happens() -> None:
    """The runs see kills, new leaders, redeliveries, retries, duplicates, confirmed acknowledgements."""
    records = [record for name in WHOLE for record in whole_run(name).history.records]
    marks = {record.mark for record in records if isinstance(record, Marked)}
    completed = [record for record in records if isinstance(record, Completed)]

    assert marks >= {Mark.KILLED, Mark.POWER_FAILED, Mark.STARTED, Mark.LED, Mark.DEPOSED, Mark.CUT, Mark.WEATHER}
    assert any(record.delivery > 1 for record in records if isinstance(record, Delivered))
    assert any(record.attempts > 1 for record in completed)
    assert any(record.duplicate and record.attempts > 1 for record in completed)
    assert any(isinstance(record, Settled) for record in records)


def test_acknowledging_before_the_disk_has_it_is_found() -> None:
    """Servers that acknowledge what is not yet durable lose it when the power fails, and the judges say so."""
    hasty = partial(JetStreamCluster, rules=RaftRules(ack_before_sync=True))
    scenario = replace(SCENARIOS["power_failure"], deploy=hasty)
    violated = {v.property_id for seed in (1, 2, 3) for v in run(scenario, seed).judgement.verdicts if not v.ok}

    assert "P3" in violated


def test_a_cluster_is_deterministic() -> None:
    """Two processes with different orders of hashes record byte-identical histories of a whole cluster."""
    first, second = fingerprints("power_failure", 3)

    assert first == second
