"""The protocol trace of ``-V``: each operation as nats-server's log shows it."""

from __future__ import annotations

import re
from typing import Final, assert_never, final

from refjs.broker.effects import Level
from refjs.server.logs import Log
from refjs.wire.operations import (
    Connect,
    Ignored,
    Operation,
    Ping,
    Pong,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
)

_CRLF: Final = b"\r\n"
_SECRETS: Final = re.compile(rb'"(pass|auth_token|sig|jwt)"(\s*):(\s*)"(?:[^"\\]|\\.)*"')


@final
class Tracer:
    """Writes ``<<-`` lines for what a client says and ``->>`` lines for what it is told."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def incoming(self, name: str, operations: list[Operation]) -> None:
        """Trace parsed operations; secrets are blanked out."""
        for operation in operations:
            line = _line(operation)
            if line:
                self._write(name, f"<<- [{_text(line)}]")
            if isinstance(operation, Publish):
                self._payload(name, "<<-", operation.body)

    def outgoing(self, name: str, data: bytes) -> None:
        """Trace the operations in ``data``, which holds whole ones."""
        position = 0
        while position < len(data):
            end = data.index(_CRLF, position)
            line = data[position:end]
            position = end + len(_CRLF)
            verb = line.split(b" ", 1)[0]
            shown = _text(line).removeprefix("+").replace("'", "")
            self._write(name, f"->> [{shown}]")
            if verb in (b"MSG", b"HMSG"):
                size = int(line.rsplit(b" ", 1)[1])
                self._payload(name, "->>", data[position : position + size])
                position += size + len(_CRLF)

    def _payload(self, name: str, arrow: str, body: bytes) -> None:
        escaped = _text(body).replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
        self._write(name, f'{arrow} MSG_PAYLOAD: ["{escaped}"]')

    def _write(self, name: str, text: str) -> None:
        self._log.write(Level.TRACE, f"{name} - {text}")


def _line(operation: Operation) -> bytes:
    """Return the control line as the client may have written it; empty for what is not traced."""
    match operation:
        case Connect():
            return b"CONNECT " + _SECRETS.sub(rb'"\1"\2:\3"[REDACTED]"', operation.options)
        case Publish():
            size = len(operation.body)
            if operation.header_size:
                return _words(b"HPUB", operation.subject, operation.reply, b"%d %d" % (operation.header_size, size))
            return _words(b"PUB", operation.subject, operation.reply, b"%d" % size)
        case Subscribe():
            return _words(b"SUB", operation.subject, operation.queue, operation.sid)
        case Unsubscribe():
            return _words(b"UNSUB", operation.sid, b"%d" % operation.max_msgs if operation.max_msgs else b"")
        case Ping():
            return b"PING"
        case Pong():
            return b"PONG"
        case Ignored() | Violation():
            return b""
        case _:
            assert_never(operation)


def _words(*words: bytes) -> bytes:
    return b" ".join(word for word in words if word)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
