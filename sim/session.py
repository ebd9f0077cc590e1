"""A simulated NATS client: it speaks the real protocol, keeps one connection, and goes on to the next server.

A session does not decide what a missing answer means; whoever asks learns that it timed out or that the connection
broke, and records the operation accordingly.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, unique
from functools import partial
from typing import Final, Protocol, TypeAlias, assert_never, final

from refjs.types.units import MILLISECOND, SECOND, Nanos, Subject
from refjs.wire import client as wire
from refjs.wire.client import (
    ClientParser,
    ErrReceived,
    InfoReceived,
    MsgReceived,
    OkReceived,
    PingReceived,
    PongReceived,
)
from sim.tcp import Connection
from sim.world import World

CONNECT_TIMEOUT_NS: Final[Nanos] = 2 * SECOND
RECONNECT_NS: Final[Nanos] = 250 * MILLISECOND
NO_RESPONDERS: Final = b"NATS/1.0 503"
_REQUESTS_SID: Final = b"1"


@unique
class NoAnswer(Enum):
    """Why a request has no answer; unless it was not sent it may have been carried out, or still be."""

    UNSENT = "not connected"
    TIMED_OUT = "timed out"
    DISCONNECTED = "the connection broke"


Answer: TypeAlias = MsgReceived | NoAnswer


class Dialer(Protocol):
    """How a client reaches a server."""

    def dial(self, session: Session, server: str, /) -> Connection:
        """Open a connection to ``server`` on behalf of ``session``."""


@final
class Session:
    """One client's connection to the cluster; ``ready`` is called each time it has become usable."""

    __slots__ = (
        "_connection",
        "_dialer",
        "_last_inbox",
        "_listening",
        "_on_message",
        "_parser",
        "_prefix",
        "_ready",
        "_requests",
        "_servers",
        "_world",
        "connected_to",
        "name",
    )

    def __init__(
        self, world: World, dialer: Dialer, name: str, servers: tuple[str, ...], ready: Callable[[], None]
    ) -> None:
        self.name = name
        self.connected_to = ""
        self._world = world
        self._dialer = dialer
        self._servers = list(servers)
        self._ready = ready
        self._prefix = f"_INBOX.{name}.".encode()
        self._connection: Connection | None = None
        self._parser = ClientParser()
        self._requests: dict[Subject, Callable[[Answer], None]] = {}
        self._last_inbox = 1
        self._listening = 0  # the sid of the subscription in use, 0 for none
        self._on_message: Callable[[MsgReceived], None] = _ignore

    def open(self) -> None:
        """Connect to the first server, or on failure to the next, for ever."""
        server = self._servers[0]
        self._servers = [*self._servers[1:], server]
        self._parser = ClientParser()
        connection = self._connection = self._dialer.dial(self, server)
        self._world.after(CONNECT_TIMEOUT_NS, partial(self._give_up, connection))

    def move_on(self) -> None:
        """Leave this server for the next: what is waited for is answered with DISCONNECTED."""
        if self._connection is not None:
            self._connection.hang_up()
            self._lose()

    @property
    def usable(self) -> bool:
        """Whether the session is connected and subscribed to its inboxes."""
        return bool(self.connected_to)

    def listen(self, on_message: Callable[[MsgReceived], None]) -> Subject:
        """Subscribe to a new subject whose messages go to ``on_message``, until the session listens anew or breaks.

        Messages of a stream arrive with their own subject, so the subscription tells to whom they belong.
        """
        if self._listening:
            self._send(wire.unsub(b"%d" % self._listening))
        self._last_inbox += 1
        self._listening = self._last_inbox
        self._on_message = on_message
        inbox = self._prefix + b"pull.%d" % self._listening
        self._send(wire.sub(inbox, b"%d" % self._listening))
        return inbox

    def publish(self, subject: Subject, payload: bytes, reply: Subject = b"", headers: bytes = b"") -> None:
        """Publish, where the session is usable; else nothing is sent."""
        self._send(wire.hpub(subject, headers, payload, reply) if headers else wire.pub(subject, payload, reply))

    def request(
        self,
        subject: Subject,
        payload: bytes,
        done: Callable[[Answer], None],
        *,
        timeout_ns: Nanos,
        headers: bytes = b"",
    ) -> None:
        """Publish and give ``done`` the first answer, or the reason why there is none, exactly once."""
        if not self.usable:
            self._world.after(RECONNECT_NS, partial(done, NoAnswer.UNSENT))
            return
        self._last_inbox += 1
        inbox = self._prefix + b"%d" % self._last_inbox
        self._requests[inbox] = done
        self.publish(subject, payload, inbox, headers)
        self._world.after(timeout_ns, partial(self._answer, inbox, NoAnswer.TIMED_OUT))

    # -- what the connection reports

    def connected(self, connection: Connection) -> None:
        """Wait for the server's INFO: the server speaks first."""

    def received(self, connection: Connection, data: bytes) -> None:
        """Take the server's operations."""
        if connection is not self._connection:
            return
        for event in self._parser.feed(data):
            match event:
                case MsgReceived():
                    if event.sid == _REQUESTS_SID:
                        self._answer(event.subject, event)
                    elif event.sid == b"%d" % self._listening:
                        self._on_message(event)
                case InfoReceived():
                    if not self.usable:
                        self._introduce(connection)
                case PingReceived():
                    connection.send(wire.PONG)
                case PongReceived():
                    self._become_usable(connection)
                case OkReceived() | ErrReceived():
                    pass
                case _:
                    assert_never(event)

    def disconnected(self, connection: Connection) -> None:
        """Fail what was waited for and connect to the next server, after a moment."""
        if connection is self._connection:
            self._lose()

    def _introduce(self, connection: Connection) -> None:
        options = b'{"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"name":"%b"}'
        subscribe = wire.sub(self._prefix + b"*", _REQUESTS_SID)
        connection.send(wire.connect(options % self.name.encode()) + subscribe + wire.PING)

    def _become_usable(self, connection: Connection) -> None:
        if not self.usable:
            self.connected_to = connection.server
            self._ready()

    def _give_up(self, connection: Connection) -> None:
        """Leave a server that has not answered in time."""
        if connection is self._connection and not self.usable:
            self.move_on()

    def _lose(self) -> None:
        self._connection = None
        self.connected_to = ""
        self._listening = 0
        self._world.after(RECONNECT_NS, self.open)
        for inbox in list(self._requests):
            self._answer(inbox, NoAnswer.DISCONNECTED)

    def _answer(self, inbox: Subject, answer: Answer) -> None:
        done = self._requests.pop(inbox, None)
        if done is not None:
            done(answer)

    def _send(self, data: bytes) -> None:
        if self._connection is not None and self.usable:
            self._connection.send(data)


def no_responders(message: MsgReceived) -> bool:
    """Tell whether the answer says that nobody listens on the subject (PRO-DLV-008)."""
    return message.headers.startswith(NO_RESPONDERS)


def _ignore(message: MsgReceived) -> None:
    """Take a message that nobody waits for."""
