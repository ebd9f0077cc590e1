"""The ``Disk`` seam: all that the core asks of a file system.

Writes are visible to reads at once and durable only after a sync: the core emits the effect ``SyncDisk(ticket)`` and
learns by the event ``DiskSynced(ticket)`` that everything appended before it survives a power failure.  The server
puts real files behind this, the simulator a disk that loses what was not synced, tears a write or flips a bit.
"""

from __future__ import annotations

from typing import Protocol


class DiskError(Exception):
    """The disk refused: full, read-only, gone.  ``str(error)`` is one sentence for an operator."""


class Disk(Protocol):
    """Flat files, named by slash-separated paths; every method may raise ``DiskError``."""

    def append(self, name: str, data: bytes) -> None:
        """Append ``data`` to ``name``, creating it first where it does not exist."""

    def read(self, name: str) -> bytes:
        """Return the whole content of ``name``; empty where it does not exist."""

    def truncate(self, name: str, size: int) -> None:
        """Cut ``name`` to ``size`` bytes."""

    def replace(self, name: str, data: bytes) -> None:
        """Put ``data`` in the place of ``name``'s content, whole or not at all."""

    def remove(self, name: str) -> None:
        """Remove ``name``; nothing happens where it does not exist."""

    def list(self, prefix: str) -> list[str]:
        """Return the names that start with ``prefix``, sorted."""
