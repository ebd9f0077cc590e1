"""One server of a cluster: a broker whose logs agree with those of other servers, events in, effects out.

The same broker as alone: what is different is where its logs come from (``cluster.logs``), and that interest reaches
across servers (``cluster.interest``).
"""

from __future__ import annotations

from typing import assert_never, final

from refjs.broker.broker import Broker
from refjs.broker.effects import SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Received
from refjs.broker.options import BrokerOptions
from refjs.broker.routed import RouteTo
from refjs.cluster.events import NodeEffect, NodeEvent, PeerReceived, SendPeer
from refjs.cluster.interest import ClusterInterest
from refjs.cluster.logs import META, ClusterLogs, Group
from refjs.cluster.messages import GroupMessage, InterestBeacon, InterestRequest, InterestSnapshot, InterestUpdate
from refjs.cluster.options import ClusterOptions
from refjs.storage.disk import Disk
from refjs.types.rng import Rng
from refjs.types.units import Nanos, ServerId


@final
class Node:
    """A broker in a cluster; the surface is a broker's, with ``PeerReceived`` in and ``SendPeer`` out."""

    def __init__(self, options: BrokerOptions, cluster: ClusterOptions, *, disk: Disk, now: Nanos, seed: int) -> None:
        rng = Rng(seed)
        self.cluster = cluster
        self._logs = ClusterLogs(cluster, disk, rng.split(), now)
        self.broker = Broker(options, now=now, seed=rng.next64(), logs=self._logs)
        others = [server for server in cluster.servers if server != cluster.me]
        self._interest = ClusterInterest(cluster.me, others, self.broker.accounts, now)
        self._tickets: dict[int, list[tuple[Group, int]]] = {}
        self._ticket = 0
        self._wanted: list[tuple[Group, int]] = []

    # -- turns --------------------------------------------------------------------------------------------------

    def step(self, event: NodeEvent, now: Nanos) -> list[NodeEffect]:
        """Handle ``event`` at ``now``, which never falls, and return what is to be done about it."""
        self._logs.now = now
        self.broker.engine.now = max(self.broker.engine.now, now)
        effects: list[NodeEffect] = []
        match event:
            case PeerReceived():
                self._receive(event, now)
                self._let_broker_work(effects, now)
            case DiskSynced():
                self._synced(event.ticket, now)
                self._let_broker_work(effects, now)
            case ConnectionOpened() | ConnectionClosed() | Received() | DeadlineReached():
                effects += self.broker.step(event, now)
            case _:
                assert_never(event)
        self._logs.timers.ring(now)
        self._follow(effects, now)
        self._interest.tell(now)
        effects += [SendPeer(peer, message) for peer, message in self._interest.take()]
        effects += [SendPeer(ServerId(routed.peer), routed) for routed in self.broker.engine.router.take_routed()]
        self._sync(effects)
        return effects

    def next_deadline(self) -> Nanos | None:
        """Return when ``DeadlineReached`` is due."""
        due = self._interest.next_deadline()
        for other in (self.broker.next_deadline(), self._logs.timers.next_deadline()):
            if other is not None and other < due:
                due = other
        return due

    def _let_broker_work(self, effects: list[NodeEffect], now: Nanos) -> None:
        """Let the broker do what has come up, if anything has."""
        if self.broker.has_work(now):
            effects += self.broker.step(DeadlineReached(), now)

    def _receive(self, event: PeerReceived, now: Nanos) -> None:
        message = event.message
        match message:
            case GroupMessage():
                group = self._logs.groups.get(message.group)
                if group is not None:
                    group.raft.step(message.message, now)
                    group.touch()
            case RouteTo():
                account = self.broker.accounts.get(message.account)
                if account is not None:
                    self.broker.engine.router.receive_routed(account, message)
            case InterestUpdate() | InterestBeacon() | InterestRequest() | InterestSnapshot():
                self._interest.receive(message, now)
            case _:
                assert_never(message)

    # -- groups -------------------------------------------------------------------------------------------------

    def _follow(self, effects: list[NodeEffect], now: Nanos) -> None:
        """Send and apply what the groups have ready, and what follows from that, until nothing is left."""
        logs = self._logs
        while logs.touched:
            touched, logs.touched = logs.touched, []
            for group in touched:
                group.touched = False
                ready = group.ready()
                effects += [SendPeer(m.target, GroupMessage(group.name, m)) for m in ready.messages]
                if ready.sync:
                    self._wanted.append((group, ready.sync))
                self._apply(group)
                if group.name in logs.groups:
                    logs.timers.set(group.alarm, group.raft.next_deadline())
            self._let_broker_work(effects, now)

    def _apply(self, group: Group) -> None:
        jetstream = self.broker.jetstream
        if jetstream is None or group.name not in self._logs.groups:
            return
        if group.name == META:
            jetstream.follow_meta()
        else:
            jetstream.follow_group(group.name)
        self._compact(group)

    def _compact(self, group: Group) -> None:
        """Put a snapshot in the place of a log that has grown long."""
        jetstream = self.broker.jetstream
        raft = group.raft
        if jetstream is None or raft.state.applied - raft.state.journal.base_index < self.cluster.compact_entries:
            return
        if group.name == META:
            raft.compact(raft.state.applied, jetstream.snapshot())
        else:
            snapshot = jetstream.snapshot_of(group.name)
            if snapshot is not None:
                raft.compact(raft.state.applied, snapshot)

    def _sync(self, effects: list[NodeEffect]) -> None:
        """Ask for one sync for all groups that want one in this turn."""
        if self._wanted:
            self._ticket += 1
            self._tickets[self._ticket] = self._wanted
            self._wanted = []
            effects.append(SyncDisk(self._ticket))

    def _synced(self, ticket: int, now: Nanos) -> None:
        for group, wanted in self._tickets.pop(ticket, []):
            group.raft.synced(wanted, now)
            group.touch()

    # -- looking ------------------------------------------------------------------------------------------------

    def groups(self) -> list[Group]:
        """Return the groups of this server, for checkers and pictures."""
        return list(self._logs.groups.values())

    def digests(self) -> dict[str, bytes]:
        """Return the digest of every stream kept here, by name: equal on replicas that applied the same (R11)."""
        jetstream = self.broker.jetstream
        assert jetstream is not None
        return {
            name: host.replica.digest()
            for streams in jetstream.streams.values()
            for name, host in streams.hosts.items()
        }

    def check_invariants(self) -> None:
        """Assert every invariant of the broker and of its groups."""
        self.broker.check_invariants()
        for group in self._logs.groups.values():
            group.raft.check()
