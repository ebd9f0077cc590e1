"""The plan of everything at once: kills, power failures, pauses, partitions of every shape and bad weather overlap."""

from __future__ import annotations

from typing import Final

from refjs.types.rng import Rng
from sim.disk import Fate
from sim.plan import LEADER, BadWeather, Fault, Kill, Partition, Pause, Plan, PowerFailure

_FIRST_MS: Final = 12_000
_HEAL_MS: Final = 60_000
_END_MS: Final = 90_000
_KINDS: Final = 6


def chaos(rng: Rng, servers: tuple[str, ...]) -> Plan:
    """Draw a fault every few seconds for a minute, overlapping as they fall."""
    faults: list[Fault] = []
    at = _FIRST_MS
    while at < _HEAL_MS:
        faults.append(_fault(rng, servers, at))
        at += rng.between(500, 6_000)
    return Plan(_HEAL_MS, _END_MS, tuple(faults))


def _fault(rng: Rng, servers: tuple[str, ...], at: int) -> Fault:
    target = (LEADER, *servers)[rng.below(len(servers) + 1)]
    lasting = rng.between(200, 12_000)
    match rng.below(_KINDS):
        case 0:
            return Kill(at, lasting, target)
        case 1:
            return PowerFailure(at, lasting, _some(rng, servers), list(Fate)[rng.below(len(Fate))])
        case 2:
            return Pause(at, lasting, target)
        case 3:
            return Partition(at, lasting, (target,), clients=rng.below(2) == 0)
        case 4:
            deaf = rng.below(2) == 0
            return Partition(at, lasting, (target,), hears=not deaf, heard=deaf)
        case _:
            return BadWeather(at, lasting, rng.below(300_000), rng.below(200_000), rng.below(20_000))


def _some(rng: Rng, servers: tuple[str, ...]) -> tuple[str, ...]:
    """Draw one server or several, in order."""
    chosen = tuple(server for server in servers if rng.below(2))
    return chosen or (servers[0],)
