"""Random traces of JetStream, for Hypothesis.

A trace comes in bursts of steps with gaps between them, so that ack waits, expiry and windows end in the gaps; whether
they do is for ``trace_run.steady`` to tell.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import Final, final

from hypothesis import strategies as st

from refjs.conform.matching import Json
from refjs.conform.trace import Ack, Request, Step, Subscribe, Trace, Unsubscribe
from refjs.types.units import MILLISECOND

Object = dict[str, Json]
Fields = dict[str, st.SearchStrategy[Json]]

_PACE: Final = 15
"""Ms between the steps of a burst."""

_SETTLE: Final = 300
"""Ms after the last step."""

_GAPS: Final = (150, 250, 400, 650, 900)
_SUBJECTS: Final = ("%.a", "%.a", "%.b", "%.c", "%.x.a", "%.x.b")
_PATTERNS: Final = ("%.>", "%.*", "%.x.*", "%.*.a", "%.a", "%.b", "%.x.a")
_STREAM: Final = "%S"
_NAMES: Final = ("C", "D")
_API: Final = "$JS.API."


def _one_of(*values: Json) -> st.SearchStrategy[Json]:
    return st.sampled_from(values)


@unique
class Removal(Enum):
    """How messages leave the stream of a trace before they are settled; some consumers suffer (docs/divergences.md)."""

    NONE = "none"
    FRONT = "only the oldest"
    ANYWHERE = "anywhere"


def _ms(*values: int) -> st.SearchStrategy[Json]:
    return st.sampled_from([value * MILLISECOND for value in values])


_YES: Final[st.SearchStrategy[Json]] = st.sampled_from([True])

STREAM_FIELDS: Final[Fields] = {
    "retention": _one_of("limits", "interest", "interest", "workqueue"),
    "discard": _one_of("old", "new", "new"),
    "discard_new_per_subject": _YES,
    "max_msgs": _one_of(-1, 1, 2, 3, 5),
    "max_bytes": _one_of(-1, 100, 160, 250),
    "max_msg_size": _one_of(-1, 4, 30),
    "max_msgs_per_subject": _one_of(-1, 1, 2, 3),
    "max_age": _ms(300, 700, 1100),
    "duplicate_window": _ms(200, 500),
    "deny_delete": _YES,
    "deny_purge": _YES,
    "allow_rollup_hdrs": _YES,
    "allow_direct": _YES,
    "first_seq": _one_of(1, 10),
    "no_ack": _YES,
    "max_consumers": _one_of(-1, 1),
    "sealed": _YES,
    "subjects": _one_of(["%.>"], ["%.*"], ["%.a", "%.x.>"]),
}
CONSUMER_FIELDS: Final[Fields] = {
    "deliver_policy": _one_of("all", "last", "new", "last_per_subject", "by_start_sequence"),
    "ack_wait": _ms(200, 350, 600),
    "max_deliver": _one_of(-1, 1, 2, 3),
    "backoff": _one_of([150 * MILLISECOND], [150 * MILLISECOND, 300 * MILLISECOND]),
    "max_ack_pending": _one_of(-1, 1, 2),
    "filter_subject": _one_of(*_PATTERNS),
    "filter_subjects": _one_of(["%.a", "%.b"], ["%.x.*", "%.c"]),
    "max_waiting": _one_of(1, 2),
    "max_batch": _one_of(1, 3),
    "max_bytes": _one_of(200),
    "headers_only": _YES,
    "inactive_threshold": _one_of(3600 * 1000 * MILLISECOND),
    "description": _one_of("d"),
}
PUSH_FIELDS: Final[Fields] = {
    "deliver_group": _one_of("g"),
    "idle_heartbeat": _ms(350),
    "flow_control": _YES,
}
PULL_FIELDS: Final[Fields] = {
    "batch": _one_of(1, 2, 3, 5),
    "no_wait": st.sampled_from([True, True, False]),
    "expires": _ms(100, 400, 800),
    "max_bytes": _one_of(100, 150, 400),
    "idle_heartbeat": _ms(100),
}
HEADER_FIELDS: Final[Fields] = {
    "Nats-Msg-Id": _one_of("1", "1", "2"),
    "Nats-Expected-Stream": _one_of("%S", "%S", "%T"),
    "Nats-Expected-Last-Sequence": _one_of("0", "1", "2", "3"),
    "Nats-Expected-Last-Subject-Sequence": _one_of("0", "1", "2"),
    "Nats-Expected-Last-Subject-Sequence-Subject": _one_of("%.a", "%.x.*"),
    "Nats-Expected-Last-Msg-Id": _one_of("1", "2"),
    "Nats-Rollup": _one_of("sub", "all"),
    "X": _one_of("y"),
}
GET_FIELDS: Final[Fields] = {
    "seq": _one_of(0, 1, 2, 3, 5),
    "last_by_subj": _one_of(*_PATTERNS),
    "next_by_subj": _one_of(*_PATTERNS),
}
PURGE_FIELDS: Final[Fields] = {
    "filter": _one_of(*_PATTERNS),
    "seq": _one_of(0, 1, 2, 3, 9),
    "keep": _one_of(0, 1, 2),
}
_REMOVE_OLDEST: Final = ("max_msgs", "max_bytes", "max_age")
_REMOVE_ANYWHERE: Final = ("max_msgs_per_subject", "discard_new_per_subject", "Nats-Rollup", "filter")
ACKS: Final = (
    *("+ACK",) * 6,
    *("-NAK", '-NAK {"delay": 200000000}', "-NAK 300ms", "-NAK", "+WPI", "+TERM", "+TERM why"),
    *("", "+NXT", '+NXT {"batch":2,"no_wait":true}', "x", "+OK"),
)
_WEIGHTS: Final = {
    "publish": 14,
    "fetch": 9,
    "ack": 10,
    "consumer_info": 4,
    "stream_info": 4,
    "create_consumer": 3,
    "get_message": 2,
    "direct_get": 1,
    "delete_message": 2,
    "purge": 2,
    "update_stream": 1,
    "update_consumer": 1,
    "delete_consumer": 1,
    "names": 1,
    "unsubscribe": 1,
    "subscribe": 2,
    "delete_stream": 0,
}
_CHOICES: Final = tuple(name for name, weight in _WEIGHTS.items() for _ in range(weight))


@final
class _Draft:
    """A trace being written."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.steps: list[Step] = []
        self.removal = draw(st.sampled_from([Removal.NONE, Removal.FRONT, Removal.ANYWHERE, Removal.ANYWHERE]))
        self.now = 0
        self.lanes = 0
        self.stream: Object = {}
        self.consumers: dict[str, Object] = {}
        self.filtered: dict[str, None] = {}
        self.queued: dict[str, None] = {}
        self.pulls: list[str] = []

    # -- drawing --------------------------------------------------------------------------------------------------

    def pick(self, *values: Json) -> Json:
        return self.draw(_one_of(*values))

    def name(self, *values: str) -> str:
        return self.draw(st.sampled_from(values))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def some(self, fields: Fields, most: int) -> Object:
        keys = self.draw(st.lists(st.sampled_from(list(fields)), max_size=most, unique=True))
        return {key: self.draw(fields[key]) for key in keys}

    def allowed(self, fields: Fields) -> Fields:
        """Leave out what removes messages in a way that the trace is to be spared."""
        gone = _REMOVE_ANYWHERE if self.removal is Removal.FRONT else _REMOVE_ANYWHERE + _REMOVE_OLDEST
        return {key: value for key, value in fields.items() if self.removal is Removal.ANYWHERE or key not in gone}

    # -- writing --------------------------------------------------------------------------------------------------

    def lane(self, kind: str) -> str:
        self.lanes += 1
        return f"{kind}{self.lanes}"

    def add(self, step: Step) -> None:
        self.steps.append(step)
        self.now += _PACE

    def ask(self, kind: str, subject: str, body: Json = None, text: str = "") -> str:
        lane = self.lane(kind)
        self.add(Request(at=self.now, lane=lane, subject=_API + subject, json=body, text=text))
        return lane

    def burst(self) -> None:
        for _ in range(self.number(2, 9)):
            _STEPS[self.draw(st.sampled_from(_CHOICES))](self)
        self.now += self.draw(st.sampled_from(_GAPS))


def _create_stream(draft: _Draft) -> None:
    draft.stream = {
        "subjects": ["%.>"],
        **draft.some(draft.allowed(STREAM_FIELDS), 5),
        "name": _STREAM,
        "storage": "memory",
    }
    draft.stream.pop("sealed", None)
    _mend_stream(draft)
    draft.ask("create", f"STREAM.CREATE.{_STREAM}", dict(draft.stream))


def _mend_stream(draft: _Draft) -> None:
    """Make most configurations acceptable: a stream that is not there shows nothing."""
    config = draft.stream
    if config.get("discard_new_per_subject") and draft.number(0, 9):
        config["discard"] = "new"
        config.setdefault("max_msgs_per_subject", 2)
    if "duplicate_window" in config and "max_age" in config and draft.number(0, 9):
        del config["duplicate_window"]
    if config.get("allow_rollup_hdrs") and draft.number(0, 9):
        config.pop("deny_purge", None)


def _update_stream(draft: _Draft) -> None:
    draft.stream = {**draft.stream, **draft.some(draft.allowed(STREAM_FIELDS), 2)}
    _mend_stream(draft)
    draft.ask("update", f"STREAM.UPDATE.{_STREAM}", dict(draft.stream))


def _delete_stream(draft: _Draft) -> None:
    draft.ask("delete", f"STREAM.DELETE.{_STREAM}")


def _stream_info(draft: _Draft) -> None:
    body = draft.some({"subjects_filter": _one_of("%.>", "%.x.*", "%.a"), "deleted_details": _YES}, 2)
    draft.ask("info", f"STREAM.INFO.{_STREAM}", body or None)


def _names(draft: _Draft) -> None:
    kind = draft.name("STREAM.NAMES", "STREAM.LIST", f"CONSUMER.NAMES.{_STREAM}", f"CONSUMER.LIST.{_STREAM}", "INFO")
    body: Json = {"subject": draft.name("%.>", "%.a", "%.x.*", "%.nobody")} if kind.startswith("STREAM") else None
    draft.ask("list", kind, body)


def _publish(draft: _Draft) -> None:
    headers = draft.some(draft.allowed(HEADER_FIELDS), 2) if draft.number(0, 2) == 0 else {}
    draft.add(
        Request(
            at=draft.now,
            lane=draft.lane("pub") if draft.number(0, 9) else "",
            subject=draft.name(*_SUBJECTS),
            headers={name: str(value) for name, value in headers.items()},
            text=draft.name("", "x", "hello", "a longer message, of 36 characters.."),
        )
    )


def _get_message(draft: _Draft) -> None:
    draft.ask("get", f"STREAM.MSG.GET.{_STREAM}", draft.some(GET_FIELDS, 2))


def _direct_get(draft: _Draft) -> None:
    if draft.number(0, 2):
        draft.ask("direct", f"DIRECT.GET.{_STREAM}", draft.some(GET_FIELDS, 2))
    else:
        draft.ask("direct", f"DIRECT.GET.{_STREAM}.{draft.name(*_SUBJECTS)}")


def _delete_message(draft: _Draft) -> None:
    if draft.removal is not Removal.ANYWHERE:
        return
    body: Object = {"seq": draft.number(0, 6)}
    if draft.number(0, 3) == 0:
        body["no_erase"] = True
    draft.ask("remove", f"STREAM.MSG.DELETE.{_STREAM}", body)


def _purge(draft: _Draft) -> None:
    if draft.removal is not Removal.NONE:
        draft.ask("purge", f"STREAM.PURGE.{_STREAM}", draft.some(draft.allowed(PURGE_FIELDS), 2) or None)


def _create_consumer(draft: _Draft) -> None:
    name = draft.name(*_NAMES)
    config: Object = {"ack_policy": draft.name("explicit", "explicit", "explicit", "all", "none")}
    config.update(draft.some(CONSUMER_FIELDS, 4))
    if draft.number(0, 3) == 0:
        config.update(draft.some(PUSH_FIELDS, 2), deliver_subject=f"%d.{name}")
    _mend_consumer(draft, config)
    draft.consumers[name] = config
    _put_consumer(draft, name)


def _mend_consumer(draft: _Draft, config: Object) -> None:
    """Make most configurations acceptable, and none that suffers from how messages are removed."""
    if draft.removal is not Removal.NONE and config.get("deliver_policy") == "last_per_subject":
        config["deliver_policy"] = "all"
    if draft.removal is Removal.ANYWHERE and config["ack_policy"] == "all":
        config["ack_policy"] = "explicit"
    if config.get("deliver_policy") == "by_start_sequence":
        config["opt_start_seq"] = draft.number(1, 5)
    if config.get("deliver_policy") == "last_per_subject" and "filter_subjects" not in config:
        config.setdefault("filter_subject", "%.>")
    if "filter_subjects" in config:
        config.pop("filter_subject", None)
    if "deliver_subject" in config:
        for key in ("max_waiting", "max_batch", "max_bytes"):
            config.pop(key, None)
        if config["ack_policy"] == "none":
            config.pop("max_ack_pending", None)
    if config.get("flow_control"):
        config.setdefault("idle_heartbeat", 350 * MILLISECOND)
    if draft.stream.get("retention") == "workqueue" and draft.number(0, 9):
        config["ack_policy"] = "explicit"
        config.pop("deliver_policy", None)
        config.pop("opt_start_seq", None)


def _put_consumer(draft: _Draft, name: str) -> None:
    config = {**draft.consumers[name], "durable_name": name}
    if "filter_subject" in config or "filter_subjects" in config:
        draft.filtered[name] = None
    elif name in draft.filtered:
        config["filter_subject"] = "%.>"  # a filter that is taken away: docs/divergences.md
    body: Object = {"stream_name": _STREAM, "config": config, "action": draft.name("", "", "", "create", "update")}
    draft.ask("consumer", f"CONSUMER.CREATE.{_STREAM}.{name}{_filter_token(config)}", body)


def _filter_token(config: Object) -> str:
    return f".{config['filter_subject']}" if "filter_subject" in config else ""


def _update_consumer(draft: _Draft) -> None:
    name = _consumer(draft)
    if name in draft.consumers:
        draft.consumers[name] = {**draft.consumers[name], **draft.some(CONSUMER_FIELDS, 1)}
        _mend_consumer(draft, draft.consumers[name])
        _put_consumer(draft, name)


def _consumer(draft: _Draft) -> str:
    return draft.name(*(draft.consumers or _NAMES))


def _consumer_info(draft: _Draft) -> None:
    draft.ask("state", f"CONSUMER.INFO.{_STREAM}.{_consumer(draft)}")


def _delete_consumer(draft: _Draft) -> None:
    draft.ask("drop", f"CONSUMER.DELETE.{_STREAM}.{_consumer(draft)}")


def _fetch(draft: _Draft) -> None:
    body: Json = draft.some(PULL_FIELDS, 4) if draft.number(0, 3) else None
    lane = draft.ask("pull", f"CONSUMER.MSG.NEXT.{_STREAM}.{_consumer(draft)}", body)
    draft.pulls.append(lane)


def _ack(draft: _Draft) -> None:
    text = draft.name(*ACKS)
    lane = draft.lane("ack") if text.startswith("+NXT") or draft.number(0, 1) else ""
    nth = draft.number(-3, 2)
    draft.add(Ack(at=draft.now, lane=lane, consumer=f"{_STREAM}.{_consumer(draft)}", nth=nth, text=text))


def _subscribe(draft: _Draft) -> None:
    name = _consumer(draft)
    config = draft.consumers.get(name, {})
    if "deliver_subject" not in config:
        _create_consumer(draft)
        return
    queue = draft.name("", "g", "g") if "deliver_group" in config and name not in draft.queued else ""
    if queue:
        draft.queued[name] = None  # which member of a group gets a message is chance
    lane = draft.lane("sub")
    draft.pulls.append(lane)
    draft.add(Subscribe(at=draft.now, lane=lane, subject=f"%d.{name}", queue=queue))


def _unsubscribe(draft: _Draft) -> None:
    if draft.pulls:
        draft.add(Unsubscribe(at=draft.now, lane=draft.name(*draft.pulls)))


_STEPS: Final = {
    "publish": _publish,
    "fetch": _fetch,
    "ack": _ack,
    "consumer_info": _consumer_info,
    "stream_info": _stream_info,
    "create_consumer": _create_consumer,
    "get_message": _get_message,
    "direct_get": _direct_get,
    "delete_message": _delete_message,
    "purge": _purge,
    "update_stream": _update_stream,
    "update_consumer": _update_consumer,
    "delete_consumer": _delete_consumer,
    "names": _names,
    "unsubscribe": _unsubscribe,
    "subscribe": _subscribe,
    "delete_stream": _delete_stream,
}


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Return a trace of one stream and up to two consumers, of at most about four seconds."""
    draft = _Draft(draw)
    _create_stream(draft)
    for _ in range(draft.number(0, 3)):
        _publish(draft)
    for _ in range(draft.number(0, 2)):
        _create_consumer(draft)
        _subscribe(draft)
    for _ in range(draft.number(1, 4)):
        draft.burst()
    _stream_info(draft)
    for name in draft.consumers:
        draft.ask("state", f"CONSUMER.INFO.{_STREAM}.{name}")
    return Trace(steps=draft.steps, end=draft.now + _SETTLE)
