"""The interest index is the obvious matcher, only faster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from refjs.subject import interest
from refjs.subject.grammar import collides, matches
from refjs.subject.interest import Interest
from tests.properties.subjects import patterns, wild_literals

items = st.integers(0, 3)


class InterestIsTheObviousMatcher(RuleBasedStateMachine):
    """After any insertions and removals, cached or not, the index answers as a search through all pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.index: Interest[int] = Interest()
        self.pairs: dict[tuple[bytes, int], None] = {}
        self.asked: dict[bytes, None] = {}

    @rule(pattern=patterns, item=items)
    def insert(self, pattern: bytes, item: int) -> None:
        """Add a pair, perhaps again."""
        self.index.insert(pattern, item)
        self.pairs[pattern, item] = None

    @rule(pattern=patterns, item=items)
    def remove_any(self, pattern: bytes, item: int) -> None:
        """Remove a pair that is mostly not there."""
        assert self.index.remove(pattern, item) == ((pattern, item) in self.pairs)
        self.pairs.pop((pattern, item), None)

    @rule(choice=st.integers(0, 50))
    def remove_one(self, choice: int) -> None:
        """Remove a pair that is there."""
        if self.pairs:
            pattern, item = list(self.pairs)[choice % len(self.pairs)]
            assert self.index.remove(pattern, item)
            del self.pairs[pattern, item]

    @rule(literal=wild_literals)
    def match(self, literal: bytes) -> None:
        """Ask about a subject, and from now on after every step."""
        self.asked[literal] = None

    @rule(pattern=patterns)
    def collide(self, pattern: bytes) -> None:
        """Ask which patterns collide."""
        expected = sorted({held for held, _ in self.pairs if collides(held, pattern)})
        assert sorted(self.index.patterns_colliding(pattern)) == expected

    @invariant()
    def answers_agree(self) -> None:
        """Each subject asked about so far has the items that the definition gives it."""
        assert len(self.index) == len(self.pairs)
        for literal in self.asked:
            expected = sorted(item for pattern, item in self.pairs if matches(pattern, literal))
            assert sorted(self.index.match(literal)) == expected
            assert self.index.has_interest(literal) == bool(expected)


TestInterest = pytest.mark.req("PRO-SUB-001", "PRO-SUB-003", "PRO-SUB-009")(InterestIsTheObviousMatcher.TestCase)


@given(st.lists(st.tuples(patterns, items), max_size=20), wild_literals)
def test_removal_leaves_nothing(pairs: list[tuple[bytes, int]], literal: bytes) -> None:
    """An index from which everything was removed has no nodes left, and answers as a new one."""
    index: Interest[int] = Interest()
    for pattern, item in pairs:
        index.insert(pattern, item)
    index.match(literal)
    for pattern, item in dict.fromkeys(pairs):
        assert index.remove(pattern, item)
    assert len(index) == 0
    assert index.match(literal) == ()
    assert index.patterns_colliding(b">") == []


@given(st.lists(st.tuples(patterns, items), max_size=20), wild_literals)
def test_order_is_decided_by_history(pairs: list[tuple[bytes, int]], literal: bytes) -> None:
    """Two indexes with the same history answer in the same order, whether or not one of them was asked in between."""
    calm: Interest[int] = Interest()
    busy: Interest[int] = Interest()
    for pattern, item in pairs:
        calm.insert(pattern, item)
        busy.insert(pattern, item)
        busy.match(literal)
    assert calm.match(literal) == busy.match(literal)


def test_unique_subjects_do_not_fill_the_memory() -> None:
    """However many subjects are asked about once, the cache holds a bounded number of references."""
    index: Interest[int] = Interest()
    for item in range(100):
        index.insert(b"inbox.*", item)
    bound = 2 * (interest._CACHED_MAX + 101)
    for number in range(1000):
        assert len(index.match(b"inbox.%d" % number)) == 100
        held = sum(1 + len(answer) for cache in (index._young, index._old) for answer in cache.values())
        assert held <= bound


def test_a_thousand_tokens_are_harmless() -> None:
    """The depth of a subject is no depth of recursion."""
    index: Interest[int] = Interest()
    deep = b".".join([b"t"] * 5000)
    index.insert(deep, 1)
    index.insert(b"t.>", 2)
    assert index.match(deep) == (2, 1)
    assert index.patterns_colliding(b">") == [b"t.>", deep]
    assert index.remove(deep, 1)
    assert index.match(deep) == (2,)
