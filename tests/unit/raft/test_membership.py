"""Servers join and leave one at a time (thesis 4.1 and 4.2)."""

from __future__ import annotations

import pytest

from refjs.raft.messages import Peers
from refjs.raft.node import Raft
from refjs.raft.state import Role
from refjs.types.units import SECOND, ServerId
from tests.raft_net import Net

A, B, C, D = (ServerId(name) for name in "abcd")


class Growing(Net):
    """A group of three, and a server ``d`` that knows of no members until a leader tells it."""

    def peers_of(self, name: ServerId) -> Peers:
        return () if name == D else (A, B, C)


def changed(net: Net, name: str, peers: Peers) -> int:
    index = net.rafts[ServerId(name)].change_peers(peers)
    net.take(ServerId(name))
    return index


def grown() -> Net:
    net = Growing(4)
    net.elect("a")
    net.propose("a", b"before")
    assert changed(net, "a", (A, B, C, D)) > 0
    net.settle()
    net.run(2 * SECOND)
    return net


def members(net: Net) -> set[Peers]:
    return {raft.peers for raft in net.rafts.values()}


def test_a_server_without_members_waits() -> None:
    """A server that is to join neither campaigns nor has a deadline before it is in the log."""
    net = Growing(4)
    assert net.rafts[D].next_deadline() is None


def test_a_server_that_joins_gets_the_log_and_a_vote() -> None:
    """After the change all servers know four members, the new one has every entry and can lead."""
    net = grown()
    assert members(net) == {(A, B, C, D)}
    assert net.data("d") == [b"before"]
    net.elect("d")


def test_a_majority_of_the_new_members_decides() -> None:
    """With four members two servers commit nothing, and three do."""
    net = grown()
    net.propose("a", b"two")
    net.settle(down="cd")
    assert net.data("a") == [b"before"]
    net.run(3 * SECOND, down="d")
    assert net.data("a") == [b"before", b"two"]


def test_only_one_server_changes_at_a_time() -> None:
    """Two changes in one entry, no change at all, and a change while one is pending are refused."""
    net = Growing(4)
    net.elect("a")
    assert changed(net, "a", (A,)) == 0
    assert changed(net, "a", (A, B, C)) == 0
    assert changed(net, "b", (A, B, C, D)) == 0
    assert changed(net, "a", (A, B)) > 0
    assert changed(net, "a", (A,)) == 0
    net.settle()
    assert changed(net, "a", (A,)) > 0


def test_a_removed_server_neither_votes_nor_disturbs() -> None:
    """A server that left is not counted, and what it campaigns for is not heard as long as there is a leader."""
    net = Net()
    net.elect("a")
    changed(net, "a", (A, B))
    net.settle()
    net.run(100 * SECOND)
    assert (net.leader().me, net.leader().term) == (A, 1)
    net.propose("a", b"two of two")
    net.settle(down="c")
    assert net.data("a") == [b"two of two"]


def test_a_leader_can_lead_the_group_out_of_its_own_hands() -> None:
    """A leader that removed itself leads until the change is committed by the others, and then steps down."""
    net = Net()
    net.elect("a")
    changed(net, "a", (B, C))
    assert net.rafts[A].role is Role.LEADER
    net.settle()
    assert net.rafts[A].role is Role.FOLLOWER
    net.run(20 * SECOND)
    assert net.leader().me != A
    assert net.rafts[A].next_deadline() is None


def test_a_change_that_is_overwritten_is_taken_back() -> None:
    """A change that was never committed and is replaced by another leader's entry leaves the members as they were."""
    net = Growing(4)
    net.elect("a")
    changed(net, "a", (A, B, C, D))
    assert net.rafts[A].peers == (A, B, C, D)
    net.wire = []
    net.run(30 * SECOND, down="ad")
    net.run(10 * SECOND)
    assert net.leader().me != A
    assert {net.rafts[name].peers for name in (A, B, C)} == {(A, B, C)}


def test_the_members_outlive_a_restart_and_a_snapshot() -> None:
    """A restarted server knows the members from its log, and from its snapshot when the log is compacted."""
    net = grown()
    assert net.crash(B).peers == (A, B, C, D)
    net.run(2 * SECOND)
    raft = net.rafts[B]
    raft.compact(raft.state.applied, b"state")
    net.propose("a", b"so that it syncs")
    net.run(2 * SECOND)
    restarted: Raft = net.crash(B)
    assert restarted.state.snapshot is not None
    assert restarted.peers == (A, B, C, D)


@pytest.mark.parametrize("down", ["b", "c", "d"])
def test_a_grown_group_survives_the_loss_of_any_follower(down: str) -> None:
    """Three of four members go on without the fourth."""
    net = grown()
    net.propose("a", b"on")
    net.run(3 * SECOND, down=down)
    assert net.data("a") == [b"before", b"on"]
