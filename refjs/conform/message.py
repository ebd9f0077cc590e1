"""A delivered message held against what a vector says of it, member by member."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from refjs.conform.frames import headers_of, status_of, text_of
from refjs.conform.matching import ABSENT, Difference, Json, Scope, fill, match, show
from refjs.conform.vector import Message
from refjs.wire.client import MsgReceived


class Received(NamedTuple):
    """A delivered message and the name of the subscription that got it."""

    message: MsgReceived
    sub: str


def match_message(pattern: Message, received: Received, scope: Scope, place: str = "") -> Difference | None:
    """Return the first difference in what the pattern names, saving in ``scope`` what it captures."""
    for name, read in _FACETS.items():
        wanted: Json = getattr(pattern, name)
        if wanted is not ABSENT:
            filled = fill(wanted, scope)
            actual = _headers(received, filled) if name == "headers" else read(received)
            difference = match(filled, actual, scope, f"{place}{name}")
            if difference is not None:
                return difference
    return None


def brief(message: MsgReceived) -> str:
    """Return a message in one short line."""
    block = f" {show(text_of(message.headers))}" if message.headers else ""
    return f"{text_of(message.subject)}{block} {show(text_of(message.payload))}"


def _status(received: Received) -> Json:
    status = status_of(received.message.headers)
    return None if status is None else status[0]


def _description(received: Received) -> Json:
    status = status_of(received.message.headers)
    return ABSENT if status is None else status[1]


def _headers(received: Received, pattern: Json) -> Json:
    """Return each header as its pattern wants it: all values where that is a list, else the first; None: no block."""
    if not received.message.headers:
        return None
    wanted = pattern if isinstance(pattern, dict) else {}
    headers = headers_of(received.message.headers)
    return {name: values if isinstance(wanted.get(name), list) else values[0] for name, values in headers.items()}


def _json(received: Received) -> Json:
    try:
        return json.loads(received.message.payload)
    except ValueError:
        return text_of(received.message.payload)


_FACETS: Final[Mapping[str, Callable[[Received], Json]]] = {
    "sub": lambda received: received.sub,
    "status": _status,
    "description": _description,
    "subject": lambda received: text_of(received.message.subject),
    "reply": lambda received: text_of(received.message.reply) or None,
    "headers": lambda received: _headers(received, {}),
    "header_block": lambda received: text_of(received.message.headers),
    "size": lambda received: len(received.message.payload),
    "text": lambda received: text_of(received.message.payload),
    "base64": lambda received: base64.b64encode(received.message.payload).decode(),
    "json": _json,
}
