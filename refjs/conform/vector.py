"""What a conformance vector is: plain JSON that fits ``vector.schema.json``, read into records.

A vector is a short conversation with a server: steps that send and steps that expect, on named connections.  It names
the requirements it stands for and runs against any server, in any language (docs/conformance.md tells how).  The
schema is the definition; the records below carry its names and its defaults (a test compares the two), and ``load``
says in one sentence what does not fit, and where.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import jsonschema
from jsonschema.exceptions import ValidationError, best_match

from refjs.conform.matching import ABSENT, Json, PatternError, check_pattern, show

SCHEMA_PATH: Final = Path(__file__).parent / "vector.schema.json"
SCHEMA: Final[Mapping[str, Json]] = json.loads(SCHEMA_PATH.read_text())
_SHOWN: Final = 200
_VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)


_Object: TypeAlias = dict[str, Any]
"""A JSON object that fits the schema: the only place where the type checker is asked to trust it."""


class VectorError(Exception):
    """A vector file does not fit its schema; ``str(error)`` is one sentence naming the file and the place."""


# ------------------------------------------------------------------------------------------------------- records


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Bytes to send, in one of three spellings; none means no bytes."""

    text: str | None = None
    base64: str | None = None
    json: Json = ABSENT
    repeat: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing(Body):
    """A message to publish."""

    on: str = "c"
    subject: str
    headers: Mapping[str, Json] = field(default_factory=dict)
    header_block: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a delivered message must be like; what is ``ABSENT`` does not matter."""

    sub: Json = ABSENT
    subject: Json = ABSENT
    reply: Json = ABSENT
    status: Json = ABSENT
    description: Json = ABSENT
    headers: Json = ABSENT
    header_block: Json = ABSENT
    text: Json = ABSENT
    base64: Json = ABSENT
    json: Json = ABSENT
    size: Json = ABSENT


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open a raw connection."""

    on: str = "c"
    info: Json = ABSENT


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Open a connection and send CONNECT; ``options`` None stands for the standard ones."""

    on: str = "c"
    options: Mapping[str, Json] | None = None
    info: Json = ABSENT


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Close a connection."""

    on: str = "c"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Body):
    """Send bytes as they stand."""

    on: str = "c"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recv:
    """Expect bytes, or a line."""

    on: str = "c"
    text: str | None = None
    base64: str | None = None
    line: Json = ABSENT
    within: str = "5s"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Expect the server to close the connection."""

    on: str = "c"
    within: str = "5s"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """Wait until the server has read all that was sent."""

    on: str = "c"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sub:
    """Subscribe; an empty ``queue`` is a plain subscription."""

    on: str = "c"
    sub: str
    subject: str
    queue: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Unsub:
    """Unsubscribe; ``max`` 0 means at once."""

    sub: str
    max: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pub(Outgoing):
    """Publish."""

    reply: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Outgoing):
    """Publish and expect an answer; ``eventually`` None asks once."""

    expect: Message = field(default_factory=Message)
    eventually: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """Expect messages."""

    sub: str | list[str]
    messages: list[Message]
    order: str = "exact"
    within: str = "5s"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Expect nothing more; ``sub`` None means the raw connection ``on``."""

    on: str = "c"
    sub: str | list[str] | None = None
    wait: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Let time pass."""

    time: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Do steps several times."""

    times: int
    counter: str = "i"
    steps: list[Step]


Single: TypeAlias = (
    Open | Connect | Close | Send | Recv | Closed | Flush | Sub | Unsub | Pub | Request | Expect | Silent | Wait
)
Step: TypeAlias = Single | Repeat

STEPS: Final[Mapping[str, Callable[..., Step]]] = {
    "open": Open,
    "connect": Connect,
    "close": Close,
    "send": Send,
    "recv": Recv,
    "closed": Closed,
    "flush": Flush,
    "sub": Sub,
    "unsub": Unsub,
    "pub": Pub,
    "request": Request,
    "expect": Expect,
    "silent": Silent,
    "wait": Wait,
    "repeat": Repeat,
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One conversation that a conforming server carries on as written."""

    id: str
    title: str
    requirements: list[str]
    level: str = "MUST"
    since: str | None = None
    until: str | None = None
    features: list[str] = field(default_factory=list)
    notes: str = ""
    steps: list[Step]
    cleanup: list[Step] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------------- reading


def load(path: Path, *, trusted: bool = False) -> Vector:
    """Return the vector in ``path``; raise ``VectorError`` where the file cannot be read or does not fit.

    A ``trusted`` file, one that a test has seen, is not held against the schema again: that takes most of the time.
    """
    try:
        data = path.read_bytes()
        return build(json.loads(data)) if trusted else parse(data)
    except OSError as error:
        raise VectorError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise VectorError(f"{path}: is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise VectorError(f"{path}: is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
    except PatternError as error:
        raise VectorError(f"{path}: {error}.") from error


def parse(data: bytes) -> Vector:
    """Return the vector that ``data`` encodes; raise ``ValueError`` for no JSON, else ``PatternError``."""
    value = json.loads(data.decode())
    misfit = best_match(_VALIDATOR.iter_errors(value))
    if misfit is not None:
        raise PatternError(_sentence(misfit))
    return build(value)


def build(value: _Object) -> Vector:
    """Return the vector of a JSON object that fits the schema; raise ``PatternError`` for what a schema cannot say."""
    if value["id"].split("/")[0] not in value["requirements"]:
        raise PatternError("at $.requirements: the requirement in the id is not among them")
    steps, cleanup = _steps(value["steps"], "$.steps"), _steps(value.get("cleanup", []), "$.cleanup")
    plain = {name: given for name, given in value.items() if name not in {"$schema", "steps", "cleanup"}}
    return Vector(**plain, steps=steps, cleanup=cleanup)


def _sentence(misfit: ValidationError) -> str:
    """Return what does not fit, and where, in one line."""
    if misfit.validator == "pattern":
        return f"at {misfit.json_path}: {show(misfit.instance)} has not the form {misfit.validator_value}"
    return f"at {misfit.json_path}: {misfit.message[:_SHOWN]}"


def _steps(values: list[_Object], place: str) -> list[Step]:
    return [_step(value, f"{place}[{number}]") for number, value in enumerate(values)]


def _step(value: _Object, place: str) -> Step:
    """Return the record of a step that fits the schema; raise ``PatternError`` for what a schema cannot say."""
    members = {name: given for name, given in value.items() if name != "op"}
    for name in ("info", "line"):
        check_pattern(members.get(name, ABSENT), f"{place}.{name}")
    _check_spellings(members, place, needed=value["op"] == "recv")
    if "steps" in members:
        members["steps"] = _steps(members["steps"], f"{place}.steps")
    if "expect" in members:
        members["expect"] = _message(members["expect"], f"{place}.expect")
    if "messages" in members:
        messages = enumerate(members["messages"])
        members["messages"] = [_message(each, f"{place}.messages[{number}]") for number, each in messages]
    return STEPS[value["op"]](**members)


def _message(value: _Object, place: str) -> Message:
    for name, pattern in value.items():
        check_pattern(pattern, f"{place}.{name}")
    _check_spellings(value, place, needed=False)
    return Message(**value)


def _check_spellings(members: _Object, place: str, *, needed: bool) -> None:
    given = [name for name in ("text", "base64", "json", "line") if name in members]
    if len(given) > 1 or (needed and not given):
        raise PatternError(f"at {place}: one spelling of the bytes is wanted, given are {', '.join(given) or 'none'}")
