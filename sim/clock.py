"""The clocks of servers: each is off by an offset and runs fast or slow by a drift, in exact integers."""

from __future__ import annotations

from typing import Final, final

from refjs.types.units import Nanos
from sim.world import EPOCH_NS

_MILLION: Final = 1_000_000


@final
class Clock:
    """One server's clock; ``when`` names the first instant at which it ``shows`` a time, to the nanosecond."""

    __slots__ = ("_pace", "_start")

    def __init__(self, offset_ns: Nanos = 0, drift_ppm: int = 0) -> None:
        assert abs(drift_ppm) < _MILLION, "a clock must go forward"
        self._start = EPOCH_NS + offset_ns
        self._pace = _MILLION + drift_ppm

    def shows(self, simulated: Nanos) -> Nanos:
        """Return what this clock shows (ns since the Unix epoch) at the simulated time."""
        return self._start + simulated * self._pace // _MILLION

    def when(self, shown: Nanos) -> Nanos:
        """Return the first simulated time at which this clock shows ``shown`` or later."""
        return -(-(shown - self._start) * _MILLION // self._pace)
