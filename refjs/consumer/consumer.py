"""A consumer: a fold over its entries (docs/decisions/0002).

Where it stands in the stream, what it delivered, what is settled.  Knows nothing of clients: who waits for messages
and where they are sent is ``requests``' and the broker's business.  Knows the stream only by what it is told:
``stored`` and ``removed``.
"""

from __future__ import annotations

from collections import deque
from typing import assert_never, final

from refjs.consumer.config import filters_of
from refjs.consumer.entries import (
    Acknowledge,
    ConsumerEntry,
    Deliver,
    Extend,
    GiveUp,
    PassTime,
    Reconfigure,
    Refuse,
    Skip,
    Terminate,
)
from refjs.consumer.pending import PendingSet
from refjs.subject.grammar import matches
from refjs.types.config import AckPolicy, ConsumerConfig
from refjs.types.plain import decode_consumer_config
from refjs.types.records import SequenceInfo
from refjs.types.stored import StoredMessage
from refjs.types.units import Nanos, Seq, Subject


@final
class Delivery:
    """One message on its way: the numbers of its ack subject (CON-DLV-001)."""

    __slots__ = ("consumer_seq", "deliveries", "pending", "seq")

    def __init__(self, seq: Seq, consumer_seq: Seq, deliveries: int, pending: int) -> None:
        self.seq = seq
        self.consumer_seq = consumer_seq
        self.deliveries = deliveries
        self.pending = pending


@final
class Applied:
    """What an entry did: what goes out, what is settled for good, what was given up."""

    __slots__ = ("deliveries", "exhausted", "settled")

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.settled: list[Seq] = []
        self.exhausted: list[Seq] = []


@final
class Start:
    """Where a consumer begins, found in the stream when it is created (CON-POS)."""

    __slots__ = ("first", "num_pending", "seq")

    def __init__(self, seq: Seq, num_pending: int, first: list[Seq]) -> None:
        self.seq = seq
        self.num_pending = num_pending
        self.first = first
        """For ``last_per_subject``: what is delivered before everything from ``seq`` on."""


@final
class Consumer:
    """The state of one consumer."""

    def __init__(self, name: str, config: ConsumerConfig, created: Nanos, start: Start) -> None:
        self.name = name
        """The name in the API; a name that the server gave stands only here (CON-API-011)."""
        self.config = config
        self.created = created
        self.filters = patterns_of(config)
        self.next_seq: Seq = start.seq
        self.first: deque[Seq] = deque(start.first)
        before = (start.first[0] if start.first else start.seq) - 1
        self.delivered = SequenceInfo(0, before)
        self.ack_floor = SequenceInfo(0, before)
        self.num_pending = start.num_pending
        self.pending = PendingSet()
        self.deliveries: dict[Seq, int] = {}
        self.exhausted: dict[Seq, None] = {}
        self.stamp: Nanos = created
        self.revision = 0
        """How often the configuration was replaced."""

    # -- what the stream tells ----------------------------------------------------------------------------------

    def wants(self, subject: Subject) -> bool:
        """Tell whether ``subject`` passes the filter."""
        return not self.filters or any(matches(pattern, subject) for pattern in self.filters)

    def stored(self, message: StoredMessage) -> None:
        """Note a new message that the consumer wants."""
        if message.seq >= self.next_seq:
            self.num_pending += 1

    def removed(self, message: StoredMessage, stamp: Nanos) -> Delivery | None:
        """Forget a message that left the stream; return its delivery where that was not settled (CON-PRG-004)."""
        seq = message.seq
        count = self.deliveries.pop(seq, 1)
        self.exhausted.pop(seq, None)
        pending = self.pending.get(seq)
        if pending is not None:
            self._settle(seq)
            self.ack_floor.last_active = stamp
            return Delivery(seq, pending.consumer_seq, count, self.num_pending)
        if seq in self.first:
            self.first.remove(seq)
            self.num_pending -= 1
        elif seq >= self.next_seq and self.wants(message.subject):
            self.num_pending -= 1
        return None

    def purged(self, first_seq: Seq) -> None:
        """Move on to ``first_seq``: nothing is left below it (CON-PRG-001, CON-PRG-002)."""
        self.next_seq = max(self.next_seq, first_seq)
        self.delivered.stream_seq = max(self.delivered.stream_seq, first_seq - 1)
        lowest = self.pending.lowest()  # a purge of other subjects may leave it below
        floor = (min(first_seq, lowest) if lowest else first_seq) - 1
        if self.ack_floor.stream_seq < floor:
            self.ack_floor.stream_seq = floor
            self.ack_floor.consumer_seq = max(self.ack_floor.consumer_seq, self._before_lowest())

    def outstanding(self) -> list[Seq]:
        """Return the delivered messages that still mean something here: pending ones, and those given up."""
        return [*(seq for seq, _ in self.pending.items()), *self.exhausted]

    def owes(self, message: StoredMessage) -> bool:
        """Tell whether interest retention must keep ``message`` for this consumer (STR-RET-005)."""
        if not self.wants(message.subject):
            return False
        seq = message.seq
        return seq in self.pending or seq >= self.next_seq or seq in self.first or seq in self.exhausted

    # -- applying -----------------------------------------------------------------------------------------------

    def apply(self, entry: ConsumerEntry) -> Applied:
        """Apply a committed entry; the result is a function of the state and the entry alone."""
        applied = Applied()
        match entry:
            case Deliver():
                self._deliver(entry, applied)
            case Acknowledge():
                self._acknowledge(entry, applied)
            case Refuse():
                self._refuse(entry)
            case Extend():
                self._extend(entry)
            case Terminate():
                self._terminate(entry, applied)
            case PassTime():
                self._pass_time(entry, applied)
            case GiveUp():
                self._give_up(entry.seq, entry.stamp, applied)
            case Skip():
                self._skip(entry)
            case Reconfigure():
                self._reconfigure(decode_consumer_config(entry.config))
            case _:
                assert_never(entry)
        return applied

    def _deliver(self, entry: Deliver, applied: Applied) -> None:
        self.stamp = max(self.stamp, entry.stamp)
        if entry.revision != self.revision:
            return
        for seq in entry.seqs:
            if seq in self.pending:
                count = self.deliveries.get(seq, 1) + 1
                self.deliveries[seq] = count
            elif seq >= self.next_seq or seq in self.first:
                count = 1
                self._move_past(seq)
            else:
                continue
            self.delivered.consumer_seq += 1
            self.delivered.last_active = entry.stamp
            self._track(seq, count, entry.stamp, applied)
            applied.deliveries.append(Delivery(seq, self.delivered.consumer_seq, count, self.num_pending))

    def _move_past(self, seq: Seq) -> None:
        if self.first and self.first[0] == seq:
            self.first.popleft()
        else:
            self.next_seq = seq + 1
        self.delivered.stream_seq = seq
        self.num_pending -= 1

    def _track(self, seq: Seq, count: int, stamp: Nanos, applied: Applied) -> None:
        if self.config.ack_policy is AckPolicy.NONE:
            self.ack_floor.consumer_seq = self.delivered.consumer_seq
            self.ack_floor.stream_seq = self.delivered.stream_seq
            applied.settled.append(seq)
        elif count == 1:
            self.pending.add(seq, self.delivered.consumer_seq, stamp + self.ack_wait(count))
        else:
            self.pending.restart(seq, stamp + self.ack_wait(count))

    def ack_wait(self, count: int) -> Nanos:
        """Return how long the ack of a message's ``count``-th delivery may take (CON-ACK-011)."""
        return ack_wait_of(self.config, count)

    def _acknowledge(self, entry: Acknowledge, applied: Applied) -> None:
        if self.config.ack_policy is AckPolicy.ALL:
            self._settle_through(entry.seq, entry.consumer_seq, entry.stamp, applied)
        else:
            self._settle_one(entry.seq, entry.stamp, applied)

    def _terminate(self, entry: Terminate, applied: Applied) -> None:
        if self.config.ack_policy is AckPolicy.ALL:
            self._settle_through(entry.seq, entry.consumer_seq, entry.stamp, applied)
        else:
            self._settle_one(entry.seq, entry.stamp, applied)

    def _settle_through(self, seq: Seq, consumer_seq: Seq, stamp: Nanos, applied: Applied) -> None:
        """Settle everything up to ``seq``; a delivery that is settled already, or never was, settles nothing."""
        settled = self.pending.through(seq) if seq <= self.delivered.stream_seq else []
        if settled and self.ack_floor.consumer_seq < consumer_seq <= self.delivered.consumer_seq:
            for pending_seq in settled:
                self._forget(pending_seq)
            applied.settled += settled
            self.ack_floor.consumer_seq = consumer_seq
            self.ack_floor.stream_seq = seq
            self.ack_floor.last_active = stamp

    def _settle_one(self, seq: Seq, stamp: Nanos, applied: Applied) -> None:
        """Settle one message, late where it was given up already; the client was heard of anyway (CON-ACK-002, 016)."""
        self.ack_floor.last_active = stamp
        if seq in self.pending:
            self._settle(seq)
            applied.settled.append(seq)
        elif seq in self.exhausted:
            del self.exhausted[seq]
            self.deliveries.pop(seq, None)
            applied.settled.append(seq)

    def _forget(self, seq: Seq) -> None:
        self.pending.settle(seq)
        self.deliveries.pop(seq, None)

    def _settle(self, seq: Seq) -> None:
        """Forget a pending message, and move the ack floor on where it was the next delivery above (CON-POS-011)."""
        pending = self.pending.get(seq)
        assert pending is not None
        self._forget(seq)
        lowest = self.pending.lowest()
        if lowest == 0:
            self.ack_floor.consumer_seq = self.delivered.consumer_seq
            self.ack_floor.stream_seq = self.delivered.stream_seq
        elif pending.consumer_seq == self.ack_floor.consumer_seq + 1:
            self.ack_floor.consumer_seq = self._before_lowest()
            self.ack_floor.stream_seq = lowest - 1

    def _before_lowest(self) -> Seq:
        """Return the last consumer sequence before the first delivery of anything that is pending."""
        lowest = self.pending.get(self.pending.lowest())
        return self.delivered.consumer_seq if lowest is None else lowest.consumer_seq - 1

    def _refuse(self, entry: Refuse) -> None:
        if entry.seq not in self.pending:
            return
        if entry.delay > 0:
            self.pending.restart(entry.seq, entry.stamp + entry.delay)
            self.delivered.last_active = entry.stamp
        else:
            self.pending.queue(entry.seq)

    def _extend(self, entry: Extend) -> None:
        if entry.seq in self.pending:
            self.pending.extend(entry.seq, entry.stamp + self.ack_wait(self.deliveries.get(entry.seq, 1)))
            self.delivered.last_active = entry.stamp

    def _pass_time(self, entry: PassTime, applied: Applied) -> None:
        self.stamp = max(self.stamp, entry.stamp)
        for seq in self.pending.expired(entry.stamp):
            if self.config.max_deliver == 1:
                self._give_up(seq, entry.stamp, applied)
            else:
                self.pending.queue(seq)

    def _give_up(self, seq: Seq, stamp: Nanos, applied: Applied) -> None:
        """Wait for the ack of a message no longer; the ack floor stays where it is (CON-ACK-012)."""
        if seq not in self.pending:
            return
        self.pending.settle(seq)
        self.delivered.last_active = stamp
        self.exhausted[seq] = None
        applied.exhausted.append(seq)

    def _skip(self, entry: Skip) -> None:
        """Begin behind what was looked through in vain, as long as nothing was delivered (CON-POS-014)."""
        if not self.delivered.consumer_seq and not self.ack_floor.stream_seq and not self.num_pending:
            self.next_seq = max(self.next_seq, entry.seq)
            self.delivered.stream_seq = max(self.delivered.stream_seq, entry.seq - 1)

    def _reconfigure(self, config: ConsumerConfig) -> None:
        """Follow a new configuration; what is pending waits for the difference longer or shorter (CON-CFG-034)."""
        old, self.config = self.config, config
        self.filters = patterns_of(config)
        self.revision += 1
        for seq, pending in self.pending.items():
            count = self.deliveries.get(seq, 1)
            difference = ack_wait_of(config, count) - ack_wait_of(old, count)
            if difference:
                self.pending.extend(seq, pending.deadline + difference)

    # -- looking ------------------------------------------------------------------------------------------------

    def is_exhausted(self, seq: Seq) -> bool:
        """Tell whether the pending message at ``seq`` was delivered as often as it may be."""
        return 0 < self.config.max_deliver <= self.deliveries.get(seq, 1)

    def next_deadline(self) -> Nanos | None:
        """Return when the next ack wait is over and ``PassTime`` is due."""
        return self.pending.next_deadline()

    def check_invariants(self) -> None:
        """Assert every invariant (C2, C3)."""
        self.pending.check_invariants()
        assert self.ack_floor.consumer_seq <= self.delivered.consumer_seq
        assert self.num_pending >= 0
        assert all(self.ack_floor.stream_seq < seq for seq, _ in self.pending.items())
        assert all(seq < self.next_seq for seq, _ in self.pending.items())
        assert all(seq not in self.exhausted for seq, _ in self.pending.items())
        assert all(seq in self.pending or seq in self.exhausted for seq in self.deliveries)


def ack_wait_of(config: ConsumerConfig, count: int) -> Nanos:
    """Return how long ``config`` waits for the ack of a message's ``count``-th delivery (CON-ACK-011)."""
    backoff = config.backoff
    return backoff[min(count, len(backoff)) - 1] if backoff else config.ack_wait


def patterns_of(config: ConsumerConfig) -> list[Subject]:
    """Return the filter patterns of ``config`` as they are matched; none means every message."""
    return [pattern.encode() for pattern in filters_of(config)]
