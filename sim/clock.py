"""The clocks of servers: each is off by an offset and runs fast or slow by a drift, in exact integers."""

from __future__ import annotations

from typing import Final, final

from refjs.types.units import Nanos
from sim.world import EPOCH_NS

_MILLION: Final = 1_000_000


@final
class Clock:
    """One server's clock; ``shows`` and ``when`` are each other's inverse, to the nanosecond the clock first shows."""

    __slots__ = ("drift_ppm", "offset_ns")

    def __init__(self, offset_ns: Nanos = 0, drift_ppm: int = 0) -> None:
        assert abs(drift_ppm) < _MILLION, "a clock must go forward"
        self.offset_ns = offset_ns
        self.drift_ppm = drift_ppm

    def shows(self, simulated: Nanos) -> Nanos:
        """Return what this clock shows (ns since the Unix epoch) at the simulated time."""
        return EPOCH_NS + self.offset_ns + simulated + simulated * self.drift_ppm // _MILLION

    def when(self, shown: Nanos) -> Nanos:
        """Return the first simulated time at which this clock shows ``shown`` or later."""
        elapsed = shown - EPOCH_NS - self.offset_ns
        if self.drift_ppm == 0:
            return elapsed
        guess = elapsed * _MILLION // (_MILLION + self.drift_ppm)
        while self.shows(guess) >= shown:
            guess -= 1
        while self.shows(guess) < shown:
            guess += 1
        return guess
