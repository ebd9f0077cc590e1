"""What the servers of a group tell each other, and the entries and snapshots they agree on.

Every message names its source, its target and a term.  Messages may be lost, repeated and reordered; none is trusted
for more than it says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import TypeAlias, final

from refjs.types.units import ServerId

Peers: TypeAlias = tuple[ServerId, ...]
"""The voting servers of a group, sorted."""


@unique
class EntryKind(IntEnum):
    """What an entry is about."""

    NOOP = 0  # begins a leader's term
    NORMAL = 1  # an entry of the state machine above
    PEERS = 2  # the members from here on


@final
@dataclass(slots=True)
class Entry:
    """One place of the log; never changed once made."""

    index: int
    term: int
    kind: EntryKind
    data: bytes


@final
@dataclass(slots=True)
class Snapshot:
    """The state machine after ``index``, which was written in ``term``, when ``peers`` were the members."""

    index: int
    term: int
    peers: Peers
    data: bytes


@final
@dataclass(slots=True)
class RequestVote:
    """A candidate asks for a vote in ``term``; with ``pre``, whether it would get one.

    ``transfer`` says that the leader itself wants this election.
    """

    source: ServerId
    target: ServerId
    term: int
    last_index: int
    last_term: int
    pre: bool
    transfer: bool


@final
@dataclass(slots=True)
class VoteReply:
    """A vote granted or refused; ``empty`` says that the voter's log holds nothing.

    A granted pre-vote carries the term asked for, every other reply the voter's.
    """

    source: ServerId
    target: ServerId
    term: int
    granted: bool
    pre: bool
    empty: bool


@final
@dataclass(slots=True)
class AppendEntries:
    """The leader's entries after ``prev_index``, none in a heartbeat, and how far it has committed."""

    source: ServerId
    target: ServerId
    term: int
    prev_index: int
    prev_term: int
    commit: int
    entries: list[Entry]


@final
@dataclass(slots=True)
class AppendAccepted:
    """The follower's log, as far as it is durable, equals the leader's up to ``match``."""

    source: ServerId
    target: ServerId
    term: int
    match: int


@final
@dataclass(slots=True)
class AppendRejected:
    """The follower's log does not have the leader's entry ``prev_index``, or the leader's term is over.

    The logs can agree no further than ``hint_index``, where the follower has an entry of ``hint_term``.
    """

    source: ServerId
    target: ServerId
    term: int
    prev_index: int
    hint_index: int
    hint_term: int


@final
@dataclass(slots=True)
class InstallSnapshot:
    """The leader's snapshot, for a follower that lacks entries the leader no longer has; answered as an append."""

    source: ServerId
    target: ServerId
    term: int
    snapshot: Snapshot


@final
@dataclass(slots=True)
class TimeoutNow:
    """The leader asks ``target`` to take over at once."""

    source: ServerId
    target: ServerId
    term: int


Message: TypeAlias = (
    AppendEntries | AppendAccepted | AppendRejected | RequestVote | VoteReply | InstallSnapshot | TimeoutNow
)
