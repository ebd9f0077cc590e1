"""A group of Raft servers on a network that the test, not chance, operates."""

from __future__ import annotations

from typing import Final

from refjs.raft.config import RaftConfig, RaftRules
from refjs.raft.messages import Entry, EntryKind, Message, Peers
from refjs.raft.node import Raft
from refjs.raft.state import Role
from refjs.raft.store import DiskStore
from refjs.storage.memory import MemoryDisk
from refjs.types.rng import Rng
from refjs.types.units import SECOND, Nanos, ServerId

NAMES: Final = [ServerId(name) for name in "abcde"]


class Net:
    """Servers ``a``, ``b``, ... whose messages wait in ``wire`` until they are delivered or lost.

    A disk here is what was synced: a crash puts the server back on a copy made at its last sync.
    """

    def __init__(self, size: int = 3, *, rules: RaftRules | None = None, seed: int = 1, sync: bool = True) -> None:
        self.names = NAMES[:size]
        self.now: Nanos = 0
        self.sync = sync  # whether syncs complete at once
        self.rng = Rng(seed)
        self.rules = rules or RaftRules()
        self.disks = {name: MemoryDisk() for name in self.names}
        self.durable = {name: MemoryDisk() for name in self.names}
        self.rafts: dict[ServerId, Raft] = {}
        self.wire: list[Message] = []
        self.applied: dict[ServerId, list[Entry]] = {name: [] for name in self.names}
        self.waiting: dict[ServerId, int] = {}
        for name in self.names:
            self.start(name)

    def config(self, name: ServerId) -> RaftConfig:
        return RaftConfig(name, self.peers_of(name), rules=self.rules)

    def peers_of(self, _name: ServerId) -> Peers:
        """Return the members that a new server believes in."""
        return tuple(self.names)

    def start(self, name: ServerId) -> Raft:
        store = DiskStore(self.disks[name], "group")
        raft = Raft.start(self.config(name), store, store.recover(), self.rng.split(), self.now)
        self.rafts[name] = raft
        self.take(name)
        return raft

    def take(self, name: ServerId) -> None:
        """Do what ``name`` has ready."""
        raft = self.rafts[name]
        while True:
            raft.check()
            ready = raft.ready()
            self.wire += ready.messages
            if ready.snapshot is not None:
                self.applied[name] = []
            self.applied[name] += ready.committed
            if ready.sync and not self.sync:
                self.waiting[name] = ready.sync
                return
            if not ready.sync:
                return
            self.durable[name] = self.disks[name].fork()
            raft.synced(ready.sync, self.now)

    def finish_sync(self, name: ServerId) -> None:
        """Complete the sync that ``name`` waits for."""
        ticket = self.waiting.pop(name)
        self.durable[name] = self.disks[name].fork()
        self.rafts[name].synced(ticket, self.now)
        self.take(name)

    def crash(self, name: ServerId, *, keep: bool = False) -> Raft:
        """Cut the power of ``name`` and start it again from what was durable, or ``keep`` what was written besides."""
        if not keep:
            self.disks[name] = self.durable[name].fork()
        self.waiting.pop(name, None)
        self.applied[name] = []
        return self.start(name)

    def deliver(self, message: Message) -> None:
        self.rafts[message.target].step(message, self.now)
        self.take(message.target)

    def settle(self, *, down: str = "") -> None:
        """Deliver, first come first served, until nothing is under way; what concerns ``down`` servers is lost."""
        while self.wire:
            message = self.wire.pop(0)
            if message.target not in down and message.source not in down:
                self.deliver(message)

    def fire(self, name: str) -> None:
        """Let the next deadline of ``name`` come."""
        raft = self.rafts[ServerId(name)]
        deadline = raft.next_deadline()
        assert deadline is not None
        self.now = max(self.now, deadline)
        raft.advance(self.now)
        self.take(ServerId(name))

    def run(self, duration: Nanos, *, down: str = "") -> None:
        """Let time pass for all servers but those ``down``, with messages delivered at once."""
        end = self.now + duration
        self.settle(down=down)
        while True:
            due = [
                (deadline, name)
                for name, raft in self.rafts.items()
                if name not in down and (deadline := raft.next_deadline()) is not None
            ]
            if not due or min(due)[0] > end:
                break
            self.fire(min(due)[1])
            self.settle(down=down)
        self.now = end

    def elect(self, name: str) -> Raft:
        """Make ``name`` the leader."""
        self.now += 10 * SECOND
        raft = self.rafts[ServerId(name)]
        raft.advance(self.now)
        self.take(ServerId(name))
        self.settle()
        assert raft.role is Role.LEADER
        return raft

    def propose(self, name: str, data: bytes) -> int:
        index = self.rafts[ServerId(name)].propose(data)
        self.take(ServerId(name))
        return index

    def leader(self) -> Raft:
        """Return the leader of the latest term."""
        leaders = [raft for raft in self.rafts.values() if raft.role is Role.LEADER]
        return max(leaders, key=lambda raft: raft.term)

    def data(self, name: str) -> list[bytes]:
        """Return what ``name`` has applied."""
        return [entry.data for entry in self.applied[ServerId(name)] if entry.kind is EntryKind.NORMAL]
