"""What a consumer would deliver next: first what is due again, then what is new (CON-DLV-006, CON-DLV-007).

A picker looks ahead over one batch without changing anything; the batch becomes one ``Deliver`` entry.
"""

from __future__ import annotations

from typing import final

from refjs.broker.pace import Pace
from refjs.consumer.consumer import Consumer
from refjs.stream.store import MessageStore
from refjs.types.config import AckPolicy
from refjs.types.stored import StoredMessage
from refjs.types.units import Nanos, Seq


@final
class Picker:
    """One look ahead."""

    def __init__(self, consumer: Consumer, store: MessageStore, now: Nanos, pace: Pace | None = None) -> None:
        self._consumer = consumer
        self._now = now
        self._pace = pace
        self._store = store
        self._due = consumer.pending.due()
        self._first_at = 0
        self._seq: Seq = consumer.next_seq
        self._new = 0
        self._taken = 0
        self._candidate: StoredMessage | None = None
        self._is_new = False
        self.exhausted: list[Seq] = []
        """Messages that were delivered as often as they may be: to be given up."""

    def peek(self) -> StoredMessage | None:
        """Return the next message, or None where nothing may be delivered now."""
        if self._candidate is None:
            self._candidate = self._next_due()
            self._is_new = self._candidate is None
            if self._is_new:
                self._candidate = self._next_new()
        return self._candidate

    def take(self) -> None:
        """Count the message last peeked at as part of the batch."""
        if self._is_new and self._pace is not None and self._candidate is not None:
            self._pace.sent(self._candidate, self._now)
        self._candidate = None
        self._taken += 1

    def place_size(self) -> int:
        """Return the size of the numbers in the ack subject of the message last peeked at (CON-DLV-001)."""
        message, consumer = self._candidate, self._consumer
        assert message is not None
        count = 1 if self._is_new else consumer.deliveries.get(message.seq, 1) + 1
        consumer_seq = consumer.delivered.consumer_seq + self._taken + 1
        return len(b"%d.%d.%d.%d.%d" % (count, message.seq, consumer_seq, message.ts, consumer.num_pending - self._new))

    def _next_due(self) -> StoredMessage | None:
        for seq in self._due:
            if self._consumer.is_exhausted(seq):
                self.exhausted.append(seq)
                continue
            message = self._store.get(seq)
            if message is not None:
                return message
        return None

    def _next_new(self) -> StoredMessage | None:
        if not self._has_room():
            return None
        consumer = self._consumer
        while self._first_at < len(consumer.first):
            message = self._store.get(consumer.first[self._first_at])
            self._first_at += 1
            if message is not None:
                self._new += 1
                return message
        message = self._store.next_matching(consumer.filters, self._seq)
        if message is not None and self._pace is not None and self._pace.holds_back(message, self._now):
            return None
        if message is not None:
            self._seq = message.seq + 1
            self._new += 1
        return message

    def _has_room(self) -> bool:
        consumer = self._consumer
        limit = consumer.config.max_ack_pending
        if consumer.config.ack_policy is AckPolicy.NONE or limit <= 0:
            return True
        return len(consumer.pending) + self._new < limit
