"""Servers whose disks fail: they stop, or heal from the others, and never vote with a hole in their log."""

from __future__ import annotations

from typing import Final

import pytest

from refjs.raft.config import RaftConfig, RaftRules
from refjs.raft.messages import AppendEntries, RequestVote, VoteReply
from refjs.raft.node import Raft
from refjs.raft.state import Role
from refjs.raft.store import Ballot, DiskStore, NullStore, Recovered
from refjs.storage.disk import DiskError
from refjs.storage.memory import MemoryDisk
from refjs.types.rng import Rng
from refjs.types.units import SECOND, ServerId
from tests.raft_net import Net

A, B, C = ServerId("a"), ServerId("b"), ServerId("c")
LOG: Final = "group/log"


def with_entries(count: int = 5, *, rules: RaftRules | None = None) -> Net:
    net = Net(rules=rules)
    net.elect("a")
    for number in range(count):
        net.propose("a", b"%d" % number)
    net.settle()
    net.run(2 * SECOND)
    return net


def damage(net: Net, name: ServerId) -> Raft:
    """Flip a bit in the middle of a server's log, and restart it."""
    data = bytearray(net.disks[name].read(LOG))
    data[len(data) // 2] ^= 1
    net.disks[name].replace(LOG, bytes(data))
    return net.crash(name, keep=True)


def test_a_server_with_a_hole_in_its_log_has_no_vote() -> None:
    """A server that has lost entries begins a new term, grants no vote in it or later, and never campaigns."""
    net = with_entries()
    raft = damage(net, B)
    assert (raft.fenced, raft.term, raft.last_index) == (True, 2, 2)
    assert raft.next_deadline() is None
    net.deliver(RequestVote(C, B, 9, 100, 9, pre=False, transfer=False))
    assert [m.granted for m in net.wire if isinstance(m, VoteReply)] == [False]


def test_the_fence_outlives_another_restart() -> None:
    """A server that crashes before it is healed is still without a vote, although its log can be read again."""
    net = with_entries()
    damage(net, B)
    assert net.crash(B).fenced


def test_a_damaged_server_heals_from_a_leader_elected_without_it() -> None:
    """Under a new leader the lost entries come back, and when one of its term is committed the vote does, too."""
    net = with_entries()
    raft = damage(net, B)
    net.run(30 * SECOND)
    assert not raft.fenced
    assert net.leader().me != B
    assert net.data("b") == net.data("a") == [b"0", b"1", b"2", b"3", b"4"]
    net.elect("b")


def test_what_could_not_be_read_is_kept_aside() -> None:
    """The damaged file is there under another name after the server went on."""
    net = with_entries()
    data = bytearray(net.disks[B].read(LOG))
    damage(net, B)
    assert len(net.disks[B].read(f"{LOG}.damaged")) == len(data)


def test_a_group_with_too_many_holes_has_no_leader() -> None:
    """With two of three logs damaged nobody can know what was committed, and nobody leads."""
    net = with_entries()
    for name in (B, C):
        damage(net, name)
    net.run(60 * SECOND)
    assert all(raft.role is not Role.LEADER for raft in net.rafts.values())


def test_a_server_that_forgot_its_vote_follows_and_never_votes() -> None:
    """With both copies of the ballot lost a server stores entries but stays without a vote."""
    net = with_entries()
    for name in ("group/ballot.a", "group/ballot.b"):
        net.disks[B].replace(name, b"?" * 20)
    raft = net.crash(B, keep=True)
    net.propose("a", b"more")
    net.run(30 * SECOND)
    assert raft.fenced
    assert net.data("b")[-1] == b"more"


def test_a_server_that_votes_with_a_hole_is_a_switch() -> None:
    """The deviation lets a damaged server go on with what it can read."""
    net = with_entries(rules=RaftRules(vote_with_hole=True))
    raft = damage(net, B)
    assert not raft.fenced
    assert raft.next_deadline() is not None


def test_what_is_read_after_a_restart_is_synced_before_it_is_told() -> None:
    """A restarted server takes no part until all it has read is durable: it may have survived its process only."""
    net = with_entries()
    net.sync = False
    raft = net.crash(B, keep=True)
    net.deliver(RequestVote(C, B, 9, 100, 9, pre=False, transfer=False))
    assert net.wire == []
    net.finish_sync(B)
    net.deliver(RequestVote(C, B, 9, 100, 9, pre=False, transfer=False))
    net.finish_sync(B)
    assert (len(net.wire), raft.term) == (1, 9)


class FailingDisk:
    """Refuses every write from some point on."""

    def __init__(self) -> None:
        self.inner = MemoryDisk()
        self.failed = False

    def _writable(self) -> MemoryDisk:
        if self.failed:
            raise DiskError("no space left on the disk")
        return self.inner

    def append(self, name: str, data: bytes) -> None:
        self._writable().append(name, data)

    def read(self, name: str) -> bytes:
        return self.inner.read(name)

    def truncate(self, name: str, size: int) -> None:
        self._writable().truncate(name, size)

    def replace(self, name: str, data: bytes) -> None:
        self._writable().replace(name, data)

    def remove(self, name: str) -> None:
        self._writable().remove(name)

    def list(self, prefix: str) -> list[str]:
        return self.inner.list(prefix)


def started(disk: FailingDisk) -> Raft:
    store = DiskStore(disk, "group")
    return Raft.start(RaftConfig(A, (A,)), store, store.recover(), Rng(1), 0)


@pytest.mark.req("CLU-REC-006")
def test_a_server_whose_disk_refuses_stops() -> None:
    """After a refused write a server says nothing, has no deadline, leads nothing and tells why."""
    disk = FailingDisk()
    raft = started(disk)
    for _ in range(3):
        raft.advance(9 * SECOND)
        raft.synced(raft.ready().sync, 9 * SECOND)
    raft.ready()
    assert raft.propose(b"kept") == 2
    disk.failed = True
    assert raft.propose(b"refused") == 0
    assert raft.halted == "no space left on the disk"
    raft.step(AppendEntries(B, A, 9, 0, 0, 0, []), 10 * SECOND)
    raft.advance(20 * SECOND)
    ready = raft.ready()
    assert (ready.messages, ready.sync, ready.committed, raft.next_deadline()) == ([], 0, [], None)
    assert not raft.leads()


def test_a_server_whose_disk_refuses_at_once_never_begins() -> None:
    """A store that cannot be created halts the server from the start."""
    disk = FailingDisk()
    disk.failed = True
    assert started(disk).halted


def test_an_entry_that_outlived_the_record_of_its_term_is_believed() -> None:
    """A log whose last term is above the ballot's puts the server into that term, without a vote given."""
    net = with_entries()
    entries = net.rafts[A].state.journal.slice(1, 3)
    raft = Raft.start(RaftConfig(B, (A, B)), NullStore(), Recovered(Ballot(0), None, entries, fresh=False), Rng(1), 0)
    assert (raft.term, raft.state.ballot.vote) == (1, "")
