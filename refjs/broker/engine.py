"""What the services of one broker share during a turn: the time, the router, the timers, who has work to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

from refjs.broker.logs import Logs
from refjs.broker.options import BrokerOptions
from refjs.broker.router import Router
from refjs.broker.timers import Timers
from refjs.subject.grammar import has_wildcards, matches
from refjs.types.rng import Rng
from refjs.types.units import Nanos, Subject


class Worker(ABC):
    """Something that does a bounded piece of work at the end of a turn in which it was woken."""

    awake: bool = False

    @abstractmethod
    def work(self) -> None:
        """Do the work that is there."""


@final
class Engine:
    """The shared parts; ``now`` is the time of the turn."""

    def __init__(self, options: BrokerOptions, logs: Logs, rng: Rng, now: Nanos) -> None:
        self.options = options
        self.profile = options.profile
        self.logs = logs
        self.rng = rng
        self.now = now
        self.router = Router(rng.split())
        self.timers = Timers()
        self._awake: list[Worker] = []
        self._listeners: dict[Subject, dict[Worker, None]] = {}

    def wake(self, worker: Worker) -> None:
        """Let ``worker`` work at the end of this turn."""
        if not worker.awake:
            worker.awake = True
            self._awake.append(worker)

    def listen_for_interest(self, subject: Subject, worker: Worker) -> None:
        """Wake ``worker`` whenever interest in ``subject`` begins or ends."""
        self._listeners.setdefault(subject, {})[worker] = None

    def stop_listening(self, subject: Subject, worker: Worker) -> None:
        """Undo ``listen_for_interest``."""
        workers = self._listeners[subject]
        del workers[worker]
        if not workers:
            del self._listeners[subject]

    def interest_changed(self, pattern: Subject) -> None:
        """Wake those who listen for interest in what ``pattern`` matches."""
        if pattern in self._listeners:
            for worker in self._listeners[pattern]:
                self.wake(worker)
        elif self._listeners and has_wildcards(pattern):
            for subject, workers in self._listeners.items():
                if matches(pattern, subject):
                    for worker in workers:
                        self.wake(worker)

    def settle(self) -> None:
        """Deliver what was posted and let everybody work, until nothing is left to do."""
        self.router.deliver_posts()
        while self._awake:
            awake, self._awake = self._awake, []
            for worker in awake:
                worker.awake = False
                worker.work()
                self.router.deliver_posts()
