"""A plain client of a real server: one request after the other, each with its answer."""

from __future__ import annotations

import json
import socket
from typing import Final, Self, TypeAlias, final

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_CONNECT: Final = b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB _R.* 1\r\nPING\r\n'
_PATIENCE_SECONDS: Final = 5.0


@final
class Requester:
    """A connection that asks and waits for the answer."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=_PATIENCE_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._asked = 0
        self._stream.readline()
        self._socket.sendall(_CONNECT)
        assert self._stream.readline() == b"PONG\r\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stream.close()
        self._socket.close()

    def request(self, subject: str, body: bytes = b"", headers: bytes = b"") -> bytes:
        """Publish ``body`` on ``subject`` and return the first answer, headers and all."""
        self._asked += 1
        reply = b"_R.%d" % self._asked
        if headers:
            verb, sizes = b"HPUB", b"%d %d" % (len(headers), len(headers) + len(body))
        else:
            verb, sizes = b"PUB", b"%d" % len(body)
        self._socket.sendall(b"%b %b %b %b\r\n%b%b\r\n" % (verb, subject.encode(), reply, sizes, headers, body))
        while True:
            found, answer = self._next()
            if found == reply:
                return answer

    def ask(self, endpoint: str, body: bytes | Json = b"") -> dict[str, Json]:
        """Ask ``$JS.API.<endpoint>`` and return the answer's JSON."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer: dict[str, Json] = json.loads(self.request("$JS.API." + endpoint, text))
        return answer

    def _next(self) -> tuple[bytes, bytes]:
        words = self._stream.readline().split()
        if words[0] == b"PING":
            self._socket.sendall(b"PONG\r\n")
            return b"", b""
        assert words[0] in (b"MSG", b"HMSG"), words
        size = int(words[-1])
        return words[1], self._stream.read(size + 2)[:size]


def error_of(answer: dict[str, Json]) -> tuple[Json, Json, Json] | None:
    """Return status, code and text of an answer's error, or None."""
    error = answer.get("error")
    return (error["code"], error["err_code"], error["description"]) if isinstance(error, dict) else None
