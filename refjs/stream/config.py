"""What a stream may be asked to be: defaults, contradictions, and what an update may change.

The order of the checks is nats-server's, for a configuration may break several rules and the answer names the first
(STR-CRT-001, STR-CFG-041, STR-UPD-003).  Everything here is a pure question about configurations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from refjs.errors.table import (
    PEDANTIC,
    REPLICAS_COUNT_CANNOT_BE_NEGATIVE,
    STREAM_INVALID_CONFIG,
    STREAM_MISMATCH,
    STREAM_NAME_CONTAINS_PATH_SEPARATORS,
    ApiError,
)
from refjs.subject.grammar import ANY_REST, collides, is_subset, is_valid_config_subject
from refjs.subject.interest import Interest
from refjs.types.config import NOT_IN_NAME, SERVER_METADATA, Discard, Placement, Retention, StreamConfig
from refjs.types.profile import Profile
from refjs.types.units import MILLISECOND, MINUTE, Nanos, Subject

NAME_SIZE_MAX: Final = 255
DESCRIPTION_SIZE_MAX: Final = 4_096
METADATA_SIZE_MAX: Final = 131_072
REPLICAS_MAX: Final = 5
DUPLICATE_WINDOW_DEFAULT_NS: Final[Nanos] = 2 * MINUTE
SHORTEST_AGE_NS: Final[Nanos] = 100 * MILLISECOND

_API_SPACES: Final = (b"$JS.>", b"$JSC.>", b"$NRG.>")
_EVENT_SPACE: Final = b"$JS.EVENT.>"
_SYSTEM_SPACE: Final = b"$SYS.>"
_ACCOUNT_SPACE: Final = b"$SYS.ACCOUNT.>"


def check_name(config: StreamConfig, name: str) -> ApiError | None:
    """Tell why ``config`` may not stand in a request on the subject of stream ``name``, or None."""
    if config.name != name:
        return STREAM_MISMATCH
    if "/" in name or "\\" in name:
        return STREAM_NAME_CONTAINS_PATH_SEPARATORS
    return None


def check_create(config: StreamConfig) -> ApiError | None:
    """Tell what a new stream cannot be from the start, or None; asked before the defaults (STR-CRT-001)."""
    if config.sealed:
        return _invalid("stream configuration for create can not be sealed")
    if config.mirror_direct:
        return _invalid("stream has no mirror but does have mirror direct")
    return None


def with_defaults(config: StreamConfig, profile: Profile, *, pedantic: bool) -> StreamConfig | ApiError:
    """Return ``config`` with its defaults filled in, or why it is none (STR-CFG-041).

    ``pedantic`` refuses to correct a value silently (STR-CFG-039).
    """
    refused = _check_texts(config) or _check_replicas(config)
    if refused is None and pedantic:
        refused = _check_pedantic_limits(config)
    if refused is not None:
        return refused
    filled = _with_limits(config, profile)
    refused = _check_age(filled) or _fill_duplicate_window(filled, pedantic=pedantic)
    refused = refused or _check_discard(filled) or _check_subjects(filled) or _check_placement(filled)
    return refused or filled


def with_update(old: StreamConfig, new: StreamConfig) -> StreamConfig | ApiError:
    """Return what ``new`` (with its defaults) makes of ``old``, or which change is refused (STR-UPD-003)."""
    if old.storage is not new.storage:
        return _invalid("stream configuration update can not change storage type")
    if old.retention is not new.retention and Retention.WORK_QUEUE in (old.retention, new.retention):
        return _invalid("stream configuration update can not change retention policy to/from workqueue")
    if old.sealed and not new.sealed:
        return _invalid("stream configuration update can not unseal a sealed stream")
    if old.deny_delete and not new.deny_delete:
        return _invalid("stream configuration update can not cancel deny message deletes")
    if old.deny_purge and not new.deny_purge:
        return _invalid("stream configuration update can not cancel deny purge")
    if old.allow_msg_ttl and not new.allow_msg_ttl:
        return _invalid("message TTL status can not be disabled")
    return _sealed(new) if new.sealed else new


def overlaps(subjects: list[str], others: list[str]) -> bool:
    """Tell whether a subject can be captured by both lists of patterns (STR-CRT-005)."""
    theirs = [other.encode() for other in others]
    return any(collides(subject.encode(), other) for subject in subjects for other in theirs)


def required_api_level(config: StreamConfig) -> int:
    """Return the API level that a stream's options ask of a server (STR-CFG-038)."""
    return 1 if config.allow_msg_ttl else 0


def _invalid(reason: str) -> ApiError:
    return STREAM_INVALID_CONFIG.filled(reason)


def _check_texts(config: StreamConfig) -> ApiError | None:
    """Check name, description and metadata (STR-CFG-001, STR-CFG-002, STR-CFG-036)."""
    if not config.name or any(char in config.name for char in NOT_IN_NAME):
        return _invalid(r"stream name is required and can not contain '.', '*', '>', '\', '/'")
    if len(config.name.encode()) > NAME_SIZE_MAX:
        return _invalid(f"stream name is too long, maximum allowed is {NAME_SIZE_MAX}")
    if len(config.description.encode()) > DESCRIPTION_SIZE_MAX:
        return _invalid(f"stream description is too long, maximum allowed is {DESCRIPTION_SIZE_MAX}")
    if sum(len(key.encode()) + len(value.encode()) for key, value in config.metadata.items()) > METADATA_SIZE_MAX:
        return _invalid(f"stream metadata exceeds maximum size of {METADATA_SIZE_MAX} bytes")
    return None


def _check_replicas(config: StreamConfig) -> ApiError | None:
    if config.num_replicas > REPLICAS_MAX:
        return _invalid(f"maximum replicas is {REPLICAS_MAX}")
    return REPLICAS_COUNT_CANNOT_BE_NEGATIVE if config.num_replicas < 0 else None


def _check_pedantic_limits(config: StreamConfig) -> ApiError | None:
    """Refuse limits below -1, which would become -1 (STR-CFG-039)."""
    limits = (
        ("max_msgs", config.max_msgs),
        ("max_msgs_per_subject", config.max_msgs_per_subject),
        ("max_bytes", config.max_bytes),
        ("max_msg_size", config.max_msg_size),
        ("max_consumers", config.max_consumers),
    )
    for name, value in limits:
        if value < -1:
            return PEDANTIC.filled(f"{name} must be set to -1")
    return None


def _with_limits(config: StreamConfig, profile: Profile) -> StreamConfig:
    """Return ``config`` with what needs no check filled in."""
    metadata = {key: value for key, value in config.metadata.items() if key not in SERVER_METADATA}
    if profile.versioned_assets:
        metadata["_nats.req.level"] = str(required_api_level(config))
    return replace(
        config,
        subjects=config.subjects or [config.name],
        num_replicas=config.num_replicas or 1,
        max_msgs=_limit(config.max_msgs, profile),
        max_msgs_per_subject=_limit(config.max_msgs_per_subject, profile),
        max_bytes=_limit(config.max_bytes, profile),
        max_msg_size=_limit(config.max_msg_size, profile),
        max_consumers=_limit(config.max_consumers, profile),
        placement=None if config.placement == Placement() else config.placement,
        metadata=metadata,
    )


def _limit(value: int, profile: Profile) -> int:
    """Return a limit of which 0 means none; below -1 it became -1 only in 2.12 (STR-CFG-008)."""
    if value == 0:
        return -1
    return max(value, -1) if profile.corrects_negative_limits else value


def _check_age(config: StreamConfig) -> ApiError | None:
    if config.max_age < 0:
        return _invalid("max age can not be negative")
    if 0 < config.max_age < SHORTEST_AGE_NS:
        return _invalid("max age needs to be >= 100ms")
    return None


def _fill_duplicate_window(config: StreamConfig, *, pedantic: bool) -> ApiError | None:
    """Put the default window into ``config`` where it has none, and check it (STR-CFG-018)."""
    if config.duplicate_window == 0:
        config.duplicate_window = DUPLICATE_WINDOW_DEFAULT_NS
        if 0 < config.max_age < DUPLICATE_WINDOW_DEFAULT_NS:
            if pedantic:
                return PEDANTIC.filled("duplicate window cannot be bigger than max age")
            config.duplicate_window = config.max_age
    if config.duplicate_window < 0:
        return _invalid("duplicates window can not be negative")
    if config.max_age and config.duplicate_window > config.max_age:
        return _invalid("duplicates window can not be larger then max age")
    if config.duplicate_window < SHORTEST_AGE_NS:
        return _invalid("duplicates window needs to be >= 100ms")
    return None


def _check_discard(config: StreamConfig) -> ApiError | None:
    """Check the options that contradict one another (STR-CFG-027, STR-CFG-014)."""
    if config.deny_purge and config.allow_rollup_hdrs:
        return _invalid("roll-ups require the purge permission")
    if not config.discard_new_per_subject:
        return None
    if config.discard is not Discard.NEW:
        return _invalid("discard new per subject requires discard new policy to be set")
    if config.max_msgs_per_subject <= 0:
        return _invalid("discard new per subject requires max msgs per subject > 0")
    return None


def _check_subjects(config: StreamConfig) -> ApiError | None:
    """Check each subject, then whether it overlaps one behind it (STR-CFG-003 to STR-CFG-005)."""
    subjects = [subject.encode() for subject in config.subjects]
    patterns: Interest[int] = Interest()
    for index, subject in enumerate(subjects):
        if is_valid_config_subject(subject):
            patterns.insert(subject, index)
    repeated = len(set(subjects)) < len(subjects)
    for index, subject in enumerate(subjects):
        refused = _check_subject(subject, config)
        if refused is not None:
            return refused
        if repeated or len(patterns.patterns_colliding(subject)) > 1:  # it collides with itself, and with another
            refused = _check_overlap(subject, subjects[index + 1 :])
            if refused is not None:
                return refused
    return None


def _check_overlap(subject: Subject, others: list[Subject]) -> ApiError | None:
    for other in others:
        if collides(subject, other):
            return _invalid(f'subject "{subject.decode()}" overlaps with "{other.decode()}"')
    return None


def _check_subject(subject: Subject, config: StreamConfig) -> ApiError | None:
    if not is_valid_config_subject(subject):
        return _invalid("invalid subject")
    if subject == ANY_REST:
        if not config.no_ack:
            return _invalid("capturing all subjects requires no-ack to be true")
        if config.num_replicas > 1:
            return _invalid("capturing all subjects requires replicas of 1")
    if config.no_ack:
        return None
    if any(collides(subject, space) for space in _API_SPACES) and not is_subset(subject, _EVENT_SPACE):
        return _invalid("subjects that overlap with jetstream api require no-ack to be true")
    if collides(subject, _SYSTEM_SPACE) and not is_subset(subject, _ACCOUNT_SPACE):
        return _invalid("subjects that overlap with system api require no-ack to be true")
    return None


def _check_placement(config: StreamConfig) -> ApiError | None:
    if config.placement is not None and config.placement.preferred:
        return _invalid("preferred server not permitted in placement")
    return None


def _sealed(config: StreamConfig) -> StreamConfig:
    """Return ``config`` as sealing forces it to be (STR-UPD-004)."""
    return replace(config, max_age=0, discard=Discard.NEW, deny_delete=True, deny_purge=True, allow_rollup_hdrs=False)
