"""The entries of the metadata log: which streams exist, and on which servers (docs/decisions/0003)."""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never, final

from refjs.storage.codec import CorruptData, Reader, Writer
from refjs.types.units import Nanos, Subject


@final
class AssignStream:
    """The stream of ``config`` (canonical) exists in ``account``, kept by ``peers`` as the group ``group``.

    ``reply`` is where the client that asked for it waits: the stream's leader answers, as to an update or a creation.
    """

    __slots__ = ("account", "config", "group", "name", "peers", "reply", "stamp", "update")

    def __init__(  # noqa: PLR0913, PLR0917 - the record's fields
        self,
        account: str,
        name: str,
        config: bytes,
        group: str,
        peers: list[str],
        reply: Subject,
        stamp: Nanos,
        *,
        update: bool,
    ) -> None:
        self.account = account
        self.name = name
        self.config = config
        self.group = group
        self.peers = peers
        self.reply = reply
        self.stamp = stamp
        self.update = update


@final
class RemoveStream:
    """The stream ``name`` of ``account`` exists no more."""

    __slots__ = ("account", "name")

    def __init__(self, account: str, name: str) -> None:
        self.account = account
        self.name = name


MetaEntry: TypeAlias = AssignStream | RemoveStream

_ASSIGN: Final = 1
_REMOVE: Final = 2


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
        kind = reader.u64()
        if kind == _ASSIGN:
            account, name, config, group = reader.text(), reader.text(), reader.blob(), reader.text()
            peers, reply, stamp = reader.texts(), reader.blob(), reader.i64()
            return AssignStream(account, name, config, group, peers, reply, stamp, update=reader.flag())
        if kind == _REMOVE:
            return RemoveStream(reader.text(), reader.text())
        raise CorruptData(f"unknown kind of meta entry: {kind}")
