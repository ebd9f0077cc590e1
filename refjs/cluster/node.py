"""One server of a cluster: a broker whose logs agree with those of other servers, events in, effects out.

The same broker as alone: what is different is where its logs come from (``cluster.logs``), and that interest reaches
across servers (``cluster.interest``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never, final

from refjs.broker.broker import Broker
from refjs.broker.effects import SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Received
from refjs.broker.jetstream import JetStream
from refjs.broker.options import BrokerOptions
from refjs.broker.routed import RouteTo
from refjs.cluster.events import NodeEffect, NodeEvent, PeerReceived, SendPeer
from refjs.cluster.interest import ClusterInterest
from refjs.cluster.logs import META, ClusterLogs, Group
from refjs.cluster.messages import (
    GroupMessage,
    InterestBeacon,
    InterestRequest,
    InterestSnapshot,
    InterestUpdate,
    PeerMessage,
)
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
        options = replace(options, sync_interval=0)  # the groups ask for their syncs themselves
        self.broker = Broker(options, now=now, seed=rng.next64(), logs=self._logs)
        others = [server for server in cluster.servers if server != cluster.me]
        self._interest = ClusterInterest(cluster.me, rng.next64(), others, self.broker.accounts, now)
        self._ticket = 0
        self._tickets: dict[int, list[tuple[Group, int]]] = {}
        self._wanted: list[tuple[Group, int]] = []

    # -- turns --------------------------------------------------------------------------------------------------

    def step(self, event: NodeEvent, now: Nanos) -> list[NodeEffect]:
        """Handle ``event`` at ``now``, which never falls, and return what is to be done about it."""
        self._logs.now = now
        self._take(event, now)
        self._logs.timers.ring(now)
        effects: list[NodeEffect] = []
        self._settle(effects)
        effects += self.broker.flush()
        self._interest.tell(now)
        effects += [SendPeer(peer, message) for peer, message in self._interest.take()]
        effects += [SendPeer(ServerId(routed.peer), routed) for routed in self.broker.engine.router.take_routed()]
        effects += self._logs.take_lines()
        self._sync(effects)
        return effects

    def next_deadline(self) -> Nanos | None:
        """Return when ``DeadlineReached`` is due; a server that has just started has something to do at once."""
        if self._logs.touched:
            return self._logs.now
        due = self._interest.next_deadline()
        for other in (self.broker.next_deadline(), self._logs.timers.next_deadline()):
            if other is not None and other < due:
                due = other
        return due

    def _take(self, event: NodeEvent, now: Nanos) -> None:
        match event:
            case PeerReceived():
                self.broker.take(DeadlineReached(), now)
                self._receive(event.message, now)
            case DiskSynced():
                self.broker.take(DeadlineReached(), now)
                self._synced(event.ticket, now)
            case ConnectionOpened() | ConnectionClosed() | Received() | DeadlineReached():
                self.broker.take(event, now)
            case _:
                assert_never(event)

    def _receive(self, message: PeerMessage, now: Nanos) -> None:
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

    def _settle(self, effects: list[NodeEffect]) -> None:
        """Let the broker work and the groups send and apply what they have ready, until nothing is left."""
        logs = self._logs
        self.broker.settle()
        while logs.touched:
            touched, logs.touched = logs.touched, []
            for group in touched:
                self._follow(group, effects)
            self.broker.settle()

    # -- groups -------------------------------------------------------------------------------------------------

    def _follow(self, group: Group, effects: list[NodeEffect]) -> None:
        """Send and apply what ``group`` has ready."""
        group.touched = False
        if group.dropped:
            return
        ready = group.ready()
        effects += [SendPeer(m.target, GroupMessage(group.name, m)) for m in ready.messages]
        if ready.sync:
            self._wanted.append((group, ready.sync))
        if self.broker.jetstream is not None:
            self._apply(group, self.broker.jetstream)
        self._logs.followed(group)

    def _apply(self, group: Group, jetstream: JetStream) -> None:
        """Apply what was committed, and put a snapshot in the place of a log that has grown long."""
        if group.name == META:
            jetstream.follow_meta()
        else:
            jetstream.follow_group(group.name)
        if group.dropped or group.entries() < self.cluster.compact_entries:
            return
        snapshot = jetstream.snapshot() if group.name == META else jetstream.snapshot_of(group.name)
        if snapshot is not None:
            group.raft.compact(group.raft.state.applied, snapshot)

    def _sync(self, effects: list[NodeEffect]) -> None:
        """Ask for one sync for all groups that want one in this turn."""
        if self._wanted:
            self._ticket += 1
            self._tickets[self._ticket] = self._wanted
            self._wanted = []
            effects.append(SyncDisk(self._ticket))

    def _synced(self, ticket: int, now: Nanos) -> None:
        for group, wanted in self._tickets.pop(ticket, []):
            if not group.dropped:
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
