"""The only randomness of the core: a seeded generator that is handed in (SplitMix64).

Ours, and not ``random.Random``, because its whole state is one integer: it can be forked, snapshotted and
fingerprinted with the state machine that draws from it, and compiled or interpreted it draws the same numbers.
"""

from __future__ import annotations

from typing import Final, final

_MASK: Final = (1 << 64) - 1
_ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@final
class Rng:
    """A deterministic stream of random numbers."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def next64(self) -> int:
        """Return the next 64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """Return a number in ``[0, bound)``; the bias is below 2**-32 for every bound the core uses."""
        assert bound > 0
        return (self.next64() * bound) >> 64

    def between(self, low: int, high: int) -> int:
        """Return a number in ``[low, high]``."""
        return low + self.below(high - low + 1)

    def token(self, length: int) -> bytes:
        """Return ``length`` random base-62 characters, as the ids and inboxes of NATS use."""
        return bytes(_ALPHABET[self.below(62)] for _ in range(length))

    def split(self) -> Rng:
        """Return an independent generator, so that one user's draws do not shift another's."""
        return Rng(self.next64())

    def fork(self) -> Rng:
        """Return a copy that will draw the same numbers."""
        return Rng(self.state)
