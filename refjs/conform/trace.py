"""What a trace is: a timetable of what one client does to a server, as plain JSON.

Nothing in a trace says what should come back: it is played on two servers and what they did is compared
(``trace_compare``).  Each step has its time in ms since the start, so that leaving a step out moves no other.  ``%`` in
a subject or a text stands for a prefix that no other trace has; ``{lane}`` for the name in the answer that came on that
lane: a consumer named by the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias, final

import msgspec

from refjs.conform.matching import Json

MARK: Final = "%"
"""Stands for the prefix of a trace."""


class TraceError(Exception):
    """A file holds no trace; ``str(error)`` is one sentence."""


class _Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do"):
    """What all steps have: when they happen, in ms since the trace began."""

    at: int


@final
class Request(_Step, frozen=True, kw_only=True, tag="request"):
    """Publish ``json`` or ``text`` on ``subject``; what answers is collected on ``lane`` (empty: no reply subject)."""

    lane: str = ""
    subject: str
    headers: dict[str, str] = {}
    json: Json = None
    text: str = ""


@final
class Subscribe(_Step, frozen=True, kw_only=True, tag="subscribe"):
    """Collect what is published on ``subject``, as a member of the group ``queue`` where one is named."""

    lane: str
    subject: str
    queue: str = ""


@final
class Unsubscribe(_Step, frozen=True, kw_only=True, tag="unsubscribe"):
    """Listen on ``lane`` no more."""

    lane: str


@final
class Ack(_Step, frozen=True, kw_only=True, tag="ack"):
    """Acknowledge a delivery with ``text``; nothing happens where there was none yet.

    Of what ``consumer`` (``<stream>.<name>``) delivered so far, by consumer sequence, the one at index ``nth`` modulo
    their number.  A confirmation is collected on ``lane`` (empty: not asked for).
    """

    lane: str = ""
    consumer: str
    nth: int
    text: str


Step: TypeAlias = Request | Subscribe | Unsubscribe | Ack


@final
class Trace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps in the order of their times; what comes until ``end`` (ms) counts."""

    steps: Sequence[Step]
    end: int


def encode(trace: Trace) -> str:
    """Return ``trace`` as JSON, a step a line."""
    lines = ",\n".join(f"  {msgspec.json.encode(step).decode()}" for step in trace.steps)
    return f'{{"end": {trace.end}, "steps": [\n{lines}\n]}}\n'


def decode(data: bytes | str, name: str = "the trace") -> Trace:
    """Return the trace that ``data`` holds; raise ``TraceError`` where it holds none."""
    try:
        trace = msgspec.json.decode(data, type=Trace)
    except msgspec.DecodeError as error:
        raise TraceError(f"{name} holds no trace: {error}.") from error
    times = [step.at for step in trace.steps]
    if times != sorted(times):
        raise TraceError(f"{name} holds no trace: its steps are not in the order of their times.")
    return trace


def read(path: Path) -> Trace:
    """Return the trace in a file; raise ``TraceError`` where it cannot be read."""
    try:
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror}.") from error
