"""A stream with its consumers, and what they mean to each other: the model of ``refjs.broker.replica``.

Imports nothing of refjs.  Every step of the stream is the stream model's; what it removed is found by comparing the
lists before and after, and told to every consumer.
"""

from __future__ import annotations

from typing import Final

from models.consumer_model import ConsumerModel, ConsumerRules, Delivered
from models.stream_model import Message, Offer, Rules, StreamModel, Verdict, within

PROPERTY_IDS: Final = {
    "W1": "a work-queue message goes when its consumer settles it, and not before",
    "W2": "interest retention keeps exactly what some consumer still owes an ack",
}

LIMITS: Final = "limits"
INTEREST: Final = "interest"
WORK_QUEUE: Final = "workqueue"


class GroupModel:
    """The stream, the consumers by name, and the retention that binds them."""

    def __init__(self, rules: Rules, retention: str) -> None:
        self.stream = StreamModel(rules)
        self.retention = retention
        self.consumers: dict[str, ConsumerModel] = {}

    # -- the stream ---------------------------------------------------------------------------------------------

    def publish(self, offer: Offer) -> Verdict:
        """Store a message; under interest retention ``offer.wanted`` must say whether anybody wants it."""
        before = self.stream.messages
        verdict = self.stream.publish(offer)
        if verdict.kind == "stored":
            self._tell_difference(before)
            if offer.rollup:
                self._move_on(offer.subject if offer.rollup.lower() == "sub" else "")
        return verdict

    def is_wanted(self, subject: str) -> bool:
        """Tell whether a message on ``subject`` is to be kept (STR-SEQ-002)."""
        return self.retention != INTEREST or any(c.rules.wants(subject) for c in self.consumers.values())

    def expire(self, now: int) -> Verdict:
        """Time has reached ``now`` for the stream."""
        before = self.stream.messages
        verdict = self.stream.expire(now)
        self._tell_difference(before)
        return verdict

    def delete(self, seq: int) -> Verdict:
        """Delete one message."""
        before = self.stream.messages
        verdict = self.stream.delete(seq)
        self._tell_difference(before)
        return verdict

    def purge(self, subject: str, seq: int, keep: int) -> Verdict:
        """Purge, and move every consumer on (CON-PRG)."""
        before = self.stream.messages
        verdict = self.stream.purge(subject, seq, keep)
        self._tell_difference(before)
        self._move_on(subject)
        return verdict

    def _move_on(self, subject: str) -> None:
        """Tell the consumers concerned what a purge of ``subject`` (empty: all) left (CON-PRG-003, STR-ROL-004)."""
        stream, pattern = self.stream, subject or ">"
        left = stream.of_subject(pattern)
        for consumer in self.consumers.values():
            filters = consumer.rules.filters or (">",)
            if not subject:
                consumer.purged(stream.first_seq)
            elif all(within(each, pattern) for each in filters):
                consumer.purged(left[0].seq if left else stream.last_seq + 1)
            elif any(within(each, pattern) or within(pattern, each) for each in filters):
                consumer.purged(stream.first_seq)

    def configure(self, rules: Rules, retention: str, now: int) -> Verdict:
        """Put other rules in force; interest that begins lets go what nobody is owed (STR-UPD-008)."""
        before, began = self.stream.messages, self.retention == LIMITS and retention == INTEREST
        verdict = self.stream.configure(rules, now)
        self.retention = retention
        self._tell_difference(before)
        if began:
            self._let_go([message.seq for message in self.stream.messages])
        return verdict

    def _tell_difference(self, before: list[Message]) -> None:
        gone = [message.seq for message in before if message not in self.stream.messages]
        for consumer in self.consumers.values():
            consumer.gone(gone)

    def _let_go(self, seqs: list[int]) -> None:
        """Remove those of ``seqs`` that nobody owes an ack any more (STR-RET)."""
        before, owing = self.stream.messages, self.consumers.values()
        free = [m.seq for m in before if m.seq in seqs and not any(consumer.owes(m) for consumer in owing)]
        self.stream.let_go(free)
        self._tell_difference(before)

    # -- the consumers ------------------------------------------------------------------------------------------

    def create(self, name: str, rules: ConsumerRules, now: int) -> None:
        """Create a consumer, or give an existing one other rules (CON-API-010)."""
        stream, known = self.stream, self.consumers.get(name)
        if known is None:
            self.consumers[name] = ConsumerModel(rules, stream.messages, stream.first_seq, stream.last_seq, now)
            return
        owed = self._owed_by(known)
        changes = known.rules.filters != rules.filters
        known.configure(rules, stream.messages)
        if changes:
            self._let_go(owed)

    def remove(self, name: str) -> None:
        """Delete a consumer; what only it was owed goes under interest retention (STR-RET-003, STR-RET-006)."""
        self._let_go(self._owed_by(self.consumers.pop(name)))

    def _owed_by(self, consumer: ConsumerModel) -> list[int]:
        return [m.seq for m in self.stream.messages if consumer.owes(m)] if self.retention == INTEREST else []

    def deliver(self, name: str, seqs: list[int], now: int) -> list[Delivered]:
        """Deliver ``seqs``; without acks they are settled by it (STR-RET-007)."""
        consumer = self.consumers[name]
        deliveries = consumer.deliver(seqs, self.stream.messages, now)
        if consumer.rules.acks == "none":
            self._settled(seqs)
        return deliveries

    def ack(self, name: str, seq: int, consumer_seq: int) -> list[int]:
        """Acknowledge or terminate a delivery, and return what that settled."""
        settled = self.consumers[name].ack(seq, consumer_seq)
        self._settled(settled)
        return settled

    def _settled(self, seqs: list[int]) -> None:
        if self.retention != LIMITS:
            self._let_go(seqs)
