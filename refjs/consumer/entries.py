"""The entries of a consumer: everything durable that can happen to it, as a closed union."""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never, final

from refjs.storage.codec import CorruptData, Reader, Writer
from refjs.types.units import Nanos, Seq


@final
class Deliver:
    """The messages at ``seqs`` go out, in this order: redeliveries of pending ones, or the next new ones.

    They were chosen under the configuration that the consumer counts as its ``revision``; under another one the
    choice would leave out what its filter lets through, so nothing goes out.
    """

    __slots__ = ("revision", "seqs", "stamp")

    def __init__(self, seqs: list[Seq], stamp: Nanos, revision: int) -> None:
        self.seqs = seqs
        self.stamp = stamp
        self.revision = revision


@final
class Acknowledge:
    """The client settled the delivery ``consumer_seq`` of the message at ``seq`` (CON-ACK-001, CON-ACK-004)."""

    __slots__ = ("consumer_seq", "seq", "stamp")

    def __init__(self, seq: Seq, consumer_seq: Seq, stamp: Nanos) -> None:
        self.seq = seq
        self.consumer_seq = consumer_seq
        self.stamp = stamp


@final
class Refuse:
    """The client wants the message at ``seq`` again, after ``delay`` ns (-NAK; CON-ACK-005)."""

    __slots__ = ("delay", "seq", "stamp")

    def __init__(self, seq: Seq, delay: Nanos, stamp: Nanos) -> None:
        self.seq = seq
        self.delay = delay
        self.stamp = stamp


@final
class Extend:
    """The client is still at work on the message at ``seq`` (+WPI; CON-ACK-007)."""

    __slots__ = ("seq", "stamp")

    def __init__(self, seq: Seq, stamp: Nanos) -> None:
        self.seq = seq
        self.stamp = stamp


@final
class Terminate:
    """The client never wants the message of the delivery ``consumer_seq`` again (+TERM; CON-ACK-008)."""

    __slots__ = ("consumer_seq", "seq", "stamp")

    def __init__(self, seq: Seq, consumer_seq: Seq, stamp: Nanos) -> None:
        self.seq = seq
        self.consumer_seq = consumer_seq
        self.stamp = stamp


@final
class PassTime:
    """Time has reached ``stamp``: deliveries whose ack wait is over are due again (CON-ACK-010)."""

    __slots__ = ("stamp",)

    def __init__(self, stamp: Nanos) -> None:
        self.stamp = stamp


@final
class GiveUp:
    """The message at ``seq`` was delivered ``max_deliver`` times in vain (CON-ACK-012)."""

    __slots__ = ("seq", "stamp")

    def __init__(self, seq: Seq, stamp: Nanos) -> None:
        self.seq = seq
        self.stamp = stamp


@final
class Skip:
    """Nothing below ``seq`` is left that the consumer wants (CON-POS-014)."""

    __slots__ = ("seq", "stamp")

    def __init__(self, seq: Seq, stamp: Nanos) -> None:
        self.seq = seq
        self.stamp = stamp


@final
class Reconfigure:
    """Put ``config`` (canonical, ``types.plain``) in force (CON-CFG-034)."""

    __slots__ = ("config",)

    def __init__(self, config: bytes) -> None:
        self.config = config


ConsumerEntry: TypeAlias = Deliver | Acknowledge | Refuse | Extend | Terminate | PassTime | GiveUp | Skip | Reconfigure

_DELIVER: Final = 1
_ACKNOWLEDGE: Final = 2
_REFUSE: Final = 3
_EXTEND: Final = 4
_TERMINATE: Final = 5
_PASS_TIME: Final = 6
_GIVE_UP: Final = 7
_RECONFIGURE: Final = 8
_SKIP: Final = 9


def write_consumer_entry(writer: Writer, entry: ConsumerEntry) -> None:
    """Append the canonical encoding of ``entry``."""
    match entry:
        case Deliver():
            writer.u64(_DELIVER)
            writer.u64s(entry.seqs)
            writer.i64(entry.stamp)
            writer.u64(entry.revision)
        case Acknowledge():
            _write(writer, _ACKNOWLEDGE, entry.seq, entry.stamp)
            writer.u64(entry.consumer_seq)
        case Refuse():
            _write(writer, _REFUSE, entry.seq, entry.stamp)
            writer.i64(entry.delay)
        case Extend():
            _write(writer, _EXTEND, entry.seq, entry.stamp)
        case Terminate():
            _write(writer, _TERMINATE, entry.seq, entry.stamp)
            writer.u64(entry.consumer_seq)
        case PassTime():
            _write(writer, _PASS_TIME, 0, entry.stamp)
        case GiveUp():
            _write(writer, _GIVE_UP, entry.seq, entry.stamp)
        case Skip():
            _write(writer, _SKIP, entry.seq, entry.stamp)
        case Reconfigure():
            writer.u64(_RECONFIGURE)
            writer.blob(entry.config)
        case _:
            assert_never(entry)


def _write(writer: Writer, kind: int, seq: Seq, stamp: Nanos) -> None:
    writer.u64(kind)
    writer.u64(seq)
    writer.i64(stamp)


def read_consumer_entry(reader: Reader) -> ConsumerEntry:
    """Return the entry that stands next; raise ``CorruptData`` where none does."""
    kind = reader.u64()
    if kind == _DELIVER:
        return Deliver(reader.u64s(), reader.i64(), reader.u64())
    if kind == _RECONFIGURE:
        return Reconfigure(reader.blob())
    seq, stamp = reader.u64(), reader.i64()
    if kind == _ACKNOWLEDGE:
        return Acknowledge(seq, reader.u64(), stamp)
    if kind == _REFUSE:
        return Refuse(seq, reader.i64(), stamp)
    if kind == _EXTEND:
        return Extend(seq, stamp)
    if kind == _TERMINATE:
        return Terminate(seq, reader.u64(), stamp)
    if kind == _PASS_TIME:
        return PassTime(stamp)
    if kind == _GIVE_UP:
        return GiveUp(seq, stamp)
    if kind == _SKIP:
        return Skip(seq, stamp)
    raise CorruptData(f"unknown kind of consumer entry: {kind}")
