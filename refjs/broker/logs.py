"""Where a broker's logs come from: its own disk and memory here, groups of servers in ``refjs.cluster``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar, final

from refjs.broker.effects import Level, LogLine
from refjs.broker.entries import GroupCodec, GroupEntry
from refjs.broker.meta_entries import AssignStream, MetaCodec, MetaEntry
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.storage.disk import Disk
from refjs.storage.log import Codec, DurableLog, LocalLog, Log
from refjs.types.config import StorageKind, StreamConfig

E = TypeVar("E")


class Logs(ABC):
    """Opens the log of the metadata and those of the groups; what a log held before is returned beside it."""

    clustered: bool = False
    """Whether there are other servers."""

    @abstractmethod
    def open_meta(self) -> tuple[Log[MetaEntry], list[tuple[int, MetaEntry]]]:
        """Return the metadata log and what it holds."""

    @abstractmethod
    def open_group(
        self, assignment: AssignStream, config: StreamConfig
    ) -> tuple[Log[GroupEntry], list[tuple[int, GroupEntry]]]:
        """Return the log of a stream's group and what it holds."""

    @abstractmethod
    def drop_group(self, assignment: AssignStream) -> None:
        """Remove a group's log: its stream was deleted."""

    @abstractmethod
    def peers(self, replicas: int) -> list[str]:
        """Return the servers that would keep a new stream of ``replicas``; fewer where there are not enough."""

    @abstractmethod
    def placed(self, assignment: AssignStream, delta: int) -> None:
        """Note that a stream was assigned to its servers (+1) or removed from them (-1)."""

    @abstractmethod
    def too_few_peers(self) -> ApiError:
        """Return why a stream cannot have as many replicas as asked for."""

    @abstractmethod
    def keeps(self, assignment: AssignStream) -> bool:
        """Tell whether this server is one of those that keep the stream."""

    @abstractmethod
    def take_lines(self) -> list[LogLine]:
        """Return, once, what the operator must know."""


@final
class LocalLogs(Logs):
    """The logs of a single server: file streams on ``disk``, memory streams in memory."""

    def __init__(self, disk: Disk, server_name: str) -> None:
        self._disk = disk
        self._server_name = server_name
        self._lines: list[LogLine] = []

    def open_meta(self) -> tuple[Log[MetaEntry], list[tuple[int, MetaEntry]]]:
        return self._open("meta.log", MetaCodec())

    def open_group(
        self, assignment: AssignStream, config: StreamConfig
    ) -> tuple[Log[GroupEntry], list[tuple[int, GroupEntry]]]:
        if config.storage is StorageKind.MEMORY:
            return LocalLog(), []
        return self._open(_file_name(assignment), GroupCodec())

    def _open(self, name: str, codec: Codec[E]) -> tuple[Log[E], list[tuple[int, E]]]:
        log, held = DurableLog.open(self._disk, name, codec)
        if log.damage is not None:
            self._lines.append(LogLine(Level.ERROR, f"JetStream log {log.damage}; it takes nothing new"))
        elif log.torn_bytes:
            text = f"JetStream log {name}: {log.torn_bytes} bytes at its end were never synced and are cut off"
            self._lines.append(LogLine(Level.WARN, text))
        return log, held

    def drop_group(self, assignment: AssignStream) -> None:
        self._disk.remove(_file_name(assignment))

    def peers(self, replicas: int) -> list[str]:
        return [self._server_name]

    def placed(self, assignment: AssignStream, delta: int) -> None:
        """Nothing to count: there is one server."""

    def too_few_peers(self) -> ApiError:
        return table.STREAM_REPLICAS_NOT_SUPPORTED

    def keeps(self, assignment: AssignStream) -> bool:
        return True

    def take_lines(self) -> list[LogLine]:
        lines, self._lines = self._lines, []
        return lines


def _file_name(assignment: AssignStream) -> str:
    return f"streams/{assignment.group}.log"
