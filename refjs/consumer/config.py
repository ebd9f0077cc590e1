"""What a consumer may be asked to be: defaults, contradictions, what its stream demands, what an update may change.

The order of the checks is nats-server's, for a configuration may break several rules and the answer names the first
(CON-API-004, CON-CFG-032).  The stream is known by its configuration alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from refjs.consumer.config_rules import (
    check_ack_and_backoff,
    check_delivery,
    check_filters,
    check_flow_control,
    check_sampling,
    check_start,
)
from refjs.errors.table import (
    CONSUMER_CREATE,
    CONSUMER_DESCRIPTION_TOO_LONG,
    CONSUMER_INACTIVE_THRESHOLD_EXCESS,
    CONSUMER_MAX_PENDING_ACK_EXCESS,
    CONSUMER_METADATA_LENGTH,
    CONSUMER_NAME_TOO_LONG,
    CONSUMER_REPLICAS_EXCEEDS_STREAM,
    CONSUMER_REPLICAS_SHOULD_MATCH_STREAM,
    CONSUMER_WQ_CONSUMER_NOT_DELIVER_ALL,
    CONSUMER_WQ_CONSUMER_NOT_UNIQUE,
    CONSUMER_WQ_MULTIPLE_UNFILTERED,
    CONSUMER_WQ_REQUIRES_EXPLICIT_ACK,
    PEDANTIC,
    REPLICAS_COUNT_CANNOT_BE_NEGATIVE,
    STREAM_INVALID_CONFIG,
    ApiError,
)
from refjs.subject.grammar import ANY_REST, collides
from refjs.types.config import (
    NOT_IN_NAME,
    SERVER_METADATA,
    AckPolicy,
    ConsumerConfig,
    ConsumerLimits,
    DeliverPolicy,
    Retention,
    StreamConfig,
)
from refjs.types.profile import Profile
from refjs.types.time_text import format_duration
from refjs.types.units import SECOND, Nanos

DURABLE_SIZE_MAX: Final = 255
DESCRIPTION_SIZE_MAX: Final = 4_096
METADATA_SIZE_MAX: Final = 128 * 1_024
MAX_WAITING_DEFAULT: Final = 512
MAX_ACK_PENDING_DEFAULT: Final = 1_000
ACK_WAIT_DEFAULT_NS: Final[Nanos] = 30 * SECOND
INACTIVE_THRESHOLD_DEFAULT_NS: Final[Nanos] = 5 * SECOND


def with_defaults(
    config: ConsumerConfig, stream: StreamConfig, profile: Profile, *, pedantic: bool
) -> ConsumerConfig | ApiError:
    """Return ``config`` with its defaults, those of ``stream`` among them, or what ``pedantic`` refuses to correct."""
    if pedantic:
        refused = _check_pedantic(config, stream)
        if refused is not None:
            return refused
    filled = replace(config, name=config.name or config.durable_name, metadata=_metadata(config, profile))
    _fill_numbers(filled, profile)
    _fill_inactive_threshold(config, filled, stream)
    _fill_acknowledgement(filled, stream)
    return filled


def check(config: ConsumerConfig, stream: StreamConfig, profile: Profile) -> ApiError | None:
    """Tell why a consumer of ``stream`` cannot be like ``config`` (with its defaults), or None (CON-CFG-032)."""
    return (
        _check_names(config)
        or _check_replicas(config, stream)
        or check_ack_and_backoff(config, profile)
        or _check_description(config)
        or check_delivery(config, stream)
        or _check_stream_limits(config, stream)
        or check_filters(config)
        or check_start(config)
        or check_sampling(config)
        or check_flow_control(config)
        or _check_metadata(config)
    )


def check_new(config: ConsumerConfig, stream: StreamConfig, others: list[list[str]]) -> ApiError | None:
    """Tell why a work queue refuses a new consumer, or None; ``others`` are the filters of the others (STR-RET-002)."""
    if stream.retention is not Retention.WORK_QUEUE:
        return None
    if config.ack_policy is not AckPolicy.EXPLICIT:
        return CONSUMER_WQ_REQUIRES_EXPLICIT_ACK
    if config.deliver_policy is not DeliverPolicy.ALL:
        return CONSUMER_WQ_CONSUMER_NOT_DELIVER_ALL
    if others and not filters_of(config):
        return CONSUMER_WQ_MULTIPLE_UNFILTERED
    return check_unique(config, stream, others)


def check_unique(config: ConsumerConfig, stream: StreamConfig, others: list[list[str]]) -> ApiError | None:
    """Tell whether another consumer of a work queue may get the same messages; asked first on an update.

    A consumer without filters passes, and so may become one by an update (STR-RET-002).
    """
    if stream.retention is not Retention.WORK_QUEUE:
        return None
    filters = [one.encode() for one in filters_of(config)]
    theirs = [two for other in others for two in [name.encode() for name in other] or [ANY_REST]]
    collide = any(collides(one, two) for one in filters for two in theirs)
    return CONSUMER_WQ_CONSUMER_NOT_UNIQUE if collide else None


def check_update(old: ConsumerConfig, new: ConsumerConfig) -> ApiError | None:
    """Tell which change from ``old`` to ``new`` (both with their defaults) is refused, or None (CON-CFG-033)."""
    fixed = (
        ("deliver policy", old.deliver_policy is not new.deliver_policy),
        ("storage type", old.mem_storage != new.mem_storage),
        ("start sequence", old.opt_start_seq != new.opt_start_seq),
        ("start time", old.opt_start_time != new.opt_start_time),
        ("ack policy", old.ack_policy is not new.ack_policy),
        ("replay policy", old.replay_policy is not new.replay_policy),
        ("heart beats", old.idle_heartbeat != new.idle_heartbeat),
        ("flow control", old.flow_control != new.flow_control),
    )
    for name, changed in fixed:
        if changed:
            return CONSUMER_CREATE.filled(f"{name} can not be updated")
    if new.deliver_subject and not old.deliver_subject:
        return CONSUMER_CREATE.filled("can not update pull consumer to push based")
    if old.deliver_subject and not new.deliver_subject:
        return CONSUMER_CREATE.filled("can not update push consumer to pull based")
    return CONSUMER_CREATE.filled("max waiting can not be updated") if old.max_waiting != new.max_waiting else None


def exceeds(config: ConsumerConfig, limits: ConsumerLimits) -> bool:
    """Tell whether a consumer asks for more than its stream's limits allow (STR-CFG-028)."""
    return (
        0 < limits.max_ack_pending < config.max_ack_pending or 0 < limits.inactive_threshold < config.inactive_threshold
    )


def filters_of(config: ConsumerConfig) -> list[str]:
    """Return the filters of a consumer, however it names them; none means everything."""
    return config.filter_subjects or ([config.filter_subject] if config.filter_subject else [])


def _check_pedantic(config: ConsumerConfig, stream: StreamConfig) -> ApiError | None:
    """Return the first silent correction that is needed (CON-CFG-031)."""
    limits = stream.consumer_limits
    corrections = (
        ("max_deliver must be set to -1", config.max_deliver < -1),
        ("max_waiting must not be negative", config.max_waiting < 0),
        ("max_ack_pending must be set to -1", config.max_ack_pending < -1),
        ("max_batch must not be negative", config.max_batch < 0),
        ("max_expires must not be negative", config.max_expires < 0),
        ("max_bytes must not be negative", config.max_bytes < 0),
        ("idle_heartbeat must not be negative", config.idle_heartbeat < 0),
        ("inactive_threshold must not be negative", config.inactive_threshold < 0),
        (
            "first backoff value has to equal batch AckWait",
            config.backoff != [] and config.ack_wait != config.backoff[0],
        ),
        (
            "max_ack_pending must be set if it's configured in stream limits",
            config.max_ack_pending == 0 and limits.max_ack_pending > 0,
        ),
        (
            "inactive_threshold must be set if it's configured in stream limits",
            config.inactive_threshold == 0 and limits.inactive_threshold > 0,
        ),
    )
    for reason, needed in corrections:
        if needed:
            return PEDANTIC.filled(reason)
    return None


def _fill_numbers(config: ConsumerConfig, profile: Profile) -> None:
    """Correct what is negative or unset and does not depend on anything else."""
    if config.max_deliver == 0 or (config.max_deliver < -1 and profile.corrects_negative_limits):
        config.max_deliver = -1
    if profile.corrects_negative_limits:
        config.max_waiting = max(config.max_waiting, 0)
        config.inactive_threshold = max(config.inactive_threshold, 0)
    if not config.deliver_subject and config.max_waiting == 0:
        config.max_waiting = MAX_WAITING_DEFAULT
    config.max_ack_pending = max(config.max_ack_pending, -1)
    config.max_batch = max(config.max_batch, 0)
    config.max_expires = max(config.max_expires, 0)
    config.max_bytes = max(config.max_bytes, 0)
    config.idle_heartbeat = max(config.idle_heartbeat, 0)


def _fill_inactive_threshold(asked: ConsumerConfig, config: ConsumerConfig, stream: StreamConfig) -> None:
    """Give a consumer that left it out its stream's threshold, or, where it is ephemeral, 5 s (CON-CFG-022)."""
    if config.inactive_threshold == 0:
        config.inactive_threshold = stream.consumer_limits.inactive_threshold
    if asked.inactive_threshold == config.inactive_threshold == 0 and not config.durable_name:
        config.inactive_threshold = INACTIVE_THRESHOLD_DEFAULT_NS


def _fill_acknowledgement(config: ConsumerConfig, stream: StreamConfig) -> None:
    """Fill in how long and for how many messages an ack may be outstanding (CON-CFG-007, CON-CFG-016)."""
    if config.backoff:
        config.ack_wait = config.backoff[0]
    acknowledged = config.ack_policy is not AckPolicy.NONE
    if acknowledged and config.ack_wait == 0 and not config.backoff:
        config.ack_wait = ACK_WAIT_DEFAULT_NS
    if config.max_ack_pending == 0:
        default = MAX_ACK_PENDING_DEFAULT if acknowledged else 0
        config.max_ack_pending = stream.consumer_limits.max_ack_pending or default


def _metadata(config: ConsumerConfig, profile: Profile) -> dict[str, str]:
    """Return the metadata that is stored: the client's, and the API level the options ask for (CON-CFG-026)."""
    metadata = {key: value for key, value in config.metadata.items() if key not in SERVER_METADATA}
    if profile.versioned_assets:
        metadata["_nats.req.level"] = "0"
    return metadata


def _check_names(config: ConsumerConfig) -> ApiError | None:
    if any(char in config.name for char in NOT_IN_NAME):
        return STREAM_INVALID_CONFIG.filled(r"consumer name can not contain '.', '*', '>', '\', '/'")
    if any(char in config.durable_name for char in NOT_IN_NAME):
        return STREAM_INVALID_CONFIG.filled(r"consumer durable name can not contain '.', '*', '>', '\', '/'")
    too_long = len(config.durable_name.encode()) > DURABLE_SIZE_MAX
    return CONSUMER_NAME_TOO_LONG.filled(DURABLE_SIZE_MAX) if too_long else None


def _check_replicas(config: ConsumerConfig, stream: StreamConfig) -> ApiError | None:
    if config.num_replicas > stream.num_replicas:
        return CONSUMER_REPLICAS_EXCEEDS_STREAM
    if config.num_replicas < 0:
        return REPLICAS_COUNT_CANNOT_BE_NEGATIVE
    differs = config.num_replicas not in (0, stream.num_replicas)
    return CONSUMER_REPLICAS_SHOULD_MATCH_STREAM if differs and stream.retention is not Retention.LIMITS else None


def _check_description(config: ConsumerConfig) -> ApiError | None:
    if len(config.description.encode()) > DESCRIPTION_SIZE_MAX:
        return CONSUMER_DESCRIPTION_TOO_LONG.filled(DESCRIPTION_SIZE_MAX)
    return None


def _check_stream_limits(config: ConsumerConfig, stream: StreamConfig) -> ApiError | None:
    """Check what the stream caps (STR-CFG-028)."""
    limits = stream.consumer_limits
    if 0 < limits.max_ack_pending < config.max_ack_pending:
        return CONSUMER_MAX_PENDING_ACK_EXCESS.filled(limits.max_ack_pending)
    if 0 < limits.inactive_threshold < config.inactive_threshold:
        return CONSUMER_INACTIVE_THRESHOLD_EXCESS.filled(format_duration(limits.inactive_threshold))
    return None


def _check_metadata(config: ConsumerConfig) -> ApiError | None:
    size = sum(len(key.encode()) + len(value.encode()) for key, value in config.metadata.items())
    return CONSUMER_METADATA_LENGTH.filled("128KB") if size > METADATA_SIZE_MAX else None
