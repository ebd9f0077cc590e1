"""The requests about streams: each a table of its fields and a record of what it asks for.

Fields that nats-server knows and refjs does not carry out yet are read and, where they say something, refused loudly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from refjs.api.fields import (
    DURATION,
    FLAG,
    INT,
    INT32,
    INT64,
    TEXT,
    TEXT_MAP,
    TEXTS,
    TIME,
    UINT64,
    CompressionWord,
    Record,
    Struct,
    Structs,
    Word,
    decode,
    decode_optional,
    is_empty_request,
)
from refjs.errors.table import BAD_REQUEST, STREAM_INVALID_CONFIG, ApiError
from refjs.types.config import (
    Compression,
    ConsumerLimits,
    Discard,
    Placement,
    Retention,
    StorageKind,
    StreamConfig,
)
from refjs.types.profile import Profile
from refjs.types.units import Nanos, Seq

_TRANSFORM: Final = Struct("server.SubjectTransformConfig", {"src": TEXT, "dest": TEXT})
_EXTERNAL: Final = Struct("server.ExternalStream", {"api": TEXT, "deliver": TEXT})
_SOURCE_CONSUMER: Final = Struct("server.StreamConsumerSource", {"name": TEXT, "deliver_subject": TEXT})
_SOURCE: Final = Struct(
    "server.StreamSource",
    {
        "name": TEXT,
        "opt_start_seq": UINT64,
        "opt_start_time": TIME,
        "filter_subject": TEXT,
        "subject_transforms": Structs(_TRANSFORM),
        "external": _EXTERNAL,
        "consumer": _SOURCE_CONSUMER,
    },
)
_PLACEMENT: Final = Struct("server.Placement", {"cluster": TEXT, "tags": TEXTS, "preferred": TEXT})
_REPUBLISH: Final = Struct("server.RePublish", {"src": TEXT, "dest": TEXT, "headers_only": FLAG})
_LIMITS: Final = Struct("server.StreamConsumerLimits", {"inactive_threshold": DURATION, "max_ack_pending": INT})

STREAM_CONFIG: Final = Struct(
    "server.StreamConfigRequest",
    {
        "name": TEXT,
        "description": TEXT,
        "subjects": TEXTS,
        "retention": Word(("limits", "interest", "workqueue")),
        "max_consumers": INT,
        "max_msgs": INT64,
        "max_bytes": INT64,
        "max_age": DURATION,
        "max_msgs_per_subject": INT64,
        "max_msg_size": INT32,
        "discard": Word(("old", "new")),
        "discard_new_per_subject": FLAG,
        "storage": Word(("file", "memory")),
        "num_replicas": INT,
        "no_ack": FLAG,
        "duplicate_window": DURATION,
        "placement": _PLACEMENT,
        "mirror": _SOURCE,
        "sources": Structs(_SOURCE),
        "compression": CompressionWord("string"),
        "first_seq": UINT64,
        "subject_transform": _TRANSFORM,
        "republish": _REPUBLISH,
        "allow_direct": FLAG,
        "mirror_direct": FLAG,
        "sealed": FLAG,
        "deny_delete": FLAG,
        "deny_purge": FLAG,
        "allow_rollup_hdrs": FLAG,
        "consumer_limits": _LIMITS,
        "allow_msg_ttl": FLAG,
        "subject_delete_marker_ttl": DURATION,
        "allow_msg_counter": FLAG,
        "allow_atomic": FLAG,
        "allow_msg_schedules": FLAG,
        "persist_mode": Word(("", "default", "async")),
        "allow_batched": FLAG,
        "metadata": TEXT_MAP,
        "pedantic": FLAG,
    },
)
_PURGE: Final = Struct("server.JSApiStreamPurgeRequest", {"filter": TEXT, "seq": UINT64, "keep": UINT64})
MESSAGE_GET: Final = Struct(
    "server.JSApiMsgGetRequest",
    {
        "seq": UINT64,
        "last_by_subj": TEXT,
        "next_by_subj": TEXT,
        "start_time": TIME,
        "batch": INT,
        "max_bytes": INT,
        "multi_last": TEXTS,
        "up_to_seq": UINT64,
        "up_to_time": TIME,
        "no_hdr": FLAG,
    },
)
_MESSAGE_DELETE: Final = Struct("server.JSApiMsgDeleteRequest", {"seq": UINT64, "no_erase": FLAG})
_STREAM_INFO: Final = Struct(
    "server.JSApiStreamInfoRequest", {"deleted_details": FLAG, "subjects_filter": TEXT, "offset": INT}
)
_STREAM_NAMES: Final = Struct("server.JSApiStreamNamesRequest", {"offset": INT, "subject": TEXT})
_STREAM_LIST: Final = Struct("server.JSApiStreamListRequest", {"offset": INT, "subject": TEXT})

UNSUPPORTED: Final = (
    "mirror",
    "sources",
    "subject_transform",
    "republish",
    "subject_delete_marker_ttl",
    "allow_msg_counter",
    "allow_atomic",
    "allow_msg_schedules",
    "allow_batched",
)
"""The fields of a stream that refjs knows but does not carry out yet."""


@final
@dataclass(slots=True)
class StreamConfigRequest:
    """CREATE or UPDATE: the configuration as it was sent, before any default (STR-CFG-039)."""

    config: StreamConfig
    pedantic: bool


@final
@dataclass(slots=True)
class PurgeRequest:
    """PURGE: what to remove; empty and 0 say nothing (STR-PRG-001)."""

    filter: str = ""
    seq: Seq = 0
    keep: int = 0


@final
@dataclass(slots=True)
class MessageGetRequest:
    """MSG.GET: which message; exactly one selector is set (STR-MGET-001)."""

    seq: Seq = 0
    last_by_subj: str = ""
    next_by_subj: str = ""
    start_time: Nanos | None = None
    no_hdr: bool = False


@final
@dataclass(slots=True)
class MessageDeleteRequest:
    """MSG.DELETE: which message, and whether its data may stay on the disk (STR-MDEL-001)."""

    seq: Seq = 0
    no_erase: bool = False


@final
@dataclass(slots=True)
class StreamInfoRequest:
    """INFO: which details to add to the state (STR-INF-003, STR-INF-004)."""

    deleted_details: bool = False
    subjects_filter: str = ""
    offset: int = 0


@final
@dataclass(slots=True)
class StreamPageRequest:
    """NAMES or LIST: from which entry on, and only streams that collide with ``subject`` (STR-INF-012)."""

    offset: int = 0
    subject: str = ""


def decode_stream_config(body: bytes, profile: Profile) -> StreamConfigRequest | ApiError:
    """Read CREATE and UPDATE; what refjs does not carry out yet is refused by name with 10052."""
    record = decode(body, STREAM_CONFIG, profile)
    if isinstance(record, ApiError):
        return record
    unsupported = record.first_set(UNSUPPORTED) or ("persist_mode" if record.text("persist_mode") == "async" else "")
    if unsupported:
        return STREAM_INVALID_CONFIG.filled(f"{unsupported} is not supported by refjs yet")
    config = _stream_config(record)
    config.allow_msg_ttl = record.flag("allow_msg_ttl") and profile.per_message_ttl
    return StreamConfigRequest(config, record.flag("pedantic"))


def decode_purge(body: bytes, profile: Profile) -> PurgeRequest | ApiError:
    """Read PURGE; ``seq`` and ``keep`` exclude one another (STR-PRG-001)."""
    record = decode_optional(body, _PURGE, profile)
    if isinstance(record, ApiError):
        return record
    request = PurgeRequest(record.text("filter"), record.integer("seq"), record.integer("keep"))
    return BAD_REQUEST if request.seq and request.keep else request


def decode_message_get(body: bytes, profile: Profile) -> MessageGetRequest | ApiError:
    """Read MSG.GET; none or contradictory selectors, and the batch form, are a bad request (STR-MGET-002)."""
    if is_empty_request(body):
        return BAD_REQUEST
    record = decode(body, MESSAGE_GET, profile)
    if isinstance(record, ApiError):
        return record
    request = MessageGetRequest(
        seq=record.integer("seq"),
        last_by_subj=record.text("last_by_subj"),
        next_by_subj=record.text("next_by_subj"),
        start_time=record.time("start_time"),
        no_hdr=record.flag("no_hdr"),
    )
    batched = record.integer("batch") > 0 or record.integer("max_bytes") > 0
    return BAD_REQUEST if batched or not _selects_one(request) else request


def decode_message_delete(body: bytes, profile: Profile) -> MessageDeleteRequest | ApiError:
    """Read MSG.DELETE; an empty request is a bad one (STR-MDEL-003)."""
    if is_empty_request(body):
        return BAD_REQUEST
    record = decode(body, _MESSAGE_DELETE, profile)
    if isinstance(record, ApiError):
        return record
    return MessageDeleteRequest(record.integer("seq"), record.flag("no_erase"))


def decode_stream_info(body: bytes, profile: Profile) -> StreamInfoRequest | ApiError:
    """Read INFO."""
    record = decode_optional(body, _STREAM_INFO, profile)
    if isinstance(record, ApiError):
        return record
    return StreamInfoRequest(
        record.flag("deleted_details"), record.text("subjects_filter"), max(record.integer("offset"), 0)
    )


def decode_stream_names(body: bytes, profile: Profile) -> StreamPageRequest | ApiError:
    """Read NAMES."""
    return _stream_page(body, _STREAM_NAMES, profile)


def decode_stream_list(body: bytes, profile: Profile) -> StreamPageRequest | ApiError:
    """Read LIST."""
    return _stream_page(body, _STREAM_LIST, profile)


def _stream_page(body: bytes, request: Struct, profile: Profile) -> StreamPageRequest | ApiError:
    record = decode_optional(body, request, profile)
    if isinstance(record, ApiError):
        return record
    return StreamPageRequest(max(record.integer("offset"), 0), record.text("subject"))


def _selects_one(request: MessageGetRequest) -> bool:
    """Tell whether the selectors of MSG.GET name one message: ``seq`` may only join ``next_by_subj``."""
    by_time = request.start_time is not None
    if request.last_by_subj:
        return not (request.seq or request.next_by_subj or by_time)
    if by_time:
        return not request.seq
    return bool(request.seq or request.next_by_subj)


def _stream_config(record: Record) -> StreamConfig:
    return StreamConfig(
        name=record.text("name"),
        description=record.text("description"),
        subjects=record.texts("subjects"),
        retention=Retention(record.text("retention", "limits")),
        max_consumers=record.integer("max_consumers"),
        max_msgs=record.integer("max_msgs"),
        max_bytes=record.integer("max_bytes"),
        max_age=record.integer("max_age"),
        max_msgs_per_subject=record.integer("max_msgs_per_subject"),
        max_msg_size=record.integer("max_msg_size"),
        discard=Discard(record.text("discard", "old")),
        discard_new_per_subject=record.flag("discard_new_per_subject"),
        storage=StorageKind(record.text("storage", "file")),
        num_replicas=record.integer("num_replicas"),
        no_ack=record.flag("no_ack"),
        duplicate_window=record.integer("duplicate_window"),
        placement=_placement(record.record("placement")),
        compression=Compression(record.text("compression", "none")),
        first_seq=record.integer("first_seq"),
        allow_direct=record.flag("allow_direct"),
        mirror_direct=record.flag("mirror_direct"),
        sealed=record.flag("sealed"),
        deny_delete=record.flag("deny_delete"),
        deny_purge=record.flag("deny_purge"),
        allow_rollup_hdrs=record.flag("allow_rollup_hdrs"),
        consumer_limits=_consumer_limits(record.record("consumer_limits")),
        metadata=dict(record.text_map("metadata")),
    )


def _placement(record: Record | None) -> Placement | None:
    if record is None:
        return None
    tags = record.texts("tags") if record.values.get("tags") is not None else None
    return Placement(record.text("cluster"), tags, record.text("preferred"))


def _consumer_limits(record: Record | None) -> ConsumerLimits:
    if record is None:
        return ConsumerLimits()
    return ConsumerLimits(record.integer("inactive_threshold"), record.integer("max_ack_pending"))
