"""Requests and answers, provisional: lenient reading and plain writing until the exact codec stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from enum import StrEnum

from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.types.config import ConsumerConfig, StreamConfig
from refjs.types.profile import Profile
from refjs.types.records import NEVER, AccountInfo, ConsumerInfo, SequenceInfo, StreamInfo
from refjs.types.stored import StoredMessage

_TYPE = "io.nats.jetstream.api.v1."


def _load(body: bytes) -> dict[str, object] | ApiError:
    if not body.strip():
        return {}
    try:
        value: object = json.loads(body)
    except ValueError as error:
        return table.INVALID_JSON.filled(str(error))
    return value if isinstance(value, dict) else table.INVALID_JSON.filled("not an object")


def _number(given: dict[str, object], key: str) -> int:
    value = given.get(key)
    return value if isinstance(value, int) else 0


def _text(given: dict[str, object], key: str) -> str:
    value = given.get(key)
    return value if isinstance(value, str) else ""


def _fill(config: StreamConfig | ConsumerConfig, given: dict[str, object]) -> None:
    for field in fields(config):
        value = given.get(field.name)
        if value is None or field.name == "opt_start_time":
            continue
        default: object = getattr(config, field.name)
        setattr(config, field.name, type(default)(str(value)) if isinstance(default, StrEnum) else value)


def parse_time(text: str) -> int:
    """Return RFC 3339 as ns."""
    date, _, clock = text.rstrip("Z").partition("T")
    year, month, day = (int(part) for part in date.split("-"))
    hour, minute, second = clock.split("+")[0].split(":")
    whole, _, fraction = second.partition(".")
    y = year - (month <= 2)
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    doe = yoe * 365 + yoe // 4 - yoe // 100 + doy
    days = era * 146097 + doe - 719468
    return (((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(whole)) * 10**9 + int((fraction + "0" * 9)[:9])


def format_time(ns: int) -> str:
    """Return ns as RFC 3339."""
    seconds, nanos = divmod(ns, 10**9)
    days, rest = divmod(seconds, 86400)
    z = days + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    day = doy - (153 * mp + 2) // 5 + 1
    month = mp + (3 if mp < 10 else -9)
    year = yoe + era * 400 + (month <= 2)
    text = f"{year:04d}-{month:02d}-{day:02d}T{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    fraction = f".{nanos:09d}".rstrip("0").rstrip(".")
    return f"{text}{fraction}Z"


# -- requests


def decode_stream_config(body: bytes, name: str) -> StreamConfig | ApiError:
    given = _load(body)
    if isinstance(given, ApiError):
        return given
    config = StreamConfig()
    try:
        _fill(config, given)
    except ValueError as error:
        return table.INVALID_JSON.filled(str(error))
    if config.name != name:
        return table.STREAM_MISMATCH
    for key in ("max_consumers", "max_msgs", "max_bytes", "max_msgs_per_subject", "max_msg_size"):
        value: object = getattr(config, key)
        if isinstance(value, int) and value <= 0:
            setattr(config, key, -1)
    config.num_replicas = config.num_replicas or 1
    config.subjects = config.subjects or [config.name]
    if config.duplicate_window == 0:
        config.duplicate_window = min(120 * 10**9, config.max_age or 120 * 10**9)
    return config


@dataclass
class ListRequest:
    offset: int
    subject: str
    deleted_details: bool
    subjects_filter: str


def decode_list(body: bytes) -> ListRequest | ApiError:
    given = _load(body)
    if isinstance(given, ApiError):
        return given
    return ListRequest(
        _number(given, "offset"),
        _text(given, "subject"),
        bool(given.get("deleted_details")),
        _text(given, "subjects_filter"),
    )


def is_empty_request(body: bytes) -> bool:
    return body.strip() in (b"", b"{}")


@dataclass
class PurgeRequest:
    filter: str
    seq: int
    keep: int


def decode_purge(body: bytes) -> PurgeRequest | ApiError:
    given = _load(body)
    if isinstance(given, ApiError):
        return given
    if given.get("seq") and given.get("keep"):
        return table.BAD_REQUEST
    return PurgeRequest(_text(given, "filter"), _number(given, "seq"), _number(given, "keep"))


@dataclass
class MessageRequest:
    seq: int
    last_by_subj: str
    next_by_subj: str
    start_time: int | None
    no_hdr: bool


def decode_msg_get(body: bytes) -> MessageRequest | ApiError:
    given = _load(body)
    if isinstance(given, ApiError):
        return given
    start = _text(given, "start_time")
    return MessageRequest(
        _number(given, "seq"),
        _text(given, "last_by_subj"),
        _text(given, "next_by_subj"),
        parse_time(start) if start else None,
        bool(given.get("no_hdr")),
    )


@dataclass
class ConsumerCreate:
    stream_name: str
    config: ConsumerConfig
    action: str


def decode_consumer_create(body: bytes) -> ConsumerCreate | ApiError:
    given = _load(body)
    if isinstance(given, ApiError):
        return given
    inner = given.get("config")
    config = ConsumerConfig()
    if isinstance(inner, dict):
        try:
            _fill(config, inner)
        except ValueError as error:
            return table.INVALID_JSON.filled(str(error))
        start = _text(inner, "opt_start_time")
        config.opt_start_time = parse_time(start) if start else None
    if config.durable_name:
        config.name = config.durable_name
    config.max_deliver = config.max_deliver if config.max_deliver > 0 else -1
    if config.ack_policy != "none":
        config.ack_wait = config.backoff[0] if config.backoff else config.ack_wait or 30 * 10**9
        config.max_ack_pending = config.max_ack_pending or 1000
    if not config.deliver_subject:
        config.max_waiting = config.max_waiting if config.max_waiting > 0 else 512
    if not config.durable_name and not config.inactive_threshold:
        config.inactive_threshold = 5 * 10**9
    return ConsumerCreate(_text(given, "stream_name"), config, _text(given, "action"))


@dataclass
class PullDemand:
    batch: int = 1
    expires: int = 0
    max_bytes: int = 0
    no_wait: bool = False
    idle_heartbeat: int = 0
    error: str = ""


def decode_pull_request(body: bytes) -> PullDemand:
    if not body:
        return PullDemand()
    if body.isdigit():
        return PullDemand(batch=int(body))
    given = _load(body)
    if isinstance(given, ApiError):
        return PullDemand(error=given.text)
    return PullDemand(
        _number(given, "batch"),
        _number(given, "expires"),
        _number(given, "max_bytes"),
        bool(given.get("no_wait")),
        _number(given, "idle_heartbeat"),
    )


def parse_nak_delay(text: bytes) -> int:
    given = _load(text) if text.startswith(b"{") else {}
    return 0 if isinstance(given, ApiError) else _number(given, "delay")


def format_duration(ns: int) -> str:
    return f"{ns / 10**9:g}s"


# -- answers


def _encode(kind: str, values: dict[str, object]) -> bytes:
    return json.dumps({"type": _TYPE + kind, **values}, separators=(",", ":")).encode()


def refusal(kind: str, error: ApiError) -> bytes:
    return _encode(kind, {"error": {"code": error.status, "err_code": error.code, "description": error.text}})


def pub_ack_prefix(stream: str, domain: str, profile: Profile) -> bytes:
    space = " " if profile.pub_ack_space else ""
    where = f'"domain":"{domain}",' if domain else ""
    return f'{{"stream":"{stream}",{space}{where}"seq":'.encode()


def pub_refusal(stream: str, error: ApiError) -> bytes:
    value = {"error": {"code": error.status, "err_code": error.code, "description": error.text}}
    return json.dumps({**value, "stream": stream, "seq": 0}, separators=(",", ":")).encode()


def _config(config: StreamConfig | ConsumerConfig) -> dict[str, object]:
    values: dict[str, object] = {}
    for field in fields(config):
        value: object = getattr(config, field.name)
        if value not in ("", None, [], {}, False) and field.name not in ("consumer_limits", "placement"):
            values[field.name] = format_time(value) if field.name == "opt_start_time" else value  # type: ignore[arg-type]
    return values


def _when(ns: int) -> str:
    return "0001-01-01T00:00:00Z" if ns == NEVER else format_time(ns)


def _stream(info: StreamInfo) -> dict[str, object]:
    state = info.state
    shown: dict[str, object] = {
        "messages": state.messages,
        "bytes": state.bytes,
        "first_seq": state.first_seq,
        "first_ts": _when(state.first_ts),
        "last_seq": state.last_seq,
        "last_ts": _when(state.last_ts),
        "consumer_count": state.consumer_count,
    }
    if state.num_subjects:
        shown["num_subjects"] = state.num_subjects
    if state.num_deleted:
        shown["num_deleted"] = state.num_deleted
    if state.deleted:
        shown["deleted"] = state.deleted
    if state.subjects:
        shown["subjects"] = {subject.decode(): count for subject, count in state.subjects.items()}
    return {
        "config": _config(info.config),
        "created": format_time(info.created),
        "state": shown,
        "ts": format_time(info.ts),
    }


def stream_create(info: StreamInfo) -> bytes:
    return _encode("stream_create_response", {**_stream(info), "did_create": True})


def stream_update(info: StreamInfo) -> bytes:
    return _encode("stream_update_response", _stream(info))


def stream_info(info: StreamInfo, total: int, offset: int, limit: int, leader: str) -> bytes:
    paging: dict[str, object] = {"total": total, "offset": offset, "limit": limit}
    return _encode("stream_info_response", {**paging, **_stream(info), "cluster": {"leader": leader}})


def stream_names(total: int, offset: int, limit: int, names: list[str]) -> bytes:
    return _encode(
        "stream_names_response", {"total": total, "offset": offset, "limit": limit, "streams": names or None}
    )


def stream_list(total: int, offset: int, limit: int, infos: list[StreamInfo]) -> bytes:
    shown = [_stream(info) for info in infos]
    return _encode("stream_list_response", {"total": total, "offset": offset, "limit": limit, "streams": shown})


def success(kind: str) -> bytes:
    return _encode(kind, {"success": True})


def stream_purge(count: int) -> bytes:
    return _encode("stream_purge_response", {"success": True, "purged": count})


def stream_msg_get(message: StoredMessage) -> bytes:
    from base64 import b64encode

    shown: dict[str, object] = {"subject": message.subject.decode(), "seq": message.seq}
    if message.header_size:
        shown["hdrs"] = b64encode(message.headers()).decode()
    if message.payload():
        shown["data"] = b64encode(message.payload()).decode()
    shown["time"] = format_time(message.ts)
    return _encode("stream_msg_get_response", {"message": shown})


def _place(place: SequenceInfo) -> dict[str, object]:
    shown: dict[str, object] = {"consumer_seq": place.consumer_seq, "stream_seq": place.stream_seq}
    if place.last_active:
        shown["last_active"] = format_time(place.last_active)
    return shown


def _consumer(info: ConsumerInfo) -> dict[str, object]:
    shown: dict[str, object] = {
        "stream_name": info.stream_name,
        "name": info.name,
        "created": format_time(info.created),
        "config": _config(info.config),
        "delivered": _place(info.delivered),
        "ack_floor": _place(info.ack_floor),
        "num_ack_pending": info.num_ack_pending,
        "num_redelivered": info.num_redelivered,
        "num_waiting": info.num_waiting,
        "num_pending": info.num_pending,
        "ts": format_time(info.ts),
    }
    if info.push_bound:
        shown["push_bound"] = True
    return shown


def consumer(kind: str, info: ConsumerInfo) -> bytes:
    return _encode(kind, _consumer(info))


def consumer_names(total: int, offset: int, limit: int, names: list[str]) -> bytes:
    return _encode("consumer_names_response", {"total": total, "offset": offset, "limit": limit, "consumers": names})


def consumer_list(total: int, offset: int, limit: int, infos: list[ConsumerInfo]) -> bytes:
    shown = [_consumer(info) for info in infos]
    return _encode("consumer_list_response", {"total": total, "offset": offset, "limit": limit, "consumers": shown})


def account_info(info: AccountInfo, profile: Profile) -> bytes:
    return _encode(
        "account_info_response",
        {
            "memory": info.memory,
            "storage": info.storage,
            "reserved_memory": info.reserved_memory,
            "reserved_storage": info.reserved_storage,
            "streams": info.streams,
            "consumers": info.consumers,
            "limits": {field.name: getattr(info.limits, field.name) for field in fields(info.limits)},
            "api": {"level": profile.api_level, "total": info.api_total, "errors": info.api_errors},
        },
    )
