"""The leader's side: feeding followers and deciding what is committed.

Entries are sent when the embedder asks for what is ready, so that whatever was proposed together travels together.
"""

from __future__ import annotations

from refjs.raft.journal import UNKNOWN
from refjs.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Entry,
    EntryKind,
    InstallSnapshot,
    TimeoutNow,
)
from refjs.raft.progress import Mode, Progress
from refjs.raft.state import Role, State
from refjs.raft.store import NOBODY
from refjs.types.units import ServerId


def lead(state: State) -> None:
    """Begin the term that was won, with an entry of its own by which the earlier ones will commit."""
    state.role, state.leader = Role.LEADER, state.config.me
    state.votes = {}
    state.heartbeat_at = state.now + state.config.heartbeat
    state.quorum_at = state.now + state.config.quorum_check
    next_index = state.journal.last_index + 1
    state.progress = {peer: Progress(next_index, state.now) for peer in state.members.peers if peer != state.config.me}
    state.term_began = append(state, EntryKind.NOOP, b"")


def append(state: State, kind: EntryKind, data: bytes) -> int:
    """Put an entry of our own into the log; return its index."""
    index = state.journal.last_index + 1
    state.write(Entry(index, state.term, kind, data))
    if kind is EntryKind.PEERS:
        _track_members(state)
    advance_commit(state)
    return index


def _track_members(state: State) -> None:
    """Feed exactly the members: who joins is fed from the base of our log on, who left no more."""
    known = state.progress
    state.progress = {}
    for peer in state.members.peers:
        if peer != state.config.me:
            state.progress[peer] = known.get(peer) or Progress(state.journal.last_index, state.now)


def flush(state: State) -> None:
    """Send every follower what it lacks and may be sent now."""
    for peer, progress in state.progress.items():
        while progress.next <= state.journal.last_index and progress.ready(state.config.window):
            if not _send(state, peer, progress):
                break
        news = min(state.commit, progress.match) > progress.commit_told
        if state.config.prompt_commit and news and progress.mode is Mode.REPLICATE:
            _send_beat(state, peer, progress)


def _send(state: State, peer: ServerId, progress: Progress) -> bool:
    """Send the next entries, or the snapshot where they are gone; tell whether there may be more to send."""
    prev_index = progress.next - 1
    prev_term = state.journal.term_at(prev_index)
    if prev_term == UNKNOWN or prev_index < state.journal.base_index:
        _send_snapshot(state, peer, progress)
        return False
    entries = state.journal.batch(progress.next, state.config.batch_entries, state.config.batch_bytes)
    message = AppendEntries(state.config.me, peer, state.term, prev_index, prev_term, state.commit, entries)
    state.tell(message)
    progress.commit_told = state.commit
    progress.sent(entries[-1].index)
    return True


def _send_snapshot(state: State, peer: ServerId, progress: Progress) -> None:
    assert state.snapshot is not None, "what was compacted is in the snapshot"
    progress.await_snapshot()
    state.tell(InstallSnapshot(state.config.me, peer, state.term, state.snapshot))


def _send_beat(state: State, peer: ServerId, progress: Progress) -> None:
    """Send no entries, but ask whether the log matches as far as was sent (anything matches index 0)."""
    prev_index = progress.next - 1
    prev_term = state.journal.term_at(prev_index)
    if prev_term == UNKNOWN or progress.mode is Mode.SNAPSHOT:
        prev_index = prev_term = 0
    commit = min(state.commit, prev_index)
    state.tell(AppendEntries(state.config.me, peer, state.term, prev_index, prev_term, commit, []))
    progress.commit_told = max(progress.commit_told, commit)


def beat(state: State) -> None:
    """Tell every follower that we lead, and try again what may have been lost."""
    state.heartbeat_at = state.now + state.config.heartbeat
    for peer, progress in state.progress.items():
        if progress.mode is Mode.SNAPSHOT:
            progress.beats += 1
            if progress.beats >= state.config.snapshot_beats:
                progress.probe(progress.match + 1)
        if progress.mode is Mode.REPLICATE and progress.next <= state.journal.base_index:
            progress.probe(progress.match + 1)  # what it should have received by now is compacted
        if progress.mode is Mode.PROBE and progress.next <= state.journal.last_index:
            progress.waiting = False  # the probe that ``flush`` sends is the heartbeat
        else:
            _send_beat(state, peer, progress)


def on_accepted(state: State, reply: AppendAccepted) -> None:
    """Note that a follower has stored what we sent."""
    progress = _progress(state, reply.source, reply.term)
    if progress is None:
        return
    progress.heard_at = state.now
    if progress.mode is Mode.SNAPSHOT and reply.match > progress.match and reply.match >= state.journal.base_index:
        progress.match = reply.match
        progress.replicate()
        advance_commit(state)
    elif progress.accepted(reply.match):
        advance_commit(state)
    if state.transfer_to == reply.source:
        hand_over(state)


def on_rejected(state: State, reply: AppendRejected) -> None:
    """Note that a follower's log does not continue with what we sent, or that our term is over."""
    if reply.term > state.term:
        state.follow(reply.term, NOBODY)
        return
    progress = _progress(state, reply.source, reply.term)
    if progress is not None:
        progress.heard_at = state.now
        journal = state.journal
        hint = journal.agree_at(min(reply.hint_index, reply.prev_index), reply.hint_term)
        if hint == journal.base_index and journal.base_term > reply.hint_term:
            hint -= 1  # not even the base agrees: only the snapshot will do
        progress.rejected(reply.prev_index, hint)


def _progress(state: State, source: ServerId, term: int) -> Progress | None:
    """Return what we track of ``source``, or None where its answer is not for our leadership."""
    if term > state.term:
        state.follow(term, NOBODY)
    if term < state.term or state.role is not Role.LEADER:
        return None
    return state.progress.get(source)


def advance_commit(state: State) -> None:
    """Commit what a majority has stored, if it is of this term: then all before it is committed with it."""
    if state.role is not Role.LEADER:
        return
    stored = [progress.match for progress in state.progress.values()]
    if state.members.includes(state.config.me):
        stored.append(state.acknowledged)
    stored.sort(reverse=True)
    index = stored[state.members.quorum - 1]
    if index <= state.commit:
        return
    if state.journal.term_at(index) == state.term or state.config.rules.count_old_terms:
        state.commit = index
        if state.members.last_change <= index and not state.members.includes(state.config.me):
            state.follow(state.term, NOBODY)  # we have led the group out of our own hands


def check_quorum(state: State) -> None:
    """Step down where no majority was heard of since the last check: somebody else may lead by now."""
    since = state.quorum_at - state.config.quorum_check
    state.quorum_at = state.now + state.config.quorum_check
    heard = sum(1 for progress in state.progress.values() if progress.heard_at >= since)
    if state.members.includes(state.config.me):
        heard += 1
    if heard < state.members.quorum:
        state.follow(state.term, NOBODY)


def hand_over(state: State) -> None:
    """Tell the chosen successor to campaign, as soon as it has everything."""
    progress = state.progress.get(state.transfer_to)
    if progress is not None and progress.match == state.journal.last_index:
        state.tell(TimeoutNow(state.config.me, state.transfer_to, state.term))
