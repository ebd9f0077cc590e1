"""A cluster of shipped nodes on a network that the test operates: no sockets, no SimPy, time that moves when told to.

Raft's messages travel as packets that a test may lose, double and delay; what brokers tell one another travels in
order, unless a test loses it on purpose.  Clients sit right at their server and speak the real protocol.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final, Protocol, assert_never

from refjs.broker.effects import CloseConnection, LogLine, Send, SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Received
from refjs.broker.options import BrokerOptions
from refjs.cluster.events import NodeEffect, NodeEvent, PeerReceived, SendPeer
from refjs.cluster.logs import META, Group
from refjs.cluster.messages import GroupMessage, PeerMessage
from refjs.cluster.node import Node
from refjs.cluster.options import ClusterOptions
from refjs.raft.config import RaftRules
from refjs.raft.state import Role
from refjs.storage.memory import MemoryDisk
from refjs.types.rng import Rng
from refjs.types.units import MICROSECOND, MILLISECOND, SECOND, ConnId, Nanos, ServerId
from refjs.wire import client as wire
from refjs.wire import headers
from refjs.wire.client import ClientParser, MsgReceived, PingReceived
from refjs.wire.parser import Parser

EPOCH: Final[Nanos] = 1_700_000_000 * SECOND
LATENCY: Final[Nanos] = 500 * MICROSECOND
SYNC: Final[Nanos] = MILLISECOND
NO_RESPONDERS: Final = b"NATS/1.0 503\r\n\r\n"
MILLION: Final = 1_000_000

Action = Callable[[], None]
Loses = Callable[[str, str, PeerMessage], bool]
"""Tells of a message from one server to another whether it gets lost."""


class End(Protocol):
    """The client's end of a connection."""

    def receive(self, data: bytes) -> None:
        """Take what the server sends."""

    def close(self) -> None:
        """Take notice that the server closes the connection."""


class Client:
    """One connection to one server; ``messages`` are those that no request of its own asked for."""

    def __init__(self, net: ClusterNet, server: str, conn: ConnId) -> None:
        self.server = server
        self.conn = conn
        self.closed = False
        self.messages: list[MsgReceived] = []
        self._net = net
        self._parser = Parser()
        self._answers = ClientParser()
        self._inbox = b"_INBOX.%b%d" % (server.encode(), conn)
        self._sid = 1
        self._asked = 0
        self._answered: dict[bytes, MsgReceived] = {}

    def open(self) -> None:
        self.send(wire.connect(b'{"verbose":false,"headers":true,"no_responders":true,"echo":true}'))
        self.send(wire.sub(self._inbox + b".*", b"1"))

    def send(self, data: bytes) -> None:
        operations = self._parser.feed(data)
        if operations and not self.closed:
            self._net.step(self.server, Received(self.conn, operations))

    def receive(self, data: bytes) -> None:
        for event in self._answers.feed(data):
            if isinstance(event, PingReceived):
                self.send(wire.PONG)
            elif isinstance(event, MsgReceived):
                if event.subject.startswith(self._inbox):
                    self._answered.setdefault(event.subject, event)
                else:
                    self.messages.append(event)

    def close(self) -> None:
        self.closed = True

    def leave(self) -> None:
        """Close the connection from this end."""
        self.close()
        del self._net.clients[self.server, self.conn]
        self._net.step(self.server, ConnectionClosed(self.conn))

    def sub(self, subject: str, queue: str = "") -> bytes:
        """Subscribe and return the subscription's number."""
        self._sid += 1
        sid = b"%d" % self._sid
        self.send(wire.sub(subject.encode(), sid, queue.encode()))
        return sid

    def unsub(self, sid: bytes, after: int = 0) -> None:
        self.send(wire.unsub(sid, after))

    def pub(self, subject: str, payload: bytes = b"", reply: str = "") -> None:
        self.send(wire.pub(subject.encode(), payload, reply.encode()))

    def take(self) -> list[bytes]:
        """Return, once, the payloads that have arrived."""
        taken, self.messages = [message.payload for message in self.messages], []
        return taken

    # -- requests -------------------------------------------------------------------------------------------------

    def ask(self, subject: str, payload: bytes = b"", block: bytes = b"") -> bytes:
        """Send a request; return the inbox at which ``answer`` finds what came."""
        self._asked += 1
        inbox = b"%b.%d" % (self._inbox, self._asked)
        if block:
            self.send(wire.hpub(subject.encode(), block, payload, inbox))
        else:
            self.send(wire.pub(subject.encode(), payload, inbox))
        return inbox

    def answer(self, inbox: bytes) -> MsgReceived | None:
        return self._answered.get(inbox)

    def request(
        self, subject: str, payload: bytes = b"", block: bytes = b"", timeout: Nanos = 5 * SECOND
    ) -> MsgReceived | None:
        """Send a request and let time pass until it is answered, or ``timeout`` is over."""
        inbox = self.ask(subject, payload, block)
        self._net.run_until(lambda: inbox in self._answered, timeout)
        return self._answered.get(inbox)

    def api(self, endpoint: str, body: object = None, timeout: Nanos = 5 * SECOND) -> Any:  # noqa: ANN401 - JSON
        """Ask ``$JS.API.<endpoint>``; return the answer, or None where there was none."""
        payload = b"" if body is None else json.dumps(body).encode()
        answer = self.request(f"$JS.API.{endpoint}", payload, timeout=timeout)
        return None if answer is None else json.loads(answer.payload)

    def store(self, subject: str, payload: bytes = b"", msg_id: str = "", timeout: Nanos = 5 * SECOND) -> Any:  # noqa: ANN401 - JSON
        """Publish to a stream; return the pub ack, or None where there was none."""
        block = headers.build(b"", [(b"Nats-Msg-Id", msg_id.encode())]) if msg_id else b""
        answer = self.request(subject, payload, block, timeout)
        return None if answer is None or not answer.payload else json.loads(answer.payload)


class ClusterNet:
    """Servers ``n1``, ``n2``, ...; ``loss_ppm``, ``twice_ppm`` and ``jitter`` may be changed at any time."""

    def __init__(
        self,
        size: int = 3,
        *,
        seed: int = 1,
        compact_entries: int = 10_000,
        retain_entries: int = 256,
        rules: RaftRules | None = None,
    ) -> None:
        self.names = [f"n{number + 1}" for number in range(size)]
        self.now: Nanos = EPOCH
        self.loss_ppm = 0
        self.twice_ppm = 0
        self.jitter: Nanos = 0
        self.loses: Loses = lambda _source, _target, _message: False
        self.cut: set[tuple[str, str]] = set()
        self.nodes: dict[str, Node] = {}
        self.disks = {name: MemoryDisk() for name in self.names}
        self.clients: dict[tuple[str, ConnId], End] = {}
        self.lines: list[tuple[str, LogLine]] = []
        self.sent: list[tuple[str, str, PeerMessage]] = []
        self.steps = 0
        self._rng = Rng(seed)
        self._rules = rules or RaftRules()
        self._compact_entries = compact_entries
        self._retain_entries = retain_entries
        self._agenda: list[tuple[Nanos, int, Action]] = []
        self._number = 0
        self._lives = dict.fromkeys(self.names, 0)
        self._arrival: dict[tuple[str, str], Nanos] = {}
        for name in self.names:
            self.start(name)

    # -- servers --------------------------------------------------------------------------------------------------

    def start(self, name: str) -> Node:
        me = ServerId(name)
        options = BrokerOptions(server_name=name, server_id=name, cluster_name="test")
        cluster = ClusterOptions(
            me,
            [ServerId(each) for each in self.names],
            rules=self._rules,
            compact_entries=self._compact_entries,
            retain_entries=self._retain_entries,
        )
        node = Node(options, cluster, disk=self.disks[name], now=self.now, seed=self._rng.next64())
        self.nodes[name] = node
        self.step(name, DeadlineReached())
        return node

    def kill(self, name: str) -> None:
        """End the process; its disk stays."""
        del self.nodes[name]
        self._lives[name] += 1
        for key in [key for key in self.clients if key[0] == name]:
            self.clients.pop(key).close()

    def restart(self, name: str) -> Node:
        self.kill(name)
        return self.start(name)

    def wipe(self, name: str) -> None:
        """Put an empty disk into a server that is down."""
        assert name not in self.nodes
        self.disks[name] = MemoryDisk()

    def step(self, name: str, event: NodeEvent) -> None:
        self.steps += 1
        for effect in self.nodes[name].step(event, self.now):
            self._perform(name, effect)

    def deliver(self, name: str, message: PeerMessage) -> None:
        """Let a server hear a message that nobody sent."""
        self.step(name, PeerReceived(message))

    def _perform(self, name: str, effect: NodeEffect) -> None:
        match effect:
            case SendPeer():
                self._send(name, effect.peer, effect.message)
            case SyncDisk():
                self._later(SYNC, self._on(name, DiskSynced(effect.ticket)))
            case Send():
                client = self.clients.get((name, effect.conn))
                if client is not None:
                    client.receive(effect.data)
            case CloseConnection():
                client = self.clients.pop((name, effect.conn), None)
                if client is not None:
                    client.close()
                    self.step(name, ConnectionClosed(effect.conn))
            case LogLine():
                self.lines.append((name, effect))
            case _:
                assert_never(effect)

    # -- network --------------------------------------------------------------------------------------------------

    def isolate(self, name: str) -> None:
        """Cut ``name`` off from the other servers."""
        self.cut |= {pair for other in self.names for pair in ((name, other), (other, name)) if other != name}

    def heal(self) -> None:
        self.cut.clear()

    def _send(self, source: str, target: str, message: PeerMessage) -> None:
        self.sent.append((source, target, message))
        if (source, target) in self.cut or self.loses(source, target, message):
            return
        if not isinstance(message, GroupMessage):
            arrival = max(self.now + LATENCY, self._arrival.get((source, target), 0))
            self._arrival[source, target] = arrival
            self._later(arrival - self.now, self._on(target, PeerReceived(message)))
        elif self._rng.below(MILLION) >= self.loss_ppm:
            for _ in range(2 if self._rng.below(MILLION) < self.twice_ppm else 1):
                self._later(LATENCY + self._rng.below(self.jitter + 1), self._on(target, PeerReceived(message)))

    def _on(self, name: str, event: NodeEvent) -> Action:
        """Return what hands ``event`` to the process of now; another life of the server gets messages only."""
        life = self._lives[name]

        def hand_over() -> None:
            if name in self.nodes and (life == self._lives[name] or isinstance(event, PeerReceived)):
                self.step(name, event)

        return hand_over

    # -- time -----------------------------------------------------------------------------------------------------

    def _later(self, delay: Nanos, action: Action) -> None:
        self._number += 1
        heappush(self._agenda, (self.now + delay, self._number, action))

    def run(self, duration: Nanos) -> None:
        """Let time pass."""
        self.run_until(lambda: False, duration)

    def run_until(self, done: Callable[[], bool], timeout: Nanos = 60 * SECOND) -> bool:
        """Let time pass until ``done``; tell whether it came to that before ``timeout``."""
        end = self.now + timeout
        while not done():
            due, name = min(
                (
                    (deadline, name)
                    for name, node in self.nodes.items()
                    if (deadline := node.next_deadline()) is not None
                ),
                default=(end + 1, ""),
            )
            arrival = self._agenda[0][0] if self._agenda else end + 1
            if min(due, arrival) > end:
                self.now = end
                return done()
            self.now = max(self.now, min(due, arrival))
            if arrival <= due:
                heappop(self._agenda)[2]()
            else:
                self.step(name, DeadlineReached())
        return True

    # -- clients --------------------------------------------------------------------------------------------------

    def connect(self, server: str) -> Client:
        """Connect a client and let its interest become known everywhere."""
        self._number += 1
        conn = ConnId(self._number)
        client = Client(self, server, conn)
        self.clients[server, conn] = client
        self.step(server, ConnectionOpened(conn, "10.0.0.1", 40_000))
        client.open()
        self.run(2 * LATENCY)
        return client

    # -- looking --------------------------------------------------------------------------------------------------

    def groups(self, part: str) -> dict[str, Group]:
        """Return, by server, the group whose name holds ``part``."""
        return {name: group for name, node in self.nodes.items() for group in node.groups() if part in group.name}

    def leader(self, part: str = META) -> str:
        """Return the leader that may propose in that group, or nothing."""
        leads = [(group.raft.term, name) for name, group in self.groups(part).items() if group.raft.leads()]
        return max(leads, default=(0, ""))[1]

    def followers(self, part: str = META) -> list[str]:
        """Return the living members that do not lead, sorted."""
        return sorted(name for name, group in self.groups(part).items() if group.raft.role is not Role.LEADER)

    def elect(self, part: str = META, timeout: Nanos = 40 * SECOND) -> str:
        """Let time pass until the group has a leader, and return it."""
        assert self.run_until(lambda: self.leader(part) != "", timeout), f"{part} has no leader"
        return self.leader(part)

    def digests(self, stream: str) -> list[bytes]:
        """Return the stream's digests on all living servers that keep it."""
        return [digests[stream] for node in self.nodes.values() if stream in (digests := node.digests())]

    def check(self) -> None:
        for node in self.nodes.values():
            node.check_invariants()


def cluster(**options: Any) -> ClusterNet:  # noqa: ANN401 - those of ClusterNet
    """Return a cluster of three with a meta leader, whose servers know of each other's interest."""
    net = ClusterNet(**options)
    net.elect()
    net.run(2 * SECOND)
    return net
