"""One server as a state machine: events in, effects out, ``now`` an argument (docs/decisions/0007).

The broker composes; what things mean is decided in the rooms it is made of.  ``step`` is one turn: the event is
handled, whatever follows from it is done, and everything each connection gets leaves as one write.
"""

from __future__ import annotations

from typing import assert_never, final

from refjs.account.account import GLOBAL, Account
from refjs.broker.client import Clients
from refjs.broker.connection import Connection
from refjs.broker.effects import CloseConnection, Effect, Send, SyncDisk
from refjs.broker.engine import Engine
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Event, Received
from refjs.broker.jetstream import JetStream
from refjs.broker.logs import LocalLogs, Logs
from refjs.broker.monitor import BrokerFigures
from refjs.broker.options import BrokerOptions
from refjs.broker.timers import Alarm
from refjs.storage.disk import Disk
from refjs.storage.memory import MemoryDisk
from refjs.types.rng import Rng
from refjs.types.units import Nanos


@final
class Broker:
    """One server: its connections, its accounts, its JetStream."""

    def __init__(
        self,
        options: BrokerOptions,
        *,
        now: Nanos,
        seed: int,
        disk: Disk | None = None,
        logs: Logs | None = None,
    ) -> None:
        """Start a broker on what ``disk`` holds; ``logs`` replaces the logs of a single server by those of a group."""
        self.options = options
        rng = Rng(seed)
        logs = logs if logs is not None else LocalLogs(disk if disk is not None else MemoryDisk(), options.server_name)
        self.engine = Engine(options, logs, rng, now)
        self.accounts: dict[str, Account] = {GLOBAL: Account(GLOBAL)}
        self.jetstream = JetStream(self.engine, self.accounts) if options.jetstream else None
        self.clients = Clients(self.engine, self.accounts[GLOBAL], self.jetstream)
        self._sync_alarm = Alarm(self._sync)
        self._sync_ticket = 0
        self._effects: list[Effect] = []
        if options.jetstream and options.sync_interval and not logs.clustered:
            self.engine.timers.set(self._sync_alarm, now + options.sync_interval)

    @property
    def max_payload(self) -> int:
        """The largest payload a client may send, in bytes."""
        return self.options.max_payload

    # -- turns --------------------------------------------------------------------------------------------------

    def step(self, event: Event, now: Nanos) -> list[Effect]:
        """Handle ``event`` at ``now``, which never falls, and return what is to be done about it."""
        self.take(event, now)
        self.settle()
        return self.flush()

    def take(self, event: Event, now: Nanos) -> None:
        """Begin a turn: do what ``event`` asks, and not yet what follows from it."""
        engine = self.engine
        engine.now = max(engine.now, now)
        match event:
            case Received():
                self.clients.receive(event.conn, event.operations)
            case ConnectionOpened():
                self.clients.open(event.conn, event.host, event.port)
            case ConnectionClosed():
                self.clients.close(event.conn)
            case DeadlineReached() | DiskSynced():
                pass  # what is due rings at the end of every turn, and a lone server's acks wait for no sync
            case _:
                assert_never(event)

    def settle(self) -> None:
        """Do what follows, and ring what is due, until nothing is left to do."""
        engine = self.engine
        engine.settle()
        due = engine.timers.next_deadline()
        if due is not None and due <= engine.now:
            engine.timers.ring(engine.now)
            engine.settle()

    def flush(self) -> list[Effect]:
        """End the turn: return its effects, among them one write for each connection that gets something."""
        effects, self._effects = self._effects, []
        effects += self.engine.logs.take_lines()
        router = self.engine.router
        for connection in router.dirty:
            self._flush(connection, effects)
        router.dirty = []
        return effects

    def _flush(self, connection: Connection, effects: list[Effect]) -> None:
        if connection.out:
            effects.append(Send(connection.id, b"".join(connection.out)))
            connection.out = []
        if connection.closing:
            effects.append(CloseConnection(connection.id, connection.closing))
            self.clients.close(connection.id)

    def next_deadline(self) -> Nanos | None:
        """Return when ``DeadlineReached`` is due, or None where nothing is."""
        return self.engine.timers.next_deadline()

    def _sync(self, now: Nanos) -> None:
        """Ask for a sync, as often as the policy says; acks do not wait for it (STR-SEQ-004)."""
        self._sync_ticket += 1
        self._effects.append(SyncDisk(self._sync_ticket))
        self.engine.timers.set(self._sync_alarm, now + self.options.sync_interval)

    # -- looking ------------------------------------------------------------------------------------------------

    def figures(self) -> BrokerFigures:
        """Return the figures behind the monitoring pages."""
        figures = self.clients.figures()
        if self.jetstream is not None:
            figures.jetstream = self.jetstream.figures()
        return figures

    def check_invariants(self) -> None:
        """Assert every invariant of everything that is kept here."""
        if self.jetstream is not None:
            self.jetstream.check_invariants()
