"""A raw client for load: sockets and prebuilt bytes, no client library, so that the server is what is measured."""

from __future__ import annotations

import json
import re
import socket
from typing import Final, Self

_RECEIVE: Final = 1 << 20
_INBOX: Final = b"_INBOX.bench"
_CONNECT: Final = (
    b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1,"lang":"bench"}\r\n'
)


class ServerGoneError(Exception):
    """The server closed the connection, or said ``-ERR``."""


class Client:
    """One connection, past its handshake."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(_RECEIVE)
        self.view = memoryview(self.buffer)
        self.socket.sendall(_CONNECT)
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.socket.sendall(data)

    def receive(self) -> memoryview:
        """Return what has arrived; valid until the next call."""
        count = self.socket.recv_into(self.buffer)
        if count == 0:
            raise ServerGoneError("the server closed the connection")
        return self.view[:count]

    def flush(self) -> None:
        """Return once the server has taken in everything sent so far; what arrives meanwhile is dropped."""
        self.send(b"PING\r\n")
        seen = b""
        while b"PONG\r\n" not in seen:
            seen = seen[-8:] + bytes(self.receive())
            if b"-ERR" in seen:
                raise ServerGoneError(seen.decode(errors="replace"))

    def request(self, subject: str, value: object) -> dict[str, object]:
        """Ask the JetStream API and return its answer; raise ``ServerGoneError`` where it is an error."""
        body = json.dumps(value).encode()
        self.send(
            b"SUB %b.api 9\r\nPUB $JS.API.%b %b.api %d\r\n%b\r\n" % (_INBOX, subject.encode(), _INBOX, len(body), body)
        )
        answer = self._answer()
        self.send(b"UNSUB 9\r\n")
        if "error" in answer:
            raise ServerGoneError(f"{subject}: {answer['error']}")
        return answer

    def _answer(self) -> dict[str, object]:
        seen = b""
        while True:
            seen += bytes(self.receive())
            found = re.search(rb"MSG _INBOX\.bench\.api 9 (\d+)\r\n", seen)
            if found is not None and len(seen) >= found.end() + int(found[1]):
                answer: dict[str, object] = json.loads(seen[found.end() : found.end() + int(found[1])])
                return answer
            if b"503" in seen:
                raise ServerGoneError("JetStream does not answer")
