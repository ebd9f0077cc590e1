"""JSON text as nats-server reads it: values that remember their kind and source, faults in nats-server's words.

A request body is a sequence of JSON values, each of them decoded into the same request (STR-API-024), so reading gives
the values that stand before a fault and the fault.  Offsets count bytes and point behind what is at fault.  What a
value means is decided in ``api.fields``.
"""

from __future__ import annotations

import re
from typing import Final, final

from refjs.api.quoting import go_quote_char, quote_escape

DEPTH_MAX: Final = 10_000
"""How deep arrays and objects may nest."""

UNEXPECTED_END: Final = "unexpected EOF"

_VALUE: Final = "looking for beginning of value"
_KEY: Final = "looking for beginning of object key string"

_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS: Final = re.compile(rb"[0-9]+")
_HEX: Final = re.compile(rb"[0-9a-fA-F]{0,4}")
_LITERALS: Final = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_ESCAPES: Final = {b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t"}
_HIGH: Final = f"{chr(0xD800)}-{chr(0xDBFF)}"  # chr, since compiled code knows no lone surrogate in a literal
_LOW: Final = f"{chr(0xDC00)}-{chr(0xDFFF)}"
_SURROGATES: Final = re.compile(f"[{_HIGH}{_LOW}]")
_PAIRS: Final = re.compile(f"([{_HIGH}])([{_LOW}])")


@final
class Json:
    """One JSON value.

    ``kind`` is nats-server's word (null, bool, number, string, array, object), ``text`` the decoded string or the
    literal as it stands, ``items`` the elements or the member values, ``keys`` the member names, ``raw`` the source.
    """

    __slots__ = ("items", "keys", "kind", "raw", "text")

    def __init__(self, kind: str, text: str = "") -> None:
        self.kind = kind
        self.text = text
        self.raw = b""
        self.items: list[Json] = []
        self.keys: list[str] = []


class JsonSyntaxError(ValueError):
    """The text is no JSON; ``str(error)`` says why in nats-server's words, ``offset`` where (0: it ends too early)."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.offset = offset


def read_values(body: bytes) -> tuple[list[Json], str]:
    """Return the values of ``body``, and the fault behind the last of them (empty: there is none)."""
    reader = _Reader(body)
    values: list[Json] = []
    try:
        while not reader.at_end():
            values.append(reader.value())
    except JsonSyntaxError as error:
        return values, f"{error} at offset {error.offset}" if error.offset else str(error)
    return values, ""


def read_value(body: bytes) -> Json:
    """Return the only value of ``body``; raise ``JsonSyntaxError``, as for pull requests (CON-PUL-014)."""
    reader = _Reader(body)
    try:
        value = reader.value()
    except JsonSyntaxError as error:
        if error.offset:
            raise
        raise JsonSyntaxError("unexpected end of JSON input") from error
    if not reader.at_end():
        raise reader.unexpected("after top-level value")
    return value


def decode_text(raw: bytes) -> str:
    """Return UTF-8 as text; each byte that is none becomes U+FFFD, as nats-server has it."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _SURROGATES.sub("\ufffd", raw.decode(errors="surrogateescape"))


@final
class _Reader:
    """A position in a text; each method takes something off it, or raises ``JsonSyntaxError``."""

    __slots__ = ("body", "position")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.position = 0

    def at_end(self) -> bool:
        """Skip blanks and tell whether nothing is left."""
        blanks = _BLANKS.match(self.body, self.position)
        assert blanks is not None, "the pattern matches nothing, too"
        self.position = blanks.end()
        return self.position == len(self.body)

    def value(self) -> Json:
        """Take one value; the containers around the position are kept on a stack of our own, for they nest deep."""
        around: list[Json] = []
        starts: list[int] = []
        while True:
            start = self._peek(_VALUE)
            node = self._begin(start)
            if node.kind in ("array", "object"):
                if len(around) == DEPTH_MAX:
                    raise JsonSyntaxError("exceeded max depth", self.position)
                around.append(node)
                starts.append(self.position - 1)
                if not self._closes(node):
                    self._key(node)
                    continue
                node = self._close(around, starts)
            while around:
                around[-1].items.append(node)
                if self._goes_on(around[-1]):
                    self._key(around[-1])
                    break
                node = self._close(around, starts)
            if not around:
                return node

    def _close(self, around: list[Json], starts: list[int]) -> Json:
        node = around.pop()
        node.raw = self.body[starts.pop() : self.position]
        return node

    def _begin(self, first: int) -> Json:
        """Take a scalar, or the bracket that opens a container."""
        start = self.position
        if first in b"{[":
            self.position += 1
            return Json("object" if first == ord("{") else "array")
        if first == ord('"'):
            node = Json("string", self._string())
        elif first == ord("-") or ord("0") <= first <= ord("9"):
            self._number()
            node = Json("number", self.body[start : self.position].decode())
        elif first in _LITERALS:
            node = self._literal(_LITERALS[first])
        else:
            raise self.unexpected(_VALUE)
        node.raw = self.body[start : self.position]
        return node

    def _closes(self, container: Json) -> bool:
        """Take the bracket that closes an empty container, and tell whether it was there."""
        is_object = container.kind == "object"
        where = _KEY if is_object else _VALUE
        if self._peek(where) != (ord("}") if is_object else ord("]")):
            return False
        self.position += 1
        return True

    def _goes_on(self, container: Json) -> bool:
        """Take a comma (True) or the bracket that closes the container (False)."""
        is_object = container.kind == "object"
        where = "after object key:value pair" if is_object else "after array element"
        found = self._peek(where)
        if found != ord(",") and found != (ord("}") if is_object else ord("]")):
            raise self.unexpected(where)
        self.position += 1
        return found == ord(",")

    def _key(self, container: Json) -> None:
        """Take the name of a member and its colon; an array's elements have none."""
        if container.kind == "array":
            return
        if self._peek(_KEY) != ord('"'):
            raise self.unexpected(_KEY)
        container.keys.append(self._string())
        if self._peek("after object key") != ord(":"):
            raise self.unexpected("after object key")
        self.position += 1

    def _literal(self, word: bytes) -> Json:
        for expected in word:
            if self._byte() != expected:
                raise self.unexpected(f"in literal {word.decode()} (expecting {go_quote_char(chr(expected))})")
            self.position += 1
        return Json("null" if word == b"null" else "bool", word.decode())

    def _number(self) -> None:
        if self.body[self.position] == ord("-"):
            self.position += 1
        if self._byte() == ord("0"):
            self.position += 1
        else:
            self._digits()
        if self.body[self.position : self.position + 1] == b".":
            self.position += 1
            self._digits()
        if self.body[self.position : self.position + 1] in (b"e", b"E"):
            self.position += 1
            if self._byte() in b"+-":
                self.position += 1
            self._digits()

    def _digits(self) -> None:
        digits = _DIGITS.match(self.body, self.position)
        if digits is None:
            self._byte()
            raise self.unexpected("in numeric literal")
        self.position = digits.end()

    def _string(self) -> str:
        """Take a string with its quotes, and return it decoded."""
        self.position += 1
        parts: list[str] = []
        while True:
            plain = _PLAIN.match(self.body, self.position)
            assert plain is not None, "the pattern matches nothing, too"
            self.position = plain.end()
            if plain[0]:
                parts.append(decode_text(plain[0]))
            found = self._byte()
            if found == ord('"'):
                self.position += 1
                return _clean("".join(parts))
            if found != ord("\\"):
                raise self.unexpected("in string")
            parts.append(self._escape())

    def _escape(self) -> str:
        """Take a backslash and what it escapes; half of a surrogate pair is returned as it is."""
        start = self.position
        self.position += 1
        self._byte()
        char = self.body[self.position : self.position + 1]
        if char in _ESCAPES:
            self.position += 1
            return _ESCAPES[char]
        if char != b"u":
            raise self._bad_escape(start, 2)
        digits = _HEX.match(self.body, self.position + 1)
        assert digits is not None, "the pattern matches nothing, too"
        if len(digits[0]) < 4:  # noqa: PLR2004 - \uXXXX
            if digits.end() == len(self.body):
                raise JsonSyntaxError(UNEXPECTED_END)
            raise self._bad_escape(start, 6)
        self.position = digits.end()
        return chr(int(digits[0], 16))

    def _bad_escape(self, start: int, length: int) -> JsonSyntaxError:
        shown = self.body[start : start + length]
        return JsonSyntaxError(
            f"invalid escape sequence {quote_escape(shown)} in string at offset {start + len(shown)}"
        )

    def _peek(self, where: str) -> int:
        """Skip blanks and return the byte at the position; ``where`` words the fault of a byte that is no text."""
        if self.at_end():
            raise JsonSyntaxError(UNEXPECTED_END)
        found = self.body[self.position]
        if found >= 0x80:  # noqa: PLR2004 - no structure of JSON lies beyond ASCII
            raise self.unexpected(where)
        return found

    def _byte(self) -> int:
        if self.position == len(self.body):
            raise JsonSyntaxError(UNEXPECTED_END)
        return self.body[self.position]

    def unexpected(self, where: str) -> JsonSyntaxError:
        """Return the fault of the character at the position."""
        for size in (1, 2, 3, 4):
            try:
                char = self.body[self.position : self.position + size].decode()
            except UnicodeDecodeError:
                continue
            return JsonSyntaxError(f"invalid character {go_quote_char(char)} {where}", self.position + size)
        shown = f"'\\x{self.body[self.position]:02x}'"
        return JsonSyntaxError(f"invalid character {shown} {where}", self.position + 1)


def _clean(text: str) -> str:
    """Return ``text`` with each surrogate pair made one character, and each half of one U+FFFD."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", _PAIRS.sub(_combined, text))


def _combined(pair: re.Match[str]) -> str:
    return chr(0x10000 + ((ord(pair[1]) - 0xD800) << 10) + (ord(pair[2]) - 0xDC00))
