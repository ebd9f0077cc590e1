"""What a peer does wrong costs that peer its connection, and nobody else anything."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from refjs.testing.peer import ServerProcess

CONNECT = b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'
SECONDS = 10.0


class Raw:
    """A socket to the server; ``rest`` is what arrived and was not asked for."""

    def __init__(self, server: ServerProcess) -> None:
        self.socket = socket.create_connection((server.host, server.port), SECONDS)
        self.rest = b""
        self.until(b"\r\n")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """Return all up to and including ``mark``; fail where the connection ends before."""
        while mark not in self.rest:
            data = self.socket.recv(65_536)
            assert data, f"closed before {mark!r}; got {self.rest!r}"
            self.rest += data
        head, mark, self.rest = self.rest.partition(mark)
        return head + mark

    def to_the_end(self) -> bytes:
        """Return all that comes before the server closes the connection."""
        while True:
            try:
                data = self.socket.recv(65_536)
            except ConnectionResetError:  # the server closed with bytes of ours unread
                return self.rest
            if not data:
                return self.rest
            self.rest += data

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Drop the connection without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Connect = Callable[[], Raw]


@pytest.fixture(name="connect")
def _connect(running: ServerProcess) -> Iterator[Connect]:
    """Make connections to the server; all are closed after the test."""
    with ExitStack() as stack:

        def connect() -> Raw:
            peer = Raw(running)
            stack.callback(peer.close)
            return peer

        yield connect


@contextmanager
def unnoticed(connect: Connect) -> Iterator[None]:
    """Assert that a healthy client before, and another one after, are served as if nothing were."""
    healthy = connect()
    healthy.send(CONNECT + b"SUB healthy 1\r\nPING\r\n")
    healthy.until(b"PONG\r\n")
    yield
    healthy.send(b"PUB healthy 2\r\nhi\r\n")
    assert healthy.until(b"hi\r\n").endswith(b"MSG healthy 1 2\r\nhi\r\n")
    late = connect()
    late.send(CONNECT + b"PING\r\n")
    late.until(b"PONG\r\n")


VIOLATIONS = [
    pytest.param(b"GARBAGE\r\n", b"-ERR 'Unknown Protocol Operation'\r\n", id="unknown operation"),
    pytest.param(b"\x00\xff\xfe\r\n\x80", b"-ERR 'Unknown Protocol Operation'\r\n", id="binary"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"-ERR 'Unknown Protocol Operation'\r\n", id="HTTP"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", b"-ERR 'Unknown Protocol Operation'\r\n", id="TLS hello"),
    pytest.param(CONNECT + b"SUB " + b"x" * 5000, b"-ERR 'maximum control line exceeded'\r\n", id="endless line"),
    pytest.param(CONNECT + b"PUB a 2000000\r\n", b"-ERR 'Maximum Payload Violation'\r\n", id="payload too large"),
    pytest.param(CONNECT + b"PUB a 99999999999999999999\r\n", b"", id="size out of range"),
    pytest.param(CONNECT + b"PUB a -1\r\n", b"", id="negative size"),
    pytest.param(CONNECT + b"PUB a 5\r\nhelloPING\r\n", b"", id="payload longer than said"),
    pytest.param(CONNECT + b"PUB\r\n", b"", id="no subject"),
    pytest.param(CONNECT + b"SUB a b c d\r\n", b"", id="too many arguments"),
    pytest.param(b"CONNECT {broken\r\n", b"", id="broken JSON"),
]


@pytest.mark.req("PRO-OPS-002", "PRO-OPS-003", "PRO-OPS-011", "PRO-OPS-012", "PRO-OPS-013")
@pytest.mark.parametrize(("data", "answer"), VIOLATIONS)
def test_a_violation_ends_the_connection(connect: Connect, data: bytes, answer: bytes) -> None:
    """Who breaks the protocol is told how, where nats-server tells it, and is disconnected."""
    with unnoticed(connect):
        peer = connect()
        peer.send(data)
        assert answer in peer.to_the_end()


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"CONN",
        CONNECT,
        CONNECT + b"PUB half 100\r\nonly some",
        CONNECT + b"SUB half",
        CONNECT + b"HPUB a 10 20\r\n",
    ],
)
def test_a_dropped_socket(connect: Connect, half: bytes) -> None:
    """A connection that breaks off anywhere is forgotten."""
    with unnoticed(connect):
        for leave in (Raw.close, Raw.reset):
            peer = connect()
            peer.send(half)
            leave(peer)


def test_a_subscriber_that_vanishes(connect: Connect) -> None:
    """Messages for a subscriber whose connection was reset go to the others."""
    with unnoticed(connect):
        stays, leaves = connect(), connect()
        for peer in (stays, leaves):
            peer.send(CONNECT + b"SUB vanish 1\r\nPING\r\n")
            peer.until(b"PONG\r\n")
        publisher = connect()
        publisher.send(CONNECT + b"PUB vanish 1\r\na\r\n")
        leaves.reset()
        publisher.send(b"PUB vanish 1\r\nb\r\n" * 100 + b"PUB vanish 3\r\nend\r\n")
        assert stays.until(b"end\r\n").count(b"MSG vanish 1 1\r\n") == 101


def test_bytes_one_at_a_time(connect: Connect) -> None:
    """A client whose bytes arrive one by one is served as any other."""
    peer = connect()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in CONNECT + b"SUB slowly 1\r\nPUB slowly 2\r\nhi\r\nPING\r\n":
        peer.send(bytes([byte]))
    assert peer.until(b"PONG\r\n").endswith(b"MSG slowly 1 2\r\nhi\r\nPONG\r\n")


BROKEN_REQUESTS = [
    ("STREAM.CREATE.X", b"{broken", 10025),
    ("STREAM.CREATE.X", b'{"name": 1}', 10025),
    ("STREAM.CREATE.X", b'{"name":"Y"}', 10056),
    ("STREAM.INFO.NONE", b"", 10059),
    ("CONSUMER.CREATE.NONE", b"{}", 10056),
    ("STREAM.NAMES", b"[", 10025),
    ("STREAM.MSG.GET.NONE", b'{"seq":1}', 10059),
]


@pytest.mark.parametrize(("subject", "body", "code"), BROKEN_REQUESTS)
def test_a_broken_api_request(connect: Connect, subject: str, body: bytes, code: int) -> None:
    """A request that cannot be read or met is answered with its error code, and the connection stays."""
    peer = connect()
    peer.send(CONNECT + b"SUB inbox 1\r\nPUB $JS.API.%b inbox %d\r\n%b\r\n" % (subject.encode(), len(body), body))
    answer = peer.until(b"}\r\n")
    assert b'"err_code":%d' % code in answer
    peer.send(b"PING\r\n")
    peer.until(b"PONG\r\n")
