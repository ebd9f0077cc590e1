"""Raft's promises under a network and disks that chance operates."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refjs.raft.config import RaftRules
from refjs.types.rng import Rng
from refjs.types.units import SECOND
from tests.raft_net import Net
from tests.raft_watch import Watch


class Chance:
    """Operates a ``Net``: each step is chosen by one number."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.watch = Watch(net)
        self.proposals = 0
        self.actions = [*[self.deliver] * 10, *[self.finish] * 4, *[self.propose] * 3, self.lose, self.repeat]
        self.actions += [self.next_timer, self.next_timer, self.compact, self.rare]

    def step(self, choice: int) -> None:
        """Let one thing happen."""
        pick, kind = divmod(choice, len(self.actions))
        self.actions[kind](pick)
        self.watch.look()

    def deliver(self, pick: int) -> None:
        """Deliver one of the oldest messages."""
        if self.net.wire:
            self.net.deliver(self.net.wire.pop(pick % min(len(self.net.wire), 6)))

    def lose(self, pick: int) -> None:
        """Lose a message."""
        if self.net.wire:
            self.net.wire.pop(pick % len(self.net.wire))

    def repeat(self, pick: int) -> None:
        """Deliver a message and keep it under way."""
        if self.net.wire:
            self.net.deliver(self.net.wire[pick % len(self.net.wire)])

    def finish(self, pick: int) -> None:
        """Complete a sync."""
        waiting = sorted(self.net.waiting)
        if waiting:
            self.net.finish_sync(waiting[pick % len(waiting)])

    def propose(self, _pick: int) -> None:
        """Propose to everybody who would have it."""
        self.proposals += 1
        for raft in list(self.net.rafts.values()):
            if raft.leads():
                self.net.propose(raft.me, b"%d" % self.proposals)

    def next_timer(self, pick: int) -> None:
        """Let the earliest deadline come, where the network is quiet enough for time to pass."""
        if len(self.net.wire) > 2 * len(self.net.names):
            self.deliver(pick)
            return
        due = [(deadline, name) for name, raft in self.net.rafts.items() if (deadline := raft.next_deadline())]
        if due:
            self.net.fire(min(due)[1])

    def compact(self, pick: int) -> None:
        """Let a server put a snapshot in the place of its log."""
        raft = self.net.rafts[self.net.names[pick % len(self.net.names)]]
        if pick % 8 == 0:
            raft.compact(raft.state.applied, b"state")
            self.net.take(raft.me)

    def rare(self, pick: int) -> None:
        """Let the power of a server fail, or its deadline come before its turn."""
        name = self.net.names[pick % len(self.net.names)]
        if pick % 2:
            self.net.crash(name, keep=pick % 4 == 1)
        elif self.net.rafts[name].next_deadline() is not None:
            self.net.fire(name)


def driven(choices: list[int], *, size: int, rules: RaftRules | None = None, sync: bool = False) -> Chance:
    chance = Chance(Net(size, rules=rules, sync=sync))
    for choice in choices:
        chance.step(choice)
    return chance


CHOICE_MAX: Final = 23 * 120 - 1
CHOICES: Final = st.lists(st.integers(0, CHOICE_MAX), max_size=200)


@settings(max_examples=100, deadline=None)
@given(CHOICES, st.sampled_from([3, 5]))
def test_no_order_of_events_breaks_a_promise(choices: list[int], size: int) -> None:
    """Whatever is lost, repeated, reordered or crashed, with unsynced writes gone, the four properties hold."""
    driven(choices, size=size)


def long_run(seed: int, *, size: int, steps: int, rules: RaftRules | None = None) -> Chance:
    rng = Rng(seed)
    return driven([rng.below(CHOICE_MAX + 1) for _ in range(steps)], size=size, rules=rules)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_long_runs_keep_the_promises_and_get_somewhere(seed: int, size: int) -> None:
    """Thousands of random events break nothing, and entries commit in spite of them."""
    chance = long_run(seed, size=size, steps=3_000)
    assert len(chance.watch.committed) > 4
    assert len(chance.watch.leaders) > 2


@pytest.mark.parametrize("size", [3, 5])
def test_a_healed_group_finds_a_leader_and_agrees(size: int) -> None:
    """Once nothing fails any more, a group has a leader and equal logs within four election timeouts."""
    net = long_run(1, size=size, steps=1_000).net
    net.sync = True
    for name in list(net.waiting):
        net.finish_sync(name)
    net.run(36 * SECOND)
    leader = net.leader()
    assert leader.leads()
    net.propose(leader.me, b"after")
    net.run(3 * SECOND)
    assert len({raft.commit for raft in net.rafts.values()}) == 1
    assert all(raft.commit == leader.last_index for raft in net.rafts.values())


def test_the_same_seed_gives_the_same_run() -> None:
    """Two runs from one seed end in the same state, to the last message under way."""
    one, two = (long_run(7, size=3, steps=800) for _ in range(2))
    assert one.net.wire == two.net.wire
    for name in one.net.names:
        assert one.net.rafts[name].fingerprint() == two.net.rafts[name].fingerprint()
        assert one.net.rafts[name].next_deadline() == two.net.rafts[name].next_deadline()


def many_runs(rules: RaftRules) -> None:
    for seed in range(30):
        long_run(seed, size=3, steps=2_000, rules=rules)


@pytest.mark.parametrize(
    "rules",
    [
        RaftRules(vote_before_sync=True),
        RaftRules(ack_before_sync=True),
        RaftRules(double_vote=True),
        RaftRules(blind_vote=True),
    ],
    ids=["vote-before-sync", "ack-before-sync", "double-vote", "blind-vote"],
)
def test_a_broken_rule_is_noticed(rules: RaftRules) -> None:
    """A group that breaks one rule of Raft is caught by the watch, or by an assertion of its own, within a few runs."""
    with pytest.raises(AssertionError):
        many_runs(rules)
