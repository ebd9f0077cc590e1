"""Who votes: the members, which change one server at a time by entries of the log (thesis 4.1).

A change counts from the moment its entry is in a server's log, committed or not, and is taken back when the entry is.
Because only one server joins or leaves, any two majorities before and after have a server in common.
"""

from __future__ import annotations

from typing import final

from refjs.raft.messages import Peers
from refjs.types.units import ServerId


@final
class Membership:
    """The members at the log's base, and the changes that the log holds."""

    __slots__ = ("_base", "_changes", "peers")

    def __init__(self, base: Peers) -> None:
        self._base = base
        self._changes: list[tuple[int, Peers]] = []
        self.peers = base

    @property
    def quorum(self) -> int:
        """How many members make a majority."""
        return len(self.peers) // 2 + 1

    @property
    def last_change(self) -> int:
        """The index of the last change in the log; 0 where it holds none."""
        return self._changes[-1][0] if self._changes else 0

    def includes(self, server: ServerId) -> bool:
        """Tell whether ``server`` is a member."""
        return server in self.peers

    def at(self, index: int) -> Peers:
        """Return the members after the entry ``index``, which must not be before the base."""
        peers = self._base
        for changed, to in self._changes:
            if changed <= index:
                peers = to
        return peers

    def change(self, index: int, peers: Peers) -> None:
        """Note that the entry ``index`` makes ``peers`` the members."""
        assert index > self.last_change
        self._changes.append((index, peers))
        self.peers = peers

    def truncate_from(self, index: int) -> None:
        """Take back the changes of ``index`` and all behind it."""
        while self._changes and self._changes[-1][0] >= index:
            del self._changes[-1]
        self.peers = self._changes[-1][1] if self._changes else self._base

    def restore(self, peers: Peers) -> None:
        """Begin anew with ``peers``."""
        self._base, self._changes, self.peers = peers, [], peers

    def fork(self) -> Membership:
        """Return an independent copy."""
        copy = Membership(self._base)
        copy._changes = self._changes.copy()
        copy.peers = self.peers
        return copy


def one_server_apart(before: Peers, after: Peers) -> bool:
    """Tell whether exactly one server joins or leaves."""
    return len(set(before) ^ set(after)) == 1
