"""The other end of the wire: what servers send, parsed, and what clients send, encoded; sans-IO.

Simulated clients, the conformance runner, the differential tests and the benchmark speak through this module.  It
trusts no more than a client must: bytes that are not the protocol raise ``ProtocolError``.
"""

from __future__ import annotations

from typing import Final, TypeAlias, final

from refjs.types.digits import read_u64
from refjs.types.units import Subject

PING: Final = b"PING\r\n"
PONG: Final = b"PONG\r\n"

_CRLF_SIZE: Final = 2


class ProtocolError(ValueError):
    """The server sent what no NATS server sends; the text shows the line."""


@final
class MsgReceived:
    """``MSG`` or ``HMSG``: ``body`` is the header block, of ``header_size`` bytes (0: none), then the payload."""

    __slots__ = ("body", "header_size", "reply", "sid", "subject")

    def __init__(self, subject: Subject, sid: bytes, reply: Subject, header_size: int, body: bytes) -> None:
        self.subject = subject
        self.sid = sid
        self.reply = reply
        self.header_size = header_size
        self.body = body

    @property
    def headers(self) -> bytes:
        """The header block, empty where there is none."""
        return self.body[: self.header_size]

    @property
    def payload(self) -> bytes:
        """What follows the headers."""
        return self.body[self.header_size :]


@final
class InfoReceived:
    """``INFO``: the server's JSON record."""

    __slots__ = ("json",)

    def __init__(self, json: bytes) -> None:
        self.json = json


@final
class PingReceived:
    """``PING``: to be answered with ``PONG``."""

    __slots__ = ()


@final
class PongReceived:
    """``PONG``: the answer to the oldest unanswered ``PING``."""

    __slots__ = ()


@final
class OkReceived:
    """``+OK``: a verbose server took an operation."""

    __slots__ = ()


@final
class ErrReceived:
    """``-ERR``: ``text`` is what stands between the quotes."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


ServerEvent: TypeAlias = MsgReceived | InfoReceived | PingReceived | PongReceived | OkReceived | ErrReceived


@final
class ClientParser:
    """Turns what a server sends into events; any split of the bytes gives the same ones."""

    __slots__ = ("_rest", "_wanted")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0  # so many bytes must be there before looking again: an unfinished message

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that ``data`` completes, in order; raise ``ProtocolError`` on what is no protocol."""
        if self._rest or self._wanted:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        self._wanted = 0
        events: list[ServerEvent] = []
        position = 0
        while True:
            line_end = data.find(b"\r\n", position)
            if line_end < 0:
                break
            start = line_end + _CRLF_SIZE
            line = data[position:line_end]
            if line.startswith((b"MSG ", b"HMSG ")):
                fields = line.split(b" ")
                size = _size(fields[-1], line)
                stop = start + size
                if len(data) < stop + _CRLF_SIZE:
                    self._wanted = stop + _CRLF_SIZE - position
                    break
                events.append(_message(fields, data[start:stop], line))
                if not data.startswith(b"\r\n", stop):
                    raise ProtocolError(f"no CRLF after the payload of {line!r}")
                position = stop + _CRLF_SIZE
            else:
                events.append(_event(line))
                position = start
        self._rest += data[position:]
        return events


def connect(options: bytes) -> bytes:
    """Return ``CONNECT`` with a JSON object of options."""
    return b"CONNECT %b\r\n" % options


def pub(subject: Subject, payload: bytes, reply: Subject = b"") -> bytes:
    """Return ``PUB``; an empty ``reply`` means none."""
    if reply:
        return b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(payload), payload)
    return b"PUB %b %d\r\n%b\r\n" % (subject, len(payload), payload)


def hpub(subject: Subject, headers: bytes, payload: bytes, reply: Subject = b"") -> bytes:
    """Return ``HPUB`` with the header block ``headers`` (``wire.headers.build``)."""
    total = len(headers) + len(payload)
    if reply:
        return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (subject, reply, len(headers), total, headers, payload)
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (subject, len(headers), total, headers, payload)


def sub(subject: Subject, sid: bytes, queue: bytes = b"") -> bytes:
    """Return ``SUB``; an empty ``queue`` is a plain subscription."""
    if queue:
        return b"SUB %b %b %b\r\n" % (subject, queue, sid)
    return b"SUB %b %b\r\n" % (subject, sid)


def unsub(sid: bytes, max_msgs: int = 0) -> bytes:
    """Return ``UNSUB``, after ``max_msgs`` messages where given, else at once."""
    if max_msgs:
        return b"UNSUB %b %d\r\n" % (sid, max_msgs)
    return b"UNSUB %b\r\n" % sid


def _message(fields: list[bytes], body: bytes, line: bytes) -> MsgReceived:
    """Return the message of a control line ``MSG subject sid [reply] n`` or ``HMSG subject sid [reply] h n``."""
    header_size = 0
    if fields[0] == b"HMSG":
        header_size = _size(fields[-2], line)
        del fields[-2]
    if len(fields) not in (4, 5) or header_size > len(body):
        raise ProtocolError(f"not a message: {line!r}")
    return MsgReceived(fields[1], fields[2], fields[3] if len(fields) > 4 else b"", header_size, body)  # noqa: PLR2004


def _event(line: bytes) -> ServerEvent:
    """Return the event of a line that has no payload."""
    if line == b"PING":
        return PingReceived()
    if line == b"PONG":
        return PongReceived()
    if line == b"+OK":
        return OkReceived()
    if line.startswith(b"INFO "):
        return InfoReceived(line[5:].strip(b" "))
    if line.startswith(b"-ERR '") and line.endswith(b"'"):
        return ErrReceived(line[6:-1].decode("utf-8", "surrogateescape"))
    raise ProtocolError(f"not an operation of a server: {line!r}")


def _size(digits: bytes, line: bytes) -> int:
    size = read_u64(digits)
    if size is None:
        raise ProtocolError(f"not a size: {line!r}")
    return size
