"""The ``Nats-*`` headers with which a publisher attaches conditions to a message (STR-DUP, STR-EXP, STR-ROL).

Read from the stored header block itself, so that an entry need not carry them twice.
"""

from __future__ import annotations

from typing import Final, final

from refjs.stream.expiry import parse_ttl
from refjs.types.units import Nanos, Seq, Subject
from refjs.wire.headers import get

ABSENT: Final = -1
IMPOSSIBLE: Final = (1 << 64) - 1
"""What a sequence that is no number compares as: it never matches (STR-EXP-002)."""


@final
class Conditions:
    """The conditions of one publish; ``ABSENT`` and None mark a header that is not there."""

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
        self.expected_stream: bytes | None = get(block, b"Nats-Expected-Stream")
        self.expected_last_seq: Seq = _sequence(get(block, b"Nats-Expected-Last-Sequence"))
        self.expected_last_subject_seq: Seq = _sequence(get(block, b"Nats-Expected-Last-Subject-Sequence"))
        self.expected_subject: Subject | None = get(block, b"Nats-Expected-Last-Subject-Sequence-Subject")
        self.expected_last_msg_id: bytes | None = get(block, b"Nats-Expected-Last-Msg-Id")
        self.rollup: bytes = (get(block, b"Nats-Rollup") or b"").lower()
        self.ttl: Nanos = parse_ttl(get(block, b"Nats-TTL"))


def read_conditions(block: bytes) -> Conditions | None:
    """Return the conditions that ``block`` states, or None where it states none."""
    return Conditions(block) if b"\r\nNats-" in block else None


def _sequence(value: bytes | None) -> Seq:
    if value is None or not value:
        return ABSENT
    return int(value) if value.isdigit() else IMPOSSIBLE
