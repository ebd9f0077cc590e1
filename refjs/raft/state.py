"""The state of one server in a group: Figure 2 of the paper, and the few steps that every rule takes.

The rules themselves are functions on this state, in ``election``, ``replication`` and ``following``.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import final

from refjs.raft.config import RaftConfig
from refjs.raft.encoding import decode_peers
from refjs.raft.journal import Journal
from refjs.raft.membership import Membership
from refjs.raft.messages import Entry, EntryKind, Message, Snapshot
from refjs.raft.outbox import Outbox
from refjs.raft.progress import Progress
from refjs.raft.store import NOBODY, Ballot, Recovered, Store
from refjs.types.digits import U64_MAX
from refjs.types.rng import Rng
from refjs.types.units import Nanos, ServerId


@unique
class Role(StrEnum):
    """What a server is in its term."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


@final
class State:
    """Everything one server knows; a server that ``recovered`` something goes on from there."""

    __slots__ = (
        "applied",
        "ballot",
        "ballot_ticket",
        "commit",
        "config",
        "durable",
        "election_at",
        "heard_at",
        "heartbeat_at",
        "journal",
        "leader",
        "members",
        "now",
        "opening_ticket",
        "outbox",
        "progress",
        "quorum_at",
        "restoring",
        "rng",
        "role",
        "snapshot",
        "store",
        "term_began",
        "transfer_at",
        "transfer_to",
        "unsynced",
        "votes",
    )

    def __init__(self, config: RaftConfig, store: Store, recovered: Recovered, rng: Rng, now: Nanos) -> None:
        self.config = config
        self.store = store
        self.rng = rng
        self.now = now
        # What survives a restart.
        self.ballot = recovered.ballot
        self.snapshot = recovered.snapshot
        self.journal = _journal(recovered)
        self.members = Membership(config.peers if self.snapshot is None else self.snapshot.peers)
        for entry in recovered.entries:
            if entry.kind is EntryKind.PEERS:
                self.members.change(entry.index, decode_peers(entry.data))
        # What does not.
        self.role = Role.FOLLOWER
        self.leader = NOBODY
        self.commit = self.journal.base_index
        self.applied = self.journal.base_index
        self.restoring = self.snapshot  # what the state machine has yet to restore
        # What the disk has.
        self.outbox = Outbox()
        self.durable = self.journal.last_index
        self.unsynced: list[tuple[int, int]] = []  # ticket and the last index it covers
        self.ballot_ticket = 0
        self.opening_ticket = 0  # until it is done, the server takes no part
        # A candidate's, and a leader's.
        self.votes: dict[ServerId, bool] = {}  # who granted a vote, and whether with an empty log
        self.progress: dict[ServerId, Progress] = {}
        self.term_began = 0  # the index of the leader's first entry
        self.transfer_to = NOBODY
        # Clocks.
        self.heard_at = now
        self.election_at = now
        self.heartbeat_at = now
        self.quorum_at = now
        self.transfer_at = now
        self._adopt_term_of_log()
        self.reset_election()

    def _adopt_term_of_log(self) -> None:
        """Be at least in the term of the last entry: a crash may have taken its record, but then no vote was told."""
        if self.journal.last_term > self.ballot.term:
            self.ballot = Ballot(self.journal.last_term, NOBODY, self.ballot.fence)

    @property
    def term(self) -> int:
        """The current term."""
        return self.ballot.term

    @property
    def fenced(self) -> bool:
        """Tell whether this server has lost what it had promised to keep, and so may not vote (see ``following``)."""
        return self.ballot.fence != 0

    @property
    def open(self) -> bool:
        """Tell whether the server takes part already."""
        return self.opening_ticket <= self.outbox.synced

    @property
    def acknowledged(self) -> int:
        """The last index that this server may count as stored."""
        return self.journal.last_index if self.config.rules.ack_before_sync else self.durable

    def reset_election(self) -> None:
        """Draw anew when to campaign."""
        self.election_at = self.now + self.rng.between(self.config.election_min, self.config.election_max)

    def set_ballot(self, ballot: Ballot) -> None:
        """Change term, vote or fence; nothing is told from now on before it is durable."""
        assert ballot.term >= self.ballot.term, "terms never fall"
        self.ballot = ballot
        self.store.save_ballot(ballot)
        if not self.config.rules.vote_before_sync:
            self.ballot_ticket = self.outbox.ticket()

    def follow(self, term: int, leader: ServerId) -> None:
        """Be a follower in ``term``, of ``leader`` where one is known."""
        if term > self.ballot.term:
            self.set_ballot(Ballot(term, NOBODY, self.ballot.fence))
        if self.role is Role.LEADER or leader:
            self.reset_election()
        self.role, self.leader = Role.FOLLOWER, leader
        self.votes, self.progress, self.transfer_to = {}, {}, NOBODY

    def tell(self, message: Message) -> None:
        """Send ``message`` once the term and vote it speaks for are durable."""
        self.outbox.send(message, self.ballot_ticket)

    def tell_when_stored(self, message: Message, index: int) -> None:
        """Send ``message`` once, besides, the log is durable up to ``index``."""
        after = self.ballot_ticket
        if index > self.acknowledged:
            after = max(after, next(ticket for ticket, last_index in self.unsynced if last_index >= index))
        self.outbox.send(message, after)

    def write(self, entry: Entry) -> None:
        """Put ``entry`` at the end of the log."""
        self.journal.append(entry)
        self.store.append(entry)
        if entry.kind is EntryKind.PEERS:
            self.members.change(entry.index, decode_peers(entry.data))
        self.note_unsynced(entry.index)

    def note_unsynced(self, index: int) -> None:
        """Note that the log was written up to ``index``, and want it durable."""
        if self.config.rules.ack_before_sync:
            return
        ticket = self.outbox.ticket()
        if self.unsynced and self.unsynced[-1][0] == ticket:
            del self.unsynced[-1]
        self.unsynced.append((ticket, index))

    def cut_from(self, index: int) -> None:
        """Remove the entry ``index`` and all behind it, none of which may be committed."""
        assert index > self.commit, "what is committed is never removed"
        self.journal.truncate_from(index)
        self.store.truncate_from(index)
        self.members.truncate_from(index)
        self.durable = min(self.durable, index - 1)
        self.unsynced = [(ticket, min(last, index - 1)) for ticket, last in self.unsynced]

    def restore(self, snapshot: Snapshot) -> None:
        """Put ``snapshot`` in the place of the whole log."""
        self.journal.restore(snapshot.index, snapshot.term)
        self.members.restore(snapshot.peers)
        self.store.save_snapshot(snapshot, [])
        self.snapshot = self.restoring = snapshot
        self.commit = self.applied = snapshot.index
        self.durable, self.unsynced = 0, []
        self.note_unsynced(snapshot.index)

    def synced(self, ticket: int) -> None:
        """Note that what was written before ``ticket`` was issued is durable."""
        while self.unsynced and self.unsynced[0][0] <= ticket:
            self.durable = self.unsynced[0][1]
            del self.unsynced[0]
        self.outbox.done(ticket, self.term)

    def fence_off(self) -> None:
        """Give up the vote: what was promised up to this term may be lost, so a new term begins without us."""
        self.set_ballot(Ballot(self.term + 1, NOBODY, self.term + 1))

    def fence_off_for_good(self) -> None:
        """Give up the vote until an operator replaces this server: its last vote is unknown."""
        self.set_ballot(Ballot(self.term, NOBODY, U64_MAX))

    def fork(self, store: Store) -> State:
        """Return an independent copy that writes to ``store``."""
        copy = State(self.config, store, Recovered(ballot=self.ballot), self.rng.fork(), self.now)
        copy.rng.state = self.rng.state
        copy.ballot, copy.snapshot, copy.journal, copy.members = (
            self.ballot,
            self.snapshot,
            self.journal.fork(),
            self.members.fork(),
        )
        copy.role, copy.leader, copy.commit, copy.applied = self.role, self.leader, self.commit, self.applied
        copy.restoring, copy.outbox, copy.durable = self.restoring, self.outbox.fork(), self.durable
        copy.unsynced, copy.ballot_ticket = self.unsynced.copy(), self.ballot_ticket
        copy.opening_ticket, copy.votes = self.opening_ticket, self.votes.copy()
        copy.progress = {peer: progress.fork() for peer, progress in self.progress.items()}
        copy.term_began, copy.transfer_to = self.term_began, self.transfer_to
        copy.heard_at, copy.election_at, copy.heartbeat_at = self.heard_at, self.election_at, self.heartbeat_at
        copy.quorum_at, copy.transfer_at = self.quorum_at, self.transfer_at
        return copy

    def fingerprint(self) -> tuple[object, ...]:
        """Return what tells this state from others, but for its clocks and what was already handed out."""
        done = self.outbox.synced
        return (
            self.ballot.term,
            self.ballot.vote,
            self.ballot.fence,
            self.journal.fingerprint(),
            self.members.peers,
            self.role,
            self.leader,
            self.commit,
            self.applied,
            self.durable,
            tuple((ticket - done, index) for ticket, index in self.unsynced),
            max(0, self.ballot_ticket - done),
            max(0, self.opening_ticket - done),
            tuple(sorted(self.votes.items())),
            tuple((peer, progress.fingerprint()) for peer, progress in self.progress.items()),
            self.term_began,
            self.transfer_to,
        )

    def check(self) -> None:
        """Assert what holds between any two steps."""
        self.journal.check()
        assert self.journal.last_term <= self.term, "no entry is of a term to come"
        assert self.applied <= self.commit <= self.journal.last_index, "what is applied is committed and there"
        assert self.durable <= self.journal.last_index, "only what is there is durable"
        assert self.unsynced == sorted(self.unsynced), "later tickets cover more"
        assert (self.role is Role.LEADER) == (self.leader == self.config.me), "a leader knows itself"
        assert self.role is Role.LEADER or not self.progress, "only a leader tracks others"
        assert self.role is not Role.LEADER or self.term_began > 0, "a leader begins its term with an entry"
        assert self.role is Role.FOLLOWER or not self.fenced, "a server without a vote follows"
        for progress in self.progress.values():
            progress.check(self.journal.last_index)


def _journal(recovered: Recovered) -> Journal:
    snapshot = recovered.snapshot
    if snapshot is None:
        return Journal(0, 0, list(recovered.entries))
    return Journal(snapshot.index, snapshot.term, list(recovered.entries))
