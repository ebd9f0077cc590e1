"""The ``Log`` seam: where a state machine proposes entries and learns what was committed.

One path for one server and for many: on one server the log commits at once (``LocalLog``), in a replicated group it
commits by Raft (``raft.log.RaftLog``).  The state machine does not know which (docs/decisions/0003).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

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
