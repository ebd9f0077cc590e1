"""What the server says, as bytes: each function returns one whole frame (PRO-OPS-007, PRO-OPS-015)."""

from __future__ import annotations

from typing import Final

from refjs.types.units import Subject

OK: Final = b"+OK\r\n"
PING: Final = b"PING\r\n"
PONG: Final = b"PONG\r\n"


def info(record: bytes) -> bytes:
    """Return ``INFO`` for the JSON ``record``; a blank stands before the line's end (PRO-INF-001)."""
    return b"INFO %b \r\n" % record


def err(text: str) -> bytes:
    """Return ``-ERR`` with ``text`` in quotes (PRO-OPS-015)."""
    return b"-ERR '%b'\r\n" % text.encode("utf-8", "surrogateescape")


def msg(subject: Subject, sid: bytes, reply: Subject, payload: bytes) -> bytes:
    """Return the frame of a message without headers; an empty ``reply`` means none."""
    if reply:
        return b"MSG %b %b %b %d\r\n%b\r\n" % (subject, sid, reply, len(payload), payload)
    return b"MSG %b %b %d\r\n%b\r\n" % (subject, sid, len(payload), payload)


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
