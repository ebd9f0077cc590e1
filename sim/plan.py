"""A plan: the faults of a run as data, each with its time; the seed only generates one.

A plan can be saved, edited and run again, and it shrinks by leaving faults out.  Times are whole milliseconds since the
beginning of the run.  A target is a server's name, or ``leader``: whoever leads the workload's group when the fault
comes, or where nobody does, the first server that is up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeAlias, final

import msgspec

from sim.disk import Fate

LEADER: Final = "leader"

Millis: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Ppm: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class _Fault(msgspec.Struct, frozen=True, tag_field="fault", forbid_unknown_fields=True):
    """What every fault has: when it begins and how long it lasts."""

    at_ms: Millis
    lasting_ms: Millis


@final
class Kill(_Fault, tag="kill", frozen=True):
    """The process is killed, and started again afterwards; the disk keeps what was written."""

    target: str = LEADER


@final
class PowerFailure(_Fault, tag="power_failure", frozen=True):
    """The machines lose power together, and what was not synced; they start again afterwards."""

    targets: tuple[str, ...] = (LEADER,)
    fate: Fate = Fate.LOST


@final
class Pause(_Fault, tag="pause", frozen=True):
    """The process is stopped as by SIGSTOP, and goes on afterwards."""

    target: str = LEADER


@final
class Partition(_Fault, tag="partition", frozen=True):
    """The servers named lose the links to all other servers, and with ``clients`` to the clients too.

    ``hears`` and ``heard`` leave one direction open: an asymmetric partition.
    """

    isolated: tuple[str, ...] = (LEADER,)
    hears: bool = False
    heard: bool = False
    clients: bool = False


@final
class BadWeather(_Fault, tag="bad_weather", frozen=True):
    """Every link loses, doubles and delays."""

    loss_ppm: Ppm = 0
    duplicate_ppm: Ppm = 0
    jitter_us: Millis = 100


Fault: TypeAlias = Kill | PowerFailure | Pause | Partition | BadWeather


@final
class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two phases: faults until ``heal_ms``, when everything is mended; then quiet until ``end_ms``."""

    heal_ms: Millis
    end_ms: Millis
    faults: tuple[Fault, ...] = ()

    def dump(self) -> bytes:
        """Return the plan as JSON that a person can edit."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class BadPlanError(Exception):
    """What was given is no plan; ``str(error)`` is one sentence."""


def load_plan(path: Path) -> Plan:
    """Read a plan from a JSON file; raise ``BadPlanError`` where it is none."""
    try:
        return parse_plan(path.read_bytes())
    except OSError as error:
        raise BadPlanError(f"cannot read the plan {path}: {error.strerror}") from error
    except BadPlanError as error:
        raise BadPlanError(f"{path} is no plan: {error}") from error


def parse_plan(data: bytes) -> Plan:
    """Return the plan that ``data`` encodes; raise ``BadPlanError`` where it encodes none."""
    try:
        plan = msgspec.json.decode(data, type=Plan)
    except msgspec.MsgspecError as error:
        raise BadPlanError(str(error)) from error
    if plan.end_ms <= plan.heal_ms:
        raise BadPlanError(f"the run ends at {plan.end_ms} ms, before it has healed at {plan.heal_ms} ms")
    return plan


def check_targets(plan: Plan, servers: tuple[str, ...]) -> None:
    """Raise ``BadPlanError`` where a fault names a server that the scenario does not have."""
    known = {LEADER, *servers}
    for fault in plan.faults:
        for target in targets(fault):
            if target not in known:
                raise BadPlanError(f"the plan names the server {target!r}; there are {', '.join(servers)}")


def targets(fault: Fault) -> tuple[str, ...]:
    """Return the servers that a fault names."""
    match fault:
        case Kill() | Pause():
            return (fault.target,)
        case PowerFailure():
            return fault.targets
        case Partition():
            return fault.isolated
        case BadWeather():
            return ()


def describe(fault: Fault) -> str:
    """Return a fault in words."""
    when = f"{fault.at_ms / 1000:.3f} s, for {fault.lasting_ms / 1000:.3f} s: "
    match fault:
        case Kill():
            return when + f"{fault.target} is killed"
        case PowerFailure():
            return when + f"{', '.join(fault.targets)} without power, unsynced writes {fault.fate.replace('_', ' ')}"
        case Pause():
            return when + f"{fault.target} is paused"
        case Partition():
            direction = "" if fault.hears == fault.heard else ", but hears" if fault.hears else ", but is heard"
            whom = "everybody" if fault.clients else "the other servers"
            return when + f"{', '.join(fault.isolated)} cut off from {whom}{direction}"
        case BadWeather():
            return when + f"links lose {fault.loss_ppm / 10_000:.1f} % and double {fault.duplicate_ppm / 10_000:.1f} %"
