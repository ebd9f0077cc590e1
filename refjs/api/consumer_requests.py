"""The requests about consumers: each a table of its fields and a record of what it asks for.

Fields that nats-server knows and refjs does not carry out yet are read and, where they say something, refused loudly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, final

from refjs.api.fields import (
    DURATION,
    DURATIONS,
    FLAG,
    INT,
    TEXT,
    TEXT_MAP,
    TEXTS,
    TIME,
    UINT64,
    Record,
    Struct,
    Word,
    decode,
    decode_optional,
)
from refjs.errors.table import (
    CONSUMER_CREATE,
    CONSUMER_CREATE_FILTER_SUBJECT_MISMATCH,
    CONSUMER_DURABLE_NAME_NOT_MATCH_SUBJECT,
    CONSUMER_DURABLE_NAME_NOT_SET,
    CONSUMER_EPHEMERAL_WITH_DURABLE_NAME,
    CONSUMER_MULTIPLE_FILTERS_NOT_ALLOWED,
    CONSUMER_NAME_CONTAINS_PATH_SEPARATORS,
    STREAM_MISMATCH,
    STREAM_REPLICAS_NOT_SUPPORTED,
    ApiError,
)
from refjs.types.config import AckPolicy, ConsumerConfig, DeliverPolicy, ReplayPolicy
from refjs.types.profile import Profile

CONSUMER_CONFIG: Final = Struct(
    "server.ConsumerConfig",
    {
        "durable_name": TEXT,
        "name": TEXT,
        "description": TEXT,
        "deliver_policy": Word(("all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject")),
        "opt_start_seq": UINT64,
        "opt_start_time": TIME,
        "ack_policy": Word(("none", "all", "explicit", "flow_control")),
        "ack_wait": DURATION,
        "max_deliver": INT,
        "backoff": DURATIONS,
        "filter_subject": TEXT,
        "filter_subjects": TEXTS,
        "replay_policy": Word(("instant", "original")),
        "rate_limit_bps": UINT64,
        "sample_freq": TEXT,
        "max_waiting": INT,
        "max_ack_pending": INT,
        "flow_control": FLAG,
        "headers_only": FLAG,
        "max_batch": INT,
        "max_expires": DURATION,
        "max_bytes": INT,
        "deliver_subject": TEXT,
        "deliver_group": TEXT,
        "idle_heartbeat": DURATION,
        "inactive_threshold": DURATION,
        "num_replicas": INT,
        "mem_storage": FLAG,
        "direct": FLAG,
        "sourcing": FLAG,
        "metadata": TEXT_MAP,
        "pause_until": TIME,
        "priority_groups": TEXTS,
        "priority_policy": Word(("none", "overflow", "pinned_client", "prioritized"), "unknown priority policy: {raw}"),
        "priority_timeout": DURATION,
    },
)
CREATE: Final = Struct(
    "server.CreateConsumerRequest",
    {
        "stream_name": TEXT,
        "config": CONSUMER_CONFIG,
        "action": Word(("", "create", "update"), "unknown consumer action: {raw}"),
        "pedantic": FLAG,
    },
)
UNSUPPORTED: Final = (
    "direct",
    "sourcing",
    "pause_until",
    "priority_groups",
    "priority_timeout",
)
"""The fields of a consumer that refjs knows but does not carry out yet."""

_PAGE: Final = Struct("server.JSApiConsumersRequest", {"offset": INT})


@unique
class Action(StrEnum):
    """What CREATE shall do where the consumer exists, and where it does not (CON-API-008)."""

    CREATE_OR_UPDATE = ""
    CREATE = "create"
    UPDATE = "update"


@final
@dataclass(slots=True)
class ConsumerCreateRequest:
    """CREATE and DURABLE.CREATE: the configuration as it was sent, before any default."""

    stream_name: str
    config: ConsumerConfig
    action: Action
    pedantic: bool


def decode_consumer_create(body: bytes, profile: Profile) -> ConsumerCreateRequest | ApiError:
    """Read CREATE; what refjs does not carry out yet is refused by name with 10012."""
    record = decode(body, CREATE, profile)
    if isinstance(record, ApiError):
        return record
    config = record.record("config") or Record()
    unsupported = _unsupported(config)
    if unsupported:
        return CONSUMER_CREATE.filled(f"{unsupported} is not supported by refjs yet")
    return ConsumerCreateRequest(
        record.text("stream_name"), _consumer_config(config), Action(record.text("action")), record.flag("pedantic")
    )


def decode_consumer_page(body: bytes, profile: Profile) -> int | ApiError:
    """Read NAMES and LIST: from which entry on."""
    record = decode_optional(body, _PAGE, profile)
    return record if isinstance(record, ApiError) else max(record.integer("offset"), 0)


def apply_create_subject(
    request: ConsumerCreateRequest, tokens: list[str], *, durable: bool = False, clustered: bool = False
) -> ApiError | None:
    """Apply what the subject of a CREATE says, or tell why it contradicts the request (CON-API-004 to CON-API-006).

    ``tokens`` stand behind ``CONSUMER.CREATE`` or, where ``durable``, ``CONSUMER.DURABLE.CREATE``: the stream, then
    the name, then the tokens of a filter.  The name goes into the configuration.
    """
    stream, config = tokens[0], request.config
    if request.stream_name != stream:
        return STREAM_MISMATCH
    named = len(tokens) > 1
    if named:
        config.name = tokens[1]
    if "/" in config.name or "\\" in config.name:
        return CONSUMER_NAME_CONTAINS_PATH_SEPARATORS
    return (
        _check_durable(config, named=named, durable=durable)
        or _check_filter(config, ".".join(tokens[2:]))
        or (STREAM_REPLICAS_NOT_SUPPORTED if config.num_replicas > 1 and not clustered else None)
    )


def _check_durable(config: ConsumerConfig, *, named: bool, durable: bool) -> ApiError | None:
    """Check the durable name against the form of the subject (CON-API-005)."""
    if not named:
        return CONSUMER_EPHEMERAL_WITH_DURABLE_NAME if config.durable_name else None
    if durable and not config.durable_name:
        return CONSUMER_DURABLE_NAME_NOT_SET
    differs = config.durable_name not in ("", config.name)
    return CONSUMER_DURABLE_NAME_NOT_MATCH_SUBJECT if differs else None


def _check_filter(config: ConsumerConfig, subject: str) -> ApiError | None:
    """Check the filter against the one in the subject (CON-API-006)."""
    if not subject:
        return None
    if config.filter_subjects:
        return CONSUMER_MULTIPLE_FILTERS_NOT_ALLOWED
    return CONSUMER_CREATE_FILTER_SUBJECT_MISMATCH if config.filter_subject != subject else None


def _unsupported(config: Record) -> str:
    """Return the first field that refjs does not carry out, or ""."""
    if config.time("pause_until") is not None:
        return "pause_until"
    if config.text("ack_policy") == "flow_control":
        return "ack_policy flow_control"
    if config.text("priority_policy", "none") != "none":
        return "priority_policy"
    return config.first_set(UNSUPPORTED)


def _consumer_config(record: Record) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=record.text("durable_name"),
        name=record.text("name"),
        description=record.text("description"),
        deliver_policy=DeliverPolicy(record.text("deliver_policy", "all")),
        opt_start_seq=record.integer("opt_start_seq"),
        opt_start_time=record.time("opt_start_time"),
        ack_policy=AckPolicy(record.text("ack_policy", "none")),
        ack_wait=record.integer("ack_wait"),
        max_deliver=record.integer("max_deliver"),
        backoff=record.integers("backoff"),
        filter_subject=record.text("filter_subject"),
        filter_subjects=record.texts("filter_subjects"),
        replay_policy=ReplayPolicy(record.text("replay_policy", "instant")),
        rate_limit_bps=record.integer("rate_limit_bps"),
        sample_freq=record.text("sample_freq"),
        max_waiting=record.integer("max_waiting"),
        max_ack_pending=record.integer("max_ack_pending"),
        deliver_subject=record.text("deliver_subject"),
        deliver_group=record.text("deliver_group"),
        flow_control=record.flag("flow_control"),
        idle_heartbeat=record.integer("idle_heartbeat"),
        headers_only=record.flag("headers_only"),
        max_batch=record.integer("max_batch"),
        max_expires=record.integer("max_expires"),
        max_bytes=record.integer("max_bytes"),
        inactive_threshold=record.integer("inactive_threshold"),
        num_replicas=record.integer("num_replicas"),
        mem_storage=record.flag("mem_storage"),
        metadata=dict(record.text_map("metadata")),
    )
