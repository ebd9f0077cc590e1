"""A history laid out for its judges: publishes paired with their ends, and what each server held, by stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from refjs.types.units import MINUTE, SECOND, Nanos, Seq
from sim.checkers.verdict import seconds
from sim.history import Began, Completed, Delivered, FloorSeen, History, Invoked, Marked, Observed, Outcome, Settled
from sim.history import Ended as EndedRecord
from sim.history import Quieted as QuietedRecord

NEVER: Final[Nanos] = 1 << 62
"""The completion of an operation that nobody saw end."""


@final
@dataclass(slots=True)
class Publish:
    """One publish, from its invocation to what its client learnt of it."""

    client: str
    value: str
    invoked: Nanos
    message_id: str = ""
    outcome: Outcome = Outcome.UNKNOWN
    completed: Nanos = NEVER
    seq: Seq = 0
    duplicate: bool = False
    attempts: int = 1

    @property
    def key(self) -> str:
        """What makes two publishes the same message: the message ID, or without one the value itself."""
        return self.message_id or self.value

    def __str__(self) -> str:
        span = f"from {seconds(self.invoked)}" + (f" to {seconds(self.completed)}" if self.completed < NEVER else "")
        told = f" as {self.seq}{', duplicate' if self.duplicate else ''}" if self.outcome is Outcome.OK else ""
        return f"{self.value} of {self.client} ({self.outcome}{told}, {span})"


@final
@dataclass(slots=True)
class Bounds:
    """What the judges allow: how long an election may take after the heal, and how long an ID is remembered."""

    leader_ns: Nanos = 19 * SECOND
    """Twice the longest election timeout and a round trip (CLU-MET-004)."""
    dedup_window_ns: Nanos = 2 * MINUTE


@final
@dataclass(slots=True)
class Evidence:
    """What the checkers look at; publishes are in the order of their invocation."""

    publishes: dict[str, list[Publish]] = field(default_factory=dict)
    observed: dict[str, list[Observed]] = field(default_factory=dict)
    delivered: list[Delivered] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    floors: list[FloorSeen] = field(default_factory=list)
    marks: list[Marked] = field(default_factory=list)
    servers: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    quiet_at: Nanos | None = None
    ended_at: Nanos = 0
    bounds: Bounds = field(default_factory=Bounds)


def collect(history: History, bounds: Bounds | None = None) -> Evidence:
    """Lay out a history; an operation without an end is of unknown outcome."""
    evidence = Evidence(bounds=bounds or Bounds())
    running: dict[int, Publish] = {}
    for record in history.records:
        match record:
            case Invoked():
                publish = Publish(record.client, record.value, record.at, record.message_id)
                running[record.operation] = publish
                evidence.publishes.setdefault(record.stream, []).append(publish)
            case Completed():
                _complete(running.pop(record.operation), record)
            case Observed():
                evidence.observed.setdefault(record.stream, []).append(record)
            case Delivered():
                evidence.delivered.append(record)
            case Settled():
                evidence.settled.append(record)
            case FloorSeen():
                evidence.floors.append(record)
            case Marked():
                evidence.marks.append(record)
            case Began():
                evidence.servers = record.servers
                evidence.consumers = record.consumers
            case QuietedRecord():
                evidence.quiet_at = record.at
            case EndedRecord():
                evidence.ended_at = record.at
    return evidence


def _complete(publish: Publish, end: Completed) -> None:
    publish.outcome = end.outcome
    publish.attempts = end.attempts
    if end.outcome is not Outcome.UNKNOWN:
        publish.completed = end.at
    publish.seq = end.seq
    publish.duplicate = end.duplicate
