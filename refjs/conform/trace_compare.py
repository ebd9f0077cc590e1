"""What two servers did in the same trace, put into the same words and compared.

Lane by lane: the order of messages on one subscription counts, that between subscriptions does not, and neither does
when a message came, as long as both servers agree within a tolerance.  Points in time, in answers and in headers too,
are written ``@<ms since the trace began>`` and compared with the same tolerance.  What is normalised away beyond that
stands in ``NOISE`` with its reason.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from calendar import timegm
from collections.abc import Mapping
from time import strptime
from typing import Final, NamedTuple

from refjs.conform.frames import text_of
from refjs.conform.matching import Json
from refjs.conform.trace import MARK
from refjs.conform.trace_play import Heard, Recording
from refjs.types.units import MILLISECOND, SECOND, Nanos
from refjs.wire.client import MsgReceived

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_NEVER: Final = "0001-01-01T00:00:00"
_ACK_TIME: Final = re.compile(r"(\$JS\.ACK\.\S+\.)(\d{19})(?=\.)")
_FLOW: Final = re.compile(r"(\$JS\.FC\.[^.]+\.[^.]+)\.\w+")
_MOMENT: Final = re.compile(r"@(-?\d+)")


class Mismatch(NamedTuple):
    """The first place where two recordings of a trace differ; ``ours`` and ``theirs`` are what each says there."""

    lane: str
    place: str
    ours: Json
    theirs: Json

    @property
    def kind(self) -> str:
        """What differences have in common that are probably one: the place without its numbers, and the keys."""
        keys = ""
        if isinstance(self.ours, dict) and isinstance(self.theirs, dict):
            keys = f" -{sorted(self.theirs.keys() - self.ours.keys())} +{sorted(self.ours.keys() - self.theirs.keys())}"
        return re.sub(r"\d+", "", f"{self.lane} {self.place}") + keys


Observations = Mapping[str, list[Json]]
"""What came on each lane, in words that do not depend on the server or the time of day."""


def observe(recording: Recording) -> Observations:
    """Return what was heard, normalised."""
    lanes = {lane: [_describe(each, recording) for each in heard] for lane, heard in recording.lanes.items()}
    if recording.errors:
        lanes["-ERR"] = list(recording.errors)
    return lanes


def compare(ours: Observations, theirs: Observations, tolerance: int) -> Mismatch | None:
    """Return the first difference, None where there is none; ``tolerance`` is in ms."""
    for lane in [*ours, *(lane for lane in theirs if lane not in ours)]:
        found = _compare(list(ours.get(lane, [])), list(theirs.get(lane, [])), "", tolerance)
        if found is not None:
            place, our_value, their_value = found
            return Mismatch(lane, place, our_value, their_value)
    return None


# -- normalising


def _describe(heard: Heard, recording: Recording) -> Json:
    message = heard.message
    described: dict[str, Json] = {"at": f"@{heard.at // MILLISECOND}"}
    subject = _neutral(text_of(message.subject), recording)
    if not subject.startswith("_INBOX."):
        described["subject"] = subject
    if message.reply:
        described["reply"] = _neutral(text_of(message.reply), recording)
    if message.headers:
        described["headers"] = _neutral(text_of(message.headers), recording)
    return {**described, **_payload(message, recording)}


def _payload(message: MsgReceived, recording: Recording) -> dict[str, Json]:
    text = _neutral(text_of(message.payload), recording)
    if not text.startswith("{"):
        return {"text": text}
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    for noise in NOISE:
        noise(value)
    _read_message(value, recording)
    return {"json": value}


def _read_message(value: dict[str, Json], recording: Recording) -> None:
    """Turn the base64 of MSG.GET into text: names stand in it that differ from trace to trace."""
    message = value.get("message")
    if isinstance(message, dict):
        for key in ("hdrs", "data"):
            if key in message:
                message[key] = _neutral(text_of(b64decode(str(message[key]))), recording)


def _neutral(text: str, recording: Recording) -> str:
    """Return ``text`` without names that were given by chance, and with every point in time as ``@<ms>``."""
    for lane, name in recording.names.items():
        text = text.replace(name, f"{{{lane}}}")
    text = text.replace(recording.prefix, MARK)
    if recording.server_name:
        text = text.replace(f'"{recording.server_name}"', '"SERVER"')
    text = _TIME.sub(lambda match: _moment(_nanos(match), recording.began, match[0]), text)
    text = _FLOW.sub(r"\1.~", text)
    return _ACK_TIME.sub(lambda match: match[1] + _moment(int(match[2]), recording.began, match[2]), text)


def _nanos(match: re.Match[str]) -> Nanos | None:
    if match[1] == _NEVER:
        return None
    seconds = timegm(strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * SECOND + int((match[2] or "").ljust(9, "0"))


def _moment(time: Nanos | None, began: Nanos, text: str) -> str:
    return text if time is None else f"@{(time - began) // MILLISECOND}"


def _account_usage(value: dict[str, Json]) -> None:
    """All traces share one account: what it uses depends on the others."""
    if value.get("type") == "io.nats.jetstream.api.v1.account_info_response":
        for key in ("memory", "storage", "reserved_memory", "reserved_storage", "streams", "consumers", "api"):
            value.pop(key, None)


NOISE: Final = (_account_usage,)
"""What is left out of JSON answers before they are compared; docs/divergences.md gives the reasons."""

# -- comparing


def _compare(ours: Json, theirs: Json, place: str, tolerance: int) -> tuple[str, Json, Json] | None:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if list(ours) != list(theirs):
            return place, ours, theirs
        pairs = [(f"{place}.{key}", ours[key], theirs[key]) for key in ours]
    elif isinstance(ours, list) and isinstance(theirs, list):
        pairs = [(f"{place}[{index}]", *pair) for index, pair in enumerate(zip(ours, theirs, strict=False))]
    elif isinstance(ours, str) and isinstance(theirs, str):
        return None if _same_text(ours, theirs, tolerance) else (place, ours, theirs)
    else:
        return None if ours == theirs and type(ours) is type(theirs) else (place, ours, theirs)
    for each, our_value, their_value in pairs:
        found = _compare(our_value, their_value, each, tolerance)
        if found is not None:
            return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) != len(theirs):
        at = min(len(ours), len(theirs))
        return f"{place}[{at}]", ours[at:], theirs[at:]
    return None


def _same_text(ours: str, theirs: str, tolerance: int) -> bool:
    if ours == theirs:
        return True
    if "@" not in ours or _MOMENT.sub("@", ours) != _MOMENT.sub("@", theirs):
        return False
    moments = zip(_MOMENT.findall(ours), _MOMENT.findall(theirs), strict=True)
    return all(abs(int(our) - int(their)) <= tolerance for our, their in moments)
