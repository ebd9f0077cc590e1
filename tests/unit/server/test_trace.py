"""The protocol trace reads like nats-server's."""

from __future__ import annotations

from pathlib import Path

from refjs.server.logs import Log
from refjs.server.trace import Tracer
from refjs.wire.parser import Parser


def traced(tmp_path: Path, *, incoming: bytes = b"", outgoing: bytes = b"") -> list[str]:
    """Return the trace of what a client sends and is sent, without the time."""
    log = Log(str(tmp_path / "log"), trace=True, with_time=False)
    tracer = Tracer(log)
    tracer.incoming("127.0.0.1:5 - cid:7", Parser().feed(incoming))
    tracer.outgoing("127.0.0.1:5 - cid:7", outgoing)
    log.close()
    return [line.partition("[TRC] ")[2] for line in (tmp_path / "log").read_text().splitlines()]


def test_what_a_client_says(tmp_path: Path) -> None:
    """Every operation is shown with its arguments, a payload in quotes, a secret not at all."""
    client = (
        b'CONNECT {"verbose":true,"pass":"secret","headers":true}\r\nSUB foo q 1\r\nSUB bar 2\r\nUNSUB 2 1\r\n'
        b"PUB foo r 5\r\nhello\r\nHPUB bar 14 19\r\nNATS/1.0\r\nA:\r\nhello\r\nPING\r\nPONG\r\n"
    )
    assert traced(tmp_path, incoming=client) == [
        '127.0.0.1:5 - cid:7 - <<- [CONNECT {"verbose":true,"pass":"[REDACTED]","headers":true}]',
        "127.0.0.1:5 - cid:7 - <<- [SUB foo q 1]",
        "127.0.0.1:5 - cid:7 - <<- [SUB bar 2]",
        "127.0.0.1:5 - cid:7 - <<- [UNSUB 2 1]",
        "127.0.0.1:5 - cid:7 - <<- [PUB foo r 5]",
        '127.0.0.1:5 - cid:7 - <<- MSG_PAYLOAD: ["hello"]',
        "127.0.0.1:5 - cid:7 - <<- [HPUB bar 14 19]",
        '127.0.0.1:5 - cid:7 - <<- MSG_PAYLOAD: ["NATS/1.0\\r\\nA:\\r\\nhello"]',
        "127.0.0.1:5 - cid:7 - <<- [PING]",
        "127.0.0.1:5 - cid:7 - <<- [PONG]",
    ]


def test_what_a_client_is_told(tmp_path: Path) -> None:
    """Every frame of a write is shown, also one whose payload looks like a frame."""
    server = b"+OK\r\nMSG foo 1 r 7\r\nPING\r\nx\r\nPONG\r\n-ERR 'Unknown Protocol Operation'\r\n"
    assert traced(tmp_path, outgoing=server) == [
        "127.0.0.1:5 - cid:7 - ->> [OK]",
        "127.0.0.1:5 - cid:7 - ->> [MSG foo 1 r 7]",
        '127.0.0.1:5 - cid:7 - ->> MSG_PAYLOAD: ["PING\\r\\nx"]',
        "127.0.0.1:5 - cid:7 - ->> [PONG]",
        "127.0.0.1:5 - cid:7 - ->> [-ERR Unknown Protocol Operation]",
    ]
