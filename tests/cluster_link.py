"""A link from the conformance oracle to a cluster in this process: what is played on a lone broker runs there, too."""

from __future__ import annotations

from refjs.broker.events import ConnectionClosed, ConnectionOpened, Received
from refjs.conform.link import Arrival, Link
from refjs.types.units import MICROSECOND, ConnId, Nanos
from refjs.wire.parser import Parser
from tests.cluster_net import ClusterNet


class Line:
    """The client's end of one connection: notes what arrives."""

    def __init__(self, name: str, conn: ConnId, arrived: list[Arrival]) -> None:
        self.name = name
        self.conn = conn
        self.parser = Parser()
        self.closed = False
        self._arrived = arrived

    def receive(self, data: bytes) -> None:
        self._arrived.append(Arrival(self.name, data))

    def close(self) -> None:
        self.closed = True
        self._arrived.append(Arrival(self.name, None))


class ClusterLink(Link):
    """Opens every connection at one server of ``net``."""

    def __init__(self, net: ClusterNet, server: str) -> None:
        self._net = net
        self._server = server
        self._lines: dict[str, Line] = {}
        self._arrived: list[Arrival] = []

    def open(self, conn: str) -> None:
        line = Line(conn, ConnId(len(self._lines) + 1), self._arrived)
        self._lines[conn] = line
        self._net.clients[self._server, line.conn] = line
        self._net.step(self._server, ConnectionOpened(line.conn, "127.0.0.1", 50_000))

    def send(self, conn: str, data: bytes) -> None:
        self._net.run(10 * MICROSECOND)
        line = self._lines[conn]
        operations = line.parser.feed(data)
        if operations and not line.closed:
            self._net.step(self._server, Received(line.conn, operations))

    def close(self, conn: str) -> None:
        line = self._lines.pop(conn)
        if not line.closed:
            del self._net.clients[self._server, line.conn]
            self._net.step(self._server, ConnectionClosed(line.conn))

    def arrivals(self, until: Nanos) -> list[Arrival]:
        self._net.run_until(lambda: bool(self._arrived), max(0, until - self._net.now))
        arrived = self._arrived.copy()
        self._arrived.clear()
        return arrived

    def now(self) -> Nanos:
        return self._net.now

    def close_all(self) -> None:
        for conn in list(self._lines):
            self.close(conn)
