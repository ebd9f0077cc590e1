"""The entries of a stream: everything durable that can happen to it, as a closed union.

An entry carries its time as a stamp chosen by the proposer, so that applying it is a function of state and entry
alone, on whichever replica and however late (docs/decisions/0002).
"""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never, final

from refjs.storage.codec import CorruptData, Reader, Writer
from refjs.types.units import Nanos, Seq, Subject


@final
class Publish:
    """A message offered to the stream; whether it is stored is decided when the entry is applied."""

    __slots__ = ("body", "header_size", "stamp", "subject")

    def __init__(self, subject: Subject, header_size: int, body: bytes, stamp: Nanos) -> None:
        self.subject = subject
        self.header_size = header_size
        self.body = body
        self.stamp = stamp


@final
class Expire:
    """Time has reached ``stamp``: what is older than ``max_age`` goes (STR-LIM-010)."""

    __slots__ = ("stamp",)

    def __init__(self, stamp: Nanos) -> None:
        self.stamp = stamp


@final
class Purge:
    """Remove what matches ``subject`` (empty: all), is below ``seq`` (0: all) and not of the newest ``keep``."""

    __slots__ = ("keep", "seq", "stamp", "subject")

    def __init__(self, subject: Subject, seq: Seq, keep: int, stamp: Nanos = 0) -> None:
        self.subject = subject
        self.seq = seq
        self.keep = keep
        self.stamp = stamp


@final
class DeleteMessage:
    """Remove the message at ``seq`` (STR-MDEL-001)."""

    __slots__ = ("seq", "stamp")

    def __init__(self, seq: Seq, stamp: Nanos = 0) -> None:
        self.seq = seq
        self.stamp = stamp


@final
class Configure:
    """Put ``config`` (canonical, ``types.plain``) in force, pruning what it no longer admits (STR-UPD-007)."""

    __slots__ = ("config", "stamp")

    def __init__(self, config: bytes, stamp: Nanos) -> None:
        self.config = config
        self.stamp = stamp


StreamEntry: TypeAlias = Publish | Expire | Purge | DeleteMessage | Configure

_PUBLISH: Final = 1
_EXPIRE: Final = 2
_PURGE: Final = 3
_DELETE: Final = 4
_CONFIGURE: Final = 5


def write_stream_entry(writer: Writer, entry: StreamEntry) -> None:
    """Append the canonical encoding of ``entry``."""
    match entry:
        case Publish():
            writer.u64(_PUBLISH)
            writer.blob(entry.subject)
            writer.u64(entry.header_size)
            writer.blob(entry.body)
            writer.i64(entry.stamp)
        case Expire():
            writer.u64(_EXPIRE)
            writer.i64(entry.stamp)
        case Purge():
            writer.u64(_PURGE)
            writer.blob(entry.subject)
            writer.u64(entry.seq)
            writer.u64(entry.keep)
            writer.i64(entry.stamp)
        case DeleteMessage():
            writer.u64(_DELETE)
            writer.u64(entry.seq)
            writer.i64(entry.stamp)
        case Configure():
            writer.u64(_CONFIGURE)
            writer.blob(entry.config)
            writer.i64(entry.stamp)
        case _:
            assert_never(entry)


def read_stream_entry(reader: Reader) -> StreamEntry:
    """Return the entry that stands next; raise ``CorruptData`` where none does."""
    kind = reader.u64()
    if kind == _PUBLISH:
        return Publish(reader.blob(), reader.u64(), reader.blob(), reader.i64())
    if kind == _EXPIRE:
        return Expire(reader.i64())
    if kind == _PURGE:
        return Purge(reader.blob(), reader.u64(), reader.u64(), reader.i64())
    if kind == _DELETE:
        return DeleteMessage(reader.u64(), reader.i64())
    if kind == _CONFIGURE:
        return Configure(reader.blob(), reader.i64())
    raise CorruptData(f"unknown kind of stream entry: {kind}")
