"""A stream with its consumers: the state machine that every replica of a group folds its log into.

What the stream and its consumers mean to each other is decided here, and only here: which consumer wants a message,
when retention lets one go, what a removed message means to those who had it pending.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias, assert_never, final

from refjs.broker.entries import Adopt, CreateConsumer, DeleteConsumer, ForConsumer, GroupEntry
from refjs.broker.start import find_start
from refjs.consumer.consumer import Applied, Consumer, Delivery
from refjs.consumer.entries import ConsumerEntry, Deliver, Reconfigure
from refjs.consumer.snapshot import read_consumer, write_consumer
from refjs.storage.codec import Reader, Writer, digest
from refjs.stream.entries import Configure, DeleteMessage, Expire, Publish, Purge
from refjs.stream.outcomes import Outcome, Removed, Stored
from refjs.stream.snapshot import read_stream, write_stream
from refjs.stream.stream import Stream
from refjs.subject.grammar import is_subset
from refjs.subject.interest import Interest
from refjs.types.config import Retention, StreamConfig
from refjs.types.plain import decode_consumer_config
from refjs.types.profile import Profile
from refjs.types.stored import StoredMessage
from refjs.types.units import Nanos, Subject

_EVERYTHING: Final[list[Subject]] = [b">"]


@final
class ConsumerMade:
    """The consumer exists now, with the configuration asked for."""

    __slots__ = ("consumer",)

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer


@final
class ConsumerGone:
    """The consumer does not exist any more; ``found`` tells whether it did."""

    __slots__ = ("found",)

    def __init__(self, *, found: bool) -> None:
        self.found = found


GroupOutcome: TypeAlias = Outcome | Applied | ConsumerMade | ConsumerGone


@final
class Replica:
    """One replica's state of a stream and its consumers."""

    def __init__(self, config: StreamConfig, created: Nanos, profile: Profile) -> None:
        self.profile = profile
        self.stream = Stream(config, created, profile)
        self.revision = 0
        """Which revision of what the metadata says of the stream is in force; 0 before its birth."""
        self.consumers: dict[str, Consumer] = {}
        self._interest: Interest[Consumer] = Interest()
        self._strayed: dict[str, Consumer] = {}  # those that delivered what their filter would not let through now
        self.terminated: list[tuple[str, Delivery]] = []
        """Deliveries that ended because their message left the stream; taken by the leader for its advisories."""

    # -- applying -----------------------------------------------------------------------------------------------

    def apply(self, entry: GroupEntry) -> GroupOutcome:
        """Apply a committed entry; the outcome is a function of the state and the entry alone."""
        match entry:
            case Publish():
                return self._publish(entry)
            case Purge():
                outcome = self.stream.apply(entry)
                self._tell_removed()
                if isinstance(outcome, Removed):
                    self._tell_purged(entry.subject)
                return outcome
            case Expire() | DeleteMessage():
                outcome = self.stream.apply(entry)
                self._tell_removed()
                return outcome
            case Adopt():
                return self._adopt(entry)
            case Configure():
                return self._configure(entry)
            case CreateConsumer():
                return self._create_consumer(entry)
            case DeleteConsumer():
                return self._delete_consumer(entry.name)
            case ForConsumer():
                return self._for_consumer(entry)
            case _:
                assert_never(entry)

    def _publish(self, entry: Publish) -> Outcome:
        stream = self.stream
        consumers = self.interested(entry.subject)
        wanted = bool(consumers) or stream.config.retention is not Retention.INTEREST
        outcome = stream.publish(entry, wanted=wanted)
        if isinstance(outcome, Stored):
            for consumer in consumers:
                consumer.stored(outcome.message)
            self._tell_removed()
            if outcome.rolled_up:
                self._tell_purged(entry.subject if outcome.rolled_up == b"sub" else b"")
        return outcome

    def _tell_purged(self, pattern: Subject) -> None:
        """Let the consumers that are concerned by a purge of ``pattern`` (empty: of all) move on (CON-PRG-003)."""
        store = self.stream.store
        for consumer in self.consumers.values():
            filters = consumer.filters or _EVERYTHING
            if not pattern:
                consumer.purged(store.first_seq)
            elif all(is_subset(each, pattern) for each in filters):
                left = store.next_matching([pattern], 0)
                consumer.purged(store.last_seq + 1 if left is None else left.seq)
            elif any(is_subset(each, pattern) or is_subset(pattern, each) for each in filters):
                consumer.purged(store.first_seq)

    def _tell_removed(self) -> None:
        for message in self.stream.take_removed():
            for consumer in self._concerned(message.subject):
                delivery = consumer.removed(message, self.stream.stamp)
                if delivery is not None:
                    self.terminated.append((consumer.name, delivery))

    def _adopt(self, entry: Adopt) -> Outcome:
        if entry.revision <= self.revision:
            return Removed(0)
        self.revision = entry.revision
        return self._configure(Configure(entry.config, entry.stamp))

    def _concerned(self, subject: Subject) -> list[Consumer]:
        """Return the consumers to whom a message on ``subject`` can mean something."""
        strayed = [consumer for consumer in self._strayed.values() if not consumer.wants(subject)]
        return [*self.interested(subject), *strayed]

    def _configure(self, entry: Configure) -> Outcome:
        before = self.stream.config.retention
        outcome = self.stream.apply(entry)
        if before is Retention.LIMITS and self.stream.config.retention is Retention.INTEREST:
            self._let_go(list(self.stream.store.messages()))
        self._tell_removed()
        return outcome

    def _create_consumer(self, entry: CreateConsumer) -> ConsumerMade:
        consumer = self.consumers.get(entry.name)
        if consumer is None:
            config = decode_consumer_config(entry.config)
            start = find_start(self.stream.store, config, entry.stamp)
            consumer = Consumer(entry.name, config, entry.stamp, start)
            self.consumers[entry.name] = consumer
            self._index(consumer)
        else:
            self._reconfigure(consumer, Reconfigure(entry.config))
        return ConsumerMade(consumer)

    def _reconfigure(self, consumer: Consumer, entry: Reconfigure) -> Applied:
        filters, owed = consumer.filters, self._owed_by(consumer)
        self._unindex(consumer)
        applied = consumer.apply(entry)
        self._index(consumer)
        if consumer.filters != filters:
            self._follow_filter(consumer)
            self._let_go(owed)
            self._tell_removed()
        return applied

    def _follow_filter(self, consumer: Consumer) -> None:
        """Count anew what waits for ``consumer``; what it delivered before stays delivered (CON-CFG-035)."""
        store = self.stream.store
        first = [message for seq in consumer.first if (message := store.get(seq)) is not None]
        consumer.first = deque([message.seq for message in first if consumer.wants(message.subject)])
        consumer.num_pending = len(consumer.first) + store.count_from(consumer.filters, consumer.next_seq)
        self._note_strayed(consumer)

    def _note_strayed(self, consumer: Consumer) -> None:
        """Remember ``consumer`` where its filter does not tell any more whom a removed message concerns."""
        store = self.stream.store
        delivered = [message for seq in consumer.outstanding() if (message := store.get(seq)) is not None]
        if not all(consumer.wants(message.subject) for message in delivered):
            self._strayed[consumer.name] = consumer

    def _delete_consumer(self, name: str) -> ConsumerGone:
        consumer = self.consumers.pop(name, None)
        if consumer is None:
            return ConsumerGone(found=False)
        self._unindex(consumer)
        self._strayed.pop(name, None)
        self._let_go(self._owed_by(consumer))
        self._tell_removed()
        return ConsumerGone(found=True)

    def _owed_by(self, consumer: Consumer) -> list[StoredMessage]:
        """Return what interest retention keeps for ``consumer``, others aside."""
        if self.stream.config.retention is not Retention.INTEREST:
            return []
        return [message for message in self.stream.store.messages() if consumer.owes(message)]

    def _for_consumer(self, entry: ForConsumer) -> Applied:
        consumer = self.consumers.get(entry.name)
        if consumer is None:
            return Applied()
        if isinstance(entry.entry, Reconfigure):
            return self._reconfigure(consumer, entry.entry)
        applied = consumer.apply(self._still_there(entry.entry))
        if applied.settled and self.stream.config.retention is not Retention.LIMITS:
            store = self.stream.store
            self._let_go([message for seq in applied.settled if (message := store.get(seq)) is not None])
            self._tell_removed()
        return applied

    def _still_there(self, entry: ConsumerEntry) -> ConsumerEntry:
        """Leave out of a delivery what was removed after it was proposed."""
        if isinstance(entry, Deliver):
            store = self.stream.store
            seqs = [seq for seq in entry.seqs if store.get(seq) is not None]
            return entry if len(seqs) == len(entry.seqs) else Deliver(seqs, entry.stamp, entry.revision)
        return entry

    def _let_go(self, messages: list[StoredMessage]) -> None:
        """Remove those of ``messages`` that no consumer needs any more (STR-RET-001, STR-RET-005)."""
        for message in messages:
            if not any(consumer.owes(message) for consumer in self.interested(message.subject)):
                self.stream.remove(message.seq)

    def _index(self, consumer: Consumer) -> None:
        for pattern in consumer.filters or _EVERYTHING:
            self._interest.insert(pattern, consumer)

    def _unindex(self, consumer: Consumer) -> None:
        for pattern in consumer.filters or _EVERYTHING:
            self._interest.remove(pattern, consumer)

    # -- looking ------------------------------------------------------------------------------------------------

    def interested(self, subject: Subject) -> tuple[Consumer, ...]:
        """Return the consumers that want messages on ``subject``, each once even where two of its filters match."""
        consumers = self._interest.match(subject)
        return consumers if len(consumers) < 2 else tuple(dict.fromkeys(consumers))  # noqa: PLR2004

    def snapshot(self) -> bytes:
        """Return the whole state as canonical bytes."""
        writer = Writer()
        writer.u64(self.revision)
        write_stream(writer, self.stream)
        writer.u64(len(self.consumers))
        for name in sorted(self.consumers):
            write_consumer(writer, self.consumers[name])
        return writer.done()

    @classmethod
    def restore(cls, data: bytes, profile: Profile) -> Replica:
        """Return the replica whose ``snapshot`` is ``data``."""
        reader = Reader(data)
        revision = reader.u64()
        stream = read_stream(reader, profile)
        replica = cls(stream.config, stream.created, profile)
        replica.revision = revision
        replica.stream = stream
        for _ in range(reader.count()):
            consumer = read_consumer(reader)
            replica.consumers[consumer.name] = consumer
            replica._index(consumer)
            replica._note_strayed(consumer)
        reader.end()
        return replica

    def digest(self) -> bytes:
        """Return what stands for the state: replicas that applied the same prefix have the same (R11)."""
        return digest(self.snapshot())

    def fork(self) -> Replica:
        """Return an independent copy."""
        return Replica.restore(self.snapshot(), self.profile)

    def check_invariants(self) -> None:
        """Assert every invariant, those between the stream and its consumers among them."""
        self.stream.check_invariants()
        for consumer in self.consumers.values():
            consumer.check_invariants()
            self._check_consumer(consumer)

    def _check_consumer(self, consumer: Consumer) -> None:
        store = self.stream.store
        assert consumer.delivered.stream_seq <= max(store.last_seq, consumer.next_seq - 1)
        assert all(store.get(seq) is not None for seq, _ in consumer.pending.items())
        expected = len(consumer.first) + store.count_from(consumer.filters, consumer.next_seq)
        assert consumer.num_pending == expected, (consumer.num_pending, expected)
