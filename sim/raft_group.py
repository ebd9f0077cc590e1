"""A deployment of Raft alone: replicas of a list of values, and proposers that append to it.

Nothing of NATS is in it, so that thousands of runs take minutes.  A proposer asks the server it believes to lead; the
answer is the index at which its value was committed, which the judges read as a stream's sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final, TypeAlias, assert_never, final

from refjs.raft.config import RaftConfig, RaftRules
from refjs.raft.messages import EntryKind, Message
from refjs.raft.node import Raft
from refjs.raft.state import Role
from refjs.raft.store import DiskStore
from refjs.types.rng import Rng
from refjs.types.units import MILLISECOND, SECOND, Nanos, ServerId
from sim.clock import Clock
from sim.disk import SimDisk
from sim.history import History, Mark, Observed, Outcome
from sim.network import MILLION, Network, Pipe
from sim.scenario import Setup
from sim.server import Server
from sim.world import World

GROUP: Final = "raft"
STREAM: Final = "log"

_COMPACT_EVERY: Final = 100
_TIMEOUT_NS: Final = 2 * SECOND
_RETRY_NS: Final = 100 * MILLISECOND
_CLOCK_ERROR_NS: Final = SECOND


@final
@dataclass(slots=True)
class Heard:
    """A message from another replica arrived."""

    message: Message


@final
@dataclass(slots=True)
class Asked:
    """A proposer asks that ``value`` be appended; ``answer`` takes the index, or 0 and who leads instead."""

    value: bytes
    answer: Answer


@final
@dataclass(slots=True)
class Synced:
    """The disk has made durable what was written before ``ticket``."""

    ticket: int


@final
@dataclass(slots=True)
class Due:
    """The deadline has come."""


@final
@dataclass(slots=True)
class Tell:
    """Send a message to another replica."""

    message: Message


@final
@dataclass(slots=True)
class Sync:
    """Make durable what was written, then report ``Synced(ticket)``."""

    ticket: int


@final
@dataclass(slots=True)
class Reply:
    """Answer a proposer: with the index, or with 0 and the name of the leader, where known."""

    answer: Answer
    index: int
    leader: str


Answer: TypeAlias = Callable[[int, str], None]
Event: TypeAlias = Heard | Asked | Synced | Due
Effect: TypeAlias = Tell | Sync | Reply


@final
class Replica:
    """One server's node: Raft, and the values that it has applied."""

    __slots__ = ("_pending", "raft", "values")

    def __init__(self, config: RaftConfig, disk: SimDisk, rng: Rng, now: Nanos) -> None:
        store = DiskStore(disk, GROUP)
        recovered = store.recover()
        self.values: list[tuple[int, bytes]] = []
        self._pending: dict[int, Asked] = {}
        self.raft = Raft.start(config, store, recovered, rng, now)

    def step(self, event: Event, now: Nanos) -> list[Effect]:
        """Take one event and return everything that Raft then wants done."""
        refused: list[Effect] = []
        match event:
            case Heard():
                self.raft.step(event.message, now)
            case Synced():
                self.raft.synced(event.ticket, now)
            case Due():
                self.raft.advance(now)
            case Asked():
                index = self.raft.propose(event.value)
                if index:
                    self._pending[index] = event
                else:
                    refused.append(Reply(event.answer, 0, self.raft.leader))
            case _:
                assert_never(event)
        return refused + self.drain()

    def drain(self) -> list[Effect]:
        """Apply what was committed and return what is to be sent, synced and answered."""
        ready = self.raft.ready()
        effects: list[Effect] = [Tell(message) for message in ready.messages]
        if ready.sync:
            effects.append(Sync(ready.sync))
        if ready.snapshot is not None:
            self.values = _unpack(ready.snapshot.data)
            self._pending.clear()
        for entry in ready.committed:
            asked = self._pending.pop(entry.index, None)
            if entry.kind is EntryKind.NORMAL:
                self.values.append((entry.index, entry.data))
            if asked is not None:
                appended = entry.data is asked.value
                effects.append(Reply(asked.answer, entry.index if appended else 0, self.raft.leader))
        if ready.committed:
            self._compact(ready.committed[0].index, ready.committed[-1].index)
        return effects

    def next_deadline(self) -> Nanos | None:
        """Return when Raft wants to be woken."""
        return self.raft.next_deadline()

    def _compact(self, first: int, last: int) -> None:
        """Replace the log by a snapshot whenever another hundred entries have been applied."""
        if last // _COMPACT_EVERY > (first - 1) // _COMPACT_EVERY:
            self.raft.compact(last, _pack(self.values))


@final
class _Machine:
    """Runs a replica on a server: its disk, its links to the other replicas, and the notes on who leads."""

    def __init__(self, group: RaftGroup, server: Server[Event, Effect], rng: Rng) -> None:
        self.replica: Replica | None = None
        self._group = group
        self._server = server
        self._rng = rng
        self._led = 0

    def boot(self, now: Nanos) -> Replica:
        config = RaftConfig(ServerId(self._server.name), self._group.peers, rules=self._group.rules)
        self.replica = Replica(config, self._server.disk, self._rng.split(), now)
        for effect in self.replica.drain():
            self.perform(effect)
        return self.replica

    def deadline(self) -> Event:
        return Due()

    def perform(self, effect: Effect) -> None:
        match effect:
            case Tell():
                self._group.tell(effect.message)
            case Sync():
                self._server.disk.sync(self._server.receiver(Synced(effect.ticket)))
            case Reply():
                effect.answer(effect.index, effect.leader)
            case _:
                assert_never(effect)

    def stopped(self, *, power: bool) -> None:
        del power  # packets know no connections: either way there is nothing to break
        self.replica = None
        self._led = 0

    def unseed(self) -> int:
        """Draw once more."""
        return self._rng.below(MILLION)

    def watch(self) -> None:
        """Note in the history that leadership was won or lost."""
        assert self.replica is not None
        raft = self.replica.raft
        led = raft.term if raft.role is Role.LEADER else 0
        if led != self._led:
            mark = Mark.LED if led else Mark.DEPOSED
            self._group.history.mark(mark, self._server.name, group=GROUP, term=raft.term)
            self._led = led


@final
class RaftGroup:
    """The deployment: a replica on each server, and the proposers."""

    def __init__(
        self, world: World, network: Network, history: History, setup: Setup, *, rules: RaftRules | None = None
    ) -> None:
        self.history = history
        self.rules = rules or RaftRules()
        self.peers = tuple(ServerId(name) for name in setup.server_names)
        self.servers: dict[str, Server[Event, Effect]] = {}
        self.machines: dict[str, _Machine] = {}
        self._network = network
        for name in setup.server_names:
            self._build(world, name)
        self._proposers = [Proposer(self, world, name, setup) for name in setup.publisher_names]

    @property
    def hosts(self) -> Sequence[Server[Event, Effect]]:
        """The servers."""
        return list(self.servers.values())

    @property
    def clients(self) -> Sequence[str]:
        """The proposers' names."""
        return [proposer.name for proposer in self._proposers]

    @property
    def consumers(self) -> tuple[str, ...]:
        """None: nothing is delivered here."""
        return ()

    def leader(self) -> str | None:
        """Return the living leader of the highest term, where there is one."""
        leading = [
            (machine.replica.raft.term, name)
            for name, machine in self.machines.items()
            if machine.replica is not None and machine.replica.raft.role is Role.LEADER
        ]
        return max(leading)[1] if leading else None

    def start(self) -> None:
        """Start the servers; proposers begin at once and ask until somebody leads."""
        for server in self.servers.values():
            server.start()
        for proposer in self._proposers:
            proposer.start()

    def finish(self) -> None:
        """Let the proposers begin nothing new."""
        for proposer in self._proposers:
            proposer.stop()

    def observe(self) -> None:
        """Record every living replica's values."""
        for name, machine in self.machines.items():
            if machine.replica is not None:
                values = tuple((index, value.decode()) for index, value in machine.replica.values)
                digest = sha256(_pack(machine.replica.values)).hexdigest()
                last = values[-1][0] if values else 0
                self.history.add(Observed(self.history.now, name, STREAM, last, digest, values))

    def unseed(self) -> int:
        """Draw once more from every server's randomness."""
        return sum(machine.unseed() for machine in self.machines.values()) % MILLION

    def pipe(self, source: str, target: str) -> Pipe:
        """Open one direction of a connection between a proposer and a server."""
        return self._network.pipe(source, target)

    def tell(self, message: Message) -> None:
        """Send a packet from one replica to another."""
        receive = self.servers[message.target].receive
        self._network.send(message.source, message.target, partial(receive, Heard(message)))

    def _build(self, world: World, name: str) -> None:
        rng = world.stream(f"server {name}")
        offset = rng.between(-_CLOCK_ERROR_NS, _CLOCK_ERROR_NS)
        disk = SimDisk(world, rng.split())
        server: Server[Event, Effect] = Server(world, name, clock=Clock(offset, rng.between(-200, 200)), disk=disk)
        machine = _Machine(self, server, rng)
        server.install(machine, stepped=machine.watch)
        self.servers[name] = server
        self.machines[name] = machine


@final
class Proposer:
    """Appends one value after the other, and goes where it is told that the leader is."""

    def __init__(self, group: RaftGroup, world: World, name: str, setup: Setup) -> None:
        self.name = name
        self._group = group
        self._world = world
        self._every_ns = setup.publish_every_ns
        self._servers = setup.server_names
        self._there = {server: group.pipe(name, server) for server in self._servers}
        self._back = {server: group.pipe(server, name) for server in self._servers}
        self._target = self._servers[0]
        self._attempt = 0
        self._count = 0
        self._operation = 0
        self._stopped = False

    def start(self) -> None:
        """Propose the next value."""
        if self._stopped:
            return
        self._count += 1
        self._operation = self._group.history.invoke(self.name, STREAM, f"{self.name}-{self._count}")
        self._try()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopped = True

    def _try(self) -> None:
        self._attempt += 1
        attempt, server, back = self._attempt, self._target, self._back[self._target]

        def answer(index: int, leader: str) -> None:
            back.send(partial(self._answered, attempt, index, leader))

        asked = Asked(f"{self.name}-{self._count}".encode(), answer)
        self._there[server].send(partial(self._group.servers[server].receive, asked))
        self._world.after(_TIMEOUT_NS, partial(self._timed_out, attempt))

    def _answered(self, attempt: int, index: int, leader: str) -> None:
        if attempt != self._attempt:
            return
        if index:
            self._complete(Outcome.OK, index)
            return
        self._attempt += 1
        self._target = leader or self._next()
        self._world.after(_RETRY_NS, self._try)

    def _timed_out(self, attempt: int) -> None:
        if attempt == self._attempt:
            self._target = self._next()
            self._complete(Outcome.UNKNOWN, 0)

    def _complete(self, outcome: Outcome, index: int) -> None:
        self._attempt += 1
        self._group.history.complete(self.name, self._operation, outcome, seq=index)
        self._world.after(self._every_ns, self.start)

    def _next(self) -> str:
        return self._servers[(self._servers.index(self._target) + 1) % len(self._servers)]


def _pack(values: list[tuple[int, bytes]]) -> bytes:
    return b"\n".join(b"%d %b" % pair for pair in values)


def _unpack(data: bytes) -> list[tuple[int, bytes]]:
    pairs = [line.split(b" ", 1) for line in data.splitlines()]
    return [(int(index), value) for index, value in pairs]
