"""How a log is replicated and committed (paper 5.3 and 5.4.2)."""

from __future__ import annotations

import pytest

from refjs.raft.config import RaftConfig
from refjs.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Entry,
    EntryKind,
    InstallSnapshot,
)
from refjs.raft.node import Raft
from refjs.raft.progress import Mode
from refjs.raft.state import Role
from refjs.raft.store import Ballot, NullStore, Recovered
from refjs.types.rng import Rng
from refjs.types.units import SECOND, ServerId
from tests.raft_net import Net

A, B, C = ServerId("a"), ServerId("b"), ServerId("c")


def appends(net: Net) -> list[AppendEntries]:
    return [message for message in net.wire if isinstance(message, AppendEntries)]


@pytest.mark.req("CLU-PUB-001")
def test_an_entry_commits_when_a_majority_has_stored_it() -> None:
    """With two of three servers an entry commits and is applied by all that are there, and with one it does not."""
    net = Net()
    net.elect("a")
    net.propose("a", b"one")
    net.settle(down="c")
    assert net.data("a") == [b"one"]
    net.propose("a", b"two")
    net.settle(down="bc")
    assert net.data("a") == [b"one"]


def test_followers_learn_of_a_commit_with_the_next_message() -> None:
    """A follower applies an entry when a later message, a heartbeat at the latest, says that it is committed."""
    net = Net()
    net.elect("a")
    net.propose("a", b"one")
    net.settle()
    assert net.data("b") == []
    net.run(SECOND)
    assert net.data("b") == net.data("c") == [b"one"]


def test_proposals_made_together_travel_together() -> None:
    """What is proposed before the embedder asks for messages goes in one message to each follower."""
    net = Net()
    leader = net.elect("a")
    for number in range(5):
        leader.propose(b"%d" % number)
    net.take(A)
    assert [(m.target, len(m.entries)) for m in appends(net)] == [(B, 5), (C, 5)]


def test_no_more_than_a_window_of_messages_is_under_way() -> None:
    """A follower that does not answer is sent a bounded number of messages with entries, and no more."""
    net = Net()
    net.elect("a")
    for number in range(50):
        net.propose("a", b"%d" % number)
    assert len([m for m in appends(net) if m.target == B]) == net.config(A).window
    net.settle()
    assert len(net.data("a")) == 50


def test_a_message_carries_no_more_than_a_batch() -> None:
    """Entries are split over messages at the limit of bytes, and one that exceeds it travels alone."""
    net = Net()
    leader = net.elect("a")
    size = net.config(A).batch_bytes
    for data in (b"x" * (size // 2), b"y" * (size // 2), b"z", b"X" * (2 * size), b"w"):
        leader.propose(data)
    net.take(A)
    assert [[entry.data[:1] for entry in m.entries] for m in appends(net) if m.target == B] == [
        [b"x", b"y"],
        [b"z"],
        [b"X"],
        [b"w"],
    ]


def test_an_entry_is_not_acknowledged_before_it_is_durable() -> None:
    """A follower's answer waits for the sync of the entries; the leader counts its own copy likewise."""
    net = Net(sync=False)
    for name in net.names:
        net.finish_sync(name)
    net.now += 10 * SECOND
    net.rafts[A].advance(net.now)
    net.take(A)
    while net.rafts[A].role is not Role.LEADER or net.wire:
        net.settle()
        for name in list(net.waiting):
            net.finish_sync(name)
    net.propose("a", b"one")
    net.settle(down="c")
    assert net.data("a") == []
    net.finish_sync(B)
    net.settle(down="c")
    assert net.data("a") == []  # two copies, of which one is durable
    net.finish_sync(A)
    assert net.data("a") == [b"one"]


def test_a_leader_commits_without_its_own_disk() -> None:
    """An entry that is durable on a majority commits although the leader's sync is not done."""
    net = Net()
    net.elect("a")
    net.sync = False
    net.propose("a", b"one")
    net.sync = True
    net.settle()
    assert net.data("a") == [b"one"]
    assert net.rafts[A].state.durable == 1


def follower(entries: list[Entry], *, term: int, peers: str = "ab") -> Raft:
    """Return server ``b`` with a log, ready to hear from its leader ``a``."""
    config = RaftConfig(B, tuple(ServerId(name) for name in peers))
    raft = Raft.start(config, NullStore(), Recovered(Ballot(term), None, entries, fresh=False), Rng(1), 0)
    raft.synced(raft.ready().sync, 0)
    return raft


def log(*terms: int) -> list[Entry]:
    return [Entry(index, term, EntryKind.NORMAL, b"%d" % term) for index, term in enumerate(terms, 1)]


def answer(raft: Raft, message: AppendEntries) -> AppendAccepted | AppendRejected:
    raft.step(message, 0)
    ready = raft.ready()
    if ready.sync:
        raft.synced(ready.sync, 0)
        ready = raft.ready()
    assert isinstance(ready.messages[-1], AppendAccepted | AppendRejected)
    return ready.messages[-1]


def test_entries_are_refused_where_the_log_before_them_differs() -> None:
    """A follower rejects entries whose predecessor it lacks or has in another term, and changes nothing."""
    raft = follower(log(1, 1), term=3)
    for prev_index, prev_term in ((3, 2), (2, 2)):
        reply = answer(raft, AppendEntries(A, B, 3, prev_index, prev_term, 0, []))
        assert isinstance(reply, AppendRejected)
        assert (reply.prev_index, reply.hint_index, reply.hint_term) == (prev_index, 2, 1)
    assert raft.last_index == 2


def test_entries_of_an_old_leader_are_overwritten() -> None:
    """Where an entry conflicts with the leader's, it and all behind it go, and the leader's take their place."""
    raft = follower(log(1, 2, 2, 2), term=2)
    reply = answer(raft, AppendEntries(A, B, 3, 1, 1, 0, log(1, 3)[1:]))
    assert reply == AppendAccepted(B, A, 3, 2)
    assert raft.state.journal.slice(1, raft.last_index) == log(1, 3)


def test_entries_already_there_are_kept_with_what_follows_them() -> None:
    """An old message whose entries are all there shortens no log."""
    raft = follower(log(1, 1, 1, 1), term=1)
    assert answer(raft, AppendEntries(A, B, 1, 0, 0, 0, log(1, 1))) == AppendAccepted(B, A, 1, 2)
    assert raft.last_index == 4


def test_a_follower_commits_no_further_than_what_it_knows_to_match() -> None:
    """The leader's commit index counts only as far as the message proves the logs to be equal."""
    raft = follower(log(1, 1, 1), term=1)
    answer(raft, AppendEntries(A, B, 1, 1, 1, 3, []))
    assert raft.commit == 1


def test_a_message_of_an_earlier_term_is_answered_with_the_later_one() -> None:
    """A leader of an earlier term learns from the rejection that its time is over."""
    raft = follower(log(1), term=4)
    reply = answer(raft, AppendEntries(A, B, 3, 1, 1, 1, []))
    assert isinstance(reply, AppendRejected)
    assert (reply.term, raft.commit, raft.leader) == (4, 0, "")


def test_a_leader_finds_where_a_follower_agrees_in_few_steps() -> None:
    """A follower with a long tail of another leader's entries is repaired in a message or two a term, not an entry."""
    net = Net()
    net.elect("a")
    for number in range(40):
        net.propose("a", b"%d" % number)
    net.wire = []
    net.run(30 * SECOND, down="a")
    assert net.rafts[A].last_index == 41
    leader = net.leader()
    net.propose(leader.me, b"kept")
    net.run(3 * SECOND, down="a")
    net.now += 4 * SECOND
    net.rafts[leader.me].advance(net.now)
    net.take(leader.me)
    exchanged = 0
    while net.wire:
        message = net.wire.pop(0)
        exchanged += A in (message.source, message.target)
        net.deliver(message)
    net.run(SECOND)
    assert exchanged <= 6
    assert net.rafts[A].state.journal.slice(1, 3) == net.rafts[leader.me].state.journal.slice(1, 3)
    assert net.data("a") == [b"kept"]


def test_an_entry_of_an_earlier_term_commits_only_with_one_of_this_term() -> None:
    """A new leader counts no copies of its predecessors' entries; its own first entry commits them all (Figure 8)."""
    net = Net()
    net.elect("a")
    net.propose("a", b"old")
    for message in appends(net):
        if message.target == B:
            net.rafts[B].step(message, net.now)
            net.take(B)
    net.wire = []
    net.now += 10 * SECOND
    leader = net.rafts[B]
    leader.step(AppendEntries(A, B, 1, 2, 1, 0, []), net.now - 9 * SECOND)
    net.elect("b")
    assert leader.state.term_began == 3
    assert net.data("b") == [b"old"]
    assert leader.commit == 3


def test_a_leader_announces_itself_when_it_has_applied_everything_before() -> None:
    """A server that won proposes only after its first entry, and so all before it, was committed and handed out."""
    net = Net()
    net.now = 10 * SECOND
    raft = net.rafts[A]
    raft.advance(net.now)
    net.take(A)
    while raft.role is not Role.LEADER:
        net.deliver(net.wire.pop(0))
    assert not raft.leads()
    assert raft.propose(b"early") == 0
    net.settle()
    assert raft.leads()
    assert raft.propose(b"now") == 2


def test_a_follower_takes_no_proposals() -> None:
    """A server that does not lead refuses proposals."""
    net = Net()
    net.elect("a")
    assert net.propose("b", b"no") == 0


@pytest.mark.req("CLU-REC-001")
def test_a_follower_that_lags_behind_the_snapshot_is_sent_it() -> None:
    """A follower that lacks compacted entries gets the snapshot, the members in it, and the entries after it."""
    net = Net()
    net.elect("a")
    for number in range(300):
        net.propose("a", b"%d" % number)
    net.settle(down="c")
    leader = net.rafts[A]
    leader.compact(leader.commit, b"state of 300")
    assert leader.state.journal.base_index == leader.commit - net.config(A).retain_entries
    net.propose("a", b"after")
    net.settle(down="c")
    seen: list[InstallSnapshot] = []
    for _ in range(3):
        net.fire("a")
        while net.wire:
            message = net.wire.pop(0)
            if isinstance(message, InstallSnapshot):
                seen.append(message)
            net.deliver(message)
    assert [(m.target, m.snapshot.index, m.snapshot.data) for m in seen] == [(C, 301, b"state of 300")]
    assert net.data("c") == [b"after"]
    assert net.rafts[C].state.snapshot == leader.state.snapshot


def test_a_follower_that_lags_a_little_is_fed_from_memory() -> None:
    """Entries just before a snapshot are kept for followers that are not far behind."""
    net = Net()
    net.elect("a")
    for number in range(20):
        net.propose("a", b"%d" % number)
    net.settle(down="c")
    net.rafts[A].compact(21, b"state")
    net.run(2 * SECOND)
    assert len(net.data("c")) == 20
    assert net.rafts[C].state.snapshot is None


def test_a_snapshot_that_is_lost_is_sent_again() -> None:
    """After some heartbeats without an answer the leader sends the snapshot once more."""
    net = Net()
    leader = net.elect("a")
    for number in range(600):
        net.propose("a", b"%d" % number)
        net.settle(down="c")
    leader.compact(leader.commit, b"state")
    net.run(3 * SECOND, down="c")
    assert leader.state.progress[C].mode is Mode.SNAPSHOT
    net.run(net.config(A).snapshot_beats * SECOND + 3 * SECOND)
    assert net.rafts[C].commit == leader.commit


def test_a_restart_goes_on_from_the_snapshot() -> None:
    """A server that compacted its log restarts with the snapshot, the entries after it and nothing before."""
    net = Net()
    leader = net.elect("a")
    for number in range(10):
        net.propose("a", b"%d" % number)
    net.settle()
    leader.compact(6, b"state of 6")
    net.propose("a", b"after")
    net.settle()
    store_state = net.crash(A)
    assert store_state.state.snapshot is not None
    assert (store_state.state.snapshot.index, store_state.last_index) == (6, 12)
    net.run(20 * SECOND)
    assert net.data("a") == [b"5", b"6", b"7", b"8", b"9", b"after"]


def test_a_lone_server_needs_no_timer() -> None:
    """The leader of a group of one has no deadline, and its proposals commit with its own sync."""
    net = Net(1)
    net.run(10 * SECOND)
    assert net.rafts[A].next_deadline() is None
    net.propose("a", b"one")
    assert net.data("a") == [b"one"]


def test_an_idle_group_is_quiet() -> None:
    """A group of three without proposals exchanges four messages a second."""
    net = Net()
    net.elect("a")
    net.run(2 * SECOND)
    count = 0
    end = net.now + 10 * SECOND
    while net.now < end:
        net.fire("a")
        while net.wire:
            count += 1
            net.deliver(net.wire.pop(0))
    assert count == 4 * 10
