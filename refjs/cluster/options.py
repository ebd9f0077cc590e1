"""How a server takes part in its cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from refjs.raft.config import RaftRules
from refjs.types.units import SECOND, Nanos, ServerId


@final
@dataclass(slots=True)
class ClusterOptions:
    """``servers`` names all servers of the cluster, ``me`` among them; durations in ns."""

    me: ServerId
    servers: list[ServerId]
    election_min: Nanos = 4 * SECOND
    election_max: Nanos = 9 * SECOND
    heartbeat: Nanos = 1 * SECOND
    rules: RaftRules = field(default_factory=RaftRules)
    compact_entries: int = 10_000
    """After how many entries a group's log is replaced by a snapshot of the state."""
    retain_entries: int = 256
    """How many entries before a snapshot are kept in memory for followers that lag a little."""
