"""What a server must not forget, and how it finds out that it was lost."""

from __future__ import annotations

from typing import Final

import pytest

from refjs.raft.messages import Entry, EntryKind, Snapshot
from refjs.raft.store import NOBODY, Ballot, DiskStore, Recovered
from refjs.storage.memory import MemoryDisk
from refjs.types.units import ServerId

A: Final = ServerId("a")
LOG: Final = "group/log"
BALLOTS: Final = ("group/ballot.a", "group/ballot.b")


def entries(*indexes: int) -> list[Entry]:
    return [Entry(index, 2, EntryKind.NORMAL, b"entry %d" % index) for index in indexes]


def kept() -> MemoryDisk:
    """Return a disk on which a server kept a vote in term 2 and three entries."""
    disk = MemoryDisk()
    store = DiskStore(disk, "group")
    store.recover()
    store.create()
    store.save_ballot(Ballot(2, A))
    for entry in entries(1, 2, 3):
        store.append(entry)
    return disk


def found(disk: MemoryDisk) -> Recovered:
    return DiskStore(disk, "group").recover()


def flip(disk: MemoryDisk, name: str, at: int) -> None:
    data = bytearray(disk.read(name))
    data[at] ^= 1
    disk.replace(name, bytes(data))


def test_what_was_kept_is_recovered() -> None:
    """Term, vote and entries are there after a restart."""
    assert found(kept()) == Recovered(Ballot(2, A), None, entries(1, 2, 3), fresh=False)


def test_a_store_that_kept_nothing_is_fresh() -> None:
    """A server that never promised anything is told from one that has lost something, also amid its creation."""
    disk = MemoryDisk()
    assert found(disk) == Recovered()
    DiskStore(disk, "group").create()
    assert found(disk) == Recovered()
    disk.remove(LOG)
    assert found(disk) == Recovered()


def test_entries_are_replaced_from_an_index_on() -> None:
    """A truncated log goes on with other entries."""
    disk = kept()
    store = DiskStore(disk, "group")
    store.recover()
    store.truncate_from(2)
    store.append(Entry(2, 3, EntryKind.NOOP, b""))
    assert found(disk).entries == [*entries(1), Entry(2, 3, EntryKind.NOOP, b"")]


def test_a_snapshot_takes_the_place_of_the_entries_before_it() -> None:
    """After a snapshot there are it and the entries handed over with it."""
    disk = kept()
    store = DiskStore(disk, "group")
    store.recover()
    snapshot = Snapshot(2, 2, (A,), b"state")
    store.save_snapshot(snapshot, entries(3))
    store.append(entries(4)[0])
    assert found(disk) == Recovered(Ballot(2, A), snapshot, entries(3, 4), fresh=False)
    assert store.log_size == len(disk.read(LOG))


@pytest.mark.parametrize("name", BALLOTS)
def test_one_copy_of_the_vote_is_enough(name: str) -> None:
    """A flipped bit in one copy, or its loss, is outvoted by the other."""
    disk = kept()
    flip(disk, name, 6)
    assert found(disk).ballot == Ballot(2, A)
    disk.remove(name)
    assert (found(disk).ballot, found(disk).ballot_lost) == (Ballot(2, A), False)


def test_the_newer_copy_of_the_vote_counts() -> None:
    """Of two copies, one of which a crash left behind, the later term counts, and in a term the vote once given."""
    for older, newer in ((Ballot(2, A), Ballot(3)), (Ballot(3), Ballot(3, A)), (Ballot(3, fence=3), Ballot(3))):
        for order in ((older, newer), (newer, older)):
            disk, copies = MemoryDisk(), [MemoryDisk(), MemoryDisk()]
            for copy, ballot in zip(copies, order, strict=True):
                DiskStore(copy, "group").save_ballot(ballot)
            for name, copy in zip(BALLOTS, copies, strict=True):
                disk.replace(name, copy.read(name))
            assert found(disk).ballot == newer


def test_a_vote_that_cannot_be_read_is_reported() -> None:
    """When both copies of the vote are damaged the store says so, whether or not there are entries."""
    for disk in (kept(), MemoryDisk()):
        DiskStore(disk, "group").save_ballot(Ballot(2, A))
        for name in BALLOTS:
            flip(disk, name, 6)
        assert found(disk).ballot_lost
        assert found(disk).ballot.vote == NOBODY
        assert not found(disk).fresh


def test_a_hole_in_the_log_is_reported() -> None:
    """A record that does not check is damage, from which on nothing is recovered."""
    disk = kept()
    flip(disk, LOG, len(disk.read(LOG)) // 2 + 10)
    assert "lost from index 2" in found(disk).damage
    assert found(disk).entries == entries(1)


def test_a_missing_log_is_reported() -> None:
    """A server with a vote and no log file has lost its log."""
    disk = kept()
    disk.remove(LOG)
    assert "missing" in found(disk).damage


def test_a_torn_tail_is_no_damage() -> None:
    """The last record, cut by a crash, was never acknowledged and is simply gone."""
    disk = kept()
    disk.truncate(LOG, len(disk.read(LOG)) - 3)
    assert found(disk) == Recovered(Ballot(2, A), None, entries(1, 2), fresh=False)
