"""The streams of one account: all that are assigned anywhere, and the hosts of those kept on this server."""

from __future__ import annotations

from typing import final

from refjs.account.account import Account
from refjs.broker.meta_entries import AssignStream
from refjs.broker.stream_host import StreamHost
from refjs.subject.grammar import collides
from refjs.subject.interest import Interest
from refjs.types.config import StreamConfig


@final
class AccountStreams:
    """What JetStream knows of one account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.assignments: dict[str, AssignStream] = {}
        self.configs: dict[str, StreamConfig] = {}
        self._captured: Interest[str] = Interest()
        self.hosts: dict[str, StreamHost] = {}
        self.api_total = 0
        self.api_errors = 0

    def assign(self, assignment: AssignStream, config: StreamConfig) -> None:
        """Note that a stream exists with ``config``, or has it now."""
        self._release(assignment.name)
        self.assignments[assignment.name] = assignment
        self.configs[assignment.name] = config
        for subject in config.subjects:
            self._captured.insert(subject.encode(), assignment.name)

    def remove(self, name: str) -> AssignStream | None:
        """Note that a stream exists no more; return what was known of it."""
        self._release(name)
        self.configs.pop(name, None)
        return self.assignments.pop(name, None)

    def _release(self, name: str) -> None:
        config = self.configs.get(name)
        if config is not None:
            for subject in config.subjects:
                self._captured.remove(subject.encode(), name)

    def overlaps(self, config: StreamConfig) -> bool:
        """Tell whether another stream captures a subject of ``config`` (STR-CRT-005)."""
        known = self.configs.get(config.name)
        ours = [] if known is None else [subject.encode() for subject in known.subjects]
        colliding = (self._captured.patterns_colliding(subject.encode()) for subject in config.subjects)
        return any(pattern not in ours for patterns in colliding for pattern in patterns)

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
