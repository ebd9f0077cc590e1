"""A link to a broker in this process, in virtual time: hours of a vector's waits take no time at all.

Every link is a server of its own, so that vectors cannot disturb one another, and the same vector gives the same
bytes in each run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, assert_never, final

from refjs.broker.broker import Broker
from refjs.broker.effects import CloseConnection, Effect, LogLine, Send, SyncDisk
from refjs.broker.events import ConnectionClosed, ConnectionOpened, DeadlineReached, DiskSynced, Event, Received
from refjs.broker.options import BrokerOptions
from refjs.conform.link import Arrival, Link, TargetError
from refjs.types.profile import DEFAULT, profile
from refjs.types.units import MICROSECOND, ConnId, Nanos
from refjs.wire.parser import Parser

EPOCH: Final[Nanos] = 1_700_000_000_000_000_000
"""Where virtual time starts: 2023-11-14T22:13:20Z."""

_TRAVEL: Final = 10 * MICROSECOND
"""How long bytes are on their way: two messages are never stored at the same time."""

_HOST: Final = "127.0.0.1"
_SERVER_ID: Final = f"N{'REFJS' * 11}"
_FIRST_PORT: Final = 50_000


class Steps(Protocol):
    """What is asked of a broker."""

    @property
    def max_payload(self) -> int:
        """The largest payload a client may send, in bytes."""

    def step(self, event: Event, now: Nanos) -> list[Effect]:
        """Handle one event and return what is to be done about it."""

    def next_deadline(self) -> Nanos | None:
        """Return when ``DeadlineReached`` is due, or None where nothing is."""


@final
class BrokerLink(Link):
    """A link to ``broker``, started at ``now``; its clock moves when somebody waits, and a little with each send."""

    def __init__(self, broker: Steps, now: Nanos = EPOCH) -> None:
        self._broker = broker
        self._now = now
        self._conns: dict[str, ConnId] = {}
        self._names: dict[ConnId, str] = {}
        self._parsers: dict[str, Parser] = {}
        self._arrived: list[Arrival] = []
        self._last_id = 0

    def open(self, conn: str) -> None:
        self._last_id += 1
        number = ConnId(self._last_id)
        self._conns[conn] = number
        self._names[number] = conn
        self._parsers[conn] = Parser(max_payload=self._broker.max_payload)
        self._turn(ConnectionOpened(number, _HOST, _FIRST_PORT + self._last_id))

    def send(self, conn: str, data: bytes) -> None:
        self._pass_time(self._now + _TRAVEL)
        if conn in self._conns:
            operations = self._parsers[conn].feed(data)
            if operations:
                self._turn(Received(self._conns[conn], operations))

    def close(self, conn: str) -> None:
        if conn in self._conns:
            number = self._forget(conn)
            self._turn(ConnectionClosed(number))

    def arrivals(self, until: Nanos) -> list[Arrival]:
        while not self._arrived and self._now < until:
            due = self._broker.next_deadline()
            if due is None or due > until:
                self._now = until
            else:
                self._pass_time(due)
        arrived, self._arrived = self._arrived, []
        return arrived

    def now(self) -> Nanos:
        return self._now

    def close_all(self) -> None:
        for conn in list(self._conns):
            self.close(conn)

    def _pass_time(self, until: Nanos) -> None:
        due = self._broker.next_deadline()
        while due is not None and due <= until:
            self._now = max(self._now, due)
            self._turn(DeadlineReached())
            due = self._broker.next_deadline()
        self._now = max(self._now, until)

    def _turn(self, event: Event) -> None:
        """Give the broker an event and do what it asks; a sync takes no time here."""
        events = [event]
        while events:
            for effect in self._step(events.pop(0)):
                events += self._perform(effect)

    def _step(self, event: Event) -> list[Effect]:
        try:
            return self._broker.step(event, self._now)
        except Exception as error:
            raise TargetError(f"The server failed: {type(error).__name__}: {error}.") from error

    def _perform(self, effect: Effect) -> list[Event]:
        match effect:
            case Send():
                if effect.conn in self._names:
                    self._arrived.append(Arrival(self._names[effect.conn], effect.data))
                return []
            case CloseConnection():
                if effect.conn not in self._names:
                    return []
                conn = self._names[effect.conn]
                self._arrived.append(Arrival(conn, None))
                return [ConnectionClosed(self._forget(conn))]
            case SyncDisk():
                return [DiskSynced(effect.ticket)]
            case LogLine():
                return []
            case _:
                assert_never(effect)

    def _forget(self, conn: str) -> ConnId:
        number = self._conns.pop(conn)
        del self._names[number], self._parsers[conn]
        return number


def new_broker(release: str = DEFAULT.release) -> Broker:
    """Return a broker as a server would start it, each like the others; raise ``ValueError`` for an unknown release."""
    return Broker(BrokerOptions(server_id=_SERVER_ID, profile=profile(release)), now=EPOCH, seed=1)


def in_process(release: str = DEFAULT.release) -> Callable[[], Link]:
    """Return what opens links, each to a new broker that behaves as ``release``."""

    def connect() -> Link:
        return BrokerLink(new_broker(release))

    return connect
