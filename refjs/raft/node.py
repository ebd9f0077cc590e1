"""One server of a group: the whole of Raft behind a few methods.

The embedder hands in messages, time and proposals, and after each call (or a few) asks what is ``ready``:

    raft.step(message, now)  |  raft.advance(now)  |  raft.propose(data)  |  raft.synced(ticket, now)
    ready = raft.ready()     ->  snapshot to restore, entries to apply, messages to send, a sync to make

It calls ``advance`` when ``next_deadline()`` has come, and ``ready()`` once after construction.  A disk that refuses
halts the server: it then neither speaks nor hears, and ``halted`` says why.
"""

from __future__ import annotations

from typing import assert_never, final

from refjs.raft.config import RaftConfig
from refjs.raft.election import campaign, count_own_vote, may_campaign, on_request_vote, on_timeout_now, on_vote_reply
from refjs.raft.encoding import encode_peers
from refjs.raft.following import on_append, on_snapshot
from refjs.raft.membership import one_server_apart
from refjs.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Entry,
    EntryKind,
    InstallSnapshot,
    Message,
    Peers,
    RequestVote,
    Snapshot,
    TimeoutNow,
    VoteReply,
)
from refjs.raft.outbox import Ready
from refjs.raft.replication import (
    advance_commit,
    append,
    beat,
    check_quorum,
    flush,
    hand_over,
    on_accepted,
    on_rejected,
)
from refjs.raft.state import Role, State
from refjs.raft.store import NOBODY, Recovered, Store
from refjs.storage.disk import DiskError
from refjs.types.rng import Rng
from refjs.types.units import Nanos, ServerId


@final
class Raft:
    """A server of a group; ``start`` makes one."""

    __slots__ = ("halted", "state")

    def __init__(self, state: State) -> None:
        self.halted = ""
        self.state = state

    @classmethod
    def start(cls, config: RaftConfig, store: Store, recovered: Recovered, rng: Rng, now: Nanos) -> Raft:
        """Return the server that goes on from what its store ``recovered``."""
        raft = Raft(State(config, store, recovered, rng, now))
        try:
            _open(raft.state, recovered)
        except DiskError as error:
            raft._halt(error)
        return raft

    @property
    def me(self) -> ServerId:
        """Return the name of this server."""
        return self.state.config.me

    @property
    def term(self) -> int:
        """The current term."""
        return self.state.term

    @property
    def role(self) -> Role:
        """What this server is in its term."""
        return self.state.role

    @property
    def leader(self) -> ServerId:
        """The leader of this term as far as is known, or ``NOBODY``."""
        return self.state.leader

    @property
    def peers(self) -> Peers:
        """The members."""
        return self.state.members.peers

    @property
    def commit(self) -> int:
        """The last index known to be committed."""
        return self.state.commit

    @property
    def last_index(self) -> int:
        """The last index of the log, committed or not."""
        return self.state.journal.last_index

    @property
    def fenced(self) -> bool:
        """Tell whether this server lost what it had promised to keep, and has no vote until it is healed."""
        return self.state.fenced

    def leads(self) -> bool:
        """Tell whether this server may propose: it leads, and has been handed all that was committed before it did."""
        state = self.state
        return state.role is Role.LEADER and state.applied >= state.term_began and not state.transfer_to

    def step(self, message: Message, now: Nanos) -> None:
        """Take a message from another server."""
        assert message.target == self.me, f"{self.me} got a message for {message.target}"
        if self.halted or not self.state.open:
            return
        self.state.now = now
        try:
            _dispatch(self.state, message)
        except DiskError as error:
            self._halt(error)

    def advance(self, now: Nanos) -> None:
        """Do what is due at ``now``."""
        if self.halted:
            return
        state = self.state
        state.now = now
        try:
            if state.role is Role.LEADER:
                _advance_leader(state)
            elif now >= state.election_at and may_campaign(state):
                campaign(state)
        except DiskError as error:
            self._halt(error)

    def next_deadline(self) -> Nanos | None:
        """Return when ``advance`` must be called at the latest, or None where only a message can bring us on."""
        state = self.state
        if self.halted:
            return None
        if state.role is not Role.LEADER:
            return state.election_at if may_campaign(state) else None
        if not state.progress:
            return None
        due = state.heartbeat_at
        if state.config.quorum_check:
            due = min(due, state.quorum_at)
        return min(due, state.transfer_at) if state.transfer_to else due

    def propose(self, data: bytes) -> int:
        """Append ``data`` to the log; return its index, or 0 where this server may not propose.

        The index is where it commits, if it does: another leader may put another entry there.
        """
        if self.halted or not self.leads():
            return 0
        try:
            return append(self.state, EntryKind.NORMAL, data)
        except DiskError as error:
            self._halt(error)
            return 0

    def change_peers(self, peers: Peers) -> int:
        """Let one server join or leave; return the entry's index, or 0 where this server may not propose.

        It may not, either, while an earlier change is not committed, or where more than one server would change.
        """
        state = self.state
        pending = state.members.last_change > state.commit
        if self.halted or not self.leads() or pending or not one_server_apart(state.members.peers, peers):
            return 0
        try:
            return append(state, EntryKind.PEERS, encode_peers(tuple(sorted(peers))))
        except DiskError as error:
            self._halt(error)
            return 0

    def transfer(self, target: ServerId, now: Nanos) -> bool:
        """Hand leadership to ``target`` once it has everything; tell whether that was begun.

        Until it happened, or ``transfer_timeout`` is over, nothing can be proposed.
        """
        state = self.state
        if self.halted or not self.leads() or target not in state.progress:
            return False
        state.now = now
        state.transfer_to, state.transfer_at = target, now + state.config.transfer_timeout
        hand_over(state)
        return True

    def hasten(self, now: Nanos) -> None:
        """Campaign at ``now``: this server was chosen to be the first leader of a new group."""
        self.state.election_at = now

    def step_down(self, now: Nanos) -> None:
        """Give up leadership and let the others find a leader."""
        self.state.now = now
        if self.state.role is Role.LEADER:
            self.state.follow(self.state.term, NOBODY)

    def synced(self, ticket: int, now: Nanos) -> None:
        """Learn that everything written before ``Ready.sync`` was ``ticket`` is durable."""
        if self.halted:
            return
        state = self.state
        state.now = now
        opening = not state.open
        try:
            state.synced(ticket)
            if opening and state.open and state.ballot.fence:
                state.store.truncate_from(state.journal.last_index + 1)
            count_own_vote(state)
            advance_commit(state)
        except DiskError as error:
            self._halt(error)

    def compact(self, index: int, data: bytes) -> None:
        """Put ``data``, the state machine after ``index``, in the place of the entries up to there."""
        state = self.state
        assert index <= state.applied, "a snapshot holds what was applied"
        if self.halted or index <= (state.snapshot.index if state.snapshot else 0):
            return
        snapshot = Snapshot(index, state.journal.term_at(index), state.members.at(index), data)
        try:
            state.store.save_snapshot(snapshot, state.journal.slice(index + 1, state.journal.last_index))
        except DiskError as error:
            self._halt(error)
            return
        state.snapshot = snapshot
        state.journal.compact(max(state.journal.base_index, index - state.config.retain_entries))

    def ready(self) -> Ready:
        """Return, once, what is to be done."""
        state = self.state
        if self.halted:
            return Ready([], 0, [], None)
        if state.progress:
            flush(state)
        messages, ticket = state.outbox.take()
        committed: list[Entry] = []
        if state.commit > state.applied:
            committed = state.journal.slice(state.applied + 1, state.commit)
            state.applied = state.commit
        snapshot, state.restoring = state.restoring, None
        return Ready(messages, ticket, committed, snapshot)

    def fork(self, store: Store) -> Raft:
        """Return an independent copy that writes to ``store``."""
        copy = Raft(self.state.fork(store))
        copy.halted = self.halted
        return copy

    def fingerprint(self) -> tuple[object, ...]:
        """Return what tells this server's state from others, but for its clocks."""
        return (self.halted, *self.state.fingerprint())

    def check(self) -> None:
        """Assert what holds between any two calls."""
        if not self.halted:
            self.state.check()

    def _halt(self, error: DiskError) -> None:
        """Stop for good: what is in memory may not be on the disk."""
        self.halted = str(error) or "the disk failed"
        self.state.role, self.state.leader, self.state.progress = Role.FOLLOWER, NOBODY, {}
        self.state.outbox.clear()


def _open(state: State, recovered: Recovered) -> None:
    """Keep what must be kept before taking part: that the log exists, or that it has a hole.

    What a restarted server reads may have survived its process only, and not be durable yet: hence a sync in any case.
    """
    rules = state.config.rules
    if recovered.fresh:
        state.store.create()
    elif recovered.ballot_lost:
        state.fence_off_for_good()
    elif recovered.damage and rules.vote_with_hole:
        state.store.truncate_from(state.journal.last_index + 1)
    elif recovered.damage:
        state.fence_off()
    if not rules.vote_before_sync:
        state.opening_ticket = state.outbox.ticket()


def _advance_leader(state: State) -> None:
    if state.transfer_to and state.now >= state.transfer_at:
        state.transfer_to = NOBODY
    if state.now >= state.heartbeat_at:
        beat(state)
    if state.config.quorum_check and state.now >= state.quorum_at:
        check_quorum(state)


def _dispatch(state: State, message: Message) -> None:
    match message:
        case AppendEntries():
            on_append(state, message)
        case AppendAccepted():
            on_accepted(state, message)
        case AppendRejected():
            on_rejected(state, message)
        case RequestVote():
            on_request_vote(state, message)
        case VoteReply():
            on_vote_reply(state, message)
        case InstallSnapshot():
            on_snapshot(state, message)
        case TimeoutNow():
            on_timeout_now(state, message)
        case _:
            assert_never(message)
