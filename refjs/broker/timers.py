"""Timers as deadlines: who wants to be woken when.

Nothing is cancelled in the heap; an entry counts only while its owner still has that deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import final

from refjs.types.units import Nanos


@final
class Alarm:
    """Something with at most one deadline at a time; ``ring`` is called with the time once it is reached."""

    __slots__ = ("deadline", "ring")

    def __init__(self, ring: Callable[[Nanos], None]) -> None:
        self.ring = ring
        self.deadline: Nanos | None = None


@final
class Timers:
    """All alarms of a broker; those due at the same time ring in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[Nanos, int, Alarm]] = []
        self._count = 0

    def set(self, alarm: Alarm, deadline: Nanos | None) -> None:
        """Give ``alarm`` the deadline ``deadline``, or none."""
        if deadline == alarm.deadline:
            return
        alarm.deadline = deadline
        if deadline is not None:
            self._count += 1
            heappush(self._heap, (deadline, self._count, alarm))

    def next_deadline(self) -> Nanos | None:
        """Return the earliest deadline of all."""
        while self._heap:
            deadline, _, alarm = self._heap[0]
            if alarm.deadline == deadline:
                return deadline
            heappop(self._heap)
        return None

    def ring(self, now: Nanos) -> None:
        """Ring every alarm due at or before ``now``."""
        due = self.next_deadline()
        while due is not None and due <= now:
            _, _, alarm = heappop(self._heap)
            alarm.deadline = None
            alarm.ring(now)
            due = self.next_deadline()
