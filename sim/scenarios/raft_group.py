"""Raft alone under everything at once: kills, power failures, pauses, partitions of every shape, bad weather.

Does a group of three that keeps Raft's rules lose, reorder or fork anything that it acknowledged?
"""

from __future__ import annotations

from functools import partial

from refjs.raft.config import RaftRules
from sim.raft_group import RaftGroup
from sim.scenario import Scenario, Setup
from sim.scenarios.everything import chaos


def raft_group(rules: RaftRules | None = None, *, name: str = "raft_group") -> Scenario:
    """Return the scenario, for a group that breaks ``rules``, or none of them."""
    return Scenario(
        name=name,
        question="Does Raft alone keep what it acknowledged through every kind of fault at once?",
        deploy=partial(RaftGroup, rules=rules),
        plan=chaos,
        setup=Setup(publishers=2, consumers=0),
        properties=("P1", "P2", "P3", "P4", "R1", "R11", "L1", "L2", "L3", "L4"),
    )
