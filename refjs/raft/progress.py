"""How far the leader knows one follower to be, and what it may send it next.

A follower is *probed*, one message at a time, until it accepts one; then entries are *replicated* ahead of its answers,
up to a window of messages; a follower that lacks what was compacted waits for a *snapshot*.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import final

from refjs.types.units import Nanos


@unique
class Mode(IntEnum):
    """How a follower is served."""

    PROBE = 0
    REPLICATE = 1
    SNAPSHOT = 2


@final
class Progress:
    """One follower, as its leader sees it."""

    __slots__ = ("beats", "commit_told", "heard_at", "in_flight", "match", "mode", "next", "waiting")

    def __init__(self, next_index: int, heard_at: Nanos) -> None:
        self.match = 0  # the follower's log is durable, and equals ours, up to here
        self.next = next_index  # the next entry to send
        self.mode = Mode.PROBE
        self.waiting = False  # a probe or snapshot is under way
        self.beats = 0  # heartbeats since the snapshot was sent
        self.in_flight: list[int] = []  # the last indexes of the messages under way, when replicating
        self.commit_told = 0
        self.heard_at = heard_at

    def ready(self, window: int) -> bool:
        """Tell whether entries may be sent now."""
        if self.mode is Mode.REPLICATE:
            return len(self.in_flight) < window
        return not self.waiting

    def sent(self, last_index: int) -> None:
        """Note a message with entries up to ``last_index``."""
        if self.mode is Mode.REPLICATE:
            self.in_flight.append(last_index)
            self.next = last_index + 1
        else:
            self.waiting = True

    def accepted(self, match: int) -> bool:
        """Note the follower's acceptance up to ``match``; tell whether that is news."""
        news = match > self.match
        if news:
            self.match = match
        while self.in_flight and self.in_flight[0] <= match:
            del self.in_flight[0]
        if self.mode is Mode.PROBE and match >= self.match:
            self.replicate()
        self.next = max(self.next, self.match + 1)
        return news

    def rejected(self, rejected_index: int, hint: int) -> bool:
        """Note that the logs agree no further than ``hint``; tell whether the answer was not an old one.

        A hint below ``match`` means that the follower has lost what it had: then less is counted on it, which is
        always safe.
        """
        if self.mode is Mode.SNAPSHOT or (self.mode is Mode.PROBE and rejected_index != self.next - 1):
            return False
        self.match = min(self.match, hint)
        self.probe(hint + 1)
        return True

    def probe(self, next_index: int) -> None:
        """Go back to one message at a time, from ``next_index`` on."""
        self.mode, self.next, self.waiting = Mode.PROBE, next_index, False
        self.in_flight = []

    def replicate(self) -> None:
        """Send ahead of the answers, from what is known to match."""
        self.mode, self.next, self.waiting = Mode.REPLICATE, self.match + 1, False
        self.in_flight = []

    def await_snapshot(self) -> None:
        """Send nothing else until the snapshot is answered or given up."""
        self.mode, self.waiting, self.beats = Mode.SNAPSHOT, True, 0
        self.in_flight = []

    def fork(self) -> Progress:
        """Return an independent copy."""
        copy = Progress(self.next, self.heard_at)
        copy.match, copy.mode, copy.waiting, copy.beats = self.match, self.mode, self.waiting, self.beats
        copy.in_flight, copy.commit_told = self.in_flight.copy(), self.commit_told
        return copy

    def fingerprint(self) -> tuple[object, ...]:
        """Return what tells this state from others, but for its clock."""
        return (self.match, self.next, self.mode, self.waiting, self.beats, self.commit_told, *self.in_flight)

    def check(self, last_index: int) -> None:
        """Assert what always holds, where the leader's log ends at ``last_index``."""
        assert 0 <= self.match <= last_index, "a follower matches no more than there is"
        assert self.match < self.next <= last_index + 1, "the next entry follows what matches"
        assert self.in_flight == sorted(set(self.in_flight)), "messages under way are in order"
