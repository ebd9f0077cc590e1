"""The log on a disk keeps what it promised, and says what it lost."""

from __future__ import annotations

from typing import Final, final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.storage.codec import CorruptData
from refjs.storage.disk import Disk, DiskError
from refjs.storage.log import DurableLog
from refjs.storage.memory import MemoryDisk
from refjs.storage.wal import OVERHEAD, Recovery, Wal

NAME: Final = "group/log"
RECORDS: Final = st.lists(st.binary(max_size=12), min_size=1, max_size=8)


def written(records: list[bytes], *, first_index: int = 1, preface: bytes = b"") -> MemoryDisk:
    disk = MemoryDisk()
    wal = Wal(disk, NAME)
    wal.recover()
    if first_index > 1:
        wal.reset(first_index, preface, [])
    for number, data in enumerate(records):
        wal.append(first_index + number, data)
    return disk


def recovered(disk: Disk) -> Recovery:
    return Wal(disk, NAME).recover()


@given(RECORDS, st.integers(1, 1000), st.binary(max_size=5))
def test_what_was_appended_is_recovered(records: list[bytes], first_index: int, preface: bytes) -> None:
    """A whole file gives back its records, the index of the first and the preface before it."""
    found = recovered(written(records, first_index=first_index, preface=preface))
    expected = preface if first_index > 1 else b""
    assert found == Recovery(first_index, expected, records, None, 0, missing=False)


@given(RECORDS, st.data())
def test_a_file_cut_anywhere_is_torn_and_not_damaged(records: list[bytes], data: st.DataObject) -> None:
    """A file cut at any byte behind its header, zeros following or not, holds a prefix and is no damage."""
    disk = written(records)
    whole = disk.read(NAME)
    header = len(whole) - sum(len(record) + OVERHEAD for record in records)
    size = data.draw(st.integers(header, len(whole)))
    disk.replace(NAME, whole[:size] + bytes(data.draw(st.integers(0, 40))))
    found = recovered(disk)
    assert found.damage is None
    assert found.records == records[: len(found.records)]
    assert found.torn_bytes < len(disk.read(NAME)) or found.records == records[:-1] or size < len(whole)
    assert recovered(disk) == Recovery(1, b"", found.records, None, 0, missing=False)  # the tail is cut for good


@given(RECORDS, st.data())
def test_a_flipped_bit_is_damage_and_nothing_behind_it_is_read(records: list[bytes], data: st.DataObject) -> None:
    """Wherever one bit of a complete file flips, the damage names the record and only those before it are read."""
    disk = written(records)
    whole = bytearray(disk.read(NAME))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    disk.replace(NAME, bytes(whole))
    found = recovered(disk)
    assert found.damage is not None
    assert found.records == records[: len(found.records)]
    assert found.damage.first_index_lost == len(found.records) + 1
    assert found.damage.at <= at
    assert disk.read(NAME) == bytes(whole)  # nothing is deleted that could not be read


@given(RECORDS, st.data())
def test_a_record_out_of_its_place_is_damage(records: list[bytes], data: st.DataObject) -> None:
    """A record that is repeated or left out is damage, although every checksum holds."""
    disk = written([*records, b"last"])
    whole = disk.read(NAME)
    lost = data.draw(st.integers(0, len(records) - 1))
    begin = len(whole) - sum(len(record) + OVERHEAD for record in [*records, b"last"][lost:])
    end = begin + len(records[lost]) + OVERHEAD
    repeat = data.draw(st.booleans())
    disk.replace(NAME, whole[:end] + whole[begin:] if repeat else whole[:begin] + whole[end:])
    found = recovered(disk)
    assert found.damage is not None
    assert found.records == records[: lost + 1 if repeat else lost]


@given(RECORDS, st.data())
def test_truncating_forgets_the_records_from_an_index_on(records: list[bytes], data: st.DataObject) -> None:
    """After truncation the records before the index are there, and the log goes on at the index."""
    disk = written(records)
    index = data.draw(st.integers(1, len(records) + 1))
    wal = Wal(disk, NAME)
    wal.recover()
    wal.truncate_from(index)
    wal.append(index, b"new")
    assert recovered(disk).records == [*records[: index - 1], b"new"]


@given(RECORDS, RECORDS)
def test_a_reset_replaces_everything(records: list[bytes], kept: list[bytes]) -> None:
    """After a reset the file holds the preface and the records handed over, numbered from the new first index."""
    disk = written(records)
    wal = Wal(disk, NAME)
    wal.recover()
    wal.reset(50, b"snapshot", kept)
    wal.append(50 + len(kept), b"more")
    assert recovered(disk) == Recovery(50, b"snapshot", [*kept, b"more"], None, 0, missing=False)
    assert wal.size == len(disk.read(NAME))


def test_a_log_whose_header_is_lost_begins_anew() -> None:
    """Truncating a log whose header cannot be read keeps it aside and leaves an empty log that takes records."""
    disk = written([b"one", b"two"])
    broken = b"?" + disk.read(NAME)[1:]
    disk.replace(NAME, broken)
    wal = Wal(disk, NAME)
    found = wal.recover()
    assert found.damage is not None
    assert (found.damage.at, found.damage.first_index_lost) == (0, 1)
    wal.truncate_from(1)
    wal.append(1, b"anew")
    assert disk.read(f"{NAME}.damaged") == broken
    assert recovered(disk).records == [b"anew"]


def test_a_missing_file_is_told_from_an_empty_log() -> None:
    """A log that was never created, or only in zeros, is missing; one that holds no records is not."""
    disk = MemoryDisk()
    assert recovered(disk).missing
    disk.append(NAME, bytes(100))
    assert recovered(disk).missing
    assert not recovered(written([b"one"], first_index=2)).missing


def test_a_damaged_log_is_set_aside_before_it_is_given_up() -> None:
    """Truncating or resetting a damaged log keeps its unreadable content under another name."""
    disk = written([b"one", b"two", b"three"])
    broken = bytearray(disk.read(NAME))
    broken[-20 - len(b"three") - OVERHEAD + 18] ^= 1
    disk.replace(NAME, bytes(broken))
    wal = Wal(disk, NAME)
    found = wal.recover()
    assert found.damage is not None
    with pytest.raises(AssertionError):
        wal.append(wal.next_index, b"blind")
    wal.truncate_from(found.damage.first_index_lost)
    assert disk.read(f"{NAME}.damaged") == bytes(broken)
    wal.append(wal.next_index, b"healed")
    assert recovered(disk).records[-1] == b"healed"


@final
class FullDisk:
    """A disk that refuses an append after having written a part of it, once."""

    def __init__(self, inner: MemoryDisk) -> None:
        self.inner = inner
        self.full = False

    def append(self, name: str, data: bytes) -> None:
        if self.full:
            self.inner.append(name, data[: len(data) // 2])
            raise DiskError("no space left on the disk")
        self.inner.append(name, data)

    def read(self, name: str) -> bytes:
        return self.inner.read(name)

    def truncate(self, name: str, size: int) -> None:
        self.inner.truncate(name, size)

    def replace(self, name: str, data: bytes) -> None:
        self.inner.replace(name, data)

    def remove(self, name: str) -> None:
        self.inner.remove(name)

    def list(self, prefix: str) -> list[str]:
        return self.inner.list(prefix)


def test_a_refused_append_leaves_no_trace() -> None:
    """A record that the disk refused is not in the log, and the next one takes its place."""
    disk = FullDisk(written([b"one"]))
    wal = Wal(disk, NAME)
    wal.recover()
    disk.full = True
    with pytest.raises(DiskError):
        wal.append(2, b"refused")
    disk.full = False
    wal.append(2, b"two")
    assert recovered(disk) == Recovery(1, b"", [b"one", b"two"], None, 0, missing=False)


class TextCodec:
    """Entries that are words."""

    def encode(self, entry: str) -> bytes:
        return entry.encode()

    def decode(self, data: bytes) -> str:
        if data.startswith(b"?"):
            raise CorruptData("not a word")
        return data.decode()


@given(st.lists(st.text("abc"), max_size=6), st.integers(0, 6))
def test_a_durable_log_outlives_its_server(words: list[str], compact_after: int) -> None:
    """Entries proposed before a restart are found after it, with their indexes, behind the snapshot."""
    disk = MemoryDisk()
    log, entries = DurableLog.open(disk, NAME, TextCodec())
    assert entries == []
    for number, word in enumerate(words, 1):
        assert log.propose(word) == number
        if number == compact_after:
            log.compact(b"state")
    assert log.take_committed() == list(enumerate(words, 1))
    assert log.take_committed() == []
    log, entries = DurableLog.open(disk, NAME, TextCodec())
    first = compact_after if 0 < compact_after <= len(words) else 0
    assert entries == list(enumerate(words, 1))[first:]
    assert log.snapshot == (b"state" if first else b"")
    assert log.last_index == len(words)


def test_a_durable_log_with_a_hole_does_not_lead() -> None:
    """A log that has lost entries, by damage or by an unknown format, takes no new ones."""
    for disk in (written([b"one", b"?", b"three"]), written([b"one", b"two", b"three"])):
        if b"?" not in disk.read(NAME):
            data = bytearray(disk.read(NAME))
            data[-len(b"three") - OVERHEAD - 2] ^= 1
            disk.replace(NAME, bytes(data))
        log, entries = DurableLog.open(disk, NAME, TextCodec())
        assert entries == [(1, "one")]
        assert log.damage is not None
        assert "lost from index 2" in str(log.damage)
        assert not log.leads()
        assert log.propose("blind") == 0
