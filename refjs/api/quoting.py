"""How nats-server quotes what it refuses: Go's ``%q`` of a string, a character, an escape sequence.

Printable characters stand as they are; the rest is escaped the shortest way Go knows.
"""

from __future__ import annotations

from typing import Final

_SHORT: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}


def go_quote(text: str) -> str:
    """Return ``text`` in double quotes."""
    return '"' + "".join([_escaped(char, '"') for char in text]) + '"'


def go_quote_char(char: str) -> str:
    """Return ``char`` in single quotes."""
    return "'" + _escaped(char, "'") + "'"


def quote_escape(sequence: bytes) -> str:
    """Return an escape sequence of JSON in backquotes where Go would, else quoted byte by byte."""
    text = sequence.decode("latin-1")
    if text.isascii() and text.isprintable() and "`" not in text and " " not in text:
        return f"`{text}`"
    return '"' + "".join([_escaped(char, '"') if char.isascii() else f"\\x{ord(char):02x}" for char in text]) + '"'


def _escaped(char: str, quote: str) -> str:
    if char == quote:
        return "\\" + char
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:  # noqa: PLR2004 - ASCII
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - the Basic Multilingual Plane
