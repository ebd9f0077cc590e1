"""The wall clock of the server: nanoseconds since the Unix epoch that never run backwards."""

from __future__ import annotations

import time
from typing import final

from refjs.types.units import Nanos


@final
class Clock:
    """Reads ``time.time_ns()``, and stands still while an adjusted system clock is behind what was already told."""

    def __init__(self) -> None:
        self._last: Nanos = 0

    def now(self) -> Nanos:
        """Return the current time; never less than before."""
        now = time.time_ns()
        if now < self._last:
            return self._last
        self._last = now
        return now
