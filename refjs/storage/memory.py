"""A disk in memory: for tests, and for a server that keeps nothing (``Disk`` in full, always in sync)."""

from __future__ import annotations

from typing import final


@final
class MemoryDisk:
    """Files as byte arrays; never fails, and everything is durable as long as the object lives."""

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}

    def append(self, name: str, data: bytes) -> None:
        """Append ``data`` to ``name``, creating it first where it does not exist."""
        file = self._files.get(name)
        if file is None:
            self._files[name] = bytearray(data)
        else:
            file += data

    def read(self, name: str) -> bytes:
        """Return the whole content of ``name``; empty where it does not exist."""
        return bytes(self._files.get(name, b""))

    def truncate(self, name: str, size: int) -> None:
        """Cut ``name`` to ``size`` bytes."""
        file = self._files.get(name)
        if file is not None:
            del file[size:]

    def replace(self, name: str, data: bytes) -> None:
        """Put ``data`` in the place of ``name``'s content."""
        self._files[name] = bytearray(data)

    def remove(self, name: str) -> None:
        """Remove ``name``; nothing happens where it does not exist."""
        self._files.pop(name, None)

    def list(self, prefix: str) -> list[str]:
        """Return the names that start with ``prefix``, sorted."""
        return sorted(name for name in self._files if name.startswith(prefix))

    def fork(self) -> MemoryDisk:
        """Return an independent copy."""
        copy = MemoryDisk()
        copy._files = {name: bytearray(file) for name, file in self._files.items()}
        return copy
