"""How fast the simulator goes, for ``make bench``."""

from __future__ import annotations

from dataclasses import replace
from time import process_time
from typing import Final

from refjs.types.units import MILLISECOND
from sim.checkers.catalogue import PROPERTY_IDS
from sim.checkers.evidence import Evidence, Publish
from sim.history import Observed, Outcome
from sim.plan import Plan
from sim.scenario import Scenario, Setup, run
from sim.scenarios.registry import scenario_named

_OPERATIONS: Final = 100_000
_CHAOS_SEEDS: Final = 5
_IDLE: Final = Setup(publishers=0, consumers=0)
_LOADED: Final = Setup(publishers=1, consumers=1, publish_every_ns=92 * MILLISECOND)
_RAFT_LOADED: Final = Setup(publishers=1, consumers=0, publish_every_ns=94 * MILLISECOND)
_QUIET: Final = Plan(heal_ms=1_000, end_ms=60_000)
_LONG: Final = Plan(heal_ms=1_000, end_ms=600_000)


def measure() -> dict[str, float]:
    """Return simulated seconds per second, runs per second and judged operations per second, by what was measured.

    ``10 pub/s`` is one publisher with ten publishes a second on a stream of three replicas; where a worker pulls, each
    message is also delivered and acknowledged with a double ack.
    """
    cluster, raft = scenario_named("leader_crash"), scenario_named("raft_group")
    return {
        "simulated s/s, 3 servers idle": _speed(cluster, _IDLE, _LONG),
        "simulated s/s, 3 servers, 10 pub/s and a worker": _speed(cluster, _LOADED, _QUIET),
        "simulated s/s, 3 Raft replicas idle": _speed(raft, _IDLE, _LONG),
        "simulated s/s, 3 Raft replicas, 10 pub/s": _speed(raft, _RAFT_LOADED, _QUIET),
        "runs/s, Raft chaos of 90 s": _runs_per_second(raft),
        "operations/s, P1 linearizable appends": _judged_per_second("P1"),
        "operations/s, P3 nothing lost on 3 servers": _judged_per_second("P3"),
    }


def _speed(scenario: Scenario, setup: Setup, plan: Plan) -> float:
    return run(replace(scenario, setup=setup), 1, plan).speed


def _runs_per_second(scenario: Scenario) -> float:
    started = process_time()
    for seed in range(_CHAOS_SEEDS):
        run(scenario, seed)
    return _CHAOS_SEEDS / (process_time() - started)


def _judged_per_second(property_id: str) -> float:
    publishes = [
        Publish("p", f"v{n}", 10 * n, f"v{n}", Outcome.OK, 10 * n + 15, n + 1) for n in range(_OPERATIONS)
    ]  # fmt: skip
    messages = tuple((n + 1, f"v{n}") for n in range(_OPERATIONS))
    observed = [Observed(0, f"n{server}", "S", _OPERATIONS, "", messages) for server in range(3)]
    evidence = Evidence(publishes={"S": publishes}, observed={"S": observed})
    started = process_time()
    assert PROPERTY_IDS[property_id](evidence).ok
    return _OPERATIONS / (process_time() - started)
