"""How a group finds its leader (paper 5.2 and 5.4.1, thesis 4.2.3 and 9.6)."""

from __future__ import annotations

import pytest

from refjs.raft.config import RaftConfig, RaftRules
from refjs.raft.messages import AppendEntries, RequestVote, TimeoutNow, VoteReply
from refjs.raft.node import Raft
from refjs.raft.state import Role
from refjs.raft.store import NullStore, Recovered
from refjs.types.rng import Rng
from refjs.types.units import SECOND, ServerId
from tests.raft_net import Net

A, B, C = ServerId("a"), ServerId("b"), ServerId("c")


def request(source: ServerId, target: ServerId, term: int, *, log: tuple[int, int] = (0, 0)) -> RequestVote:
    return RequestVote(source, target, term, log[0], log[1], pre=False, transfer=False)


def replies(net: Net) -> list[VoteReply]:
    return [message for message in net.wire if isinstance(message, VoteReply)]


@pytest.mark.req("CLU-MET-004")
def test_a_group_elects_one_leader_within_the_longest_timeout() -> None:
    """Three servers that start together have one leader, known to all, before nine seconds are over."""
    net = Net()
    net.run(9 * SECOND)
    assert [raft.role for raft in net.rafts.values()].count(Role.LEADER) == 1
    assert {raft.leader for raft in net.rafts.values()} == {net.leader().me}


@pytest.mark.req("CLU-MET-003")
@pytest.mark.parametrize(("size", "down"), [(3, "bc"), (5, "cde")])
def test_a_minority_never_elects(size: int, down: str) -> None:
    """Servers that cannot reach a majority stay without a leader, and with pre-votes in their old term."""
    net = Net(size)
    net.run(100 * SECOND, down=down)
    assert all(raft.role is not Role.LEADER for raft in net.rafts.values())
    assert all(raft.term == 0 for raft in net.rafts.values())


def test_a_follower_campaigns_when_it_has_not_heard_from_a_leader() -> None:
    """Without heartbeats a follower asks every other server for its pre-vote after its timeout, and not before."""
    net = Net()
    raft = net.rafts[A]
    deadline = raft.next_deadline()
    assert deadline is not None
    assert 4 * SECOND <= deadline <= 9 * SECOND
    raft.advance(deadline - 1)
    net.take(A)
    assert net.wire == []
    raft.advance(deadline)
    net.take(A)
    assert [(m.target, m.term, m.pre) for m in net.wire if isinstance(m, RequestVote)] == [(B, 1, True), (C, 1, True)]
    assert (raft.role, raft.term) == (Role.PRE_CANDIDATE, 0)


def test_heartbeats_keep_followers_from_campaigning() -> None:
    """As long as a leader sends heartbeats no other server begins a term."""
    net = Net()
    net.run(10 * SECOND)
    leader = net.leader()
    net.run(100 * SECOND)
    assert (net.leader().me, net.leader().term) == (leader.me, leader.term)


def test_a_server_votes_once_in_a_term() -> None:
    """The first candidate of a term gets the vote, also when it asks again, and a second one does not."""
    net = Net()
    net.deliver(request(A, B, 1))
    net.deliver(request(C, B, 1))
    net.deliver(request(A, B, 1))
    assert [(reply.target, reply.granted) for reply in replies(net)] == [(A, True), (C, False), (A, True)]


def test_a_vote_survives_a_crash() -> None:
    """A server that crashed after it had told its vote gives it to nobody else in that term."""
    net = Net()
    net.deliver(request(A, B, 1))
    net.crash(B)
    net.deliver(request(C, B, 1))
    assert [reply.granted for reply in replies(net)] == [True, False]


def test_a_vote_is_not_told_before_it_is_durable() -> None:
    """The answer to a candidate waits for the sync that makes the vote survive."""
    net = Net(sync=False)
    for name in net.names:
        net.finish_sync(name)
    net.deliver(request(A, B, 1))
    assert replies(net) == []
    net.finish_sync(B)
    assert [reply.granted for reply in replies(net)] == [True]


def test_a_candidate_counts_its_own_vote_when_it_is_durable() -> None:
    """A server alone in its group leads after the sync of its vote, and not before."""
    net = Net(1, sync=False)
    net.finish_sync(A)
    net.fire("a")
    assert net.rafts[A].role is Role.CANDIDATE
    net.finish_sync(A)
    assert net.rafts[A].role is Role.LEADER


@pytest.mark.parametrize(
    ("log", "granted"),
    [((1, 2), False), ((9, 1), False), ((2, 2), True), ((3, 2), True), ((1, 3), True)],
    ids=["shorter", "older", "equal", "longer", "newer"],
)
def test_a_vote_goes_only_to_a_log_at_least_as_good(*, log: tuple[int, int], granted: bool) -> None:
    """A voter compares the last terms, and then the lengths, of the candidate's log and its own."""
    net = Net()
    net.elect("a")
    leader = net.elect("b")
    assert (leader.last_index, leader.term) == (2, 2)
    net.run(5 * SECOND, down="abc")
    net.deliver(request(A, C, 9, log=log))
    assert [reply.granted for reply in replies(net)] == [granted]


def test_a_later_term_makes_a_follower_of_everybody() -> None:
    """A leader that hears of a later term follows in it, and a message of an earlier term changes nothing."""
    net = Net()
    net.elect("a")
    net.rafts[A].step(VoteReply(B, A, 5, granted=False, pre=False, empty=False), net.now)
    assert (net.rafts[A].role, net.rafts[A].term) == (Role.FOLLOWER, 5)
    before = net.rafts[A].fingerprint()
    net.rafts[A].step(VoteReply(B, A, 4, granted=True, pre=False, empty=False), net.now)
    net.rafts[A].step(AppendEntries(B, A, 4, 0, 0, 1, []), net.now)
    assert net.rafts[A].fingerprint() == before


def test_a_candidate_follows_the_leader_of_its_term() -> None:
    """A candidate that hears from the leader elected in its own term gives up."""
    net = Net()
    net.fire("a")
    for peer in (B, C):
        net.rafts[A].step(VoteReply(peer, A, 1, granted=True, pre=True, empty=True), net.now)
    assert net.rafts[A].role is Role.CANDIDATE
    net.rafts[A].step(AppendEntries(B, A, 1, 0, 0, 0, []), net.now)
    assert (net.rafts[A].role, net.rafts[A].leader) == (Role.FOLLOWER, B)


def test_a_split_vote_is_settled_by_a_later_term() -> None:
    """When nobody wins a term, the timeouts, drawn anew, lead to a leader of a later one."""
    net = Net(4)
    for name in net.names:
        net.rafts[name].advance(9 * SECOND)
        net.take(name)
    net.now = 9 * SECOND
    net.run(60 * SECOND)
    assert net.leader().leads()


def test_a_server_that_hears_its_leader_votes_for_nobody_else() -> None:
    """Within the shortest election timeout of a heartbeat a request of a later term is not even answered."""
    net = Net()
    net.elect("a")
    net.deliver(request(C, B, 7, log=(9, 9)))
    assert (net.wire, net.rafts[B].term) == ([], 1)
    net.now += 4 * SECOND
    net.deliver(request(C, B, 7, log=(9, 9)))
    assert [reply.granted for reply in replies(net)] == [True]


def test_a_server_that_was_cut_off_does_not_disturb_the_term() -> None:
    """A follower that comes back after a long partition follows the old leader in the old term."""
    net = Net()
    net.run(10 * SECOND)
    leader = net.leader()
    other = next(name for name in net.names if name != leader.me)
    net.run(100 * SECOND, down=other)
    net.run(10 * SECOND)
    assert (net.leader().me, net.leader().term) == (leader.me, leader.term)
    assert net.rafts[other].leader == leader.me


@pytest.mark.req("CLU-PUB-003")
def test_a_leader_without_a_quorum_steps_down() -> None:
    """A leader that hears from no majority for the check interval leads no longer, and until then proposes."""
    net = Net()
    net.elect("a")
    net.run(5 * SECOND, down="bc")
    assert net.propose("a", b"uncommitted") > 0
    net.run(20 * SECOND, down="bc")
    assert net.rafts[A].role is not Role.LEADER
    assert net.propose("a", b"refused") == 0


@pytest.mark.req("CLU-REC-005", "CLU-PUB-004")
def test_leadership_is_handed_over_at_once() -> None:
    """A transfer makes the chosen server lead without a timeout, past the others' loyalty to their leader."""
    net = Net()
    net.elect("a")
    before = net.now
    assert net.rafts[A].transfer(C, net.now)
    assert net.propose("a", b"too late") == 0
    net.take(A)
    net.settle()
    assert (net.rafts[C].role, net.now) == (Role.LEADER, before)
    assert net.rafts[B].leader == C


def test_a_transfer_waits_until_its_target_has_everything() -> None:
    """The successor is told to campaign only when its log is complete."""
    net = Net()
    net.elect("a")
    net.propose("a", b"new")
    appends, net.wire = net.wire, []
    assert net.rafts[A].transfer(C, net.now)
    net.take(A)
    assert not any(isinstance(message, TimeoutNow) for message in net.wire)
    net.wire += appends
    net.settle()
    assert net.rafts[C].role is Role.LEADER


def test_a_transfer_that_does_not_happen_is_given_up() -> None:
    """When the successor does not answer, the leader takes proposals again after the timeout."""
    net = Net()
    net.elect("a")
    net.rafts[A].transfer(C, net.now)
    net.take(A)
    net.wire = []
    net.run(2 * SECOND, down="c")
    assert net.propose("a", b"again") > 0


def test_only_a_leader_with_followers_hands_over() -> None:
    """A follower, and a leader asked to hand over to a stranger, refuse."""
    net = Net()
    net.elect("a")
    assert not net.rafts[B].transfer(C, net.now)
    assert not net.rafts[A].transfer(ServerId("x"), net.now)


def test_votes_of_empty_logs_may_have_to_be_unanimous() -> None:
    """With the rule of nats-server (D3) a majority of empty logs elects nobody as long as one server is silent."""
    guarded = Net(rules=RaftRules(guard_empty_votes=True))
    guarded.run(60 * SECOND, down="c")
    assert all(raft.role is not Role.LEADER for raft in guarded.rafts.values())
    guarded.run(20 * SECOND)
    assert guarded.leader().leads()


def test_a_server_in_memory_takes_part_without_a_disk() -> None:
    """A group that keeps nothing asks for no sync and elects a leader all the same."""
    rules = RaftRules(vote_before_sync=True, ack_before_sync=True)
    raft = Raft.start(RaftConfig(A, (A,), rules=rules), NullStore(), Recovered(), Rng(1), 0)
    raft.advance(9 * SECOND)
    assert raft.ready().sync == 0
    assert raft.leads()
    assert raft.propose(b"x") == 2
    assert [entry.data for entry in raft.ready().committed] == [b"x"]
