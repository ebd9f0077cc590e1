"""What a broker asks of its embedder: the closed union that ``Broker.step`` returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TypeAlias, final

from refjs.types.units import ConnId, Subject


@final
@dataclass(slots=True)
class Send:
    """Write ``data`` to the connection; at most one per connection and step."""

    conn: ConnId
    data: bytes


@final
@dataclass(slots=True)
class CloseConnection:
    """Flush and close the connection, then report ``ConnectionClosed``; ``reason`` is monitoring's word for it."""

    conn: ConnId
    reason: str


@final
@dataclass(slots=True)
class SyncDisk:
    """Make durable all that was appended so far, then report ``DiskSynced(ticket)``."""

    ticket: int


@unique
class Level(StrEnum):
    """The levels of nats-server's log lines."""

    TRACE = "TRC"
    DEBUG = "DBG"
    INFO = "INF"
    WARN = "WRN"
    ERROR = "ERR"
    FATAL = "FTL"


@final
@dataclass(slots=True)
class LogLine:
    """A line for the operator's log."""

    level: Level
    text: str


@final
class RouteTo:
    """Give a message to the subscribers of another server; ``queues`` names the groups that get it there.

    A hot record.  ``target`` is what it was published on, ``subject`` what its receivers see.
    """

    __slots__ = ("account", "body", "header_size", "peer", "queues", "reply", "subject", "target")

    def __init__(  # noqa: PLR0913, PLR0917 - the record's fields
        self,
        peer: str,
        account: str,
        target: Subject,
        subject: Subject,
        reply: Subject,
        header_size: int,
        body: bytes,
        queues: list[bytes],
    ) -> None:
        self.peer = peer
        self.account = account
        self.target = target
        self.subject = subject
        self.reply = reply
        self.header_size = header_size
        self.body = body
        self.queues = queues


Effect: TypeAlias = Send | CloseConnection | SyncDisk | LogLine | RouteTo
