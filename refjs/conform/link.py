"""How the oracle reaches a server: the ``Link`` seam, and the one over TCP.

A link carries bytes of named connections and knows the time.  Everything above it is the same for a server behind a
socket and for a broker in this process whose clock the vector moves (``inprocess``).
"""

from __future__ import annotations

import selectors
import socket
import time
from typing import Final, NamedTuple, Protocol, final
from urllib.parse import urlsplit

from refjs.types.units import SECOND, Nanos

_READ_SIZE: Final = 1 << 18
_CONNECT_SECONDS: Final = 5.0
_SEND_SECONDS: Final = 10.0
_DEFAULT_PORT: Final = 4222


class TargetError(Exception):
    """The target cannot be reached or is no NATS server; ``str(error)`` is one sentence."""


class Arrival(NamedTuple):
    """Bytes that came on a connection; None: the server closed it."""

    conn: str
    data: bytes | None


class Link(Protocol):
    """Named connections to one server, and its clock."""

    def open(self, conn: str) -> None:
        """Open a connection under a new name; raise ``TargetError`` where there is nobody."""

    def send(self, conn: str, data: bytes) -> None:
        """Send bytes; nothing happens on a connection that the server closed."""

    def close(self, conn: str) -> None:
        """Close a connection from the client's side; nothing more arrives on it."""

    def arrivals(self, until: Nanos) -> list[Arrival]:
        """Return what comes as soon as anything does, and an empty list at the time ``until``."""

    def now(self) -> Nanos:
        """Return the time in ns, from any origin."""

    def close_all(self) -> None:
        """Close every connection."""


@final
class SocketLink(Link):
    """A link to ``nats://host:port`` over blocking sockets and real time."""

    def __init__(self, url: str) -> None:
        self._address = parse_url(url)
        self._sockets: dict[str, socket.socket] = {}
        self._selector = selectors.DefaultSelector()

    def open(self, conn: str) -> None:
        try:
            sock = socket.create_connection(self._address, _CONNECT_SECONDS)
        except OSError as error:
            host, port = self._address
            raise TargetError(f"Nobody answers at {host}:{port}: {error.strerror or error}.") from error
        sock.settimeout(_SEND_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets[conn] = sock
        self._selector.register(sock, selectors.EVENT_READ, conn)

    def send(self, conn: str, data: bytes) -> None:
        sock = self._sockets.get(conn)
        if sock is None:
            return
        try:
            sock.sendall(data)
        except OSError:
            return  # the server closed the connection: reading tells

    def close(self, conn: str) -> None:
        sock = self._sockets.pop(conn, None)
        if sock is not None:
            self._selector.unregister(sock)
            sock.close()

    def arrivals(self, until: Nanos) -> list[Arrival]:
        seconds = max(0, until - self.now()) / SECOND
        if not self._sockets:
            time.sleep(seconds)
            return []
        ready = [str(key.data) for key, _ in self._selector.select(seconds)]
        return [self._read(conn) for conn in ready]

    def _read(self, conn: str) -> Arrival:
        try:
            data = self._sockets[conn].recv(_READ_SIZE)
        except OSError:
            data = b""
        if data:
            return Arrival(conn, data)
        self.close(conn)
        return Arrival(conn, None)

    def now(self) -> Nanos:
        return time.monotonic_ns()

    def close_all(self) -> None:
        for conn in list(self._sockets):
            self.close(conn)
        self._selector.close()


def parse_url(url: str) -> tuple[str, int]:
    """Return host and port of ``nats://host:port`` (or ``host:port``); raise ``TargetError`` where it is none."""
    try:
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetError(f"{url} is no address: {error}.") from error
    if parts.scheme != "nats" or not host:
        raise TargetError(f"{url} is no address: expected nats://host:port.")
    return host, port or _DEFAULT_PORT
