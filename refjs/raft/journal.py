"""The log in memory: the entries after a base that was compacted away."""

from __future__ import annotations

from typing import Final, final

from refjs.raft.messages import Entry

UNKNOWN: Final = -1
"""The term of an index that the log does not hold: compacted, or not yet there."""


@final
class Journal:
    """Entries ``base_index + 1`` to ``last_index``, dense, their terms never falling."""

    __slots__ = ("_entries", "base_index", "base_term")

    def __init__(self, base_index: int, base_term: int, entries: list[Entry]) -> None:
        self.base_index = base_index
        self.base_term = base_term
        self._entries = entries

    @property
    def last_index(self) -> int:
        """The index of the last entry; 0 where there was never one."""
        return self.base_index + len(self._entries)

    @property
    def last_term(self) -> int:
        """The term of the last entry; 0 where there was never one."""
        return self._entries[-1].term if self._entries else self.base_term

    def term_at(self, index: int) -> int:
        """Return the term of ``index``; 0 for index 0, ``UNKNOWN`` where it is not held."""
        at = index - self.base_index
        if 0 < at <= len(self._entries):
            return self._entries[at - 1].term
        if at == 0:
            return self.base_term
        return 0 if index == 0 else UNKNOWN

    def entry(self, index: int) -> Entry:
        """Return the entry at ``index``, which must be held."""
        assert self.base_index < index
        return self._entries[index - self.base_index - 1]

    def holds(self, entry: Entry) -> bool:
        """Tell whether exactly ``entry`` is here."""
        return self.base_index < entry.index <= self.last_index and self.entry(entry.index) == entry

    def append(self, entry: Entry) -> None:
        """Add ``entry`` at the end, where it must belong."""
        assert entry.index == self.last_index + 1
        assert entry.term >= self.last_term, "terms never fall along a log"
        self._entries.append(entry)

    def truncate_from(self, index: int) -> None:
        """Remove ``index`` and all behind it."""
        assert index > self.base_index, "what was compacted was committed"
        del self._entries[index - self.base_index - 1 :]

    def slice(self, first: int, last: int) -> list[Entry]:
        """Return the entries ``first`` to ``last``, all of which must be held."""
        assert self.base_index < first
        assert last <= self.last_index
        return self._entries[first - self.base_index - 1 : last - self.base_index]

    def batch(self, first: int, entries_max: int, bytes_max: int) -> list[Entry]:
        """Return entries from ``first`` on within both limits, but at least one where there is one."""
        begin = first - self.base_index - 1
        chosen = self._entries[begin : begin + entries_max]
        size = 0
        for count, entry in enumerate(chosen):
            size += len(entry.data)
            if size > bytes_max and count:
                return chosen[:count]
        return chosen

    def agree_at(self, index: int, term: int) -> int:
        """Return the last index up to ``index`` whose term is not above ``term``, or the base: see ``hint_index``."""
        at = min(index, self.last_index)
        while at > self.base_index and self.term_at(at) > term:
            at -= 1
        return at

    def compact(self, index: int) -> None:
        """Forget everything up to ``index``, which must be held."""
        if index <= self.base_index:
            return
        term = self.term_at(index)
        assert term != UNKNOWN
        del self._entries[: index - self.base_index]
        self.base_index, self.base_term = index, term

    def restore(self, index: int, term: int) -> None:
        """Forget everything and go on after ``index``."""
        self._entries = []
        self.base_index, self.base_term = index, term

    def fork(self) -> Journal:
        """Return an independent copy, which shares the entries."""
        return Journal(self.base_index, self.base_term, self._entries.copy())

    def fingerprint(self) -> tuple[object, ...]:
        """Return what tells this log from others."""
        return (self.base_index, self.base_term, *((entry.term, entry.kind, entry.data) for entry in self._entries))

    def check(self) -> None:
        """Assert what always holds."""
        term = self.base_term
        for at, entry in enumerate(self._entries, self.base_index + 1):
            assert entry.index == at, "a log is dense"
            assert entry.term >= term, "terms never fall along a log"
            term = entry.term
