"""The follower's side: taking the leader's entries and snapshots, and healing.

A server whose log has a hole cannot know what it once acknowledged.  It therefore begins a new term, in which it has
no vote, and never votes nor campaigns before it is healed.  Whoever leads that term or a later one was elected without
it, by servers that had kept their promises, and so holds everything that was committed before.  When the healing
server learns that an entry of such a term is committed, its own log holds all of that again.
"""

from __future__ import annotations

from refjs.raft.messages import AppendAccepted, AppendEntries, AppendRejected, InstallSnapshot, Message
from refjs.raft.state import Role, State
from refjs.raft.store import Ballot
from refjs.types.units import ServerId


def on_append(state: State, message: AppendEntries) -> None:
    """Take the leader's entries, or just its regards."""
    if not _follow(state, message, message.prev_index):
        return
    journal = state.journal
    if journal.base_index <= message.prev_index and journal.term_at(message.prev_index) != message.prev_term:
        hint = journal.agree_at(message.prev_index, message.prev_term)
        _reject(state, message.source, message.prev_index, hint)
        return
    _take_entries(state, message)
    match = message.prev_index + len(message.entries)
    _commit(state, min(message.commit, match))
    state.tell_when_stored(AppendAccepted(state.config.me, message.source, state.term, match), match)


def _follow(state: State, message: Message, index: int) -> bool:
    """Recognise the sender as leader of its term; tell whether it is one to follow."""
    if message.term < state.term:
        _reject(state, message.source, index, 0)
        return False
    if message.term == state.term and state.role is Role.LEADER:
        return False  # two leaders in one term: only a broken rule can bring this about
    state.follow(message.term, message.source)
    state.heard_at = state.now
    return True


def _reject(state: State, leader: ServerId, prev_index: int, hint: int) -> None:
    hint_term = max(0, state.journal.term_at(hint))
    state.tell(AppendRejected(state.config.me, leader, state.term, prev_index, hint, hint_term))


def _take_entries(state: State, message: AppendEntries) -> None:
    """Make our log equal to the leader's as far as the message goes; what lies behind it and agrees is kept."""
    for entry in message.entries:
        if entry.index <= state.journal.base_index:
            continue
        if entry.index <= state.journal.last_index:
            if state.journal.term_at(entry.index) == entry.term:
                continue
            state.cut_from(entry.index)
        state.write(entry)


def on_snapshot(state: State, message: InstallSnapshot) -> None:
    """Take the state machine itself, because the leader no longer has the entries that we lack."""
    snapshot = message.snapshot
    if not _follow(state, message, snapshot.index):
        return
    if snapshot.index > state.commit:
        if state.journal.term_at(snapshot.index) != snapshot.term:
            state.restore(snapshot)
        _commit(state, snapshot.index)
    state.tell_when_stored(AppendAccepted(state.config.me, message.source, state.term, snapshot.index), snapshot.index)


def _commit(state: State, index: int) -> None:
    state.commit = max(state.commit, index)
    if state.ballot.fence and state.journal.term_at(state.commit) >= state.ballot.fence:
        state.set_ballot(Ballot(state.term, state.ballot.vote, 0))
