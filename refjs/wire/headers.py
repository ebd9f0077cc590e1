r"""Header blocks: read in place, and built (PRO-DLV-007, STR-PUB-005).

A block is ``NATS/1.0[ <status>[ <text>]]``, lines ``Name: value``, an empty line, each ended by CRLF.  Publishers may
send any bytes at all, and nothing is rejected: like nats-server, ``get`` takes for a header whatever stands between
``\r\n<name>:`` and the next CRLF or the end of the block [observed 2.15.1].  So the first line never is one, a blank
before the name or the colon hides it, a bare LF does not end it, and an empty line does not end the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

CRLF: Final = b"\r\n"
VERSION_LINE: Final = b"NATS/1.0\r\n"

Pairs: TypeAlias = Iterable[tuple[bytes, bytes]]


def get(block: bytes, name: bytes) -> bytes | None:
    """Return the first value of ``name``, None where there is none; names are case-sensitive (STR-PUB-005).

    Blanks, not tabs, after the colon are skipped; trailing blanks belong to the value.
    """
    key = b"\r\n%b:" % name
    at = block.find(key)
    if at < 0:
        return None
    start = at + len(key)
    end = block.find(CRLF, start)
    return (block[start:end] if end >= 0 else block[start:]).lstrip(b" ")


def has(block: bytes, name: bytes) -> bool:
    """Tell whether ``get`` would find ``name``."""
    return b"\r\n%b:" % name in block


def status_line(block: bytes) -> bytes:
    """Return what follows ``NATS/1.0`` on the first line without its blanks: ``b"503"``, ``b"100 Idle Heartbeat"``."""
    first = block.partition(CRLF)[0]
    return first[8:].strip(b" \t") if first.startswith(b"NATS/1.0") else b""


def without_status(block: bytes) -> bytes:
    """Return ``block`` with its status, where it has one, cut off the first line."""
    end = block.find(CRLF)
    return VERSION_LINE + block[end + len(CRLF) :] if end >= 0 and status_line(block) else block


def parse(block: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers in order, repeated ones too; lines without a colon are passed over."""
    pairs: list[tuple[bytes, bytes]] = []
    for line in block.split(CRLF)[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            pairs.append((name, value.lstrip(b" ")))
    return pairs


def build(status: bytes, pairs: Pairs) -> bytes:
    """Return the block of a status (``b""``, ``b"503"``, ``b"404 No Messages"``) and headers."""
    lines = b"".join([b"%b: %b\r\n" % pair for pair in pairs])
    if status:
        return b"NATS/1.0 %b\r\n%b\r\n" % (status, lines)
    return b"NATS/1.0\r\n%b\r\n" % lines


def with_headers(block: bytes, pairs: Pairs) -> bytes:
    """Return ``block`` with headers appended before its empty line; an empty ``block`` becomes a whole one."""
    if not block:
        return build(b"", pairs)
    lines = b"".join([b"%b: %b\r\n" % pair for pair in pairs])
    return block.removesuffix(CRLF) + lines + CRLF


def without(block: bytes, names: Sequence[bytes]) -> bytes:
    """Return ``block`` without any line of a header in ``names``; empty where the last header was removed."""
    shorter = block
    for name in names:
        key = b"\r\n%b:" % name
        at = shorter.find(key)
        while at >= 0:
            end = shorter.find(CRLF, at + len(key))
            shorter = shorter[:at] + (shorter[end:] if end >= 0 else CRLF + CRLF)
            at = shorter.find(key, at)
    return b"" if shorter == VERSION_LINE + CRLF != block else shorter
