"""The logs of a server that is not alone: every group agrees by Raft, and keeps what it agreed on this server's disk.

Groups in memory keep their log on disk all the same: a server that restarts with an empty log and votes could undo
what was acknowledged (docs/divergences.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, final

from refjs.broker.effects import Level, LogLine
from refjs.broker.entries import GroupCodec, GroupEntry
from refjs.broker.logs import Logs
from refjs.broker.meta_entries import AssignStream, MetaCodec, MetaEntry
from refjs.broker.timers import Alarm, Timers
from refjs.cluster.options import ClusterOptions
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.raft.config import RaftConfig
from refjs.raft.log import RaftLog
from refjs.raft.node import Raft
from refjs.raft.outbox import Ready
from refjs.raft.store import DiskStore
from refjs.storage.disk import Disk
from refjs.storage.log import Codec, Log
from refjs.types.config import StreamConfig
from refjs.types.rng import Rng
from refjs.types.units import Nanos, ServerId

E = TypeVar("E")

META = "_meta_"
"""The group of all servers, which keeps the metadata."""


@final
class GroupLog(Log[E], Generic[E]):
    """A group's log that tells its server when it has something to send."""

    def __init__(self, log: RaftLog[E], touch: Callable[[], None]) -> None:
        self._log = log
        self._touch = touch

    def propose(self, entry: E) -> int:
        index = self._log.propose(entry)
        if index:
            self._touch()
        return index

    def take_committed(self) -> list[tuple[int, E]]:
        return self._log.take_committed()

    def take_snapshot(self) -> bytes | None:
        return self._log.take_snapshot()

    def leads(self) -> bool:
        return self._log.leads()


@final
class Group:
    """One Raft group on this server; ``ready`` drains its log's Raft, ``alarm`` rings when Raft wants to go on."""

    __slots__ = ("_note", "alarm", "dropped", "name", "raft", "ready", "told", "touched")

    def __init__(self, name: str, raft: Raft, ready: Callable[[], Ready], note: Callable[[Group], None]) -> None:
        self.name = name
        self.raft = raft
        self.ready = ready
        self.alarm = Alarm(self._ring)
        self.touched = False
        self.dropped = False
        """Whether its stream was deleted: what is under way for it means nothing any more."""
        self.told = False
        """Whether the operator knows that the disk made this server leave the group."""
        self._note = note

    def touch(self) -> None:
        """Note that there may be something to send, sync or apply."""
        if not self.touched:
            self.touched = True
            self._note(self)

    def entries(self) -> int:
        """Return how many entries were applied since the last snapshot."""
        snapshot = self.raft.state.snapshot
        return self.raft.state.applied - (snapshot.index if snapshot is not None else 0)

    def _ring(self, now: Nanos) -> None:
        self.raft.advance(now)
        self.touch()


@final
class ClusterLogs(Logs):
    """Opens the logs of this server's groups and keeps the groups."""

    def __init__(self, options: ClusterOptions, disk: Disk, rng: Rng, now: Nanos) -> None:
        self.clustered = True
        self._options = options
        self._disk = disk
        self._rng = rng
        self.now = now
        self.groups: dict[str, Group] = {}
        self.touched: list[Group] = []
        self.timers = Timers()
        """When each group wants to go on."""
        self._lines: list[LogLine] = []
        self._kept: dict[ServerId, int] = dict.fromkeys(options.servers, 0)

    def open_meta(self) -> tuple[Log[MetaEntry], list[tuple[int, MetaEntry]]]:
        return self._open(META, self._options.servers, MetaCodec()), []

    def open_group(
        self, assignment: AssignStream, config: StreamConfig
    ) -> tuple[Log[GroupEntry], list[tuple[int, GroupEntry]]]:
        log = self._open(assignment.group, [ServerId(peer) for peer in assignment.peers], GroupCodec())
        raft = self.groups[assignment.group].raft
        if raft.last_index == 0 and self._first_leader(assignment) == self._options.me:
            raft.hasten(self.now)
        return log, []

    def _first_leader(self, assignment: AssignStream) -> str:
        """Return which server campaigns for a new group at once, spread over the servers by the group's name."""
        return assignment.peers[sum(assignment.group.encode()) % len(assignment.peers)]

    def _open(self, name: str, servers: list[ServerId], codec: Codec[E]) -> Log[E]:
        store = DiskStore(self._disk, name)
        config = RaftConfig(
            self._options.me,
            tuple(sorted(servers)),
            election_min=self._options.election_min,
            election_max=self._options.election_max,
            heartbeat=self._options.heartbeat,
            retain_entries=self._options.retain_entries,
            prompt_commit=name == META,  # so that a new stream's servers know of it before its first election
            rules=self._options.rules,
        )
        recovered = store.recover()
        if recovered.damage or recovered.ballot_lost:
            damage = recovered.damage or "the vote is lost"
            self._lines.append(
                LogLine(Level.ERROR, f"JetStream group {name}: {damage}; no vote here until it is healed")
            )
        raft = Raft.start(config, store, recovered, self._rng.split(), self.now)
        log: RaftLog[E] = RaftLog(raft, codec)
        group = Group(name, raft, log.ready, self._touched)
        self.groups[name] = group
        group.touch()
        return GroupLog(log, group.touch)

    def _touched(self, group: Group) -> None:
        self.touched.append(group)

    def followed(self, group: Group) -> None:
        """Note that ``group`` was seen to: set when it wants to go on, and say where it cannot."""
        if group.dropped:
            return
        self.timers.set(group.alarm, group.raft.next_deadline())
        if group.raft.halted and not group.told:
            group.told = True
            self._lines.append(LogLine(Level.ERROR, f"JetStream group {group.name} stops here: {group.raft.halted}"))

    def take_lines(self) -> list[LogLine]:
        """Return, once, what the operator must know."""
        lines, self._lines = self._lines, []
        return lines

    def drop_group(self, assignment: AssignStream) -> None:
        group = self.groups.pop(assignment.group, None)
        if group is not None:
            group.dropped = True
            self.timers.set(group.alarm, None)
        for name in self._disk.list(f"{assignment.group}/"):
            self._disk.remove(name)

    def peers(self, replicas: int) -> list[str]:
        """Return the servers that keep the fewest streams, this one first among equals."""
        order = sorted(self._kept, key=lambda server: (self._kept[server], server != self._options.me, server))
        return sorted(order[:replicas])

    def placed(self, assignment: AssignStream, delta: int) -> None:
        """Count what each server keeps."""
        for peer in assignment.peers:
            self._kept[ServerId(peer)] = self._kept.get(ServerId(peer), 0) + delta

    def keeps(self, assignment: AssignStream) -> bool:
        return self._options.me in assignment.peers

    def too_few_peers(self) -> ApiError:
        return table.CLUSTER_NO_PEERS.filled("no suitable peers for placement, insufficient nodes")
