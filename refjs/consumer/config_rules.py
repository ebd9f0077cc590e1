"""The rules of single parts of a consumer's configuration: acknowledgement, delivery, filters, start (CON-CFG)."""

from __future__ import annotations

from typing import Final

from refjs.errors.table import (
    CONSUMER_ACK_WAIT_NEGATIVE,
    CONSUMER_BACK_OFF_NEGATIVE,
    CONSUMER_DELIVER_CYCLE,
    CONSUMER_DELIVER_TO_WILDCARDS,
    CONSUMER_DUPLICATE_FILTER_SUBJECTS,
    CONSUMER_EMPTY_FILTER,
    CONSUMER_FC_REQUIRES_PUSH,
    CONSUMER_HB_REQUIRES_PUSH,
    CONSUMER_INVALID_DELIVER_SUBJECT,
    CONSUMER_INVALID_POLICY,
    CONSUMER_INVALID_SAMPLING,
    CONSUMER_MAX_DELIVER_BACKOFF,
    CONSUMER_MAX_PENDING_ACK_POLICY_REQUIRED,
    CONSUMER_MAX_REQUEST_EXPIRES_TOO_SMALL,
    CONSUMER_OVERLAPPING_SUBJECT_FILTERS,
    CONSUMER_PULL_REQUIRES_ACK,
    CONSUMER_PULL_WITH_RATE_LIMIT,
    CONSUMER_PUSH_MAX_WAITING,
    CONSUMER_SMALL_HEARTBEAT,
    CONSUMER_WITH_FLOW_CONTROL_NEEDS_HEARTBEATS,
    STREAM_INVALID_CONFIG,
    ApiError,
)
from refjs.subject.grammar import collides, has_wildcards, is_subset, is_valid_config_subject
from refjs.types.config import AckPolicy, ConsumerConfig, DeliverPolicy, Retention, StreamConfig
from refjs.types.digits import read_u64
from refjs.types.profile import Profile
from refjs.types.units import MILLISECOND, Nanos

SHORTEST_HEARTBEAT_NS: Final[Nanos] = 100 * MILLISECOND

_I64_LIMIT: Final = 1 << 63


def check_ack_and_backoff(config: ConsumerConfig, profile: Profile) -> ApiError | None:
    """Check how long acks may take (CON-CFG-007, CON-CFG-009)."""
    if profile.refuses_negative_waits and any(wait < 0 for wait in config.backoff):
        return CONSUMER_BACK_OFF_NEGATIVE
    if profile.refuses_negative_waits and config.ack_wait < 0:
        return CONSUMER_ACK_WAIT_NEGATIVE
    too_few = config.max_deliver != -1 and len(config.backoff) > config.max_deliver
    return CONSUMER_MAX_DELIVER_BACKOFF if too_few else None


def check_delivery(config: ConsumerConfig, stream: StreamConfig) -> ApiError | None:
    """Check what belongs to push or to pull consumers alone (CON-CFG-015 to CON-CFG-020)."""
    return _check_push(config, stream) if config.deliver_subject else _check_pull(config, stream)


def check_filters(config: ConsumerConfig) -> ApiError | None:
    """Check the filters one by one and against one another (CON-CFG-010, CON-CFG-011)."""
    if config.filter_subject and config.filter_subjects:
        return CONSUMER_DUPLICATE_FILTER_SUBJECTS
    if config.filter_subject and not is_valid_config_subject(config.filter_subject.encode()):
        return STREAM_INVALID_CONFIG.filled("invalid subject")
    filters = [name.encode() for name in config.filter_subjects]
    if b"" in filters:
        return CONSUMER_EMPTY_FILTER
    for index, one in enumerate(filters):
        if not is_valid_config_subject(one):
            return STREAM_INVALID_CONFIG.filled("invalid subject")
        if any(place != index and is_subset(one, other) for place, other in enumerate(filters)):
            return CONSUMER_OVERLAPPING_SUBJECT_FILTERS
    return None


def check_start(config: ConsumerConfig) -> ApiError | None:
    """Check the start that is asked for against the policy (CON-CFG-005)."""
    reason = _start_contradiction(config)
    return CONSUMER_INVALID_POLICY.filled(f"consumer delivery policy is deliver {reason}") if reason else None


def check_sampling(config: ConsumerConfig) -> ApiError | None:
    """Check that the frequency of samples is a number, with or without a percent sign (CON-CFG-014)."""
    if not config.sample_freq:
        return None
    number = config.sample_freq.removesuffix("%")
    digits = number[1:] if number[:1] in ("+", "-") else number
    if not (digits.isascii() and digits.isdigit()):
        return CONSUMER_INVALID_SAMPLING.filled(f'strconv.Atoi: parsing "{number}": invalid syntax')
    value, limit = read_u64(digits.encode()), _I64_LIMIT + number.startswith("-")
    if value is None or value >= limit:
        return CONSUMER_INVALID_SAMPLING.filled(f'strconv.Atoi: parsing "{number}": value out of range')
    return CONSUMER_INVALID_SAMPLING.filled("<nil>") if number.startswith("-") and value else None


def check_flow_control(config: ConsumerConfig) -> ApiError | None:
    """Flow control rests on heartbeats (CON-CFG-017)."""
    needs_heartbeat = config.flow_control and not config.idle_heartbeat
    return CONSUMER_WITH_FLOW_CONTROL_NEEDS_HEARTBEATS if needs_heartbeat else None


def _check_push(config: ConsumerConfig, stream: StreamConfig) -> ApiError | None:
    subject = config.deliver_subject.encode()
    if not is_valid_config_subject(subject):
        return CONSUMER_INVALID_DELIVER_SUBJECT
    if has_wildcards(subject):
        return CONSUMER_DELIVER_TO_WILDCARDS
    if any(collides(subject, captured.encode()) for captured in stream.subjects):
        return CONSUMER_DELIVER_CYCLE
    if config.max_waiting:
        return CONSUMER_PUSH_MAX_WAITING
    if config.max_ack_pending > 0 and config.ack_policy is AckPolicy.NONE:
        return CONSUMER_MAX_PENDING_ACK_POLICY_REQUIRED
    return CONSUMER_SMALL_HEARTBEAT if 0 < config.idle_heartbeat < SHORTEST_HEARTBEAT_NS else None


def _check_pull(config: ConsumerConfig, stream: StreamConfig) -> ApiError | None:
    if config.ack_policy is AckPolicy.NONE and stream.retention is Retention.WORK_QUEUE:
        return CONSUMER_PULL_REQUIRES_ACK
    if config.idle_heartbeat:
        return CONSUMER_HB_REQUIRES_PUSH
    if config.flow_control:
        return CONSUMER_FC_REQUIRES_PUSH
    if config.rate_limit_bps:
        return CONSUMER_PULL_WITH_RATE_LIMIT
    return CONSUMER_MAX_REQUEST_EXPIRES_TOO_SMALL if 0 < config.max_expires < MILLISECOND else None


def _start_contradiction(config: ConsumerConfig) -> str:
    """Return what contradicts the deliver policy, or an empty text."""
    by_seq, by_time = config.opt_start_seq > 0, config.opt_start_time is not None
    match config.deliver_policy:
        case DeliverPolicy.BY_START_SEQUENCE:
            if not by_seq:
                return "by start sequence, but optional start sequence is not set"
            return "by start sequence, but optional start time is also set" if by_time else ""
        case DeliverPolicy.BY_START_TIME:
            if not by_time:
                return "by start time, but optional start time is not set"
            return "by start time, but optional start start sequence is also set" if by_seq else ""
        case DeliverPolicy.LAST_PER_SUBJECT if not config.filter_subject and not config.filter_subjects:
            missing = "last per subject, but optional filter subject is not set"
        case _:
            missing = ""
    name = config.deliver_policy.value.replace("_", " ")
    if by_seq:
        return f"{name}, but optional start sequence is also set"
    return f"{name}, but optional start time is also set" if by_time else missing
