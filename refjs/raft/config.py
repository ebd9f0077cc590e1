"""What can be chosen about a group: its timing, its flow, and which of Raft's rules it breaks.

The defaults are the times of nats-server's groups (CLU-MET-004) and every rule kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from refjs.raft.messages import Peers
from refjs.types.units import SECOND, Nanos, ServerId


@final
@dataclass(frozen=True, slots=True)
class RaftRules:
    """Deviations from Raft, each a switch: what historic servers did, and mutants that every checker must find.

    All are off in a safe group.
    """

    vote_before_sync: bool = False
    """Terms and votes are told before they are durable: after a crash a server may vote twice in a term."""
    ack_before_sync: bool = False
    """Entries are acknowledged before they are durable, as nats-server does unless ``sync_interval: always``."""
    double_vote: bool = False
    """A server votes for everybody who asks in a term."""
    blind_vote: bool = False
    """A server votes without comparing logs."""
    count_old_terms: bool = False
    """A leader commits entries of earlier terms by counting their copies (Figure 8 of the paper)."""
    vote_with_hole: bool = False
    """A server whose log is damaged goes on with what it can read, voting and campaigning."""
    guard_empty_votes: bool = False
    """As nats-server: votes of servers with empty logs count only when every server has granted its vote."""


@final
@dataclass(frozen=True, slots=True)
class RaftConfig:
    """One server's view of its group; durations are in ns.

    ``peers`` are the members at the group's birth, ``me`` one of them, or empty for a server that joins later and
    learns them from the leader.
    """

    me: ServerId
    peers: Peers
    election_min: Nanos = 4 * SECOND
    election_max: Nanos = 9 * SECOND
    """A follower campaigns after this long without a leader, drawn anew each time."""
    heartbeat: Nanos = 1 * SECOND
    quorum_check: Nanos = 10 * SECOND
    """A leader that has not heard from a quorum for so long steps down; 0 turns this off."""
    transfer_timeout: Nanos = 1 * SECOND
    """A transfer of leadership that has not happened by then is given up."""
    prevote: bool = True
    """A server asks whether it would be elected before it disturbs the term (thesis 9.6)."""
    sticky: bool = True
    """A server that has heard from its leader within ``election_min`` votes for nobody else (thesis 4.2.3)."""
    prompt_commit: bool = False
    """Followers learn of a commit at once, not with the next entry or heartbeat."""
    batch_entries: int = 256
    batch_bytes: int = 256 * 1024
    """The most that one message carries; a larger entry travels alone."""
    window: int = 8
    """How many messages with entries may be under way to a follower."""
    snapshot_beats: int = 10
    """After so many heartbeats without an answer a snapshot is sent again."""
    retain_entries: int = 256
    """How many entries before a snapshot stay in memory for followers that lag a little."""
    rules: RaftRules = field(default_factory=RaftRules)

    def __post_init__(self) -> None:
        assert 0 < self.election_min <= self.election_max
        assert 0 < self.heartbeat < self.election_min
        assert list(self.peers) == sorted(set(self.peers))
