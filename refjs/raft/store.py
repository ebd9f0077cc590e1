"""What a server must not forget: its term and vote, its log, its snapshot.

One log file holds the entries, and in its preface the snapshot before them, so that both change together.  Term and
vote are a record of a few bytes, written to two files, so that one flipped bit is outvoted.

What a power failure or a bad disk took is found when the store is opened and told in ``Recovered``: a torn tail was
never acknowledged and is gone; a hole where entries were acknowledged is ``damage``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final, final
from zlib import crc32

from refjs.raft.encoding import decode_entry, decode_snapshot, encode_entry, encode_snapshot
from refjs.raft.messages import Entry, Snapshot
from refjs.storage.codec import CorruptData, Reader, Writer
from refjs.storage.disk import Disk
from refjs.storage.wal import Wal
from refjs.types.units import ServerId

NOBODY: Final = ServerId("")
"""No server: no vote given, no leader known."""
_VERSION: Final = 1


@final
@dataclass(frozen=True, slots=True)
class Ballot:
    """The term a server is in and its vote there.

    With ``fence`` not 0 it has no vote until a leader of that term or a later one has healed it (see ``following``).
    """

    term: int = 0
    vote: ServerId = NOBODY
    fence: int = 0


@final
@dataclass(slots=True)
class Recovered:
    """What the store remembers; ``fresh`` where nothing was ever kept, ``damage`` where something is missing."""

    ballot: Ballot = field(default_factory=Ballot)
    snapshot: Snapshot | None = None
    entries: list[Entry] = field(default_factory=list)
    fresh: bool = True
    damage: str = ""
    ballot_lost: bool = False


class Store(ABC):
    """Where a server keeps what it must not forget.

    Writes are visible to the next ``Recovered`` at once and survive a power failure after a sync; every method may
    raise ``DiskError``, upon which the server stops.
    """

    @abstractmethod
    def create(self) -> None:
        """Make an empty log and ballot; once both are durable, their absence is damage."""

    @abstractmethod
    def save_ballot(self, ballot: Ballot) -> None:
        """Keep the term, the vote and the fence."""

    @abstractmethod
    def append(self, entry: Entry) -> None:
        """Keep the next entry."""

    @abstractmethod
    def truncate_from(self, index: int) -> None:
        """Forget the entry ``index`` and all behind it, where there are any; give up what was found damaged."""

    @abstractmethod
    def save_snapshot(self, snapshot: Snapshot, entries: list[Entry]) -> None:
        """Put ``snapshot`` and the ``entries`` that follow it in the place of everything, at once."""


@final
class NullStore(Store):
    """Keeps nothing: for models, which never start a server again from its disk."""

    def create(self) -> None:
        pass

    def save_ballot(self, ballot: Ballot) -> None:
        pass

    def append(self, entry: Entry) -> None:
        pass

    def truncate_from(self, index: int) -> None:
        pass

    def save_snapshot(self, snapshot: Snapshot, entries: list[Entry]) -> None:
        pass


@final
class DiskStore(Store):
    """Keeps everything in the files ``<name>/log``, ``<name>/ballot.a`` and ``<name>/ballot.b``."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._wal = Wal(disk, f"{name}/log")
        self._ballots = (f"{name}/ballot.a", f"{name}/ballot.b")

    def recover(self) -> Recovered:
        """Return what was kept; called once, first."""
        recovery = self._wal.recover()
        found = Recovered()
        if recovery.damage is not None:
            found.damage = str(recovery.damage)
        try:
            found.snapshot = decode_snapshot(recovery.preface) if recovery.preface else None
            found.entries = [decode_entry(record) for record in recovery.records]
        except CorruptData as error:
            found.damage = f"{self._wal.name}: {error}"
        self._recover_ballot(found)
        if not found.fresh and recovery.missing:
            found.damage = f"{self._wal.name}: the file is missing"
        return found

    def _recover_ballot(self, found: Recovered) -> None:
        contents = [self._disk.read(name) for name in self._ballots]
        known = [ballot for data in contents if (ballot := _decode_ballot(data)) is not None]
        empty = not found.entries and found.snapshot is None and not found.damage
        found.ballot = max(known, key=_newest) if known else Ballot()
        found.ballot_lost = not known and (any(contents) or not empty)
        found.fresh = empty and not found.ballot_lost and found.ballot == Ballot()

    def create(self) -> None:
        self._wal.reset(1, b"", [])
        self.save_ballot(Ballot())

    def save_ballot(self, ballot: Ballot) -> None:
        data = _encode_ballot(ballot)
        for name in self._ballots:
            self._disk.replace(name, data)

    def append(self, entry: Entry) -> None:
        self._wal.append(entry.index, encode_entry(entry))

    def truncate_from(self, index: int) -> None:
        self._wal.truncate_from(index)

    def save_snapshot(self, snapshot: Snapshot, entries: list[Entry]) -> None:
        records = [encode_entry(entry) for entry in entries]
        self._wal.reset(snapshot.index + 1, encode_snapshot(snapshot), records)

    @property
    def log_size(self) -> int:
        """The size of the log file in bytes, by which the owner may decide when to compact."""
        return self._wal.size


def _newest(ballot: Ballot) -> tuple[int, bool, int]:
    """Order two copies of which a crash left one behind: terms and fences rise, and a vote once given stands."""
    return ballot.term, ballot.vote != NOBODY, -ballot.fence


def _encode_ballot(ballot: Ballot) -> bytes:
    out = Writer()
    out.u64(_VERSION)
    out.u64(ballot.term)
    out.text(ballot.vote)
    out.u64(ballot.fence)
    body = out.done()
    return crc32(body).to_bytes(4, "big") + body


def _decode_ballot(data: bytes) -> Ballot | None:
    """Return the ballot, or None where the bytes do not check."""
    body = data[4:]
    if len(data) <= 4 or crc32(body).to_bytes(4, "big") != data[:4]:  # noqa: PLR2004 - the size of the checksum
        return None
    reader = Reader(body)
    try:
        version, ballot = reader.u64(), Ballot(reader.u64(), ServerId(reader.text()), reader.u64())
        reader.end()
    except CorruptData:
        return None
    return ballot if version == _VERSION else None
