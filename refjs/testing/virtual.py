"""A server without sockets and without waiting: one broker, clients in memory, time that moves when told to.

The same seed and the same calls give the same bytes.  What happens at a deadline happens in the order of deadlines,
however far time is moved at once.
"""

from __future__ import annotations

from typing import Final, assert_never, final

from refjs.broker.broker import Broker
from refjs.broker.effects import CloseConnection, Effect, LogLine, Send, SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Event, Received
from refjs.broker.options import BrokerOptions
from refjs.storage.disk import Disk
from refjs.storage.memory import MemoryDisk
from refjs.types.units import ConnId, Nanos
from refjs.wire.parser import Parser

EPOCH: Final[Nanos] = 1_700_000_000_000_000_000
"""Where virtual time starts unless told otherwise."""

_HOST: Final = "127.0.0.1"
_FIRST_PORT: Final = 50_000


@final
class VirtualClient:
    """One connection: bytes are sent as a client would, and taken as they would arrive."""

    def __init__(self, server: VirtualServer, conn: ConnId, parser: Parser) -> None:
        self.conn: Final = conn
        self.closed = False
        """Whether the connection has ended, whoever ended it."""
        self.close_reason = ""
        """Why the server closed it; empty where it did not."""
        self._server = server
        self._parser = parser
        self._arrived: list[bytes] = []

    def send(self, data: bytes) -> None:
        """Let ``data`` reach the server as one read; nothing happens on a closed connection."""
        if self.closed:
            return
        operations = self._parser.feed(data)
        if operations:
            self._server.turn(Received(self.conn, operations))

    def receive(self) -> bytes:
        """Return, once, what the server has sent since the last call."""
        arrived = b"".join(self._arrived)
        self._arrived.clear()
        return arrived

    def close(self) -> None:
        """Close from the client's side; nothing happens where it is closed already."""
        if not self.closed:
            self.closed = True
            self._server.leave(self.conn)

    def deliver(self, data: bytes) -> None:
        """Take what the server sends (called by the server)."""
        self._arrived.append(data)

    def end(self, reason: str) -> None:
        """Learn that the server closed the connection (called by the server)."""
        self.closed = True
        self.close_reason = reason


@final
class VirtualServer:
    """A broker in virtual time; ``disk`` may be one that fails, ``now`` is the time at the start."""

    def __init__(
        self,
        options: BrokerOptions | None = None,
        *,
        now: Nanos = EPOCH,
        seed: int = 0,
        disk: Disk | None = None,
    ) -> None:
        self.now = now
        self.log: list[LogLine] = []
        """What the broker had to say to its operator."""
        self._options = BrokerOptions() if options is None else options
        self._seed = seed
        self._disk = MemoryDisk() if disk is None else disk
        self._clients: dict[ConnId, VirtualClient] = {}
        self._last_id = 0
        self.broker = self._new_broker()

    def connect(self) -> VirtualClient:
        """Open a connection; its INFO has arrived on return."""
        self._last_id += 1
        conn = ConnId(self._last_id)
        client = VirtualClient(self, conn, Parser(max_payload=self.broker.max_payload))
        self._clients[conn] = client
        self.turn(ConnectionOpened(conn, _HOST, _FIRST_PORT + self._last_id))
        return client

    def advance(self, duration: Nanos) -> None:
        """Move time forward; whatever falls due on the way happens at its time."""
        self.advance_to(self.now + duration)

    def advance_to(self, time: Nanos) -> None:
        """Move time forward to ``time``, which is not before now."""
        assert time >= self.now, "time does not run backwards"
        due = self.broker.next_deadline()
        while due is not None and due <= time:
            self.now = max(self.now, due)
            self.turn(DeadlineReached())
            due = self.broker.next_deadline()
        self.now = time

    def restart(self) -> None:
        """End every connection and start a new broker on the same disk."""
        for client in self._clients.values():
            client.end("Server Shutdown")
        self._clients.clear()
        self._seed += 1
        self.broker = self._new_broker()

    def turn(self, event: Event) -> None:
        """Give the broker one event and do what it asks."""
        tickets = [ticket for effect in self.broker.step(event, self.now) for ticket in self._perform(effect)]
        for ticket in tickets:
            self.turn(DiskSynced(ticket))

    def leave(self, conn: ConnId) -> None:
        """Tell the broker that a client went (called by the client)."""
        if self._clients.pop(conn, None) is not None:
            self.turn(ConnectionClosed(conn))

    def _new_broker(self) -> Broker:
        return Broker(self._options, now=self.now, seed=self._seed, disk=self._disk)

    def _perform(self, effect: Effect) -> list[int]:
        """Do what an effect asks; return the tickets of syncs, which take no time here."""
        match effect:
            case Send():
                client = self._clients.get(effect.conn)
                if client is not None:
                    client.deliver(effect.data)
            case CloseConnection():
                client = self._clients.get(effect.conn)
                if client is not None:
                    client.end(effect.reason)
                    self.leave(effect.conn)
            case SyncDisk():
                return [effect.ticket]
            case LogLine():
                self.log.append(effect)
            case _:
                assert_never(effect)
        return []
