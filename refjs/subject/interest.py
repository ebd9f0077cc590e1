"""Who is interested in a subject: the index that every publish asks.

A trie over the tokens of the patterns, with a cache of answers in front of it: asking again about the same subject
costs one lookup, with ten patterns or a hundred thousand.  The trie is walked level by level, never by recursion, so
that a subject of a thousand tokens is harmless.

The cache holds two generations of answers.  When the young one has grown to ``_CACHED_MAX`` references, it becomes the
old one, and what was old is forgotten: subjects that are asked about often stay, a flood of subjects that are used
once (inboxes) passes through.  A change under a literal pattern forgets the answer for this subject alone, a change
under a wildcard all of them; hence an inbox that comes and goes leaves the other answers in place.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar, final

from refjs.subject.grammar import ANY_REST, ANY_TOKEN, DOT, has_wildcards
from refjs.types.units import Subject

T = TypeVar("T")

_CACHED_MAX: Final = 1 << 14  # references put into one generation: answers, and the items in them


@final
class _Node(Generic[T]):
    """What follows one prefix of tokens; ``items`` belong to the pattern that ends here."""

    __slots__ = ("any_rest", "any_token", "items", "literals", "pattern")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Node[T]] = {}
        self.any_token: _Node[T] | None = None
        self.any_rest: _Node[T] | None = None
        self.items: dict[T, None] = {}
        self.pattern: Subject = b""

    def child(self, token: bytes) -> _Node[T] | None:
        """Return the node that ``token``, read as part of a pattern, leads to."""
        if token == ANY_TOKEN:
            return self.any_token
        if token == ANY_REST:
            return self.any_rest
        return self.literals.get(token)

    def grow(self, token: bytes) -> _Node[T]:
        """Return the node that ``token`` leads to, made where it is missing."""
        found = self.child(token)
        if found is None:
            found = _Node()
            if token == ANY_TOKEN:
                self.any_token = found
            elif token == ANY_REST:
                self.any_rest = found
            else:
                self.literals[token] = found
        return found

    def cut(self, token: bytes) -> None:
        """Forget the node that ``token`` leads to."""
        if token == ANY_TOKEN:
            self.any_token = None
        elif token == ANY_REST:
            self.any_rest = None
        else:
            del self.literals[token]

    def is_bare(self) -> bool:
        """Tell whether nothing is here and nothing follows."""
        return not self.items and not self.literals and self.any_token is None and self.any_rest is None

    def followers(self) -> list[_Node[T]]:
        """Return the nodes one token further: literals in the order they came, then ``*``, then ``>``."""
        nodes = list(self.literals.values())
        if self.any_token is not None:
            nodes.append(self.any_token)
        if self.any_rest is not None:
            nodes.append(self.any_rest)
        return nodes


@final
class Interest(Generic[T]):
    """A set of pairs (pattern, item), asked which items have a pattern that matches a subject.

    Patterns are valid (``grammar.is_valid_pattern``), items are hashable.  Every order is decided by the history of
    insertions and removals alone.
    """

    __slots__ = ("_cached", "_old", "_root", "_size", "_young")

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._size = 0
        self._young: dict[Subject, tuple[T, ...]] = {}
        self._old: dict[Subject, tuple[T, ...]] = {}
        self._cached = 0

    def __len__(self) -> int:
        return self._size

    def insert(self, pattern: Subject, item: T) -> None:
        """Add ``item`` under ``pattern``; a pair that is there already stays as it is."""
        node = self._root
        for token in pattern.split(DOT):
            node = node.grow(token)
        node.pattern = pattern
        before = len(node.items)
        node.items[item] = None
        self._size += len(node.items) - before
        self._forget(pattern)

    def remove(self, pattern: Subject, item: T) -> bool:
        """Take ``item`` away from under ``pattern``; tell whether it was there."""
        path: list[_Node[T]] = [self._root]
        parts = pattern.split(DOT)
        for token in parts:
            found = path[-1].child(token)
            if found is None:
                return False
            path.append(found)
        if item not in path[-1].items:
            return False
        del path[-1].items[item]
        self._size -= 1
        for depth in range(len(parts), 0, -1):
            if not path[depth].is_bare():
                break
            path[depth - 1].cut(parts[depth - 1])
        self._forget(pattern)
        return True

    def match(self, literal: Subject) -> tuple[T, ...]:
        """Return the items whose pattern matches ``literal``; an item under two such patterns stands there twice."""
        found = self._young.get(literal)
        if found is None:
            found = self._old.get(literal)
            if found is None:
                found = self._walk(literal)
            self._remember(literal, found)
        return found

    def has_interest(self, literal: Subject) -> bool:
        """Tell whether some pattern matches ``literal``."""
        return len(self.match(literal)) > 0

    def patterns_colliding(self, pattern: Subject) -> list[Subject]:
        """Return the patterns held here that some literal subject matches together with ``pattern`` (PRO-SUB-009)."""
        found: list[Subject] = []
        level: list[_Node[T]] = [self._root]
        for token in pattern.split(DOT):
            if token == ANY_REST:
                found.extend(_patterns_below(level))
                return found
            following: list[_Node[T]] = []
            for node in level:
                if node.any_rest is not None:
                    found.append(node.any_rest.pattern)
                if token == ANY_TOKEN:
                    following.extend(node.literals.values())
                else:
                    child = node.literals.get(token)
                    if child is not None:
                        following.append(child)
                if node.any_token is not None:
                    following.append(node.any_token)
            level = following
        found.extend(node.pattern for node in level if node.items)
        return found

    def _walk(self, literal: Subject) -> tuple[T, ...]:
        """Answer from the trie: items under ``>`` on the way, then those of the patterns that end with ``literal``."""
        found: list[T] = []
        level: list[_Node[T]] = [self._root]
        parts = literal.split(DOT)
        if b"" in parts:
            return ()
        for token in parts:
            following: list[_Node[T]] = []
            for node in level:
                if node.any_rest is not None:
                    found.extend(node.any_rest.items)
                child = node.literals.get(token)
                if child is not None:
                    following.append(child)
                if node.any_token is not None:
                    following.append(node.any_token)
            level = following
            if not level:
                break
        for node in level:
            found.extend(node.items)
        return tuple(found)

    def _remember(self, literal: Subject, answer: tuple[T, ...]) -> None:
        """Put ``answer`` among the young ones, which become the old ones when they are many."""
        if self._cached >= _CACHED_MAX:
            self._old = self._young
            self._young = {}
            self._cached = 0
        self._young[literal] = answer
        self._cached += 1 + len(answer)

    def _forget(self, pattern: Subject) -> None:
        """Drop the answers that a change under ``pattern`` made wrong."""
        if has_wildcards(pattern):
            self._young = {}
            self._old = {}
            self._cached = 0
        else:
            self._young.pop(pattern, None)
            self._old.pop(pattern, None)


def _patterns_below(level: list[_Node[T]]) -> list[Subject]:
    """Return the patterns that go on for at least one token after a node of ``level``."""
    found: list[Subject] = []
    while level:
        following: list[_Node[T]] = []
        for node in level:
            following.extend(node.followers())
        found.extend(node.pattern for node in following if node.items)
        level = following
    return found
