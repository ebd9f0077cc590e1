"""What the server says, as bytes: each function returns one whole frame (PRO-OPS-007, PRO-OPS-015)."""

from __future__ import annotations

from typing import Final

from refjs.types.units import Subject

OK: Final = b"+OK\r\n"
PING: Final = b"PING\r\n"
PONG: Final = b"PONG\r\n"

_LINE_ENDS_KEPT: Final = 4096
_LINE_ENDS: Final = [b"%d\r\n" % size for size in range(_LINE_ENDS_KEPT)]
"""The ends of control lines by payload size: joining parts is twice as fast as formatting them."""


def info(record: bytes) -> bytes:
    """Return ``INFO`` for the JSON ``record``; a blank stands before the line's end (PRO-INF-001)."""
    return b"INFO %b \r\n" % record


def err(text: str) -> bytes:
    """Return ``-ERR`` with ``text`` in quotes (PRO-OPS-015)."""
    return b"-ERR '%b'\r\n" % text.encode("utf-8", "surrogateescape")


def msg(subject: Subject, sid: bytes, reply: Subject, payload: bytes) -> bytes:
    """Return the frame of a message without headers; an empty ``reply`` means none."""
    size = len(payload)
    line_end = _LINE_ENDS[size] if size < _LINE_ENDS_KEPT else b"%d\r\n" % size
    if reply:
        return b"".join((b"MSG ", subject, b" ", sid, b" ", reply, b" ", line_end, payload, b"\r\n"))
    return b"".join((b"MSG ", subject, b" ", sid, b" ", line_end, payload, b"\r\n"))


def hmsg(subject: Subject, sid: bytes, reply: Subject, header_size: int, body: bytes) -> bytes:
    """Return the frame of a message whose ``body`` starts with ``header_size`` bytes of headers."""
    if reply:
        return b"HMSG %b %b %b %d %d\r\n%b\r\n" % (subject, sid, reply, header_size, len(body), body)
    return b"HMSG %b %b %d %d\r\n%b\r\n" % (subject, sid, header_size, len(body), body)


def message(subject: Subject, sid: bytes, reply: Subject, header_size: int, body: bytes) -> bytes:
    """Return ``HMSG`` where there are headers, else ``MSG``: what a subscriber that takes headers gets."""
    if header_size:
        return hmsg(subject, sid, reply, header_size, body)
    return msg(subject, sid, reply, body)
