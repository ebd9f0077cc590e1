"""Real files behind the ``Disk`` seam, and the lock that keeps a store directory to one process.

Appended data is visible at once and durable after a sync; a sync may run in another thread while appending goes on,
because it works on duplicates of the descriptors.  ``replace`` is durable when it returns.  POSIX only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, final

from refjs.storage.disk import DiskError

_OPEN_FILES_MAX: Final = 128
_LOCK: Final = ".lock"
_TEMPORARY: Final = ".tmp"


@contextmanager
def _reported(verb: str, path: Path) -> Iterator[None]:
    """Turn the system's refusal into the one sentence an operator reads."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno is not None else str(error)
        raise DiskError(f"{verb} {path}: {reason.lower()}") from error


@final
class PendingSync:
    """What has to reach the platter: descriptors of its own, so that another thread may wait for it."""

    def __init__(self, descriptors: list[tuple[int, Path]]) -> None:
        self._descriptors = descriptors

    def finish(self) -> None:
        """Sync all and let go; raise ``DiskError``, after which nothing may be acknowledged any more."""
        try:
            for descriptor, path in self._descriptors:
                with _reported("sync", path):
                    os.fsync(descriptor)
        finally:
            for descriptor, _ in self._descriptors:
                os.close(descriptor)


@final
class FileDisk:
    """``refjs.storage.disk.Disk`` on the directory ``root``, which is created and locked; ``close`` lets it go."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root
        self._appending: dict[str, int] = {}
        self._unsynced: set[str] = set()
        self._unsynced_directories: set[Path] = set()
        with _reported("create", root):
            root.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()

    def append(self, name: str, data: bytes) -> None:
        """Append ``data`` to ``name``; a write that fails half-way is taken back."""
        path = self._path(name)
        with _reported("write", path):
            descriptor = self._appender(name, path)
            size = os.fstat(descriptor).st_size
            self._unsynced.add(name)
            try:
                _write_all(descriptor, data)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise

    def read(self, name: str) -> bytes:
        """Return the whole content of ``name``; empty where it does not exist."""
        path = self._path(name)
        with _reported("read", path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return b""

    def truncate(self, name: str, size: int) -> None:
        """Cut ``name`` to ``size`` bytes."""
        path = self._path(name)
        with _reported("truncate", path):
            os.ftruncate(self._appender(name, path), size)
            self._unsynced.add(name)

    def replace(self, name: str, data: bytes) -> None:
        """Put ``data`` in the place of ``name``'s content, whole or not at all, durable on return."""
        path = self._path(name)
        self._forget(name)
        temporary = path.with_name(path.name + _TEMPORARY)
        with _reported("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.rename(path)
            _sync_directory(path.parent)

    def remove(self, name: str) -> None:
        """Remove ``name``; nothing happens where it does not exist."""
        path = self._path(name)
        self._forget(name)
        with _reported("remove", path):
            path.unlink(missing_ok=True)
            self._unsynced_directories.add(path.parent)

    def list(self, prefix: str) -> list[str]:
        """Return the names that start with ``prefix``, sorted."""
        start = self.root / prefix.rpartition("/")[0]
        with _reported("list", start):
            names = [
                (Path(directory) / file).relative_to(self.root).as_posix()
                for directory, _, files in os.walk(start)
                for file in files
                if file != _LOCK and not file.endswith(_TEMPORARY)
            ]
        return sorted(name for name in names if name.startswith(prefix))

    def begin_sync(self) -> PendingSync:
        """Return what makes everything appended so far durable once it is finished."""
        descriptors: list[tuple[int, Path]] = []
        for name in sorted(self._unsynced):
            path = self._path(name)
            with _reported("sync", path):
                descriptors.append((os.dup(self._appender(name, path)), path))
        for directory in sorted(self._unsynced_directories):
            if directory.is_dir():
                with _reported("sync", directory):
                    descriptors.append((os.open(directory, os.O_RDONLY), directory))
        self._unsynced.clear()
        self._unsynced_directories.clear()
        return PendingSync(descriptors)

    def sync(self) -> None:
        """Make everything appended so far durable before returning."""
        self.begin_sync().finish()

    def close(self) -> None:
        """Sync, close every file and let the directory go."""
        self.sync()
        for descriptor in self._appending.values():
            os.close(descriptor)
        self._appending.clear()
        os.close(self._lock)

    def _path(self, name: str) -> Path:
        parts = name.split("/")
        assert all(part not in ("", ".", "..", _LOCK) for part in parts), f"{name!r} does not name a file of the store"
        return self.root.joinpath(*parts)

    def _appender(self, name: str, path: Path) -> int:
        """Return the open descriptor of ``name``; few stay open, the one used longest ago goes first."""
        descriptor = self._appending.pop(name, None)
        if descriptor is None:
            if len(self._appending) >= _OPEN_FILES_MAX:
                os.close(self._appending.pop(next(iter(self._appending))))
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._unsynced_directories.update((path.parent, *self._ancestors(path.parent)))
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._appending[name] = descriptor
        return descriptor

    def _ancestors(self, directory: Path) -> Sequence[Path]:
        return [parent for parent in directory.parents if parent.is_relative_to(self.root)]

    def _forget(self, name: str) -> None:
        self._unsynced.discard(name)
        descriptor = self._appending.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)

    def _take_lock(self) -> int:
        path = self.root / _LOCK
        with _reported("lock", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise DiskError(f"store directory {self.root} is in use by another server") from error
        return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
