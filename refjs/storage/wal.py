"""The write-ahead log: numbered records in one file that says what is missing from it.

A file is a header and records.  The header carries the index of the first record and a *preface*: what the owner must
know of all that came before (a snapshot; empty at first).  Header and preface are replaced together, so compaction is
one atomic step.  A record carries its length, its index, a checksum of its data, a checksum of these three, the data
and a closing mark that is never zero.

That is enough to tell the three ways in which a file can end:

- It ends inside a record, or in zeros: the last writes were cut by a crash.  They were never synced, nobody was told
  of them, and they are cut off (*torn*).
- A record is there but does not check, or is not the one that must follow: *damage*.  What was synced is lost, and
  nothing behind that place is read.  The file is left as it is until its owner, who may have peers, decides.
- It ends after a record: it is whole.

The fault model: a torn write leaves a prefix of what was appended, perhaps followed by zeros; whatever else is found
is damage.  Mistaking a torn write for damage costs a replica a catch-up; the reverse would cost acknowledged data.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, final
from zlib import crc32

from refjs.storage.disk import Disk, DiskError

VERSION: Final = 1
_MAGIC: Final = b"rjwl"
_HEADER: Final = Struct("<4sIQQI")  # magic, version, first index, preface length, preface checksum
_FRAME: Final = Struct("<IQI")  # data length, index, data checksum
_CHECK: Final = Struct("<I")
_CLOSE: Final = b"\xa5"
_HEADER_SIZE: Final = _HEADER.size + _CHECK.size
_FRAME_SIZE: Final = _FRAME.size + _CHECK.size
OVERHEAD: Final = _FRAME_SIZE + len(_CLOSE)
"""What a record costs beyond its data, in bytes."""


@final
@dataclass(frozen=True, slots=True)
class Damage:
    """A hole in a file: from byte ``at`` on, the record ``first_index_lost`` and all behind it cannot be trusted."""

    file: str
    at: int
    first_index_lost: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason} at byte {self.at}; lost from index {self.first_index_lost} on"


@final
@dataclass(frozen=True, slots=True)
class Recovery:
    """What a file held: the records from ``first_index`` on, the preface before them, and what was wrong.

    ``missing`` tells that there was no file, or one of which not even the header was ever durable.
    """

    first_index: int
    preface: bytes
    records: list[bytes]
    damage: Damage | None
    torn_bytes: int
    missing: bool


@final
class Wal:
    """Appends records and finds them again; every method may raise ``DiskError``.

    ``recover`` comes first, once.  A damaged log takes no records until ``truncate_from`` or ``reset`` has given up
    what cannot be read; the unreadable file is then kept aside under the name ``<name>.damaged``.
    """

    __slots__ = ("_disk", "_offsets", "_preface", "_size", "_tail_unsure", "damage", "first_index", "name")

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self.name = name
        self.first_index = 1
        self.damage: Damage | None = None
        self._preface = b""
        self._offsets: list[int] = []
        self._size = 0
        self._tail_unsure = False

    @property
    def next_index(self) -> int:
        """The index that the next record must have."""
        return self.first_index + len(self._offsets)

    @property
    def size(self) -> int:
        """The size of the readable part of the file, in bytes."""
        return self._size

    def recover(self) -> Recovery:
        """Read the file, cut a torn tail, and report; a file that is missing is created by the first write."""
        data = self._disk.read(self.name)
        solid = len(data.rstrip(b"\0"))
        if solid == 0:
            return Recovery(1, b"", [], None, len(data), missing=True)
        problem = self._read_header(data)
        if problem:
            return self._damaged(0, problem, 1, [])
        records: list[bytes] = []
        at = self._size
        while at < len(data):
            size, problem = _read_frame(data, at, self.next_index, solid)
            if problem:
                return self._damaged(at, problem, self.next_index, records)
            if size < 0:
                break
            begin = at + _FRAME_SIZE
            records.append(data[begin : begin + size])
            self._offsets.append(at)
            at += size + OVERHEAD
        self._size = at
        torn = len(data) - at
        if torn:
            self._disk.truncate(self.name, at)
        return Recovery(self.first_index, self._preface, records, None, torn, missing=False)

    def _read_header(self, data: bytes) -> str:
        """Read header and preface; return what is wrong with them, or nothing."""
        if len(data) < _HEADER_SIZE or crc32(data[: _HEADER.size]) != _number(data, _HEADER.size):
            return "the header does not check"
        magic, version, first_index, length, checksum = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != VERSION:
            return f"not a log of format version {VERSION}"
        preface = data[_HEADER_SIZE : _HEADER_SIZE + length]
        if len(preface) != length or crc32(preface) != checksum:
            return "the preface does not check"
        self.first_index, self._preface, self._size = first_index, preface, _HEADER_SIZE + length
        return ""

    def _damaged(self, at: int, reason: str, index: int, records: list[bytes]) -> Recovery:
        self._size = at
        self.damage = Damage(self.name, at, index, reason)
        return Recovery(self.first_index, self._preface, records, self.damage, 0, missing=False)

    def append(self, index: int, data: bytes) -> None:
        """Append one record; ``index`` must be ``next_index``."""
        assert self.damage is None, "a damaged log takes no records"
        assert index == self.next_index, f"{self.name}: record {index} cannot follow {self.next_index - 1}"
        if self._size == 0:
            self.reset(self.first_index, b"", [])
        if self._tail_unsure:
            self._disk.truncate(self.name, self._size)
            self._tail_unsure = False
        frame = _frame(index, data)
        try:
            self._disk.append(self.name, frame)
        except DiskError:
            self._tail_unsure = True  # a part may have been written; cut it before the next record
            raise
        self._offsets.append(self._size)
        self._size += len(frame)

    def truncate_from(self, index: int) -> None:
        """Remove the record ``index`` and all behind it, where there are any."""
        assert index >= self.first_index
        if self._size == 0:  # the header is missing or cannot be read
            self.reset(self.first_index, b"", [])
        keep = index - self.first_index
        if keep >= len(self._offsets) and self.damage is None:
            return
        size = self._offsets[keep] if keep < len(self._offsets) else self._size
        self._put_aside()
        self._disk.truncate(self.name, size)
        del self._offsets[keep:]
        self._size = size

    def reset(self, first_index: int, preface: bytes, records: list[bytes]) -> None:
        """Begin anew, atomically: ``preface`` stands for all before ``first_index``, ``records`` follow it."""
        self._put_aside()
        head = _HEADER.pack(_MAGIC, VERSION, first_index, len(preface), crc32(preface))
        parts = [head, _CHECK.pack(crc32(head)), preface]
        size = _HEADER_SIZE + len(preface)
        offsets: list[int] = []
        for number, data in enumerate(records):
            frame = _frame(first_index + number, data)
            parts.append(frame)
            offsets.append(size)
            size += len(frame)
        self._disk.replace(self.name, b"".join(parts))
        self.first_index, self._preface, self._offsets, self._size = first_index, preface, offsets, size
        self._tail_unsure = False

    def _put_aside(self) -> None:
        """Keep what cannot be read: nothing unreadable is ever deleted."""
        if self.damage is not None:
            self._disk.replace(f"{self.name}.damaged", self._disk.read(self.name))
            self.damage = None


def _frame(index: int, data: bytes) -> bytes:
    head = _FRAME.pack(len(data), index, crc32(data))
    return b"".join((head, _CHECK.pack(crc32(head)), data, _CLOSE))


def _read_frame(data: bytes, at: int, index: int, solid: int) -> tuple[int, str]:
    """Return the length of the record at ``at`` (-1 where it is torn) and what is wrong with it.

    ``solid`` is where the file's last zeros begin: a record whose closing mark would stand behind it was never written
    to its end.
    """
    if solid <= at + _FRAME_SIZE:
        return -1, ""
    if crc32(data[at : at + _FRAME.size]) != _number(data, at + _FRAME.size):
        return 0, "a record's frame does not check"
    size, found, checksum = _FRAME.unpack_from(data, at)
    end = at + _FRAME_SIZE + size
    if solid <= end:
        return -1, ""
    if data[end : end + 1] != _CLOSE or crc32(data[at + _FRAME_SIZE : end]) != checksum:
        return 0, "a record's data does not check"
    return (size, "") if found == index else (0, f"record {found} stands in the place of {index}")


def _number(data: bytes, at: int) -> int:
    value: int = _CHECK.unpack_from(data, at)[0]
    return value
