"""The records that answers are made of: what streams, consumers and accounts say about themselves.

They are filled on floor 2 and written as JSON by ``api.answers``.  Times are ns since the Unix epoch, durations ns;
``None`` and 0 both mean "not there" only where the field says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from refjs.types.config import ConsumerConfig, StreamConfig
from refjs.types.units import Nanos, Seq, Subject

NEVER: Final[Nanos] = -62_135_596_800_000_000_000
"""The zero time of NATS, which prints as ``0001-01-01T00:00:00Z``: nothing happened yet."""


@final
@dataclass(slots=True)
class StreamState:
    """What a stream holds (STR-INF-002)."""

    messages: int = 0
    bytes: int = 0
    first_seq: Seq = 0
    first_ts: Nanos = NEVER
    last_seq: Seq = 0
    last_ts: Nanos = NEVER
    num_subjects: int = 0
    num_deleted: int = 0
    consumer_count: int = 0
    deleted: list[Seq] = field(default_factory=list)
    subjects: dict[Subject, int] = field(default_factory=dict)


@final
@dataclass(slots=True)
class StreamInfo:
    """A stream as INFO, CREATE, UPDATE and LIST show it (STR-INF-001)."""

    config: StreamConfig
    created: Nanos
    state: StreamState
    ts: Nanos


@final
@dataclass(slots=True)
class SequenceInfo:
    """A pair of sequences; ``last_active`` 0 means never, and is left out (CON-POS-008)."""

    consumer_seq: Seq = 0
    stream_seq: Seq = 0
    last_active: Nanos = 0


@final
@dataclass(slots=True)
class ConsumerInfo:
    """A consumer as INFO, CREATE and LIST show it (CON-API-011)."""

    stream_name: str
    name: str
    created: Nanos
    config: ConsumerConfig
    delivered: SequenceInfo
    ack_floor: SequenceInfo
    num_ack_pending: int
    num_redelivered: int
    num_waiting: int
    num_pending: int
    ts: Nanos
    push_bound: bool = False


@final
@dataclass(slots=True)
class AccountLimits:
    """What an account may use; -1 means unlimited (STR-API-020)."""

    max_memory: int = -1
    max_storage: int = -1
    max_streams: int = -1
    max_consumers: int = -1
    max_ack_pending: int = -1
    memory_max_stream_bytes: int = -1
    storage_max_stream_bytes: int = -1
    max_bytes_required: bool = False


@final
@dataclass(slots=True)
class AccountInfo:
    """What an account uses, in bytes and counts (STR-API-020)."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    streams: int = 0
    consumers: int = 0
    limits: AccountLimits = field(default_factory=AccountLimits)
    domain: str = ""
    api_total: int = 0
    api_errors: int = 0
