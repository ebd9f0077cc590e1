"""What clients send beside the API's endpoints: pull requests, delayed naks, direct gets.

These bodies are read leniently under every profile: unknown fields are ignored, there is one JSON value, and faults are
worded without offsets (CON-PUL-002, CON-PUL-014, STR-DIR-003).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, final

from refjs.api.fields import DURATION, FLAG, INT, INT64, TEXT, FieldError, Record, Struct
from refjs.api.json_syntax import JsonSyntaxError, read_value
from refjs.api.stream_requests import MESSAGE_GET
from refjs.types.time_text import parse_duration
from refjs.types.units import Nanos, Seq

PULL: Final = Struct(
    "",
    {
        "batch": INT,
        "expires": DURATION,
        "max_bytes": INT,
        "no_wait": FLAG,
        "idle_heartbeat": DURATION,
        "group": TEXT,
        "min_pending": INT64,
        "min_ack_pending": INT64,
        "id": TEXT,
        "priority": INT,
    },
)
NAK: Final = Struct("", {"delay": DURATION})

_BLANKS: Final = b" \t\r\n"
_INTEGER: Final = re.compile(rb"[+-]?[0-9]{1,18}")
_PRIORITY_MAX: Final = 9


@final
@dataclass(slots=True)
class PullDemand:
    """A pull request: how much, for how long; 0 says nothing, ``error`` is the reason of a 400 (CON-PUL-002)."""

    batch: int = 1
    expires: Nanos = 0
    max_bytes: int = 0
    no_wait: bool = False
    idle_heartbeat: Nanos = 0
    error: str = ""


@final
@dataclass(slots=True)
class DirectGetRequest:
    """A direct get; ``refusal`` is the status line to answer instead, empty where there is none (STR-DIR-003)."""

    seq: Seq = 0
    last_by_subj: str = ""
    next_by_subj: str = ""
    start_time: Nanos | None = None
    no_hdr: bool = False
    batch: int = 0
    max_bytes: int = 0
    multi_last: list[str] = field(default_factory=list)
    up_to_seq: Seq = 0
    up_to_time: Nanos | None = None
    refusal: str = ""


def decode_pull_request(body: bytes) -> PullDemand:
    """Read a pull request: nothing, a number, or JSON; any other text asks for one message."""
    text = body.strip(_BLANKS)
    if not text.startswith(b"{"):
        return PullDemand(int(text) if _INTEGER.fullmatch(text) else 1)
    record = _read(text, PULL)
    if isinstance(record, str):
        return PullDemand(error=record)
    return PullDemand(
        batch=record.integer("batch"),
        expires=record.integer("expires"),
        max_bytes=record.integer("max_bytes"),
        no_wait=record.flag("no_wait"),
        idle_heartbeat=record.integer("idle_heartbeat"),
        error=_pull_contradiction(record),
    )


def decode_nak_delay(text: bytes) -> Nanos:
    """Return the delay behind ``-NAK``, as JSON or as a duration; what is neither is no delay (CON-ACK-005)."""
    text = text.strip(_BLANKS)
    if not text.startswith(b"{"):
        return parse_duration(text.decode(errors="replace")) or 0
    record = _read(text, NAK)
    return 0 if isinstance(record, str) else record.integer("delay")


def decode_direct_get(body: bytes) -> DirectGetRequest:
    """Read the body of ``DIRECT.GET.<stream>``."""
    if not body:
        return DirectGetRequest(refusal="408 Empty Request")
    request = _direct_get(body)
    if not request.refusal:
        request.refusal = _direct_get_contradiction(request)
    return request


def decode_direct_last(body: bytes, subject: str) -> DirectGetRequest:
    """Read the body of ``DIRECT.GET.<stream>.<subject>``, which may say nothing but ``no_hdr``."""
    request = _direct_get(body) if body else DirectGetRequest()
    plain = DirectGetRequest(no_hdr=request.no_hdr, refusal=request.refusal)
    if request != plain:
        return DirectGetRequest(refusal="408 Bad Request")
    request.last_by_subj = subject
    return request


def _read(body: bytes, request: Struct) -> Record | str:
    """Return the fields of the only value of ``body``, or what is wrong with it; null says nothing."""
    record = Record()
    try:
        value = read_value(body)
        if value.kind == "object":
            request.read_into(record, value, request.go_type.rpartition(".")[2], strict=False)
        elif value.kind != "null":
            raise request.mismatch(value, "")
    except (JsonSyntaxError, FieldError) as error:
        return str(error)
    return record


def _pull_contradiction(record: Record) -> str:
    """Return why a consumer without priority groups refuses a request (CON-PUL-010, CON-PRI-001)."""
    if record.integer("idle_heartbeat") * 2 > max(record.integer("expires"), 0):
        return "heartbeat value too large"
    if record.integer("min_pending") or record.integer("min_ack_pending"):
        return "Not a Overflow Priority consumer"
    if record.text("id"):
        return "Not a Pinned Client Priority consumer"
    in_range = 0 <= record.integer("priority") <= _PRIORITY_MAX
    return "" if in_range else f"Priority must be between 0 and {_PRIORITY_MAX}"


def _direct_get(body: bytes) -> DirectGetRequest:
    record = _read(body, MESSAGE_GET)
    if isinstance(record, str):
        return DirectGetRequest(refusal="408 Malformed Request")
    return DirectGetRequest(
        seq=record.integer("seq"),
        last_by_subj=record.text("last_by_subj"),
        next_by_subj=record.text("next_by_subj"),
        start_time=record.time("start_time"),
        no_hdr=record.flag("no_hdr"),
        batch=record.integer("batch"),
        max_bytes=record.integer("max_bytes"),
        multi_last=record.texts("multi_last"),
        up_to_seq=record.integer("up_to_seq"),
        up_to_time=record.time("up_to_time"),
    )


def _direct_get_contradiction(request: DirectGetRequest) -> str:
    """Return the status of a request that selects nothing or contradicts itself (STR-DIR-004), or ""."""
    by_time, last, following = request.start_time is not None, request.last_by_subj, request.next_by_subj
    if not (request.seq or last or following or by_time or request.multi_last):
        return "408 Empty Request"
    contradictions = (
        request.seq and last,
        request.seq and by_time,
        by_time and last,
        last and (following or request.batch or request.multi_last),
        following and request.multi_last,
        request.up_to_seq and request.up_to_time is not None,
    )
    return "408 Bad Request" if any(contradictions) else ""
