"""A replicated group behind the ``Log`` seam: the state machine above does not know that it is not alone."""

from __future__ import annotations

from typing import Generic, TypeVar, final

from refjs.raft.messages import EntryKind, Snapshot
from refjs.raft.node import Raft
from refjs.raft.outbox import Ready
from refjs.storage.log import Codec, Log

E = TypeVar("E")


@final
class RaftLog(Log[E], Generic[E]):
    """The log of one server of a group.

    The owner drives ``raft`` and takes what is ready from here, not from there: ``ready`` keeps the committed entries
    for ``take_committed`` and a snapshot for ``take_snapshot``, which goes first.
    """

    def __init__(self, raft: Raft, codec: Codec[E]) -> None:
        self.raft = raft
        self._codec = codec
        self._own: dict[int, tuple[bytes, E]] = {}  # what we proposed, so that it need not be decoded
        self._committed: list[tuple[int, E]] = []
        self._snapshot: Snapshot | None = None

    def propose(self, entry: E) -> int:
        data = self._codec.encode(entry)
        index = self.raft.propose(data)
        if index:
            self._own[index] = (data, entry)
        return index

    def ready(self) -> Ready:
        """Return, once, what is to be sent and synced."""
        ready = self.raft.ready()
        if ready.snapshot is not None:
            self._snapshot = ready.snapshot
            self._committed = []
        for entry in ready.committed:
            own = self._own.pop(entry.index, None)
            if entry.kind is EntryKind.NORMAL:
                known = own is not None and own[0] is entry.data
                self._committed.append((entry.index, own[1] if own and known else self._codec.decode(entry.data)))
        if self._own and not self.raft.leads():
            self._own = {}
        return ready

    def take_committed(self) -> list[tuple[int, E]]:
        committed, self._committed = self._committed, []
        return committed

    def take_snapshot(self) -> bytes | None:
        snapshot, self._snapshot = self._snapshot, None
        return None if snapshot is None else snapshot.data

    def leads(self) -> bool:
        return self.raft.leads() and not self._committed and self._snapshot is None
