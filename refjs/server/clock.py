"""The wall clock of the server: nanoseconds since the Unix epoch that never run backwards."""

from __future__ import annotations

import time
from typing import final

from refjs.types.units import Nanos


@final
class Clock:
    """Reads ``time.time_ns()``, and stands still while an adjusted system clock is behind what was already told.

    A test may move it ahead of the system's.
    """

    def __init__(self) -> None:
        self._last: Nanos = 0
        self._ahead: Nanos = 0

    def now(self) -> Nanos:
        """Return the current time; never less than before."""
        now = time.time_ns() + self._ahead
        if now < self._last:
            return self._last
        self._last = now
        return now

    def move_to(self, moment: Nanos) -> None:
        """Jump forward to ``moment`` and run on from there; nothing happens where it has passed."""
        self._ahead += max(0, moment - self.now())
