"""Consumers in a small scope, every state of them: the shipped ``Replica``, not a twin written for the proof.

Asks: can any order of deliveries, acks, naks and expiries, with acks repeated and late, lose a message that its client
never settled, miscount a delivery, or let retention remove too early or too late?  Leaves out: pull requests, crashes,
entries proposed by a leader that does not lead any more.

The messages are there from the start.  What a client was once sent it may answer at any time and any number of times,
so that the network needs no state.  Time moves in steps of one, up to a bound.  What the replica in one state does upon
one entry is computed once, from its bytes to its bytes, so that every step is a recovery from a snapshot, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, final

from models.explorer import Model
from refjs.broker.entries import CreateConsumer, ForConsumer, GroupCodec, GroupEntry
from refjs.broker.picker import Picker
from refjs.broker.replica import Replica
from refjs.consumer.consumer import Applied, Consumer
from refjs.consumer.entries import Acknowledge, ConsumerEntry, Deliver, Extend, GiveUp, PassTime, Refuse, Terminate
from refjs.stream.entries import DeleteMessage, Publish
from refjs.types.config import AckPolicy, ConsumerConfig, Retention, StreamConfig
from refjs.types.plain import encode_config
from refjs.types.profile import DEFAULT
from refjs.types.units import Nanos, Seq

PROPERTY_IDS: Final = {
    "C2": "a delivery takes the next consumer sequence and says how often its message was sent (every delivery)",
    "C3": "the ack floor never falls, and covers only what was settled, given up or removed (every state and step)",
    "C4": "what its client has not settled is pending, still to come, or was sent max_deliver times (every state)",
    "C5": "no new delivery exceeds max_ack_pending (every state)",
    "C6": "what its client acknowledged is not sent again (every delivery; ack policy explicit)",
    "W1": "a work-queue message is there until it is settled, and not after (every state)",
    "W2": "interest retention keeps a message exactly until every consumer settled it (every state)",
}
ASSERTIONS: Final = "CHECK"
"""Stands for the assertions of the code itself, ``Replica.check_invariants`` among them."""

ACK_WAIT: Final[Nanos] = 2
NAMES: Final = ("c", "d")


@final
@dataclass(frozen=True, slots=True)
class Scope:
    """How much may happen: what bounds an exploration, and makes its counts what they are."""

    name: str
    messages: int = 2
    sends_max: int = 3
    time_max: int = 4
    consumers: int = 1
    acks: AckPolicy = AckPolicy.EXPLICIT
    max_deliver: int = -1
    max_ack_pending: int = -1
    retention: Retention = Retention.LIMITS
    extends: bool = False
    terminates: bool = False
    deletes: bool = False
    mutant: str = ""


@final
@dataclass(frozen=True, slots=True)
class Client:
    """What one consumer's client was sent, by consumer sequence, what it settled, and what was given up on it."""

    sent: tuple[Seq, ...] = ()
    settled: frozenset[Seq] = frozenset()
    given_up: frozenset[Seq] = frozenset()
    floor: tuple[Seq, Seq] = (0, 0)


@final
@dataclass(frozen=True, slots=True)
class State:
    """The number of the replica's state, the time, the clients, what was deleted, and what the last step broke."""

    replica: int
    now: Nanos
    clients: tuple[Client, ...]
    deleted: frozenset[Seq] = frozenset()
    fault: str = ""
    step: str = field(default="", compare=False)


@final
@dataclass(frozen=True, slots=True)
class View:
    """What the properties ask of a consumer: its floor, what is stored and open to it, how much is pending."""

    floor: tuple[Seq, Seq]
    open: frozenset[Seq]
    pending: int


@final
class Known:
    """One state of the replica: its bytes, itself (never changed), and what the properties ask of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.replica = Replica.restore(data, DEFAULT)
        self.stored = frozenset(message.seq for message in self.replica.stream.store.messages())
        self.views = [self._view(consumer) for consumer in self.replica.consumers.values()]
        try:
            self.replica.check_invariants()
            self.sound = True
        except AssertionError:
            self.sound = False

    def _view(self, consumer: Consumer) -> View:
        open_here = [seq for seq in self.stored if seq in consumer.pending or seq >= consumer.next_seq]
        floor = (consumer.ack_floor.consumer_seq, consumer.ack_floor.stream_seq)
        return View(floor, frozenset(open_here), len(consumer.pending))


@final
class ConsumerModel(Model[State]):
    """All that can happen to the consumers of one stream in a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._codec = GroupCodec()
        self._numbers: dict[bytes, int] = {}
        self._known: list[Known] = []
        self._applied: dict[tuple[int, bytes], tuple[int, Applied | None]] = {}

    def initial(self) -> State:
        scope = self.scope
        stream = StreamConfig(name="S", subjects=["s"], retention=scope.retention, duplicate_window=1)
        consumer = ConsumerConfig(ack_policy=scope.acks, ack_wait=ACK_WAIT, max_deliver=scope.max_deliver)
        consumer.max_ack_pending = scope.max_ack_pending
        replica = Replica(stream, 0, DEFAULT)
        for name in NAMES[: scope.consumers]:
            replica.apply(CreateConsumer(name, encode_config(consumer), 0))
        for _ in range(scope.messages):
            replica.apply(Publish(b"s", 0, b"", 0))
        return State(self._number(replica.snapshot()), 0, (Client(),) * scope.consumers)

    # -- steps --------------------------------------------------------------------------------------------------

    def successors(self, state: State) -> list[State]:
        if state.fault:
            return []
        found: list[State] = []
        for which, name in enumerate(NAMES[: self.scope.consumers]):
            found += self._sends(state, which, name)
            found += self._answers(state, which, name)
        if state.now < self.scope.time_max:
            found.append(self._pass_time(state))
        if self.scope.deletes:
            seqs = [seq for seq in range(1, self.scope.messages + 1) if seq not in state.deleted]
            found += [self._delete(state, seq) for seq in seqs]
        return [successor for successor in found if successor != state]

    def _sends(self, state: State, which: int, name: str) -> list[State]:
        """Send what the picker picks: one message, or two at once."""
        return [self._send(state, which, name, most) for most in (1, 2)]

    def _send(self, state: State, which: int, name: str, most: int) -> State:
        replica = self._known[state.replica].replica
        picker, seqs = Picker(replica.consumers[name], replica.stream.store, state.now), list[Seq]()
        message = picker.peek()
        while message is not None and len(seqs) < min(most, self.scope.sends_max - len(state.clients[which].sent)):
            picker.take()
            seqs.append(message.seq)
            message = picker.peek()
        after = state
        for seq in picker.exhausted:
            after = self._entry(after, which, name, GiveUp(seq, state.now))
        after = self._entry(after, which, name, Deliver(seqs, state.now, replica.consumers[name].revision))
        return replace(after, step=f"{name} is sent {seqs}")

    def _answers(self, state: State, which: int, name: str) -> list[State]:
        """Answer anything that was ever sent."""
        found: list[State] = []
        for index, seq in enumerate(state.clients[which].sent):
            consumer_seq = index + 1
            entries: list[tuple[str, ConsumerEntry]] = [
                ("acks", Acknowledge(seq, consumer_seq, state.now)),
                ("naks", Refuse(seq, 0, state.now)),
            ]
            if self.scope.extends:
                entries.append(("is at work on", Extend(seq, state.now)))
            if self.scope.terminates:
                entries.append(("terminates", Terminate(seq, consumer_seq, state.now)))
            for verb, entry in entries:
                after = self._entry(state, which, name, entry, by_client=True)
                found.append(replace(after, step=f"{name} {verb} {seq} (delivery {consumer_seq})"))
        return found

    def _pass_time(self, state: State) -> State:
        after = replace(state, now=state.now + 1)
        for which, name in enumerate(NAMES[: self.scope.consumers]):
            for entry in self._what_time_does(after, name):
                after = self._entry(after, which, name, entry)
        return replace(after, step=f"time reaches {after.now}")

    def _what_time_does(self, state: State, name: str) -> list[ConsumerEntry]:
        """Return what is proposed when time has passed; a mutant proposes something else for what is due."""
        if not self.scope.mutant:
            return [PassTime(state.now)]
        pending = self._known[state.replica].replica.consumers[name].pending.items()
        late = [(seq, held.consumer_seq) for seq, held in pending if held.deadline <= state.now]
        if self.scope.mutant == "settles on timeout":
            return [Acknowledge(seq, consumer_seq, state.now) for seq, consumer_seq in late]
        return [GiveUp(seq, state.now) for seq, _ in late]

    def _delete(self, state: State, seq: Seq) -> State:
        number, _ = self._apply(state.replica, DeleteMessage(seq, state.now))
        after = replace(state, replica=number, deleted=state.deleted | {seq})
        return replace(self._judged(after), step=f"{seq} is deleted")

    def _entry(self, state: State, which: int, name: str, entry: ConsumerEntry, *, by_client: bool = False) -> State:
        """Apply ``entry``, and write down what the client learns, and what it says where it is ``by_client``."""
        number, applied = self._apply(state.replica, ForConsumer(name, entry))
        assert applied is not None
        client, fault = state.clients[which], ""
        for delivery in applied.deliveries:
            if self.scope.acks is AckPolicy.EXPLICIT and delivery.seq in client.settled:
                fault = "C6"
            sent = (*client.sent, delivery.seq)
            if (delivery.consumer_seq, delivery.deliveries) != (len(sent), sent.count(delivery.seq)):
                fault = "C2"
            client = replace(client, sent=sent)
        said: list[Seq] = []
        if by_client and isinstance(entry, Acknowledge | Terminate):
            below = {seq for seq in client.sent[: entry.consumer_seq] if seq <= entry.seq}
            said = sorted(below) if self.scope.acks is AckPolicy.ALL else [entry.seq]
        client = replace(client, settled=client.settled.union(said), given_up=client.given_up.union(applied.exhausted))
        clients = (*state.clients[:which], client, *state.clients[which + 1 :])
        after = replace(state, replica=number, clients=clients)
        return replace(after, fault=fault) if fault else self._judged(after)

    def _number(self, data: bytes) -> int:
        number = self._numbers.setdefault(data, len(self._known))
        if number == len(self._known):
            self._known.append(Known(data))
        return number

    def _apply(self, number: int, entry: GroupEntry) -> tuple[int, Applied | None]:
        key = (number, self._codec.encode(entry))
        known = self._applied.get(key)
        if known is None:
            replica = Replica.restore(self._known[number].data, DEFAULT)
            outcome = replica.apply(entry)
            known = (self._number(replica.snapshot()), outcome if isinstance(outcome, Applied) else None)
            self._applied[key] = known
        return known

    # -- properties ---------------------------------------------------------------------------------------------

    def broken(self, state: State) -> str:
        return state.fault

    def _judged(self, state: State) -> State:
        """Return ``state`` with the property that it breaks, and with the floors from which the next step goes on."""
        known = self._known[state.replica]
        if not known.sound:
            return replace(state, fault=ASSERTIONS)
        clients: list[Client] = []
        for view, client in zip(known.views, state.clients, strict=True):
            done = client.settled | client.given_up
            spent = all(client.sent.count(seq) == self.scope.max_deliver for seq in client.given_up)
            if not spent or not known.stored - view.open <= done:
                return replace(state, fault="C4")
            if view.floor < client.floor or not set(range(1, view.floor[1] + 1)) <= done | state.deleted:
                return replace(state, fault="C3")
            if 0 < self.scope.max_ack_pending < view.pending:
                return replace(state, fault="C5")
            clients.append(client if client.floor == view.floor else replace(client, floor=view.floor))
        return replace(state, clients=tuple(clients), fault=self._retention_fault(state, known.stored))

    def _retention_fault(self, state: State, stored: frozenset[Seq]) -> str:
        if self.scope.retention is Retention.LIMITS:
            return ""
        everything = set(range(1, self.scope.messages + 1)) - state.deleted
        settled_by_all = frozenset.intersection(*[client.settled for client in state.clients])
        if stored == everything - settled_by_all:
            return ""
        return "W1" if self.scope.retention is Retention.WORK_QUEUE else "W2"

    def explain(self, before: State, after: State) -> str:
        return after.step


SCOPES: Final = (
    Scope("explicit: two messages, three deliveries"),
    Scope("room: three messages, room for two", messages=3, sends_max=3, max_ack_pending=2, time_max=3),
    Scope("give up: two deliveries, terminations", max_deliver=2, time_max=3, terminates=True),
    Scope("once: one delivery each", max_deliver=1, sends_max=2),
    Scope("in progress: two deliveries", extends=True, sends_max=2),
    Scope("ack all: three messages, three deliveries", messages=3, acks=AckPolicy.ALL),
    Scope("deletions: two deliveries", deletes=True, sends_max=2),
    Scope("work queue: two deliveries", max_deliver=2, time_max=3, terminates=True, retention=Retention.WORK_QUEUE),
    Scope("interest: two consumers, no expiry", consumers=2, sends_max=2, time_max=0, retention=Retention.INTEREST),
)
LARGE_SCOPES: Final = (
    Scope("in progress: three deliveries, six ticks", extends=True, time_max=6),
    Scope("deletions: three deliveries", deletes=True),
    Scope("interest: two consumers, two expiries", consumers=2, sends_max=2, retention=Retention.INTEREST),
)
MUTANTS: Final = (
    Scope("settles on timeout", mutant="settles on timeout"),
    Scope("gives up on timeout", max_deliver=2, mutant="gives up on timeout"),
)
"""Brokers that do the wrong thing when an ack wait is over: both lose a message (C4)."""
