"""Raft behind the ``Log`` seam."""

from __future__ import annotations

from refjs.raft.config import RaftConfig, RaftRules
from refjs.raft.log import RaftLog
from refjs.raft.messages import AppendEntries, Entry, EntryKind, InstallSnapshot, Snapshot
from refjs.raft.node import Raft
from refjs.raft.store import NullStore, Recovered
from refjs.types.rng import Rng
from refjs.types.units import SECOND, ServerId

A, B = ServerId("a"), ServerId("b")
LAZY = RaftRules(vote_before_sync=True, ack_before_sync=True)


class CountingCodec:
    """Entries that are words; counts what it decodes."""

    def __init__(self) -> None:
        self.decoded = 0

    def encode(self, entry: str) -> bytes:
        return entry.encode()

    def decode(self, data: bytes) -> str:
        self.decoded += 1
        return data.decode()


def opened(codec: CountingCodec, *peers: ServerId) -> RaftLog[str]:
    log = RaftLog(Raft.start(RaftConfig(A, peers, rules=LAZY), NullStore(), Recovered(), Rng(1), 0), codec)
    log.raft.advance(9 * SECOND)
    log.ready()
    return log


def test_a_leader_gets_back_what_it_proposed() -> None:
    """A committed entry is the object proposed, with its index, once, and was not decoded for that."""
    codec = CountingCodec()
    log = opened(codec, A)
    word = "word"
    index = log.propose(word)
    log.ready()
    committed = log.take_committed()
    assert committed == [(index, "word")]
    assert committed[0][1] is word
    assert log.take_committed() == []
    assert codec.decoded == 0


def test_a_log_leads_when_its_owner_has_taken_everything() -> None:
    """Between a commit and its collection the owner's state is behind, and the log does not lead."""
    log = opened(CountingCodec(), A)
    assert log.leads()
    log.propose("word")
    log.ready()
    assert not log.leads()
    log.take_committed()
    assert log.leads()


def test_a_follower_decodes_what_others_proposed() -> None:
    """Entries of another server are decoded, and those that are Raft's own are left out."""
    codec = CountingCodec()
    log = opened(codec, A, B)
    entries = [Entry(1, 3, EntryKind.NOOP, b""), Entry(2, 3, EntryKind.NORMAL, b"word")]
    log.raft.step(AppendEntries(B, A, 3, 0, 0, 2, entries), 9 * SECOND)
    log.ready()
    assert log.take_committed() == [(2, "word")]
    assert codec.decoded == 1
    assert log.propose("no") == 0


def test_a_snapshot_goes_before_what_follows_it() -> None:
    """What was committed and not yet taken is in a snapshot that arrives, and is dropped for it."""
    log = opened(CountingCodec(), A, B)
    log.raft.step(AppendEntries(B, A, 3, 0, 0, 1, [Entry(1, 3, EntryKind.NORMAL, b"old")]), 9 * SECOND)
    log.ready()
    log.raft.step(InstallSnapshot(B, A, 3, Snapshot(5, 3, (A, B), b"state")), 9 * SECOND)
    log.raft.step(AppendEntries(B, A, 3, 5, 3, 6, [Entry(6, 3, EntryKind.NORMAL, b"new")]), 9 * SECOND)
    log.ready()
    assert log.take_snapshot() == b"state"
    assert log.take_snapshot() is None
    assert log.take_committed() == [(6, "new")]
