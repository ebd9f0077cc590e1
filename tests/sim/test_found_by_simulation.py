"""What simulated runs have found, each told again as the shortest story."""

from __future__ import annotations

import pytest

from refjs.raft.state import Role
from refjs.types.units import SECOND, ServerId
from tests.raft_net import NAMES, Net


@pytest.mark.req("CLU-REC-001")
def test_a_deposed_leader_heals_from_a_leader_whose_log_begins_amid_its_own_entries() -> None:
    """A server that holds uncommitted entries where its new leader's log has been compacted gets the snapshot.

    Found by ``raft_group`` with seed 1325: leader and follower agreed for ever that they did not agree.
    """
    net = Net()
    first, second = net.elect("a"), NAMES[1]
    for number in range(5):
        net.propose("a", b"lost %d" % number)
    net.wire.clear()
    lead_without_a(net, second)
    last = max(net.propose(second, b"kept %d" % number) for number in range(3))
    net.settle(down="a")
    net.rafts[second].compact(last, b"kept")
    net.take(second)
    net.crash(second, keep=True)
    lead_without_a(net, second)
    assert first.state.journal.term_at(last) < net.rafts[second].state.journal.term_at(last)

    net.run(60 * SECOND)

    assert {raft.commit for raft in net.rafts.values()} == {net.leader().last_index}


def lead_without_a(net: Net, name: ServerId) -> None:
    """Let ``name`` be elected while ``a`` hears nothing."""
    net.now += 10 * SECOND
    net.rafts[name].advance(net.now)
    net.take(name)
    net.settle(down="a")
    assert net.rafts[name].role is Role.LEADER
