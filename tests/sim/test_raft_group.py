"""Raft alone in the simulated world: safe when it keeps its rules, found out when it breaks them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from refjs.raft.config import RaftRules
from sim.checkers.verdict import Kind
from sim.raft_group import RaftGroup
from sim.scenario import Run, draw_plan, run
from sim.scenarios.raft_group import raft_group

SAFE = raft_group()
ROOT = Path(__file__).parents[2]
FINGERPRINT = "import sys; from sim.campaign import play; print(play(sys.argv[1], int(sys.argv[2])).fingerprint)"


def failed(outcome: Run) -> list[str]:
    """The findings of a run, with their properties."""
    return [f"{v.property_id}: {finding}" for v in outcome.judgement.verdicts for finding in v.findings]


def fingerprints(scenario: str, seed: int) -> list[str]:
    """The fingerprint of one run, found by two processes with different hash seeds."""
    return [
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT, scenario, str(seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    ]


@pytest.mark.req("CLU-PUB-001", "CLU-PUB-002", "CLU-PUB-004", "CLU-REC-001")
@pytest.mark.parametrize("seed", range(12))
def test_raft_keeps_what_it_acknowledged(seed: int) -> None:
    """Through kills, power failures, pauses, partitions and bad weather every property of the log holds."""
    assert failed(run(SAFE, seed)) == []


@pytest.mark.parametrize(
    "rules", [RaftRules(ack_before_sync=True), RaftRules(blind_vote=True)], ids=["unsynced", "blind"]
)
def test_broken_rules_are_found(rules: RaftRules) -> None:
    """A group that acknowledges before it is durable, or votes blindly, loses what it acknowledged within ten runs."""
    scenario = raft_group(rules)
    first = next(outcome for seed in range(10) if (outcome := run(scenario, seed)).judgement.kind is not Kind.OK)

    assert first.judgement.kind is Kind.SAFETY
    assert "P3" in {v.property_id for v in first.judgement.verdicts if not v.ok}


def test_the_same_seed_gives_the_same_history_under_any_hash_seed() -> None:
    """Two processes with different orders of hashes record byte-identical histories."""
    first, second = fingerprints("raft_group", 11)

    assert first == second == run(SAFE, 11).history.fingerprint()


def test_other_seeds_give_other_plans() -> None:
    """The seed draws the plan."""
    assert draw_plan(SAFE, 1) == draw_plan(SAFE, 1) != draw_plan(SAFE, 2)


def test_a_run_replays_from_its_plan() -> None:
    """A run with the plan that its seed draws is the run of the seed."""
    assert run(SAFE, 5, draw_plan(SAFE, 5)).history.fingerprint() == run(SAFE, 5).history.fingerprint()


def test_what_the_core_raises_is_a_finding() -> None:
    """A run in which the core raises ends with a verdict that says what and where, and no other run is harmed."""

    def fail(*_args: object) -> RaftGroup:
        raise KeyError("a bug")

    outcome = run(replace(SAFE, deploy=fail), 1)

    assert outcome.judgement.kind is Kind.SAFETY
    assert failed(outcome)[0].startswith("core: KeyError: 'a bug' (test_raft_group.py:")
