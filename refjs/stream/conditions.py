"""The ``Nats-*`` headers with which a publisher attaches conditions to a message (STR-DUP, STR-EXP, STR-ROL).

Read from the stored header block itself, so that an entry need not carry them twice.
"""

from __future__ import annotations

from typing import Final, final

from refjs.stream.expiry import parse_ttl
from refjs.types.digits import U64_MAX, read_u64
from refjs.types.units import Nanos, Seq, Subject
from refjs.wire.headers import get

ABSENT: Final = -1
IMPOSSIBLE: Final = U64_MAX
"""What a sequence that is no number compares as: it never matches (STR-EXP-002)."""


@final
class Conditions:
    """The conditions of one publish; ``ABSENT`` and empty mark a header that is not there, or has no value."""

    __slots__ = (
        "expected_last_msg_id",
        "expected_last_seq",
        "expected_last_subject_seq",
        "expected_stream",
        "expected_subject",
        "msg_id",
        "rollup",
        "ttl",
    )

    def __init__(self, block: bytes) -> None:
        self.msg_id: bytes = get(block, b"Nats-Msg-Id") or b""
        self.expected_stream: bytes = get(block, b"Nats-Expected-Stream") or b""
        self.expected_last_seq: Seq = _sequence(get(block, b"Nats-Expected-Last-Sequence"))
        self.expected_last_subject_seq: Seq = _sequence(get(block, b"Nats-Expected-Last-Subject-Sequence"))
        self.expected_subject: Subject = get(block, b"Nats-Expected-Last-Subject-Sequence-Subject") or b""
        self.expected_last_msg_id: bytes = get(block, b"Nats-Expected-Last-Msg-Id") or b""
        self.rollup: bytes = (get(block, b"Nats-Rollup") or b"").lower()
        self.ttl: Nanos = parse_ttl(get(block, b"Nats-TTL"))


def read_conditions(block: bytes) -> Conditions | None:
    """Return the conditions that ``block`` states, or None where it states none."""
    return Conditions(block) if b"\r\nNats-" in block else None


def _sequence(value: bytes | None) -> Seq:
    if value is None or not value:
        return ABSENT
    seq = read_u64(value)
    return IMPOSSIBLE if seq is None else seq
