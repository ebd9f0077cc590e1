"""The streams of one account: all that are assigned anywhere, and the hosts of those kept on this server."""

from __future__ import annotations

from typing import final

from refjs.account.account import Account
from refjs.broker.meta_entries import AssignStream
from refjs.broker.stream_host import StreamHost
from refjs.subject.grammar import collides
from refjs.types.config import StreamConfig


@final
class AccountStreams:
    """What JetStream knows of one account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.assignments: dict[str, AssignStream] = {}
        self.configs: dict[str, StreamConfig] = {}
        self.hosts: dict[str, StreamHost] = {}
        self.api_total = 0
        self.api_errors = 0

    def overlaps(self, config: StreamConfig) -> bool:
        """Tell whether another stream captures a subject of ``config`` (STR-CRT-005)."""
        others = [other for name, other in self.configs.items() if name != config.name]
        return any(
            collides(mine.encode(), theirs.encode())
            for other in others
            for mine in config.subjects
            for theirs in other.subjects
        )

    def names(self, subject: str) -> list[str]:
        """Return the names of the streams that capture something of ``subject`` (empty: all), sorted (STR-INF-012)."""
        wanted = subject.encode()
        return sorted(
            name
            for name, config in self.configs.items()
            if not wanted or any(collides(wanted, captured.encode()) for captured in config.subjects)
        )

    def consumers(self) -> int:
        """Return how many consumers the account has on this server."""
        return sum(len(host.replica.consumers) for host in self.hosts.values())
