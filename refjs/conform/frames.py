"""What a server's frames say in the words of vectors: text instead of bytes, headers as lists of values."""

from __future__ import annotations

from collections.abc import Mapping

from refjs.wire import headers


def text_of(data: bytes) -> str:
    """Return bytes as text; what is not UTF-8 survives the way back."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return text as bytes: the way back of ``text_of``."""
    return text.encode("utf-8", "surrogateescape")


def status_of(block: bytes) -> tuple[int, str] | None:
    """Return the status code and its text in a header block's first line, or None where it has none."""
    code, _, description = text_of(headers.status_line(block)).partition(" ")
    return (int(code), description) if code.isdecimal() else None


def headers_of(block: bytes) -> dict[str, list[str]]:
    """Return the values of every header, in order."""
    values: dict[str, list[str]] = {}
    for name, value in headers.parse(block):
        values.setdefault(text_of(name), []).append(text_of(value))
    return values


def header_block_of(values: Mapping[str, list[str]]) -> bytes:
    """Return the header block that says ``values``."""
    pairs = [(bytes_of(name), bytes_of(value)) for name, each in values.items() for value in each]
    return headers.build(b"", pairs)
