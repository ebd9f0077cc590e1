"""The ``Log`` seam: where a state machine proposes entries and learns what was committed.

One path for one server and for many: on one server the log commits at once (``LocalLog`` in memory, ``DurableLog`` on
a disk), in a replicated group it commits by Raft (``raft.log.RaftLog``).  The state machine does not know which
(docs/decisions/0003).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar, final

from refjs.storage.codec import CorruptData
from refjs.storage.disk import Disk
from refjs.storage.wal import Damage, Wal

E = TypeVar("E")


class Codec(Protocol[E]):
    """How entries become bytes: canonical, so that equal entries have equal bytes."""

    def encode(self, entry: E) -> bytes:
        """Return the canonical encoding of ``entry``."""

    def decode(self, data: bytes) -> E:
        """Return the entry that ``data`` encodes; raise ``CorruptData`` where it encodes none."""


class Log(ABC, Generic[E]):
    """An append-only log of entries, each known by its index (the first is 1)."""

    @abstractmethod
    def propose(self, entry: E) -> int:
        """Append ``entry`` and return the index at which it will commit, or 0 where this replica does not lead."""

    @abstractmethod
    def take_committed(self) -> list[tuple[int, E]]:
        """Return, once, what was committed since the last call, in order of the index."""

    @abstractmethod
    def leads(self) -> bool:
        """Tell whether this replica may propose now."""

    def take_snapshot(self) -> bytes | None:
        """Return, once, the state to restore before applying what ``take_committed`` returns, where there is one."""
        return None


class LocalLog(Log[E]):
    """A log of one server: what is proposed is committed."""

    def __init__(self) -> None:
        self.last_index = 0
        self._committed: list[tuple[int, E]] = []

    def propose(self, entry: E) -> int:
        self.last_index += 1
        self._committed.append((self.last_index, entry))
        return self.last_index

    def take_committed(self) -> list[tuple[int, E]]:
        committed, self._committed = self._committed, []
        return committed

    def leads(self) -> bool:
        return True


@final
class DurableLog(Log[E]):
    """A log of one server that outlives it: what is proposed is committed and appended to a file.

    When the file is synced is the owner's policy.  A log with ``damage`` does not lead: it has lost entries that were
    perhaps acknowledged, and says so instead of going on without them.  Any method may raise ``DiskError``.
    """

    def __init__(self, wal: Wal, codec: Codec[E]) -> None:
        """Wrap a ``wal`` that was recovered; ``open`` does it."""
        self._wal = wal
        self._codec = codec
        self._committed: list[tuple[int, E]] = []
        self.damage: Damage | None = wal.damage
        self.torn_bytes = 0
        self.snapshot = b""

    @classmethod
    def open(cls, disk: Disk, name: str, codec: Codec[E]) -> tuple[DurableLog[E], list[tuple[int, E]]]:
        """Return the log kept in ``name``, and what it holds after its ``snapshot``: indexes and entries, in order."""
        wal = Wal(disk, name)
        recovery = wal.recover()
        log = DurableLog(wal, codec)
        log.torn_bytes, log.snapshot = recovery.torn_bytes, recovery.preface
        entries: list[tuple[int, E]] = []
        for number, data in enumerate(recovery.records):
            index = recovery.first_index + number
            try:
                entries.append((index, codec.decode(data)))
            except CorruptData as error:
                log.damage = Damage(name, 0, index, f"a record is no entry: {error}")
                break
        return log, entries

    @property
    def last_index(self) -> int:
        """The index of the last entry; 0 where there was never one."""
        return self._wal.next_index - 1

    @property
    def size(self) -> int:
        """The size of the file, in bytes: what ``compact`` would win back."""
        return self._wal.size

    def propose(self, entry: E) -> int:
        if self.damage is not None:
            return 0
        index = self._wal.next_index
        self._wal.append(index, self._codec.encode(entry))
        self._committed.append((index, entry))
        return index

    def take_committed(self) -> list[tuple[int, E]]:
        committed, self._committed = self._committed, []
        return committed

    def leads(self) -> bool:
        return self.damage is None

    def compact(self, snapshot: bytes) -> None:
        """Put ``snapshot``, the owner's state after ``last_index``, in the place of all entries."""
        self._wal.reset(self._wal.next_index, snapshot, [])
        self.snapshot = snapshot
