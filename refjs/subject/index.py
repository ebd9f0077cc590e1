"""Values by literal subject, found one by one or by pattern: the subjects a stream holds.

A dict answers for one subject.  A trie over the tokens answers for a pattern: it goes down the pattern's literal
tokens directly and spreads out only at wildcards, so that the cost follows what is found, not what is stored.  The
last token of a subject stands in its parent's ``leaves``; a million subjects ``orders.<id>`` are one node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar, final

from refjs.subject.grammar import ANY_REST, ANY_TOKEN, DOT
from refjs.types.units import Subject

V = TypeVar("V")


@final
class _Node:
    """What follows one prefix of tokens: whole subjects by their last token, and longer ones by their next."""

    __slots__ = ("branches", "leaves")

    def __init__(self) -> None:
        self.branches: dict[bytes, _Node] = {}
        self.leaves: dict[bytes, Subject] = {}


@final
class SubjectTree(Generic[V]):
    """A map from literal subjects to values; iteration follows the trie, each node in the order of insertion."""

    __slots__ = ("_root", "_values")

    def __init__(self) -> None:
        self._values: dict[Subject, V] = {}
        self._root = _Node()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, subject: Subject) -> bool:
        return subject in self._values

    def get(self, subject: Subject) -> V | None:
        """Return the value of ``subject``, None where it has none."""
        return self._values.get(subject)

    def set(self, subject: Subject, value: V) -> None:
        """Give the literal ``subject`` the value."""
        if subject not in self._values:
            parts = subject.split(DOT)
            node = self._root
            for token in parts[:-1]:
                following = node.branches.get(token)
                if following is None:
                    following = _Node()
                    node.branches[token] = following
                node = following
            node.leaves[parts[-1]] = subject
        self._values[subject] = value

    def delete(self, subject: Subject) -> None:
        """Take ``subject`` away; ``KeyError`` where it is not there."""
        del self._values[subject]
        parts = subject.split(DOT)
        path = [self._root]
        for token in parts[:-1]:
            path.append(path[-1].branches[token])
        del path[-1].leaves[parts[-1]]
        for depth in range(len(path) - 1, 0, -1):
            if path[depth].branches or path[depth].leaves:
                break
            del path[depth - 1].branches[parts[depth - 1]]

    def items_matching(self, pattern: Subject) -> Iterator[tuple[Subject, V]]:
        """Yield the subjects that ``pattern`` matches, with their values; the tree must not change meanwhile."""
        values = self._values
        for subject in self.subjects_matching(pattern):
            yield subject, values[subject]

    def subjects_matching(self, pattern: Subject) -> Iterator[Subject]:
        """Yield the subjects that ``pattern`` matches; the tree must not change meanwhile."""
        parts = pattern.split(DOT)
        last = len(parts) - 1
        ahead: list[tuple[_Node, int]] = [(self._root, 0)]  # nodes to visit, each with the token it is asked about
        while ahead:
            node, depth = ahead.pop()
            token = parts[depth] if depth <= last else ANY_REST
            rest = token == ANY_REST and depth >= last
            if rest or (token == ANY_TOKEN and depth == last):
                yield from node.leaves.values()
            elif depth == last and token in node.leaves:
                yield node.leaves[token]
            if rest or (token == ANY_TOKEN and depth < last):
                ahead.extend((branch, depth + 1) for branch in reversed(node.branches.values()))
            elif depth < last and token in node.branches:
                ahead.append((node.branches[token], depth + 1))
