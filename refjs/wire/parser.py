"""Client bytes to operations: the sans-IO parser of the client protocol (PRO-OPS-001..013).

The parser knows the shape of each operation and the two limits that protect the server's memory; what an operation
means is the broker's business.  Feeding the same bytes in any pieces yields the same operations.

The common publish is taken apart in ``feed`` itself, by one match and one slice.  Everything else, and every publish
that is unusual in any way, goes through ``_control``, which is complete on its own; the short path only has to be right
about what it accepts.

Kept between calls is one of: an unfinished control line (at most ``max_control_line`` and the name), an unfinished
payload (at most ``max_payload``), or the operation to yield at the end of a line whose rest does not matter.
"""

from __future__ import annotations

import re
from typing import Final, final

from refjs.types.units import Subject
from refjs.wire.connect import ConnectOptions, is_json_object, parse_connect
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

UNKNOWN_OPERATION: Final = "Unknown Protocol Operation"
CONTROL_LINE_EXCEEDED: Final = "maximum control line exceeded"
MAXIMUM_PAYLOAD: Final = "Maximum Payload Violation"
SILENT: Final = ""

_WAIT: Final = -1  # instead of a position: nothing more can be done with the bytes at hand
_CR: Final = 13
_LF: Final = 10
_BLANKS: Final = b" \t"
_SIZE_DIGITS_MAX: Final = 9  # one digit more, even a leading zero, is not a size [observed 2.15.1]

# The separators differ: PUB and HPUB know blanks only, SUB and UNSUB also CR and LF [observed 2.15.1].
_PUB_SEPARATORS: Final = bytes.maketrans(b"\t", b" ")
_SUB_SEPARATORS: Final = bytes.maketrans(b"\t\r\n", b"   ")

# PUB and HPUB as clients write them: capitals, one space each, CRLF.  The size of the headers is asked for only if the
# first group, the H, is there.
_match_publish: Final = re.compile(
    rb"(H)?PUB ([^ \t\r\n]+) (?:([^ \t\r\n]+) )?(?(1)([0-9]{1,9}) )([0-9]{1,9})\r\n"
).match

_PUB: Final = 0
_HPUB: Final = 1
_SUB: Final = 2
_UNSUB: Final = 3
_CONNECT: Final = 4
_INFO: Final = 5
_ERR: Final = 6
_HMSG: Final = 7
_PING: Final = 8
_PONG: Final = 9
_OK: Final = 10


@final
class _Verb:
    """An operation's name, and whether a blank must follow it at once."""

    __slots__ = ("blank", "kind", "name")

    def __init__(self, name: bytes, kind: int, *, blank: bool) -> None:
        self.name = name
        self.kind = kind
        self.blank = blank


# By the first two letters, which tell all of them apart.  MSG and the operations of routes are unknown to a client's
# parser from their first letter on, HMSG only at its end (PRO-OPS-010).
_VERBS: Final[dict[bytes, _Verb]] = {
    b"PU": _Verb(b"PUB", _PUB, blank=True),
    b"HP": _Verb(b"HPUB", _HPUB, blank=True),
    b"SU": _Verb(b"SUB", _SUB, blank=True),
    b"UN": _Verb(b"UNSUB", _UNSUB, blank=True),
    b"CO": _Verb(b"CONNECT", _CONNECT, blank=False),
    b"IN": _Verb(b"INFO", _INFO, blank=False),
    b"-E": _Verb(b"-ERR", _ERR, blank=True),
    b"HM": _Verb(b"HMSG", _HMSG, blank=True),
    b"PI": _Verb(b"PING", _PING, blank=False),
    b"PO": _Verb(b"PONG", _PONG, blank=False),
    b"+O": _Verb(b"+OK", _OK, blank=False),
}
_FIRST_LETTERS: Final = frozenset(name[:1] for name in _VERBS)


@final
class Parser:
    """Turns what a client sends into operations; after a ``Violation`` it yields nothing more."""

    __slots__ = (
        "_at_line_end",
        "_body",
        "_closed",
        "_header_size",
        "_missing",
        "_options",
        "_out",
        "_reply",
        "_size",
        "_subject",
        "_tail",
        "max_control_line",
        "max_payload",
    )

    def __init__(self, max_control_line: int = 4096, max_payload: int = 1 << 20) -> None:
        self.max_control_line = max_control_line
        self.max_payload = max_payload
        self._options = ConnectOptions()  # without headers in them HPUB is refused (PRO-OPS-004)
        self._out: list[Operation] = []
        self._closed = False
        self._tail = b""
        self._at_line_end: Operation | None = None
        self._missing = 0  # bytes the unfinished payload lacks, its CRLF included
        self._body = bytearray()
        self._subject: Subject = b""
        self._reply: Subject = b""
        self._header_size = 0
        self._size = 0

    def feed(self, data: bytes) -> list[Operation]:
        """Return the operations that ``data`` completes, in order."""
        out: list[Operation] = []
        if self._closed:
            return out
        self._out = out
        position = 0
        if self._missing:
            position = self._more_body(data)
        elif self._at_line_end is not None:
            position = self._skip_line(data, 0, self._at_line_end)
        elif self._tail:
            data = self._tail + data
            self._tail = b""
        length = len(data)
        while 0 <= position < length:
            found = _match_publish(data, position)
            if found is not None:
                is_hpub, subject, reply, header_digits, digits = found.groups(b"")
                start, size = found.end(), int(digits)
                header_size = int(header_digits) if is_hpub else 0
                stop = start + size
                if (
                    header_size <= size <= self.max_payload
                    and start - position <= self.max_control_line
                    and data.startswith(b"\r\n", stop)
                    and (not is_hpub or self._options.headers)
                ):
                    out.append(Publish(subject, reply, header_size, data[start:stop]))
                    position = stop + 2
                    continue
            position = self._control(data, position)
        return out

    def _control(self, data: bytes, position: int) -> int:
        """Parse the operation at ``position``; return where the next one starts, or ``_WAIT``."""
        start = data[position : position + 2].upper()
        verb = _VERBS.get(start)
        if verb is None:
            return self._keep(start) if start in _FIRST_LETTERS else self._fail(UNKNOWN_OPERATION)
        name_end = position + len(verb.name)
        name = data[position:name_end].upper()
        if name != verb.name:
            return self._keep(name) if verb.name.startswith(name) else self._fail(UNKNOWN_OPERATION)
        if verb.kind >= _PING:
            return self._skip_line(data, name_end, _without_arguments(verb.kind))
        if verb.blank:
            if name_end == len(data):
                return self._keep(name)
            if data[name_end] not in _BLANKS:
                return self._fail(UNKNOWN_OPERATION)
        return self._arguments(verb, data, name_end)

    def _arguments(self, verb: _Verb, data: bytes, name_end: int) -> int:
        """Cut out the arguments between the name and the end of the line, and act on them."""
        line_end = data.find(b"\n", name_end)
        given = (data[name_end:line_end] if line_end >= 0 else data[name_end:]).lstrip(_BLANKS)
        if line_end >= 0 and not given:
            # An LF where the arguments should begin is their first byte, and the line goes on [observed 2.15.1].
            first = line_end
            line_end = data.find(b"\n", first + 1)
            given = data[first:line_end] if line_end >= 0 else data[first:]
        arguments = given[:-1] if given.endswith(b"\r") else given
        if len(arguments) > self.max_control_line:
            return self._fail(CONTROL_LINE_EXCEEDED)
        if line_end < 0:
            return self._keep(verb.name + b" " + given)
        if verb.kind <= _HPUB:
            return self._publish(verb.kind, arguments, data, line_end + 1)
        operation = self._operation(verb.kind, arguments)
        self._out.append(operation)
        if isinstance(operation, Violation):
            self._closed = True
            return _WAIT
        return line_end + 1

    def _operation(self, kind: int, arguments: bytes) -> Operation:
        """Return what a line without payload says."""
        if kind == _SUB:
            return _subscribe(arguments)
        if kind == _UNSUB:
            return _unsubscribe(arguments)
        if kind == _CONNECT:
            options = parse_connect(arguments, self._options)
            if options is None:
                return Violation(SILENT)
            self._options = options
            return Connect(arguments)
        if kind == _INFO:
            return Ignored() if is_json_object(arguments) else Violation(SILENT)
        return Violation(SILENT if kind == _ERR else UNKNOWN_OPERATION)

    def _publish(self, kind: int, arguments: bytes, data: bytes, start: int) -> int:
        """Take the arguments of PUB or HPUB, then the payload that begins at ``start``."""
        fields = [field for field in arguments.translate(_PUB_SEPARATORS).split(b" ") if field]
        sizes = 1 + kind
        if (kind == _HPUB and not self._options.headers) or not 1 + sizes <= len(fields) <= 2 + sizes:
            return self._fail(SILENT)
        size = _size(fields[-1])
        header_size = _size(fields[-2]) if kind == _HPUB else 0
        if size < 0 or not 0 <= header_size <= size:
            return self._fail(SILENT)
        if size > self.max_payload:
            return self._fail(MAXIMUM_PAYLOAD)
        self._subject = fields[0]
        self._reply = fields[1] if len(fields) == 2 + sizes else b""
        self._header_size = header_size
        self._size = size
        stop = start + size
        if data.startswith(b"\r\n", stop):
            self._out.append(Publish(self._subject, self._reply, header_size, data[start:stop]))
            return stop + 2
        self._missing = size + 2
        return self._more_body(data[start : stop + 2])

    def _more_body(self, data: bytes) -> int:
        """Add ``data`` to the unfinished payload; return where in ``data`` it ended, or ``_WAIT``."""
        body, size, used = self._body, self._size, self._missing
        body += data[:used]
        self._missing = size + 2 - len(body)
        if len(body) > size and (body[size] != _CR or (len(body) > size + 1 and body[size + 1] != _LF)):
            return self._fail(UNKNOWN_OPERATION)
        if self._missing:
            return _WAIT
        del body[size:]
        self._out.append(Publish(self._subject, self._reply, self._header_size, bytes(body)))
        self._body = bytearray()
        return used

    def _skip_line(self, data: bytes, position: int, operation: Operation) -> int:
        """Drop the rest of the line, however long, then yield ``operation``."""
        line_end = data.find(b"\n", position)
        if line_end < 0:
            self._at_line_end = operation
            return _WAIT
        self._at_line_end = None
        self._out.append(operation)
        return line_end + 1

    def _keep(self, unfinished: bytes) -> int:
        """Remember the beginning of a control line for the next call."""
        self._tail = unfinished
        return _WAIT

    def _fail(self, text: str) -> int:
        """Yield the violation and nothing after it."""
        self._closed = True
        self._body = bytearray()
        self._out.append(Violation(text))
        return _WAIT


def _without_arguments(kind: int) -> Operation:
    if kind == _PING:
        return Ping()
    return Pong() if kind == _PONG else Ignored()


def _subscribe(arguments: bytes) -> Operation:
    fields = _fields(arguments)
    if len(fields) == 2:  # noqa: PLR2004
        return Subscribe(fields[0], b"", fields[1])
    if len(fields) == 3:  # noqa: PLR2004
        return Subscribe(fields[0], fields[1], fields[2])
    return Violation(SILENT)


def _unsubscribe(arguments: bytes) -> Operation:
    fields = _fields(arguments)
    if len(fields) == 1:
        return Unsubscribe(fields[0], 0)
    if len(fields) == 2:  # noqa: PLR2004
        return Unsubscribe(fields[0], max(_size(fields[1]), 0))
    return Violation(SILENT)


def _fields(arguments: bytes) -> list[bytes]:
    return [field for field in arguments.translate(_SUB_SEPARATORS).split(b" ") if field]


def _size(digits: bytes) -> int:
    """Return the number written in at most nine ``digits``, -1 where there is none."""
    return int(digits) if digits.isdigit() and len(digits) <= _SIZE_DIGITS_MAX else -1
