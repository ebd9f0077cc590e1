"""The entries of a stream's group: those of the stream, and those of its consumers.

A stream and its consumers share one log, so that no consumer can ever be ahead of its stream (R12), and retention is
decided at the same place on every replica (docs/decisions/0003).
"""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never, final

from refjs.consumer.entries import ConsumerEntry, read_consumer_entry, write_consumer_entry
from refjs.storage.codec import CorruptData, Reader, Writer
from refjs.stream.entries import (
    Configure,
    DeleteMessage,
    Expire,
    Publish,
    Purge,
    StreamEntry,
    read_stream_entry,
    write_stream_entry,
)
from refjs.types.units import Nanos


@final
class Adopt:
    """Put in force what the metadata says of the stream in its ``revision``; the first one is the stream's birth.

    ``config`` is canonical (``types.plain``).  An older revision than the one in force changes nothing.
    """

    __slots__ = ("config", "revision", "stamp")

    def __init__(self, config: bytes, revision: int, stamp: Nanos) -> None:
        self.config = config
        self.revision = revision
        self.stamp = stamp


@final
class CreateConsumer:
    """Create a consumer, or put a new configuration in force where ``name`` exists."""

    __slots__ = ("config", "name", "stamp")

    def __init__(self, name: str, config: bytes, stamp: Nanos) -> None:
        self.name = name
        self.config = config
        self.stamp = stamp


@final
class DeleteConsumer:
    """Delete a consumer."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


@final
class ForConsumer:
    """An entry of the consumer ``name``."""

    __slots__ = ("entry", "name")

    def __init__(self, name: str, entry: ConsumerEntry) -> None:
        self.name = name
        self.entry = entry


GroupEntry: TypeAlias = StreamEntry | Adopt | CreateConsumer | DeleteConsumer | ForConsumer

_STREAM: Final = 1
_CREATE_CONSUMER: Final = 2
_DELETE_CONSUMER: Final = 3
_FOR_CONSUMER: Final = 4
_ADOPT: Final = 5


@final
class GroupCodec:
    """Group entries as bytes, for logs that keep or replicate them."""

    def encode(self, entry: GroupEntry) -> bytes:
        """Return the canonical encoding of ``entry``."""
        writer = Writer()
        match entry:
            case Publish() | Expire() | Purge() | DeleteMessage() | Configure():
                writer.u64(_STREAM)
                write_stream_entry(writer, entry)
            case Adopt():
                writer.u64(_ADOPT)
                writer.blob(entry.config)
                writer.u64(entry.revision)
                writer.i64(entry.stamp)
            case CreateConsumer():
                writer.u64(_CREATE_CONSUMER)
                writer.text(entry.name)
                writer.blob(entry.config)
                writer.i64(entry.stamp)
            case DeleteConsumer():
                writer.u64(_DELETE_CONSUMER)
                writer.text(entry.name)
            case ForConsumer():
                writer.u64(_FOR_CONSUMER)
                writer.text(entry.name)
                write_consumer_entry(writer, entry.entry)
            case _:
                assert_never(entry)
        return writer.done()

    def decode(self, data: bytes) -> GroupEntry:
        """Return the entry that ``data`` encodes; raise ``CorruptData`` where it encodes none."""
        reader = Reader(data)
        entry = _read_entry(reader)
        reader.end()
        return entry


def _read_entry(reader: Reader) -> GroupEntry:
    kind = reader.u64()
    if kind == _STREAM:
        return read_stream_entry(reader)
    if kind == _CREATE_CONSUMER:
        return CreateConsumer(reader.text(), reader.blob(), reader.i64())
    if kind == _DELETE_CONSUMER:
        return DeleteConsumer(reader.text())
    if kind == _FOR_CONSUMER:
        return ForConsumer(reader.text(), read_consumer_entry(reader))
    if kind == _ADOPT:
        return Adopt(reader.blob(), reader.u64(), reader.i64())
    raise CorruptData(f"unknown kind of group entry: {kind}")
