"""Whole numbers as clients write them: digits of any length, for nothing keeps a client from sending thousands."""

from __future__ import annotations

from typing import Final

U64_MAX: Final = (1 << 64) - 1
_DIGITS_MAX: Final = 20


def read_u64(digits: bytes) -> int | None:
    """Return the number that ``digits`` write, or None where they are no digits or it exceeds 64 bits."""
    if not digits.isdigit():
        return None
    short = digits.lstrip(b"0") if len(digits) > _DIGITS_MAX else digits
    if len(short) > _DIGITS_MAX:
        return None
    value = int(short or b"0")
    return value if value <= U64_MAX else None
