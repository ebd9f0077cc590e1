"""One broker among real sockets: feeds it what arrives, does what it asks, wakes it at its deadline.

Everything happens on one event loop, so a turn (one event into the broker, its effects out) is never interrupted.
What the broker can do wrong is a bug and ends the process; what a peer can do wrong ends that peer's connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, assert_never, final, runtime_checkable

from refjs.broker.effects import CloseConnection, Effect, Level, LogLine, Send, SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Event, Received
from refjs.broker.monitor import BrokerFigures
from refjs.server.clock import Clock
from refjs.server.files import FileDisk
from refjs.server.logs import Log
from refjs.server.trace import Tracer
from refjs.types.units import SECOND, ConnId, Nanos
from refjs.wire.operations import Pong
from refjs.wire.parser import Parser

MAX_PENDING: Final = 64 << 20
"""Bytes that may wait for a slow reader (PRO-LIV-002)."""

WRITE_DEADLINE_SECONDS: Final = 10
"""How long a reader may take nothing at all while something waits for it (PRO-LIV-002)."""

_MAPPED_IPV4: Final = "::ffff:"


class Machine(Protocol):
    """What this edge needs of ``refjs.broker.broker.Broker``."""

    @property
    def max_payload(self) -> int:
        """The largest message a client may publish, in bytes."""

    def step(self, event: Event, now: Nanos) -> list[Effect]:
        """Take one event and return what is to be done."""

    def next_deadline(self) -> Nanos | None:
        """Return when ``DeadlineReached`` is due."""

    def figures(self) -> BrokerFigures:
        """Return what monitoring shows."""


@runtime_checkable
class Transport(Protocol):
    """What we use of a transport; uvloop's are no subclasses of asyncio's."""

    def write(self, data: bytes) -> None:
        """Write or buffer ``data``."""

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that wait."""

    def get_extra_info(self, name: str, default: tuple[str, int]) -> tuple[str, int]:
        """Return what is known about the connection."""

    def close(self) -> None:
        """Close once what waits is written."""

    def abort(self) -> None:
        """Close at once."""


@final
class Node:
    """Drives one broker; ``on_failure`` is called, once, with the bug or the disk error that ends it."""

    def __init__(
        self, broker: Machine, *, clock: Clock, log: Log, disk: FileDisk | None, on_failure: Callable[[Exception], None]
    ) -> None:
        self.broker = broker
        self.write_deadline_seconds: float = WRITE_DEADLINE_SECONDS
        self.clock = clock
        self.log = log
        self.slow_consumers = 0
        self.tracer = Tracer(log) if log.tracing else None
        self._disk = disk
        self._on_failure = on_failure
        self._failed = False
        self._loop = asyncio.get_running_loop()
        self._clients: dict[ConnId, Client] = {}
        self._last_id = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._armed_for: Nanos = 0
        self._syncs: set[asyncio.Future[None]] = set()

    def accept(self) -> Client:
        """Return the protocol of a connection that is about to be made."""
        return Client(self)

    def turn(self, event: Event) -> None:
        """Give the broker one event and do what it asks."""
        if self._failed:
            return
        now = self.clock.now()
        try:
            for effect in self.broker.step(event, now):
                self._perform(effect)
            self._arm(now)
        except Exception as error:  # noqa: BLE001 (a bug, of whatever kind, ends the process and not one connection)
            self.fail(error)

    def skip(self, duration: Nanos) -> None:
        """Move the clock forward; what falls due on the way happens at its time.

        For the clients no time passes, so they cannot answer the pings of it: each counts as answered.
        """
        end = self.clock.now() + duration
        due = self.broker.next_deadline()
        while due is not None and due <= end and not self._failed:
            self.clock.move_to(due)
            self.turn(DeadlineReached())
            for conn in list(self._clients):
                self.turn(Received(conn, [Pong()]))
            due = self.broker.next_deadline()
        self.clock.move_to(end)
        if self._alarm is not None:
            self._alarm.cancel()
        self._ring()

    def fail(self, error: Exception) -> None:
        """Stop serving: nothing may be acknowledged on a state that cannot be trusted."""
        if not self._failed:
            self._failed = True
            self._on_failure(error)

    def enter(self, client: Client) -> ConnId:
        """Give a new connection its number."""
        self._last_id += 1
        conn = ConnId(self._last_id)
        self._clients[conn] = client
        return conn

    def leave(self, conn: ConnId) -> None:
        """Forget a connection that is closed, and tell the broker."""
        del self._clients[conn]
        self.turn(ConnectionClosed(conn))

    def close(self) -> None:
        """Close every connection and set no alarm any more."""
        self._failed = True
        if self._alarm is not None:
            self._alarm.cancel()
        for client in list(self._clients.values()):
            client.close("Server Shutdown")

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send():
                client = self._clients.get(effect.conn)
                if client is not None:
                    client.send(effect.data)
            case CloseConnection():
                client = self._clients.get(effect.conn)
                if client is not None:
                    client.close(effect.reason)
            case SyncDisk():
                self._sync(effect.ticket)
            case LogLine():
                self.log.write(effect.level, effect.text)
            case _:
                assert_never(effect)

    def _sync(self, ticket: int) -> None:
        assert self._disk is not None, "a broker without a disk asks for no sync"
        done: asyncio.Future[None] = self._loop.run_in_executor(None, self._disk.begin_sync().finish)
        self._syncs.add(done)
        done.add_done_callback(lambda future: self._synced(future, ticket))

    def _synced(self, done: asyncio.Future[None], ticket: int) -> None:
        self._syncs.discard(done)
        error = done.exception()
        if isinstance(error, Exception):
            self.fail(error)
        else:
            self.turn(DiskSynced(ticket))

    def _arm(self, now: Nanos) -> None:
        """See to it that we wake at the deadline; an alarm that rings too early is set again."""
        due = self.broker.next_deadline()
        if due is None or (self._alarm is not None and self._armed_for <= due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._armed_for = due
        self._alarm = self._loop.call_later(max(0, due - now) / SECOND, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self.clock.now()
        due = self.broker.next_deadline()
        if due is not None and due <= now:
            self.turn(DeadlineReached())
        elif not self._failed:
            self._arm(now)


@final
class Client(asyncio.Protocol):
    """One connection: bytes in to operations, and bytes out, with an eye on a reader that does not keep up."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._parser = Parser(max_payload=node.broker.max_payload)
        self._conn = ConnId(0)
        self._name = ""
        self._written = 0
        self._accepted = 0
        self._closing = False
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the broker who came."""
        assert isinstance(transport, Transport), "a TCP connection reads and writes"
        self._transport = transport
        host, port = transport.get_extra_info("peername", ("", 0))[:2]  # an IPv6 name has four parts
        self._conn = self._node.enter(self)
        host = host.removeprefix(_MAPPED_IPV4)
        self._name = f"{host}:{port} - cid:{self._conn}"
        self._debug("Client connection created")
        self._node.turn(ConnectionOpened(self._conn, host, port))

    def data_received(self, data: bytes) -> None:
        """Parse what came and give it to the broker, once per read."""
        if self._closing:
            return
        operations = self._parser.feed(data)
        if operations:
            if self._node.tracer is not None:
                self._node.tracer.incoming(self._name, operations)
            self._node.turn(Received(self._conn, operations))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the broker that the connection is gone, whoever closed it."""
        if self._watch is not None:
            self._watch.cancel()
        if not self._closing:
            self._debug(f"Client connection closed: {'Read Error' if exc else 'Client Closed'}")
        self._node.leave(self._conn)

    def send(self, data: bytes) -> None:
        """Write at once what the socket takes, keep the rest, and close on a reader that is too slow."""
        if self._node.tracer is not None:
            self._node.tracer.outgoing(self._name, data)
        self._transport.write(data)
        self._written += len(data)
        waiting = self._transport.get_write_buffer_size()
        if waiting > MAX_PENDING:
            self._too_slow("Slow Consumer (Pending Bytes)")
        elif waiting and self._watch is None:
            self._watch_progress(waiting)

    def close(self, reason: str) -> None:
        """Flush and close; a reader that takes nothing for the length of the write deadline is cut off."""
        if self._closing:
            return
        self._closing = True
        self._debug(f"Client connection closed: {reason}")
        self._transport.close()
        if self._watch is None:
            self._watch_progress(self._transport.get_write_buffer_size())

    def _watch_progress(self, waiting: int) -> None:
        self._accepted = self._written - waiting
        deadline = self._node.write_deadline_seconds
        self._watch = asyncio.get_running_loop().call_later(deadline, self._check_progress)

    def _check_progress(self) -> None:
        self._watch = None
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            return
        if self._written - waiting == self._accepted:
            self._too_slow("Slow Consumer (Write Deadline)")
        else:
            self._watch_progress(waiting)

    def _too_slow(self, reason: str) -> None:
        if not self._closing:
            self._closing = True
            self._node.slow_consumers += 1
            self._node.log.write(Level.INFO, f"{self._name} - {reason}")
            self._debug(f"Client connection closed: {reason}")
        self._transport.abort()

    def _debug(self, text: str) -> None:
        if self._node.log.debugging:
            self._node.log.write(Level.DEBUG, f"{self._name} - {text}")
