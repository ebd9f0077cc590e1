"""The duplicate window: which message IDs were stored recently, and where (STR-DUP).

The window is measured from the stored time of the first message; a duplicate does not extend it.  Time arrives only
as the stamps of entries, which never fall.
"""

from __future__ import annotations

from collections import deque
from typing import Final, final

from refjs.storage.codec import Reader, Writer
from refjs.types.units import Nanos, Seq

_NEVER: Final[tuple[Nanos, Seq]] = (0, 0)


@final
class DuplicateWindow:
    """Message IDs younger than ``window`` ns."""

    def __init__(self, window: Nanos) -> None:
        self.window = window
        self._known: dict[bytes, tuple[Nanos, Seq]] = {}
        self._ages: deque[bytes] = deque()

    def find(self, msg_id: bytes, now: Nanos) -> Seq:
        """Return where ``msg_id`` was stored inside the window that ends at ``now``, or 0; nothing changes."""
        stamp, seq = self._known.get(msg_id, _NEVER)
        return seq if now - stamp < self.window else 0

    def remember(self, msg_id: bytes, seq: Seq, now: Nanos) -> None:
        """Note that ``msg_id`` was stored at ``seq``; it must not be in the window already."""
        assert msg_id not in self._known
        self._known[msg_id] = (now, seq)
        self._ages.append(msg_id)

    def forget(self, now: Nanos) -> None:
        """Drop the IDs whose window has passed at ``now``."""
        while self._ages and now - self._known[self._ages[0]][0] >= self.window:
            del self._known[self._ages.popleft()]

    def write(self, writer: Writer) -> None:
        """Append the window's canonical encoding."""
        writer.i64(self.window)
        writer.u64(len(self._ages))
        for msg_id in self._ages:
            stamp, seq = self._known[msg_id]
            writer.i64(stamp)
            writer.blob(msg_id)
            writer.u64(seq)

    @classmethod
    def read(cls, reader: Reader) -> DuplicateWindow:
        """Return the window that ``write`` wrote."""
        window = cls(reader.i64())
        for _ in range(reader.count()):
            stamp, msg_id, seq = reader.i64(), reader.blob(), reader.u64()
            window.remember(msg_id, seq, stamp)
        return window

    def check_invariants(self) -> None:
        """Assert every invariant."""
        assert len(self._ages) == len(self._known)
        stamps = [self._known[msg_id][0] for msg_id in self._ages]
        assert stamps == sorted(stamps)
