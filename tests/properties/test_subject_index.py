"""The tree of stored subjects is a dict that can also be asked by pattern."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from refjs.subject.grammar import matches
from refjs.subject.index import SubjectTree
from tests.properties.subjects import literals, patterns


class SubjectTreeIsADict(RuleBasedStateMachine):
    """After any changes the tree holds what a dict would, and a pattern finds exactly the subjects it matches."""

    def __init__(self) -> None:
        super().__init__()
        self.tree: SubjectTree[int] = SubjectTree()
        self.expected: dict[bytes, int] = {}

    @rule(subject=literals, value=st.integers())
    def set(self, subject: bytes, value: int) -> None:
        """Give a subject a value, perhaps another one."""
        self.tree.set(subject, value)
        self.expected[subject] = value

    @rule(choice=st.integers(0, 50))
    def delete(self, choice: int) -> None:
        """Take a subject away."""
        if self.expected:
            subject = list(self.expected)[choice % len(self.expected)]
            self.tree.delete(subject)
            del self.expected[subject]

    @rule(subject=literals)
    def get(self, subject: bytes) -> None:
        """Ask for one subject."""
        assert self.tree.get(subject) == self.expected.get(subject)
        assert (subject in self.tree) == (subject in self.expected)

    @rule(pattern=st.one_of(patterns, literals))
    def ask(self, pattern: bytes) -> None:
        """Ask for the subjects of a pattern."""
        found = list(self.tree.items_matching(pattern))
        assert sorted(found) == sorted(item for item in self.expected.items() if matches(pattern, item[0]))

    @invariant()
    def all_are_there(self) -> None:
        """The tree has the subjects of the dict and no nodes beyond theirs."""
        assert len(self.tree) == len(self.expected)
        assert sorted(self.tree.items_matching(b">")) == sorted(self.expected.items())
        if not self.expected:
            assert not self.tree._root.branches
            assert not self.tree._root.leaves


TestSubjectTree = SubjectTreeIsADict.TestCase


def test_order_is_that_of_insertion_within_a_node() -> None:
    """Below each prefix, subjects that end come before those that go on, both in the order they were first set."""
    tree: SubjectTree[int] = SubjectTree()
    for value, subject in enumerate([b"b.x.1", b"b.2", b"a.2", b"b.1", b"a.1", b"b.x.0"]):
        tree.set(subject, value)
    tree.set(b"b.2", 9)
    assert [subject for subject, _ in tree.items_matching(b">")] == [b"b.2", b"b.1", b"b.x.1", b"b.x.0", b"a.2", b"a.1"]
