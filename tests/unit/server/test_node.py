"""The driver of a broker: what arrives goes in, what comes out is done, and nothing else happens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from refjs.broker.effects import CloseConnection, Effect, Level, LogLine, Send, SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Event, Received
from refjs.broker.monitor import BrokerFigures
from refjs.server.clock import Clock
from refjs.server.files import FileDisk
from refjs.server.logs import Log
from refjs.server.node import Node
from refjs.types.units import MILLISECOND, ConnId, Nanos
from refjs.wire.operations import Ping, Publish, Violation

MEGABYTE = 1 << 20


class Scripted:
    """A broker that answers PING with PONG and does what the subject of a PUB says."""

    def __init__(self) -> None:
        self.max_payload = MEGABYTE
        self.events: list[Event] = []
        self.deadline: Nanos | None = None
        self.rang: list[tuple[Nanos, Nanos]] = []
        self.happened = asyncio.Event()

    def step(self, event: Event, now: Nanos) -> list[Effect]:
        self.events.append(event)
        self.happened.set()
        if isinstance(event, DeadlineReached) and self.deadline is not None:
            self.rang.append((self.deadline, now))
            self.deadline = None
        return self._answer(event, now) if isinstance(event, Received) else []

    def _answer(self, event: Received, now: Nanos) -> list[Effect]:
        effects: list[Effect] = []
        for operation in event.operations:
            match operation:
                case Ping():
                    effects.append(Send(event.conn, b"PONG\r\n"))
                case Violation():
                    effects.append(CloseConnection(event.conn, "Protocol Violation"))
                case Publish(subject=b"flood"):
                    effects += [Send(event.conn, bytes(MEGABYTE))] * 100
                case Publish(subject=b"splash"):
                    effects += [Send(event.conn, bytes(MEGABYTE))] * 50
                case Publish(subject=b"later"):
                    self.deadline = now + 20 * MILLISECOND
                case Publish(subject=b"much_later"):
                    self.deadline = now + 60_000 * MILLISECOND
                case Publish(subject=b"sync"):
                    effects.append(SyncDisk(7))
                case Publish(subject=b"log"):
                    effects.append(LogLine(Level.WARN, "careful"))
                case Publish(subject=b"bug"):
                    raise AssertionError("a bug in the broker")
                case _:
                    pass
        return effects

    def next_deadline(self) -> Nanos | None:
        return self.deadline

    def figures(self) -> BrokerFigures:
        return BrokerFigures()

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait until what happened makes ``seen`` true; the test's time limit is the only clock."""
        while not seen():
            self.happened.clear()
            await self.happened.wait()


class Harness:
    """A node on a real port, with its log and its failures."""

    def __init__(self, broker: Scripted, log_path: Path, disk: FileDisk | None = None) -> None:
        self.broker = broker
        self.failures: list[Exception] = []
        self.log_path = log_path
        self.log = Log(str(log_path), debug=True)
        self.node = Node(broker, clock=Clock(), log=self.log, disk=disk, on_failure=self.failures.append)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ping(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Return once the server has answered all that was sent before."""
        writer.write(b"PING\r\n")
        assert await reader.readexactly(6) == b"PONG\r\n"

    async def run(self, scenario: Callable[[Harness], Awaitable[None]]) -> None:
        server = await asyncio.get_running_loop().create_server(self.node.accept, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        try:
            await asyncio.wait_for(scenario(self), 20)
        finally:
            server.close()
            self.node.close()
            await asyncio.sleep(0)
            self.log.close()


def play(tmp_path: Path, scenario: Callable[[Harness], Awaitable[None]], disk: FileDisk | None = None) -> Harness:
    """Run ``scenario`` against a scripted broker."""

    async def main() -> Harness:
        harness = Harness(Scripted(), tmp_path / "log", disk)
        await harness.run(scenario)
        return harness

    return asyncio.run(main())


def test_one_event_a_read(tmp_path: Path) -> None:
    """A connection is opened, its operations arrive in order, one event for what was read at once, and it is closed."""

    async def scenario(harness: Harness) -> None:
        reader, writer = await harness.connect()
        writer.write(b"PUB a 1\r\nx\r\nPI")
        await harness.broker.until(lambda: len(harness.broker.events) == 2)
        writer.write(b"NG\r\n")
        assert await reader.readexactly(6) == b"PONG\r\n"
        writer.close()
        await harness.broker.until(lambda: isinstance(harness.broker.events[-1], ConnectionClosed))

    events = play(tmp_path, scenario).broker.events
    assert isinstance(events[0], ConnectionOpened)
    assert events[0].host == "127.0.0.1"
    assert [type(operation) for event in events if isinstance(event, Received) for operation in event.operations] == [
        Publish,
        Ping,
    ]
    assert {event.conn for event in events if isinstance(event, ConnectionOpened | Received | ConnectionClosed)} == {
        ConnId(1)
    }


def test_a_violation_closes_one_connection(tmp_path: Path) -> None:
    """The connection that broke the protocol is closed once, and its neighbour does not notice."""

    async def scenario(harness: Harness) -> None:
        healthy, broken = await harness.connect(), await harness.connect()
        broken[1].write(b"NONSENSE\r\nPING\r\n")
        assert await broken[0].read() == b""
        broken[1].close()
        await harness.ping(*healthy)
        healthy[1].close()

    events = play(tmp_path, scenario).broker.events
    assert [event.conn for event in events if isinstance(event, ConnectionClosed)][:1] == [ConnId(2)]


def test_a_reset_is_a_closed_connection(tmp_path: Path) -> None:
    """A peer that resets its connection is reported as closed, like any other."""

    async def scenario(harness: Harness) -> None:
        reader, writer = await harness.connect()
        await harness.ping(reader, writer)
        linger_zero = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        writer.close()
        await harness.broker.until(lambda: isinstance(harness.broker.events[-1], ConnectionClosed))

    assert play(tmp_path, scenario).failures == []


def test_the_broker_is_woken_at_its_deadline(tmp_path: Path) -> None:
    """The broker hears of its deadline once it has come, not before, even when a nearer one replaces it."""

    async def scenario(harness: Harness) -> None:
        reader, writer = await harness.connect()
        writer.write(b"PUB much_later 0\r\n\r\n")
        await harness.ping(reader, writer)
        writer.write(b"PUB later 0\r\n\r\n")
        await harness.broker.until(lambda: bool(harness.broker.rang))
        writer.close()

    [(deadline, rang)] = play(tmp_path, scenario).broker.rang
    assert rang >= deadline


def test_a_reader_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    """A connection for which more than 64 MiB wait is closed as a slow consumer; its neighbour is served."""

    async def scenario(harness: Harness) -> None:
        healthy, slow = await harness.connect(), await harness.connect()
        slow[1].write(b"PUB flood 0\r\n\r\n")
        await harness.broker.until(lambda: isinstance(harness.broker.events[-1], ConnectionClosed))
        await harness.ping(*healthy)
        assert harness.node.slow_consumers == 1
        healthy[1].close()
        slow[1].close()

    assert "Slow Consumer (Pending Bytes)" in play(tmp_path, scenario).log_path.read_text()


def test_a_reader_that_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    """A connection that takes nothing of what waits for it within the write deadline is closed as a slow consumer."""

    async def scenario(harness: Harness) -> None:
        harness.node.write_deadline_seconds = 0.05
        _, writer = await harness.connect()
        writer.write(b"PUB splash 0\r\n\r\n")
        await harness.broker.until(lambda: isinstance(harness.broker.events[-1], ConnectionClosed))
        writer.close()

    assert "Slow Consumer (Write Deadline)" in play(tmp_path, scenario).log_path.read_text()


def test_a_sync_is_reported(tmp_path: Path) -> None:
    """A sync that the broker asks for comes back with its ticket."""
    disk = FileDisk(tmp_path / "store")

    async def scenario(harness: Harness) -> None:
        disk.append("log", b"x")
        _, writer = await harness.connect()
        writer.write(b"PUB sync 0\r\n\r\n")
        await harness.broker.until(lambda: DiskSynced(7) in harness.broker.events)
        writer.close()

    play(tmp_path, scenario, disk)
    disk.close()


def test_log_lines_are_written(tmp_path: Path) -> None:
    """What the broker has to say stands in the log, beside what the edge sees."""

    async def scenario(harness: Harness) -> None:
        reader, writer = await harness.connect()
        writer.write(b"PUB log 0\r\n\r\n")
        await harness.ping(reader, writer)
        writer.close()

    text = play(tmp_path, scenario).log_path.read_text()
    assert "[WRN] careful" in text
    assert "cid:1 - Client connection created" in text


def test_a_bug_stops_everything(tmp_path: Path) -> None:
    """After a failed assertion nobody is answered any more, and the failure is reported once."""

    async def scenario(harness: Harness) -> None:
        reader, writer = await harness.connect()
        await harness.ping(reader, writer)
        writer.write(b"PUB bug 0\r\n\r\nPING\r\n")
        await harness.broker.until(lambda: len(harness.broker.events) == 3)
        writer.write(b"PING\r\n")
        writer.close()

    harness = play(tmp_path, scenario)
    assert [str(failure) for failure in harness.failures] == ["a bug in the broker"]
