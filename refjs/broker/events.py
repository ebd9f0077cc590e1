"""What can happen to a broker: the closed union that ``Broker.step`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from refjs.types.units import ConnId
from refjs.wire.operations import Operation


@final
@dataclass(slots=True)
class ConnectionOpened:
    """A client connected from ``host:port``."""

    conn: ConnId
    host: str
    port: int


@final
@dataclass(slots=True)
class ConnectionClosed:
    """The client, or the embedder after ``CloseConnection``, closed the connection."""

    conn: ConnId


@final
@dataclass(slots=True)
class Received:
    """The operations parsed from one read of a connection, in order."""

    conn: ConnId
    operations: list[Operation]


@final
@dataclass(slots=True)
class DeadlineReached:
    """``Broker.next_deadline()`` has come."""


@final
@dataclass(slots=True)
class DiskSynced:
    """All that was appended before the effect ``SyncDisk(ticket)`` is durable."""

    ticket: int


Event: TypeAlias = ConnectionOpened | ConnectionClosed | Received | DeadlineReached | DiskSynced
