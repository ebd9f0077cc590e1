"""Acknowledgements: the ack subject's numbers and the payload's meaning (CON-DLV-001, CON-ACK-001)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, final

from refjs.account.account import Account
from refjs.api.delivery_requests import decode_nak_delay
from refjs.broker.replica import GroupOutcome
from refjs.broker.router import Router
from refjs.consumer.entries import Acknowledge, ConsumerEntry, Extend, Refuse, Terminate
from refjs.types.digits import U64_MAX, read_u64
from refjs.types.units import Nanos, Seq, Subject

Answer: TypeAlias = Callable[[GroupOutcome], None]
"""Called with what became of an entry, by whoever proposed it and still leads."""

NEXT: Final = b"+NXT"
NAK: Final = b"-NAK"
TERM: Final = b"+TERM"
PROGRESS: Final = b"+WPI"
_TOKENS: Final = 9
_TOKENS_V2_MIN: Final = 11
_NUMBERS_AT: Final = 4
_NUMBERS_AT_V2: Final = 6


@final
class Place:
    """Which delivery an ack subject names."""

    __slots__ = ("consumer_seq", "seq")

    def __init__(self, seq: Seq, consumer_seq: Seq) -> None:
        self.seq = seq
        self.consumer_seq = consumer_seq


@final
class Ack:
    """An acknowledgement understood: the entry to propose, if any, and whether the next message is asked for."""

    __slots__ = ("entry", "next")

    def __init__(self, entry: ConsumerEntry | None, *, next_: bool = False) -> None:
        self.entry = entry
        self.next = next_


def parse_place(subject: Subject) -> Place | None:
    """Return the delivery that an ack subject names, in its old or its new form (CON-DLV-002)."""
    tokens = subject.split(b".")
    if len(tokens) == _TOKENS:
        at = _NUMBERS_AT
    elif len(tokens) >= _TOKENS_V2_MIN:
        at = _NUMBERS_AT_V2
    else:
        return None
    seq, consumer_seq = _number(tokens[at + 1]), _number(tokens[at + 2])
    return None if seq is None or consumer_seq is None else Place(seq, consumer_seq)


def _number(digits: bytes) -> int | None:
    """Return the number that a client wrote, cut to 64 bits, or None where it wrote none."""
    number = read_u64(digits)
    return U64_MAX if number is None and digits.isdigit() else number


def parse_ack(payload: bytes, place: Place, stamp: Nanos) -> Ack:
    """Return what ``payload`` says of the delivery at ``place``; unknown words change nothing (CON-ACK-001)."""
    if payload in (b"", b"+ACK", b"+OK"):
        return Ack(Acknowledge(place.seq, place.consumer_seq, stamp))
    if payload.startswith(NEXT):
        return Ack(Acknowledge(place.seq, place.consumer_seq, stamp), next_=True)
    if payload.startswith(NAK):
        return Ack(Refuse(place.seq, decode_nak_delay(payload[len(NAK) :]), stamp))
    if payload == PROGRESS:
        return Ack(Extend(place.seq, stamp))
    if payload.startswith(TERM):
        return Ack(Terminate(place.seq, place.consumer_seq, stamp))
    return Ack(None)


def confirmation(router: Router, account: Account, reply: Subject) -> Answer | None:
    """Return what confirms an ack to the client that asked for it, once it is applied (CON-ACK-002)."""
    if not reply:
        return None

    def confirm(_: GroupOutcome) -> None:
        router.post(account, reply, b"", 0, b"")

    return confirm
