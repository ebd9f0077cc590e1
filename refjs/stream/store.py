"""The messages of a stream in memory: sequences, subjects, bytes.

Knows nothing of limits, policies or time; every operation on one message costs the same with ten or a million stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from refjs.subject.grammar import has_wildcards, matches
from refjs.subject.index import SubjectTree
from refjs.types.config import StorageKind
from refjs.types.stored import StoredMessage
from refjs.types.units import Nanos, Seq, Subject

_MEMORY_OVERHEAD: Final = 16
_FILE_OVERHEAD: Final = 30
_FILE_HEADER_OVERHEAD: Final = 4


def stored_size(storage: StorageKind, subject: Subject, header_size: int, body: bytes) -> int:
    """Return how many bytes a message counts against limits (STR-INF-007)."""
    if storage is StorageKind.MEMORY:
        return _MEMORY_OVERHEAD + len(subject) + len(body)
    return _FILE_OVERHEAD + len(subject) + len(body) + (_FILE_HEADER_OVERHEAD if header_size else 0)


@final
class SubjectChain:
    """The messages of one subject, oldest to newest."""

    __slots__ = ("count", "newest", "oldest")

    def __init__(self, first: StoredMessage) -> None:
        self.oldest = first
        self.newest = first
        self.count = 1


@final
class MessageStore:
    """Messages by sequence and by subject; sequences are dense and never reused (STR-SEQ-001)."""

    def __init__(self, storage: StorageKind, first_seq: Seq = 0) -> None:
        self.storage = storage
        self.first_seq: Seq = first_seq
        self.last_seq: Seq = max(first_seq - 1, 0)
        self.first_ts: Nanos | None = None
        self.last_ts: Nanos | None = None
        self.bytes = 0
        self.subjects: SubjectTree[SubjectChain] = SubjectTree()
        self._messages: dict[Seq, StoredMessage] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def append(self, subject: Subject, header_size: int, body: bytes, ts: Nanos) -> StoredMessage:
        """Store a message at the next sequence and return it."""
        message = StoredMessage(self.last_seq + 1, ts, subject, header_size, body)
        self._insert(message)
        return message

    def _insert(self, message: StoredMessage) -> None:
        assert message.seq > self.last_seq
        if not self._messages:
            self.first_seq = message.seq
            self.first_ts = message.ts
        self.last_seq = message.seq
        self.last_ts = message.ts
        self._messages[message.seq] = message
        self.bytes += stored_size(self.storage, message.subject, message.header_size, message.body)
        chain = self.subjects.get(message.subject)
        if chain is None:
            self.subjects.set(message.subject, SubjectChain(message))
        else:
            message.older = chain.newest
            chain.newest.newer = message
            chain.newest = message
            chain.count += 1

    def load(self, messages: list[StoredMessage], first_seq: Seq, last_seq: Seq, last_ts: Nanos | None) -> None:
        """Fill an empty store from a snapshot."""
        assert not self._messages
        self.last_seq = 0
        for message in messages:
            self._insert(message)
        self.first_seq, self.last_seq, self.last_ts = first_seq, last_seq, last_ts

    def skip(self, ts: Nanos) -> Seq:
        """Consume a sequence without storing anything (STR-SEQ-002); return it."""
        self.last_seq += 1
        self.last_ts = ts
        if not self._messages:
            self.first_seq = self.last_seq + 1
        return self.last_seq

    def remove(self, message: StoredMessage) -> None:
        """Remove a stored message; the first sequence moves on to the next stored one."""
        del self._messages[message.seq]
        self.bytes -= stored_size(self.storage, message.subject, message.header_size, message.body)
        self._unlink(message)
        if message.seq == self.first_seq:
            self._advance_first()

    def _unlink(self, message: StoredMessage) -> None:
        chain = self.subjects.get(message.subject)
        assert chain is not None
        older, newer = message.older, message.newer
        if older is not None:
            older.newer = newer
        elif newer is not None:
            chain.oldest = newer
        if newer is not None:
            newer.older = older
        elif older is not None:
            chain.newest = older
        chain.count -= 1
        if chain.count == 0:
            self.subjects.delete(message.subject)
        message.older = message.newer = None

    def _advance_first(self) -> None:
        if not self._messages:
            self.first_seq = self.last_seq + 1
            self.first_ts = None
            return
        while self.first_seq not in self._messages:
            self.first_seq += 1
        self.first_ts = self._messages[self.first_seq].ts

    def clear(self, next_seq: Seq = 0) -> list[StoredMessage]:
        """Remove all messages and return them; ``next_seq`` beyond the last moves the sequence on (STR-PRG-005)."""
        removed = list(self._messages.values())
        self._messages = {}
        self.subjects = SubjectTree()
        self.bytes = 0
        self.last_seq = max(self.last_seq, next_seq - 1)
        self._advance_first()
        return removed

    def get(self, seq: Seq) -> StoredMessage | None:
        """Return the message at ``seq``."""
        return self._messages.get(seq)

    def first(self) -> StoredMessage | None:
        """Return the oldest message."""
        return self._messages.get(self.first_seq)

    def last(self) -> StoredMessage | None:
        """Return the newest message."""
        seq = self.last_seq
        while seq >= self.first_seq:
            message = self._messages.get(seq)
            if message is not None:
                return message
            seq -= 1
        return None

    def messages(self) -> Iterator[StoredMessage]:
        """Yield the messages, oldest first."""
        return iter(self._messages.values())

    def next_from(self, seq: Seq) -> StoredMessage | None:
        """Return the first message at or after ``seq``."""
        seq = max(seq, self.first_seq)
        while seq <= self.last_seq:
            message = self._messages.get(seq)
            if message is not None:
                return message
            seq += 1
        return None

    def next_matching(self, patterns: list[Subject], seq: Seq) -> StoredMessage | None:
        """Return the first message at or after ``seq`` whose subject matches one of ``patterns`` (none: any)."""
        if not patterns:
            return self.next_from(seq)
        if len(patterns) == 1 and not has_wildcards(patterns[0]):
            return self._next_of_subject(patterns[0], seq)
        message = self.next_from(seq)
        while message is not None:
            subject = message.subject
            if any(matches(pattern, subject) for pattern in patterns):
                return message
            message = self.next_from(message.seq + 1)
        return None

    def _next_of_subject(self, subject: Subject, seq: Seq) -> StoredMessage | None:
        chain = self.subjects.get(subject)
        if chain is None or chain.newest.seq < seq:
            return None
        if chain.oldest.seq >= seq:
            return chain.oldest
        message = self.next_from(seq)
        while message is not None and message.subject != subject:
            message = self.next_from(message.seq + 1)
        return message

    def last_matching(self, pattern: Subject) -> StoredMessage | None:
        """Return the newest message whose subject matches (STR-MGET-004)."""
        if pattern == b">":
            return self._messages.get(self.last_seq)
        newest: StoredMessage | None = None
        for _, chain in self.subjects.items_matching(pattern):
            if newest is None or chain.newest.seq > newest.seq:
                newest = chain.newest
        return newest

    def find(self, seq: Seq, last_of: Subject, next_of: Subject, since: Nanos | None) -> StoredMessage | None:
        """Return the message that a read selects: by subject, by time, else by sequence (STR-MGET, STR-DIR)."""
        if last_of:
            return self.last_matching(last_of)
        if next_of:
            return self.next_matching([next_of], seq)
        return self.get(seq) if since is None else self.next_from(self.seq_at(since))

    def last_per_subject(self, patterns: list[Subject]) -> list[StoredMessage]:
        """Return the newest message of every subject that matches one of ``patterns`` (none: any), by sequence."""
        found: dict[Seq, StoredMessage] = {}
        for pattern in patterns or [b">"]:
            for _, chain in self.subjects.items_matching(pattern):
                found[chain.newest.seq] = chain.newest
        return [found[seq] for seq in sorted(found)]

    def seq_at(self, ts: Nanos) -> Seq:
        """Return the sequence of the first message stored at or after ``ts``; last + 1 where there is none."""
        low, high = self.first_seq, self.last_seq + 1
        while low < high:
            middle = (low + high) // 2
            message = self.next_from(middle)
            if message is None or message.ts >= ts:
                high = middle
            else:
                low = message.seq + 1
        first = self.next_from(low)
        return self.last_seq + 1 if first is None else first.seq

    def count_from(self, patterns: list[Subject], seq: Seq) -> int:
        """Return how many messages at or after ``seq`` match one of ``patterns`` (none: any)."""
        if seq <= self.first_seq:
            return len(self._messages) if not patterns else self._count_matching(patterns)
        count, message = 0, self.next_matching(patterns, seq)
        while message is not None:
            count += 1
            message = self.next_matching(patterns, message.seq + 1)
        return count

    def _count_matching(self, patterns: list[Subject]) -> int:
        counted: dict[Subject, int] = {}
        for pattern in patterns:
            for subject, chain in self.subjects.items_matching(pattern):
                counted[subject] = chain.count
        return sum(counted.values())

    def deleted(self) -> list[Seq]:
        """Return the interior sequences that hold no message, ascending (STR-INF-003); none of an empty store."""
        if not self._messages:
            return []
        return [seq for seq in range(self.first_seq, self.last_seq + 1) if seq not in self._messages]

    def check_invariants(self) -> None:
        """Assert every invariant."""
        messages = list(self._messages.values())
        assert [m.seq for m in messages] == sorted(m.seq for m in messages)
        assert self.bytes == sum(stored_size(self.storage, m.subject, m.header_size, m.body) for m in messages)
        assert all(self.first_seq <= m.seq <= self.last_seq for m in messages)
        assert not messages or messages[0].seq == self.first_seq
        assert messages or self.first_seq == self.last_seq + 1 or self.last_seq == 0
        assert sum(chain.count for _, chain in self.subjects.items_matching(b">")) == len(messages)
