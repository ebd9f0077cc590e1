"""How a group finds its leader: campaigning, asking whether one would win, and voting.

One vote a term, for a server whose log is at least as good: so at most one server wins a term, and it holds all that
was committed before.
"""

from __future__ import annotations

from refjs.raft.messages import RequestVote, TimeoutNow, VoteReply
from refjs.raft.replication import lead
from refjs.raft.state import Role, State
from refjs.raft.store import NOBODY, Ballot


def may_campaign(state: State) -> bool:
    """Tell whether this server may ask for votes: a member that has kept what it promised."""
    return state.open and not state.fenced and state.members.includes(state.config.me)


def campaign(state: State) -> None:
    """Ask for votes, or first whether there are any to be had: no leader was heard of for too long."""
    if state.config.prevote:
        state.role, state.leader = Role.PRE_CANDIDATE, NOBODY
        _ask(state, pre=True, transfer=False)
    else:
        _stand(state, transfer=False)


def _stand(state: State, *, transfer: bool) -> None:
    """Be a candidate in a new term."""
    state.role, state.leader = Role.CANDIDATE, NOBODY
    state.set_ballot(Ballot(state.term + 1, state.config.me, state.ballot.fence))
    _ask(state, pre=False, transfer=transfer)


def _ask(state: State, *, pre: bool, transfer: bool) -> None:
    me, journal = state.config.me, state.journal
    state.reset_election()
    state.votes = {}
    for peer in state.members.peers:
        if peer != me:
            term = state.term + 1 if pre else state.term
            state.tell(RequestVote(me, peer, term, journal.last_index, journal.last_term, pre, transfer))
    count_own_vote(state)


def count_own_vote(state: State) -> None:
    """Count a candidate's vote for itself as soon as it is durable."""
    standing = state.role is Role.CANDIDATE and state.ballot_ticket <= state.outbox.synced
    if (standing or state.role is Role.PRE_CANDIDATE) and state.config.me not in state.votes:
        state.votes[state.config.me] = False
        _count(state)


def on_request_vote(state: State, request: RequestVote) -> None:
    """Answer who asks for our vote, or whether it would get it."""
    if _hears_its_leader(state) and not request.transfer and request.term > state.term:
        return
    if request.term > state.term and not request.pre:
        state.follow(request.term, NOBODY)
    granted = _grants(state, request)
    if granted and not request.pre:
        if state.ballot.vote != request.source:
            state.set_ballot(Ballot(state.term, request.source, state.ballot.fence))
        state.reset_election()
    term = request.term if granted else state.term
    empty = state.journal.last_index == 0
    state.tell(VoteReply(state.config.me, request.source, term, granted, request.pre, empty))


def _hears_its_leader(state: State) -> bool:
    if not state.config.sticky or not state.leader:
        return False
    return state.role is Role.LEADER or state.now < state.heard_at + state.config.election_min


def _grants(state: State, request: RequestVote) -> bool:
    rules = state.config.rules
    if request.term < state.term or state.fenced:
        return False
    free = request.pre or state.ballot.vote in (NOBODY, request.source) or rules.double_vote
    return free and (rules.blind_vote or _at_least_as_good(state, request))


def _at_least_as_good(state: State, request: RequestVote) -> bool:
    """Tell whether the candidate's log is at least as good as ours: a later last term, or as long in the same."""
    ours = (state.journal.last_term, state.journal.last_index)
    return (request.last_term, request.last_index) >= ours


def on_vote_reply(state: State, reply: VoteReply) -> None:
    """Note that somebody voted, or would."""
    asked = state.term + 1 if reply.pre and reply.granted else state.term
    if reply.term > asked:
        state.follow(reply.term, NOBODY)
        return
    role = Role.PRE_CANDIDATE if reply.pre else Role.CANDIDATE
    if reply.granted and reply.term == asked and state.role is role:
        state.votes[reply.source] = reply.empty
        _count(state)


def _count(state: State) -> None:
    """Win with the votes of a majority; of empty logs, where that matters, only with everybody's."""
    votes = [state.votes[peer] for peer in state.members.peers if peer in state.votes]
    full = votes.count(False) if state.config.rules.guard_empty_votes else len(votes)
    if full < state.members.quorum and len(votes) < len(state.members.peers):
        return
    if state.role is Role.PRE_CANDIDATE:
        _stand(state, transfer=False)
    else:
        lead(state)


def on_timeout_now(state: State, request: TimeoutNow) -> None:
    """Campaign at once, because the leader hands over, and tell the others that this is its wish."""
    if request.term == state.term and state.role is Role.FOLLOWER and may_campaign(state):
        _stand(state, transfer=True)
