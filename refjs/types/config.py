"""The configurations that clients send: what a stream and a consumer are asked to be.

The fields carry the JSON names of the API, so that the codec needs no table of translations.  Values are those
*after* defaults were filled in; which values are allowed together is decided in ``stream.config`` and
``consumer.config`` (catalogue STR-CFG, CON-CFG).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final, final

from refjs.types.units import Nanos, Seq

NOT_IN_NAME: Final = " \t\r\n\f.*>/\\"
"""The characters that the name of a stream or a consumer cannot have (STR-CFG-001)."""

SERVER_METADATA: Final = ("_nats.ver", "_nats.level", "_nats.req.level")
"""The metadata that the server owns (STR-CFG-037)."""


@unique
class Retention(StrEnum):
    """When a stored message may go (STR-CFG-006)."""

    LIMITS = "limits"
    INTEREST = "interest"
    WORK_QUEUE = "workqueue"


@unique
class Discard(StrEnum):
    """What yields when a limit is reached: the oldest message or the new one (STR-CFG-013)."""

    OLD = "old"
    NEW = "new"


@unique
class StorageKind(StrEnum):
    """Where a stream keeps its messages (STR-CFG-015)."""

    FILE = "file"
    MEMORY = "memory"


@unique
class Compression(StrEnum):
    """How the file store packs blocks (STR-CFG-021)."""

    NONE = "none"
    S2 = "s2"


@unique
class DeliverPolicy(StrEnum):
    """Where a consumer starts (CON-CFG-004)."""

    ALL = "all"
    LAST = "last"
    NEW = "new"
    BY_START_SEQUENCE = "by_start_sequence"
    BY_START_TIME = "by_start_time"
    LAST_PER_SUBJECT = "last_per_subject"


@unique
class AckPolicy(StrEnum):
    """What settles a delivery (CON-CFG-006)."""

    NONE = "none"
    ALL = "all"
    EXPLICIT = "explicit"


@unique
class ReplayPolicy(StrEnum):
    """How fast stored messages are replayed (CON-CFG-012)."""

    INSTANT = "instant"
    ORIGINAL = "original"


@final
@dataclass(slots=True)
class Placement:
    """Where a stream shall live; without effect on one server (STR-CFG-019).  ``tags`` None is not the empty list."""

    cluster: str = ""
    tags: list[str] | None = None
    preferred: str = ""


@final
@dataclass(slots=True)
class ConsumerLimits:
    """What a stream's consumers get by default and may not exceed; 0 means no limit (STR-CFG-028)."""

    inactive_threshold: Nanos = 0
    max_ack_pending: int = 0


@final
@dataclass(slots=True)
class StreamConfig:
    """A stream's configuration; -1 means unlimited, durations are in ns."""

    name: str = ""
    description: str = ""
    subjects: list[str] = field(default_factory=list)
    retention: Retention = Retention.LIMITS
    max_consumers: int = -1
    max_msgs: int = -1
    max_bytes: int = -1
    max_age: Nanos = 0
    max_msgs_per_subject: int = -1
    max_msg_size: int = -1
    discard: Discard = Discard.OLD
    discard_new_per_subject: bool = False
    storage: StorageKind = StorageKind.FILE
    num_replicas: int = 1
    no_ack: bool = False
    duplicate_window: Nanos = 0
    placement: Placement | None = None
    compression: Compression = Compression.NONE
    first_seq: Seq = 0
    allow_direct: bool = False
    mirror_direct: bool = False
    sealed: bool = False
    deny_delete: bool = False
    deny_purge: bool = False
    allow_rollup_hdrs: bool = False
    allow_msg_ttl: bool = False
    consumer_limits: ConsumerLimits = field(default_factory=ConsumerLimits)
    metadata: dict[str, str] = field(default_factory=dict)


@final
@dataclass(slots=True)
class ConsumerConfig:
    """A consumer's configuration; -1 means unlimited, durations are in ns, ``opt_start_time`` None means unset."""

    durable_name: str = ""
    name: str = ""
    description: str = ""
    deliver_policy: DeliverPolicy = DeliverPolicy.ALL
    opt_start_seq: Seq = 0
    opt_start_time: Nanos | None = None
    ack_policy: AckPolicy = AckPolicy.NONE
    ack_wait: Nanos = 0
    max_deliver: int = 0
    backoff: list[Nanos] = field(default_factory=list)
    filter_subject: str = ""
    filter_subjects: list[str] = field(default_factory=list)
    replay_policy: ReplayPolicy = ReplayPolicy.INSTANT
    rate_limit_bps: int = 0
    """Bits a second; 0 means no limit."""
    sample_freq: str = ""
    max_waiting: int = 0
    max_ack_pending: int = 0
    deliver_subject: str = ""
    deliver_group: str = ""
    flow_control: bool = False
    idle_heartbeat: Nanos = 0
    headers_only: bool = False
    max_batch: int = 0
    max_expires: Nanos = 0
    max_bytes: int = 0
    inactive_threshold: Nanos = 0
    num_replicas: int = 0
    mem_storage: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
