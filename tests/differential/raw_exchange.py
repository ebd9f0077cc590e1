"""One raw connection: what a server answers to given bytes, and whether it closes."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Final, NamedTuple

_GRACE_SECONDS: Final = 0.04  # for what should not come
_PATIENCE_SECONDS: Final = 5.0  # for what should


class Answer(NamedTuple):
    """What came back after INFO, and whether the server closed the connection."""

    data: bytes
    closed: bool


def exchange(address: tuple[str, int], sent: bytes, expected: Answer) -> Answer:
    """Send the bytes on a connection of their own and return the answer.

    An answer that should come is waited for with patience.  Then we end our side, and the server sends what it still
    has; only where the last answer is no PONG, which proves that all was read, it gets a moment to close before us.
    """
    with socket.create_connection(address) as connection:
        while b"\r\n" not in connection.recv(1 << 16):
            pass
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        wanted = len(expected.data) + expected.closed
        answer = _read(connection, Answer(b"", closed=False), wanted, _PATIENCE_SECONDS)
        if not answer.closed and not answer.data.endswith(b"PONG\r\n"):
            answer = _read(connection, answer, len(answer.data) + 1, _GRACE_SECONDS)
        if answer.closed:
            return answer
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        return Answer(_read(connection, answer, 1 << 62, _PATIENCE_SECONDS).data, closed=False)


def _read(connection: socket.socket, before: Answer, wanted: int, seconds: float) -> Answer:
    """Read until ``wanted`` bytes are there, the end counting as one, or the time is over."""
    data = before.data
    deadline = time.monotonic() + seconds
    while len(data) < wanted and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            more = connection.recv(1 << 16)
        except TimeoutError:
            break
        except ConnectionError:
            more = b""
        if not more:
            return Answer(data, closed=True)
        data += more
    return Answer(data, closed=False)
