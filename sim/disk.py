"""A simulated disk with two tiers: what programs see, and what a power failure leaves.

A write is visible at once and becomes durable when a sync that was asked for after it has completed.  A killed process
loses nothing that it wrote (the operating system holds it); a power failure loses what was not synced, and its ``Fate``
says how much of that had reached the platter by accident: nothing, some of the writes in their order, or also a part of
the next one (a torn write).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TypeAlias, assert_never, final

from refjs.types.rng import Rng
from refjs.types.units import MILLISECOND, Nanos
from sim.world import World


@unique
class Fate(StrEnum):
    """What a power failure does to the writes that were not synced."""

    LOST = "lost"
    PARTLY_KEPT = "partly_kept"
    TORN = "torn"


@final
@dataclass(slots=True)
class _Append:
    name: str
    data: bytes


@final
@dataclass(slots=True)
class _Truncate:
    name: str
    size: int


@final
@dataclass(slots=True)
class _Replace:
    name: str
    data: bytes


@final
@dataclass(slots=True)
class _Remove:
    name: str


_Write: TypeAlias = _Append | _Truncate | _Replace | _Remove
_Files: TypeAlias = dict[str, bytearray]


def _perform(files: _Files, write: _Write) -> None:
    """Carry out one write on one tier."""
    match write:
        case _Append():
            files.setdefault(write.name, bytearray()).extend(write.data)
        case _Truncate():
            if write.name in files:
                del files[write.name][write.size :]
        case _Replace():
            files[write.name] = bytearray(write.data)
        case _Remove():
            files.pop(write.name, None)
        case _:
            assert_never(write)


@final
class SimDisk:
    """The disk of one server; implements ``refjs.storage.disk.Disk``."""

    __slots__ = ("_durable", "_rng", "_unsynced", "_visible", "_world", "generation", "jitter_ns", "sync_ns", "written")

    def __init__(self, world: World, rng: Rng, *, sync_ns: Nanos = MILLISECOND, jitter_ns: Nanos = MILLISECOND) -> None:
        self.sync_ns = sync_ns
        self.jitter_ns = jitter_ns
        self.generation = 0
        self.written = 0
        self._world = world
        self._rng = rng
        self._visible: _Files = {}
        self._durable: _Files = {}
        self._unsynced: list[_Write] = []

    def append(self, name: str, data: bytes) -> None:
        """Append ``data`` to ``name``, creating it first where it does not exist."""
        self._write(_Append(name, data))

    def read(self, name: str) -> bytes:
        """Return the whole visible content of ``name``; empty where it does not exist."""
        return bytes(self._visible.get(name, b""))

    def truncate(self, name: str, size: int) -> None:
        """Cut ``name`` to ``size`` bytes."""
        self._write(_Truncate(name, size))

    def replace(self, name: str, data: bytes) -> None:
        """Put ``data`` in the place of ``name``'s content, whole or not at all."""
        self._write(_Replace(name, data))

    def remove(self, name: str) -> None:
        """Remove ``name``; nothing happens where it does not exist."""
        self._write(_Remove(name))

    def list(self, prefix: str) -> list[str]:
        """Return the names that start with ``prefix``, sorted."""
        return sorted(name for name in self._visible if name.startswith(prefix))

    def sync(self, done: Callable[[], None]) -> None:
        """Make durable all that was written so far, then call ``done``, unless the power fails first."""
        upto, generation = self.written, self.generation
        delay = self.sync_ns + self._rng.below(self.jitter_ns + 1)

        def complete() -> None:
            if generation == self.generation:
                self._settle(upto)
                done()

        self._world.after(delay, complete)

    def fail_power(self, fate: Fate) -> int:
        """Forget what was not synced, but for what ``fate`` spares; return how many writes were lost."""
        self.generation += 1
        pending = self._unsynced
        kept = 0 if fate is Fate.LOST else self._rng.below(len(pending) + 1)
        for write in pending[:kept]:
            _perform(self._durable, write)
        if fate is Fate.TORN and kept < len(pending):
            self._tear(pending[kept])
        self._unsynced = []
        self._visible = {name: bytearray(data) for name, data in self._durable.items()}
        return len(pending) - kept

    def _write(self, write: _Write) -> None:
        self.written += 1
        _perform(self._visible, write)
        self._unsynced.append(write)

    def _settle(self, upto: int) -> None:
        """Move to the durable tier every write up to the count ``upto``."""
        settled = max(0, upto - (self.written - len(self._unsynced)))
        for write in self._unsynced[:settled]:
            _perform(self._durable, write)
        del self._unsynced[:settled]

    def _tear(self, write: _Write) -> None:
        """Let a part of an append reach the platter; every other write is atomic."""
        if isinstance(write, _Append) and write.data:
            _perform(self._durable, _Append(write.name, write.data[: self._rng.below(len(write.data))]))
