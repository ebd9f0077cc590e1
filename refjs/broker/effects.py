"""What a broker asks of its embedder: the closed union that ``Broker.step`` returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TypeAlias, final

from refjs.types.units import ConnId


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


Effect: TypeAlias = Send | CloseConnection | SyncDisk | LogLine
