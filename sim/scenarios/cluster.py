"""Whole clusters of three servers under one kind of trouble each, with publishers and a worker throughout.

Every scenario begins with a minute in which its faults come as the seed draws them; then all is mended, and what was
promised must come true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from refjs.types.rng import Rng
from sim.disk import Fate
from sim.jetstream_cluster import JetStreamCluster
from sim.plan import LEADER, BadWeather, Fault, Kill, Partition, Plan, PowerFailure
from sim.scenario import Scenario, Setup
from sim.scenarios import everything

_FIRST_MS: Final = 15_000
_HEAL_MS: Final = 60_000
_END_MS: Final = 95_000

Drawn: TypeAlias = Callable[[Rng, tuple[str, ...], int], tuple[Fault, ...]]
"""How the faults that begin at a time (ms) are drawn."""


def leader_crash() -> Scenario:
    """Return the scenario of a stream leader that is killed again and again."""

    def strike(rng: Rng, servers: tuple[str, ...], at: int) -> tuple[Fault, ...]:
        del servers
        return (Kill(at, rng.between(1_000, 12_000)),)

    question = "The stream's leader is killed under load, again and again: is anything lost, doubled or forgotten?"
    return _scenario("leader_crash", question, strike)


def partition_leader() -> Scenario:
    """Return the scenario of a leader that is cut off, in every way."""

    def strike(rng: Rng, servers: tuple[str, ...], at: int) -> tuple[Fault, ...]:
        del servers
        hears, heard = ((False, False), (True, False), (False, True))[rng.below(3)]
        lasting, clients = rng.between(1_000, 14_000), rng.below(2) == 0
        return (Partition(at, lasting, (LEADER,), hears=hears, heard=heard, clients=clients),)

    question = "The leader is cut off from the others, wholly or in one direction: is there ever a second truth?"
    return _scenario("partition_leader", question, strike)


def lossy_network() -> Scenario:
    """Return the scenario of links that lose, double and delay."""

    def strike(rng: Rng, servers: tuple[str, ...], at: int) -> tuple[Fault, ...]:
        del servers
        lasting = rng.between(2_000, 8_000)
        return (BadWeather(at, lasting, rng.below(300_000), rng.below(200_000), rng.below(30_000)),)

    question = "Links lose up to a third, double and reorder: do clients and replicas still agree?"
    return _scenario("lossy_network", question, strike)


def rolling_restart() -> Scenario:
    """Return the scenario of an upgrade: every server in turn is stopped and started."""

    def plan(rng: Rng, servers: tuple[str, ...]) -> Plan:
        faults: list[Fault] = []
        at = _FIRST_MS
        for server in servers:
            down = rng.between(1_000, 4_000)
            faults.append(Kill(at, down, server))
            at += down + rng.between(8_000, 11_000)
        return Plan(_HEAL_MS, _END_MS, tuple(faults))

    question = "Every server in turn is stopped and started, as in an upgrade: does the stream come through?"
    return Scenario("rolling_restart", question, JetStreamCluster, plan, Setup())


def power_failure() -> Scenario:
    """Return the scenario of power that fails, for one machine or for all at once."""

    def strike(rng: Rng, servers: tuple[str, ...], at: int) -> tuple[Fault, ...]:
        targets = servers if rng.below(2) else (LEADER,)
        return (PowerFailure(at, rng.between(500, 6_000), targets, list(Fate)[rng.below(len(Fate))]),)

    question = "The power fails, on one machine or on all: does what was acknowledged survive on the disks?"
    return _scenario("power_failure", question, strike)


def chaos() -> Scenario:
    """Return the scenario of all kinds of trouble at once."""
    question = "Kills, power failures, pauses, partitions and bad weather overlap: does everything promised come true?"
    return Scenario("chaos", question, JetStreamCluster, everything.chaos, Setup())


def _scenario(name: str, question: str, strike: Drawn) -> Scenario:
    def plan(rng: Rng, servers: tuple[str, ...]) -> Plan:
        faults: list[Fault] = []
        at = _FIRST_MS
        while at < _HEAL_MS:
            faults += strike(rng, servers, at)
            at += rng.between(10_000, 18_000)
        return Plan(_HEAL_MS, _END_MS, tuple(faults))

    return Scenario(name, question, JetStreamCluster, plan, Setup())
