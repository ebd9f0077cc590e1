"""The deployment of whole servers: the shipped node on each, clients that speak the protocol, a replicated stream.

Between servers, Raft's messages travel as packets, which may be lost, doubled and overtaken; what brokers route to one
another travels in pipes, as over a TCP route.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import permutations
from typing import Final, assert_never, final

from refjs.broker.effects import CloseConnection, LogLine, Send, SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Received
from refjs.broker.options import BrokerOptions
from refjs.cluster.events import NodeEffect, NodeEvent, PeerReceived, SendPeer
from refjs.cluster.messages import GroupMessage
from refjs.cluster.node import Node
from refjs.cluster.options import ClusterOptions
from refjs.raft.config import RaftRules
from refjs.raft.state import Role
from refjs.types.rng import Rng
from refjs.types.units import MILLISECOND, SECOND, ConnId, Nanos, ServerId
from refjs.wire.parser import Parser
from sim.clients import Administrator, Application, Publisher, Worker
from sim.clock import Clock
from sim.disk import SimDisk
from sim.history import History, Mark, Observed
from sim.network import MILLION, Network, Pipe
from sim.scenario import ADMINISTRATOR, Setup
from sim.server import Life, Server
from sim.session import Session
from sim.tcp import Connection
from sim.world import World

STREAM: Final = "ORDERS"
SUBJECT: Final = b"orders.new"
CONSUMER: Final = "worker"

_CLOCK_ERROR_NS: Final = 100 * MILLISECOND


@final
class Port:
    """A server's client port: connections by their number, each with its parser."""

    def __init__(self, server: Server[NodeEvent, NodeEffect]) -> None:
        self._server = server
        self._connections: dict[ConnId, Connection] = {}
        self._numbers: dict[Connection, ConnId] = {}
        self._parsers: dict[ConnId, Parser] = {}
        self._last = 0
        self.without_power = False

    def accept(self, connection: Connection) -> bool:
        """Take a connection where the process is there to take it; a paused one's system does."""
        if self._server.life is Life.DOWN:
            return False
        self._last += 1
        number = ConnId(self._last)
        self._connections[number] = connection
        self._numbers[connection] = number
        self._parsers[number] = Parser()
        self._server.receive(ConnectionOpened(number, "10.0.0.1", 10_000 + self._last))
        return True

    def received(self, connection: Connection, data: bytes) -> None:
        """Parse what arrived and hand the operations over."""
        number = self._numbers[connection]
        operations = self._parsers[number].feed(data)
        if operations:
            self._server.receive(Received(number, operations))

    def hung_up(self, connection: Connection) -> None:
        """Report a connection that the client closed."""
        number = self._forget(connection)
        self._server.receive(ConnectionClosed(number))

    def powered(self) -> bool:
        """Tell whether the machine has power."""
        return not self.without_power

    def send(self, number: ConnId, data: bytes) -> None:
        """Write to a connection; what is written to one that is gone is lost."""
        connection = self._connections.get(number)
        if connection is not None:
            connection.answer(data)

    def close(self, number: ConnId) -> None:
        """Close a connection on the server's behalf, and report that it is closed."""
        connection = self._connections.get(number)
        if connection is not None:
            self._forget(connection)
            connection.close()
            self._server.receive(ConnectionClosed(number))

    def drop_all(self, *, power: bool) -> None:
        """End every connection: with a goodbye, or, without power, without."""
        for connection in list(self._numbers):
            self._forget(connection)
            if power:
                connection.vanish()
            else:
                connection.close()
        self.without_power = power

    def _forget(self, connection: Connection) -> ConnId:
        number = self._numbers.pop(connection)
        del self._connections[number]
        del self._parsers[number]
        return number


@final
class _Machine:
    """Runs a cluster node on a server."""

    def __init__(self, cluster: JetStreamCluster, server: Server[NodeEvent, NodeEffect], rng: Rng) -> None:
        self.node: Node | None = None
        self.port = Port(server)
        self._cluster = cluster
        self._server = server
        self._rng = rng
        self._leads: dict[str, int] = {}

    def boot(self, now: Nanos) -> Node:
        me = ServerId(self._server.name)
        options = BrokerOptions(server_name=me, server_id=me, cluster_name="sim")
        cluster = ClusterOptions(me, list(self._cluster.names), rules=self._cluster.rules, compact_entries=500)
        self.port.without_power = False
        self.node = Node(options, cluster, disk=self._server.disk, now=now, seed=self._rng.next64())
        return self.node

    def deadline(self) -> NodeEvent:
        return DeadlineReached()

    def perform(self, effect: NodeEffect) -> None:
        match effect:
            case Send():
                self.port.send(effect.conn, effect.data)
            case SendPeer():
                self._cluster.tell(self._server.name, effect)
            case SyncDisk():
                self._server.disk.sync(self._server.receiver(DiskSynced(effect.ticket)))
            case CloseConnection():
                self.port.close(effect.conn)
            case LogLine():
                pass
            case _:
                assert_never(effect)

    def stopped(self, *, power: bool) -> None:
        self.port.drop_all(power=power)
        self.node = None
        self._leads = {}

    def unseed(self) -> int:
        """Draw once more."""
        return self._rng.below(MILLION)

    def watch(self) -> None:
        """Note in the history that leadership of a group was won or lost."""
        assert self.node is not None
        leads: dict[str, int] = {}
        for group in self.node.groups():
            if group.raft.role is Role.LEADER:
                leads[group.name] = group.raft.term
        if leads == self._leads:
            return
        for name, term in self._leads.items():
            if leads.get(name) != term:
                self._cluster.history.mark(Mark.DEPOSED, self._server.name, group=name, term=term)
        for name, term in leads.items():
            if self._leads.get(name) != term:
                self._cluster.history.mark(Mark.LED, self._server.name, group=name, term=term)
        self._leads = leads


@final
class JetStreamCluster:
    """The deployment: a node on each server, an administrator, publishers and workers."""

    def __init__(
        self, world: World, network: Network, history: History, setup: Setup, *, rules: RaftRules | None = None
    ) -> None:
        self.history = history
        self.rules = rules or RaftRules()
        self.names = [ServerId(name) for name in setup.server_names]
        self._network = network
        self._routes: dict[tuple[str, str], Pipe] = {
            pair: network.pipe(*pair) for pair in permutations(setup.server_names, 2)
        }
        self._servers: dict[str, Server[NodeEvent, NodeEffect]] = {}
        self._machines: dict[str, _Machine] = {}
        for name in setup.server_names:
            self._build(world, name)
        app = Application(world, self, history, setup.server_names, STREAM, SUBJECT, CONSUMER)
        self._consumers = (app.consumer_name,) if setup.consumers else ()
        self._administrator = Administrator(app, ADMINISTRATOR, _requests(setup), self._begin)
        self._publishers = [
            Publisher(app, name, number, world.stream(f"client {name}"), every_ns=setup.publish_every_ns)
            for number, name in enumerate(setup.publisher_names)
        ]
        self._workers = [Worker(app, name, number) for number, name in enumerate(setup.consumer_names)]

    @property
    def hosts(self) -> Sequence[Server[NodeEvent, NodeEffect]]:
        """The servers."""
        return list(self._servers.values())

    @property
    def clients(self) -> Sequence[str]:
        """The endpoints of all clients."""
        return [ADMINISTRATOR, *(p.name for p in self._publishers), *(w.name for w in self._workers)]

    @property
    def consumers(self) -> tuple[str, ...]:
        """The one consumer, where somebody works on it."""
        return self._consumers

    def leader(self) -> str | None:
        """Return the living leader of the stream's group, of the highest term, where there is one."""
        leading = [
            (group.raft.term, name)
            for name, machine in self._machines.items()
            if machine.node is not None
            for group in machine.node.groups()
            if STREAM in group.name and group.raft.role is Role.LEADER
        ]
        return max(leading)[1] if leading else None

    def start(self) -> None:
        """Start the servers and the administrator, who lets the others begin when the stream is there."""
        for server in self._servers.values():
            server.start()
        self._administrator.start()

    def finish(self) -> None:
        """Let the publishers begin nothing new; the workers go on."""
        for publisher in self._publishers:
            publisher.stop()

    def observe(self) -> None:
        """Record what every living server holds of the stream."""
        for name, machine in self._machines.items():
            if machine.node is None:
                continue
            assert machine.node.broker.jetstream is not None
            for streams in machine.node.broker.jetstream.streams.values():
                host = streams.hosts.get(STREAM)
                if host is not None:
                    digest = host.replica.digest().hex()
                    store = host.replica.stream.store
                    held = tuple((m.seq, m.body[m.header_size :].decode()) for m in store.messages())
                    self.history.add(Observed(self.history.now, name, STREAM, store.last_seq, digest, held))

    def unseed(self) -> int:
        """Draw once more from every server's randomness."""
        return sum(machine.unseed() for machine in self._machines.values()) % MILLION

    def dial(self, session: Session, server: str) -> Connection:
        """Open a connection from a client to a server's port."""
        return Connection(self._network, session, self._machines[server].port, session.name, server)

    def tell(self, source: str, effect: SendPeer) -> None:
        """Send one server's message to another: Raft's as a packet, everything else in order."""
        receive = self._servers[effect.peer].receive
        deliver = partial(receive, PeerReceived(effect.message))
        if isinstance(effect.message, GroupMessage):
            self._network.send(source, effect.peer, deliver)
        else:
            self._routes[source, effect.peer].send(deliver)

    def _begin(self) -> None:
        for publisher in self._publishers:
            publisher.start()
        for worker in self._workers:
            worker.start()

    def _build(self, world: World, name: str) -> None:
        rng = world.stream(f"server {name}")
        clock = Clock(rng.between(-_CLOCK_ERROR_NS, _CLOCK_ERROR_NS), rng.between(-200, 200))
        server: Server[NodeEvent, NodeEffect] = Server(world, name, clock=clock, disk=SimDisk(world, rng.split()))
        machine = _Machine(self, server, rng)
        server.install(machine, stepped=machine.watch)
        self._servers[name] = server
        self._machines[name] = machine


def _requests(setup: Setup) -> list[tuple[str, bytes]]:
    """Return what the administrator asks for: the stream, and where somebody works, the consumer."""
    replicas = min(3, setup.servers)
    stream = b'{"name":"%b","subjects":["orders.>"],"storage":"file","num_replicas":%d}' % (STREAM.encode(), replicas)
    config = b'{"durable_name":"%b","ack_policy":"explicit","ack_wait":%d}' % (CONSUMER.encode(), 5 * SECOND)
    consumer = b'{"stream_name":"%b","config":%b}' % (STREAM.encode(), config)
    create = [(f"$JS.API.STREAM.CREATE.{STREAM}", stream)]
    if setup.consumers:
        create.append((f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}", consumer))
    return create
