"""Raft in a small scope, every state of it: the shipped transition functions, not a twin written for the proof.

Asks: can any order of messages, timeouts, syncs and crashes break a promise of Raft, where terms and log are bounded?
The network is a set that only grows: a message once sent may arrive at any time, any number of times, or never.  A
crash loses what was not synced (``crash``) or only what was in memory (``restart``); ``damage``, once, loses the log.
Clocks are left out: whatever waits for a deadline may happen at any time.

A state is a handful of numbers.  The servers' states and the messages are interned, and what a server in one state
does upon one event is computed once, by the shipped code, and then looked up: few server states make many states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

from models.explorer import Model
from refjs.raft.config import RaftConfig, RaftRules
from refjs.raft.encoding import encode
from refjs.raft.messages import AppendAccepted, AppendEntries, AppendRejected, Entry, Message, RequestVote, VoteReply
from refjs.raft.node import Raft
from refjs.raft.state import Role
from refjs.raft.store import Ballot, NullStore, Recovered
from refjs.types.rng import Rng
from refjs.types.units import ServerId

PROPERTY_IDS: Final = {
    "R1": "election safety: at most one server leads a term (conflicting AppendEntries were ever sent)",
    "R2": "leader append-only: a leader never removes or changes an entry of its log (every distinct server step)",
    "R3": "log matching: logs with one entry in common agree before it (every pair of server states)",
    "R4": "leader completeness: a leader has all that was committed in earlier terms (every server state and history)",
    "R5": "state-machine safety: no two servers commit different entries at an index (every server state and history)",
    "R6": "one vote a term, across crashes too, and terms never fall (conflicting VoteReplies were ever sent)",
    "R7": "what is committed is never removed, and the commit index falls by a restart only (every server step)",
}
ASSERTIONS: Final = "CHECK"
"""Stands for the assertions of the code itself, ``Raft.check`` among them: held in every server state and step."""
"""The properties, and where each is checked."""

State: TypeAlias = tuple[int, ...]
"""The servers' states, the history, the network (a bit per message) and the number of the fault, each interned."""

Committed: TypeAlias = tuple[tuple[int, bytes, int], ...]
"""What was ever committed: by index, the entry's term, its data, and the term in which it was seen committed."""


@final
@dataclass(frozen=True, slots=True)
class Scope:
    """How much may happen: what bounds an exploration, and makes its counts what they are."""

    name: str
    servers: int = 3
    terms_max: int = 2
    log_max: int = 2
    batch: int = 8
    candidates: str = ""  # who alone may campaign in the first term, the second, ...; empty for everybody
    crash: bool = True
    restart: bool = False
    damage: bool = False
    prevote: bool = False
    slow_sync: bool = False
    collect: bool = True
    rules: RaftRules = field(default_factory=RaftRules)


@final
class Server:
    """One state of one server: the machine, and what its disk would give back after a power failure."""

    __slots__ = ("durable", "raft", "ticket")

    def __init__(self, raft: Raft, durable: Recovered, ticket: int) -> None:
        self.raft = raft
        self.durable = durable
        self.ticket = ticket

    def fingerprint(self) -> tuple[object, ...]:
        """Return what tells this state from others."""
        raft, durable = self.raft, self.durable
        held = tuple(sorted({(wait, encode(message)) for wait, message in raft.state.outbox.held()}))
        entries = tuple((entry.term, entry.data) for entry in durable.entries)
        ballot = (durable.ballot.term, durable.ballot.vote, durable.ballot.fence)
        waiting = self.ticket > raft.state.outbox.synced
        return (raft.me, raft.fingerprint(), held, entries, ballot, waiting)


@final
@dataclass(frozen=True, slots=True)
class Step:
    """What one event does to one server: its next state, the messages sent (as bits), and what it breaks."""

    label: str
    target: int
    sent: int
    fault: str
    damages: bool = False


Event: TypeAlias = Callable[[Server], Server]
"""What happens to a server: changes and returns a fork, or returns another server in its place."""


@final
class RaftModel(Model[State]):
    """The states of a group within a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.names = [ServerId(name) for name in "abcde"[: scope.servers]]
        self._rng = Rng(0)
        self._servers: list[Server] = []
        self._server_ids: dict[tuple[object, ...], int] = {}
        self._moves: list[list[Step] | None] = []
        self._received: list[dict[int, Step]] = []
        self._deaf: list[int] = []  # messages that neither change the server nor make it answer
        self._messages: list[Message] = []
        self._message_bits: dict[bytes, int] = {}
        self._addressed = [0] * scope.servers
        self._sent_by = [0] * scope.servers
        self._stale: list[int] = []  # messages that this server, come what may, will never heed again
        self._commits: list[int] = []
        self._rivals: dict[int, int] = {}  # what must never be sent besides a message
        self._histories: list[tuple[Committed, bool]] = [((), False)]
        self._history_ids: dict[tuple[Committed, bool], int] = {((), False): 0}
        self._lengths = [0]
        self._unfit: dict[tuple[int, int], str] = {}
        self._matching: dict[tuple[int, int], bool] = {}
        self._faults = [""]

    # --- the model ---------------------------------------------------------------------------------------------

    def initial(self) -> State:
        servers = [self._intern_server(self._started(name, Recovered())) for name in self.names]
        return (*servers, 0, 0, 0)

    def successors(self, state: State) -> list[State]:
        if state[-1]:
            return []
        network, symmetric = state[-2], not self.scope.candidates
        found: list[State] = []
        for place in range(self.scope.servers):
            server = state[place]
            if symmetric and server == place and place and self._not_begun(state, place - 1):
                break  # nothing tells this server from the one before it: let that one begin
            received = self._received[server]
            arriving = network & self._addressed[place] & ~self._deaf[server]
            while arriving:
                bit = arriving & -arriving
                arriving ^= bit
                step = received.get(bit) or self._receive(server, bit)
                if step.target != server or step.sent & ~network or step.fault:
                    found.append(self._after(state, place, step))
            moves = self._moves[server]
            damaged = self._histories[state[-3]][1]
            moves = self._possible_moves(server) if moves is None else moves
            found += [self._after(state, place, step) for step in moves if not (damaged and step.damages)]
        return found

    def _not_begun(self, state: State, place: int) -> bool:
        return state[place] == place and not state[-2] & self._sent_by[place]

    def broken(self, state: State) -> str:
        if state[-1]:
            return self._faults[state[-1]]
        history = state[-3]
        servers = state[: self.scope.servers]
        for place, server in enumerate(servers):
            unfit = self._unfit.get((history, server))
            if unfit is None:
                unfit = self._unfit[history, server] = self._judge(history, server)
            if unfit:
                return unfit
            for other in servers[:place]:
                if not self._match(other, server):
                    return "R3"
        return ""

    def explain(self, before: State, after: State) -> str:
        for place in range(self.scope.servers):
            server = before[place]
            steps = [*self._received[server].items(), *((0, step) for step in self._moves[server] or [])]
            for bit, step in steps:
                if bit & ~before[-2] == 0 and self._after(before, place, step) == after:
                    return step.label
        return "nothing known"

    # --- one step ----------------------------------------------------------------------------------------------

    def _after(self, state: State, place: int, step: Step) -> State:
        """Return the state after one server took ``step``."""
        history, network = state[-3], state[-2]
        fault = step.fault
        fresh = step.sent & ~network
        if fresh:
            fault = fault or self._rivalry(network, fresh)
            for server in state[: self.scope.servers]:
                fresh &= ~self._stale[server]
        network = (network | fresh) & ~self._stale[step.target]
        if self._commits[step.target] > self._lengths[history]:
            history = self._extended(history, step.target)
        if step.damages:
            history = self._intern_history((self._histories[history][0], True))
        after = list(state)
        after[place] = step.target
        after[-3:] = history, network, self._fault(fault) if fault else 0
        return tuple(after)

    def _receive(self, server: int, bit: int) -> Step:
        message = self._messages[bit.bit_length() - 1]

        def receive(subject: Server) -> Server:
            subject.raft.step(message, subject.raft.state.now)
            return subject

        step = self._step(server, f"{message.target} receives {_text(message)}", receive)
        if step.target == server and not step.sent and not step.fault:
            self._deaf[server] |= bit
        self._received[server][bit] = step
        return step

    def _possible_moves(self, server: int) -> list[Step]:
        """Compute what a server may do by itself."""
        subject = self._servers[server]
        raft, scope, name = subject.raft, self.scope, subject.raft.me
        steps: list[Step] = []
        may_campaign = raft.role is not Role.LEADER and raft.next_deadline() is not None
        turn = not scope.candidates or scope.candidates[raft.term : raft.term + 1] == name
        if may_campaign and turn and raft.term < scope.terms_max:
            steps.append(self._step(server, f"{name} campaigns", _campaign))
        if raft.leads() and raft.last_index < scope.log_max:
            steps.append(self._step(server, f"{name} proposes", _propose))
        if subject.ticket > raft.state.outbox.synced:
            steps.append(self._step(server, f"{name} has synced its disk", _sync))
        if scope.crash:
            steps.append(self._step(server, f"{name} loses power", self._crash))
        if scope.restart:
            steps.append(self._step(server, f"{name} restarts", self._restart))
        steps = [step for step in steps if step.target != server or step.sent or step.fault]
        if scope.damage and raft.state.journal.last_index:
            damage = self._step(server, f"{name} finds its log damaged", self._damage)
            steps.append(Step(damage.label, damage.target, damage.sent, damage.fault, damages=True))
        self._moves[server] = steps
        return steps

    def _step(self, server: int, label: str, event: Event) -> Step:
        """Run the shipped code once for ``event`` in one server state."""
        before = self._servers[server]
        subject = Server(before.raft.fork(NullStore()), before.durable, before.ticket)
        try:
            subject = event(subject)
            sent = self._taken(subject)
            subject.raft.check()
        except AssertionError as error:
            return Step(f"{label}: {error}", server, 0, ASSERTIONS)
        fault = _broken_step(before.raft, subject.raft)
        return Step(label, self._intern_server(subject), sent, fault)

    def _taken(self, subject: Server) -> int:
        """Do what the server has ready; return the messages it sends."""
        sent = 0
        while True:
            ready = subject.raft.ready()
            for message in ready.messages:
                sent |= self._intern_message(message)
            if ready.sync == 0:
                return sent
            subject.ticket = ready.sync
            if self.scope.slow_sync:
                return sent
            _sync(subject)

    def _started(self, name: ServerId, recovered: Recovered) -> Server:
        """Start a server from what it recovered, and let it sync that before it takes part."""
        scope = self.scope
        config = RaftConfig(
            name,
            tuple(self.names),
            prevote=scope.prevote,
            sticky=False,
            quorum_check=0,
            window=1,
            batch_entries=scope.batch,
            rules=scope.rules,
        )
        raft = Raft.start(config, NullStore(), recovered, self._rng.fork(), 0)
        server = Server(raft, recovered, 0)
        while not raft.state.open:
            server.ticket = raft.ready().sync
            _sync(server)
        raft.ready()
        return server

    def _crash(self, subject: Server) -> Server:
        return self._started(subject.raft.me, subject.durable)

    def _restart(self, subject: Server) -> Server:
        return self._started(subject.raft.me, _on_disk(subject.raft))

    def _damage(self, subject: Server) -> Server:
        return self._started(subject.raft.me, Recovered(subject.durable.ballot, fresh=False, damage="a hole"))

    # --- interning ---------------------------------------------------------------------------------------------

    def _intern_server(self, server: Server) -> int:
        fingerprint = server.fingerprint()
        known = self._server_ids.get(fingerprint)
        if known is None:
            known = self._server_ids[fingerprint] = len(self._servers)
            self._servers.append(server)
            self._moves.append(None)
            self._received.append({})
            self._deaf.append(0)
            self._stale.append(sum(self._stale_bit(server, number) for number in range(len(self._messages))))
            self._commits.append(server.raft.commit)
        return known

    def _intern_message(self, message: Message) -> int:
        key = encode(message)
        bit = self._message_bits.get(key, 0)
        if not bit:
            bit = self._message_bits[key] = 1 << len(self._messages)
            self._addressed[self.names.index(message.target)] |= bit
            self._sent_by[self.names.index(message.source)] |= bit
            for number, other in enumerate(self._messages):
                if _rival(message, other):
                    self._rivals[bit] = self._rivals.get(bit, 0) | 1 << number
                    self._rivals[1 << number] = self._rivals.get(1 << number, 0) | bit
            self._messages.append(message)
            for number, server in enumerate(self._servers):
                self._stale[number] |= self._stale_bit(server, len(self._messages) - 1)
        return bit

    def _stale_bit(self, server: Server, number: int) -> int:
        stale = self.scope.collect and _never_heeded(self._messages[number], server)
        return 1 << number if stale else 0

    def _intern_history(self, history: tuple[Committed, bool]) -> int:
        known = self._history_ids.get(history)
        if known is None:
            known = self._history_ids[history] = len(self._histories)
            self._histories.append(history)
            self._lengths.append(len(history[0]))
        return known

    def _fault(self, fault: str) -> int:
        if fault not in self._faults:
            self._faults.append(fault)
        return self._faults.index(fault)

    # --- the properties ----------------------------------------------------------------------------------------

    def _rivalry(self, network: int, fresh: int) -> str:
        """Judge R1 and R6: return what a message that was just sent breaks."""
        everything = network | fresh
        while fresh:
            bit = fresh & -fresh
            fresh ^= bit
            if self._rivals.get(bit, 0) & everything:
                return "R6" if isinstance(self._messages[bit.bit_length() - 1], VoteReply) else "R1"
        return ""

    def _extended(self, history: int, server: int) -> int:
        """Return the history after a server was seen with its commit index."""
        committed, damaged = self._histories[history]
        raft = self._servers[server].raft
        news = raft.state.journal.slice(len(committed) + 1, raft.commit)
        longer = (*committed, *((entry.term, entry.data, raft.term) for entry in news))
        return self._intern_history((longer, damaged))

    def _judge(self, history: int, server: int) -> str:
        """Judge R5 and R4: compare one server's log with everything that was ever committed."""
        committed, _ = self._histories[history]
        raft = self._servers[server].raft
        for index, (term, data, seen_in) in enumerate(committed, 1):
            has = raft.last_index >= index and _same(raft.state.journal.entry(index), term, data)
            if index <= raft.commit and not has:
                return "R5"
            if raft.role is Role.LEADER and raft.term > seen_in and not has:
                return "R4"
        return ""

    def _match(self, one: int, other: int) -> bool:
        """Judge R3: where two logs have an entry of one index and term, they are equal up to there."""
        known = self._matching.get((one, other))
        if known is None:
            journals = (self._servers[one].raft.state.journal, self._servers[other].raft.state.journal)
            last = min(journal.last_index for journal in journals)
            while last and journals[0].term_at(last) != journals[1].term_at(last):
                last -= 1
            known = journals[0].slice(1, last) == journals[1].slice(1, last)
            self._matching[one, other] = known
        return known


def _campaign(subject: Server) -> Server:
    subject.raft.advance(subject.raft.state.election_at)
    return subject


def _propose(subject: Server) -> Server:
    subject.raft.propose(b"x")
    return subject


def _sync(subject: Server) -> Server:
    subject.durable = _on_disk(subject.raft)
    subject.raft.synced(subject.ticket, subject.raft.state.now)
    return subject


def _on_disk(raft: Raft) -> Recovered:
    """Return what the server has written so far."""
    journal = raft.state.journal
    return Recovered(raft.state.ballot, None, journal.slice(1, journal.last_index), fresh=raft.state.ballot == Ballot())


def _same(entry: Entry, term: int, data: bytes) -> bool:
    return entry.term == term and entry.data == data


def _rival(one: Message, other: Message) -> bool:
    """Tell whether no correct group sends both messages: two leaders of a term, or two votes of a server in one."""
    if one.term != other.term:
        return False
    if isinstance(one, AppendEntries) and isinstance(other, AppendEntries):
        return one.source != other.source
    if isinstance(one, VoteReply) and isinstance(other, VoteReply):
        votes = one.granted and other.granted and not one.pre and not other.pre
        return votes and one.source == other.source and one.target != other.target
    return False


def _never_heeded(message: Message, server: Server) -> bool:
    """Tell whether ``message`` is an answer to what this server has left behind, even if its power fails."""
    raft, term = server.raft, server.durable.ballot.term
    if message.target != raft.me or message.term > term:
        return False
    match message:
        case VoteReply():
            asks = raft.role is Role.CANDIDATE and raft.term == message.term
            return message.pre or not (asks and message.granted)
        case AppendAccepted() | AppendRejected():
            asks = raft.role is not Role.FOLLOWER and raft.term == message.term
            return not asks
        case _:
            return False


def _broken_step(before: Raft, after: Raft) -> str:
    """Judge R2 and R7 on one server step; ``before`` was not changed."""
    old, new = before.state.journal, after.state.journal
    kept = new.last_index >= old.last_index and new.slice(1, old.last_index) == old.slice(1, old.last_index)
    if before.role is Role.LEADER and after.role is Role.LEADER and before.term == after.term and not kept:
        return "R2"
    restarted = after.commit == 0
    if not restarted and after.commit < before.commit:
        return "R7"
    return ""


def _text(message: Message) -> str:
    """Return a message as a trace shows it."""
    name = type(message).__name__
    text = f"{name} of term {message.term} from {message.source}"
    match message:
        case AppendEntries():
            terms = ",".join(str(entry.term) for entry in message.entries)
            return f"{text} (after {message.prev_index}/{message.prev_term}: [{terms}], commit {message.commit})"
        case RequestVote():
            return f"{text} (log {message.last_index}/{message.last_term}{', pre' if message.pre else ''})"
        case VoteReply():
            return f"{text} ({'granted' if message.granted else 'refused'}{', pre' if message.pre else ''})"
        case _:
            return text
