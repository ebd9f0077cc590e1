"""The entries of the metadata log: which streams exist, and on which servers (docs/decisions/0003)."""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never, final

from refjs.storage.codec import CorruptData, Reader, Writer
from refjs.types.units import Nanos, Subject


@final
class AssignStream:
    """The stream of ``config`` (canonical) exists in ``account``, kept by ``peers`` as the group ``group``.

    ``reply`` is where the client that asked for it waits: the stream's first leader answers.  ``revision`` counts the
    configurations it has had; of two that create the same stream, the first one counts.
    """

    __slots__ = ("account", "config", "group", "name", "peers", "reply", "revision", "stamp")

    def __init__(  # noqa: PLR0913, PLR0917 - the record's fields
        self,
        account: str,
        name: str,
        config: bytes,
        group: str,
        peers: list[str],
        reply: Subject,
        stamp: Nanos,
        revision: int = 1,
    ) -> None:
        self.account = account
        self.name = name
        self.config = config
        self.group = group
        self.peers = peers
        self.reply = reply
        self.stamp = stamp
        self.revision = revision

    def succeeded_by(self, config: bytes, revision: int) -> AssignStream:
        """Return the assignment of the same stream in another revision, for which nobody waits."""
        return AssignStream(self.account, self.name, config, self.group, self.peers, b"", self.stamp, revision)


@final
class ReassignStream:
    """The stream that is kept by ``group`` has ``config`` now; without ``update`` it is the one it has already.

    ``reply`` is where the client that asked for it waits: the stream's leader answers.
    """

    __slots__ = ("account", "config", "group", "name", "reply", "update")

    def __init__(self, account: str, name: str, config: bytes, group: str, reply: Subject, *, update: bool) -> None:
        self.account = account
        self.name = name
        self.config = config
        self.group = group
        self.reply = reply
        self.update = update


@final
class RemoveStream:
    """The stream ``name`` of ``account`` exists no more."""

    __slots__ = ("account", "name")

    def __init__(self, account: str, name: str) -> None:
        self.account = account
        self.name = name


MetaEntry: TypeAlias = AssignStream | ReassignStream | RemoveStream

_ASSIGN: Final = 1
_REMOVE: Final = 2
_REASSIGN: Final = 3


@final
class MetaCodec:
    """Meta entries as bytes."""

    def encode(self, entry: MetaEntry) -> bytes:
        """Return the canonical encoding of ``entry``."""
        writer = Writer()
        match entry:
            case AssignStream():
                writer.u64(_ASSIGN)
                writer.text(entry.account)
                writer.text(entry.name)
                writer.blob(entry.config)
                writer.text(entry.group)
                writer.texts(entry.peers)
                writer.blob(entry.reply)
                writer.i64(entry.stamp)
                writer.u64(entry.revision)
            case ReassignStream():
                writer.u64(_REASSIGN)
                writer.text(entry.account)
                writer.text(entry.name)
                writer.blob(entry.config)
                writer.text(entry.group)
                writer.blob(entry.reply)
                writer.flag(entry.update)
            case RemoveStream():
                writer.u64(_REMOVE)
                writer.text(entry.account)
                writer.text(entry.name)
            case _:
                assert_never(entry)
        return writer.done()

    def decode(self, data: bytes) -> MetaEntry:
        """Return the entry that ``data`` encodes; raise ``CorruptData`` where it encodes none."""
        reader = Reader(data)
        entry = _read_entry(reader)
        reader.end()
        return entry


def _read_entry(reader: Reader) -> MetaEntry:
    kind = reader.u64()
    if kind == _ASSIGN:
        account, name, config, group = reader.text(), reader.text(), reader.blob(), reader.text()
        peers, reply, stamp = reader.texts(), reader.blob(), reader.i64()
        return AssignStream(account, name, config, group, peers, reply, stamp, reader.u64())
    if kind == _REASSIGN:
        account, name, config, group = reader.text(), reader.text(), reader.blob(), reader.text()
        return ReassignStream(account, name, config, group, reader.blob(), update=reader.flag())
    if kind == _REMOVE:
        return RemoveStream(reader.text(), reader.text())
    raise CorruptData(f"unknown kind of meta entry: {kind}")
