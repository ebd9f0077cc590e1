"""The world that everything simulated lives in: one clock of integer nanoseconds and the streams of randomness.

SimPy keeps the agenda.  Only callbacks on timeouts are used, no processes and no stores: a node is a state machine
already, and a callback costs a third of a process's turn.  Two actions due at the same nanosecond run in the order in
which they were scheduled; races are explored because the network draws every delay to the nanosecond.

A run is a function of the scenario and the seed.  Each subsystem draws from a stream of its own, found by name, so that
one more draw in one place shifts nothing anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, TypeAlias, final

import simpy

from refjs.types.rng import Rng
from refjs.types.units import Nanos

Action: TypeAlias = Callable[[], None]

EPOCH_NS: Final[Nanos] = 1_767_225_600_000_000_000
"""What every true clock shows when a simulation begins: 2026-01-01T00:00:00Z."""

STUCK_AFTER: Final = 100_000
"""So many actions in a row without delay are no work any more, but a circle."""


class StuckError(Exception):
    """Time stands still: actions go on causing one another at one instant."""


@final
class World:
    """Simulated time (ns since the beginning of the run), its agenda, and seeded randomness."""

    __slots__ = ("_at_once", "_env", "actions", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.actions = 0
        self._at_once = 0
        self._env = simpy.Environment()

    @property
    def now(self) -> Nanos:
        """The simulated time that has passed, in ns."""
        return int(self._env.now)

    def stream(self, name: str) -> Rng:
        """Return the generator of the subsystem ``name``: the same numbers for the same seed and name."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        return Rng(int.from_bytes(digest, "big"))

    def after(self, delay: Nanos, action: Action) -> None:
        """Run ``action`` in ``delay`` ns; it cannot be cancelled, so it asks whether it is still wanted.

        Raises ``StuckError`` where nothing but actions without delay has been asked for, too many times in a row.
        """
        self.actions += 1
        self._at_once = 0 if delay else self._at_once + 1
        if self._at_once > STUCK_AFTER:
            raise StuckError(f"time stands still at {self.now} ns")
        self._env.timeout(delay).callbacks.append(lambda _timeout: action())

    def at(self, when: Nanos, action: Action) -> None:
        """Run ``action`` at ``when``, or at once where ``when`` is past."""
        self.after(max(0, when - self.now), action)

    def run_until(self, when: Nanos) -> None:
        """Let time pass until ``when``; what is due exactly then has not happened yet."""
        if when > self.now:
            self._env.run(until=when)
