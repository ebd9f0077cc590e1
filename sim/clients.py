"""The simulated applications: one that sets up, publishers, and workers that pull and acknowledge.

Each keeps to the official clients' ways: message IDs and retries for publishes, pulls with an expiry, double acks.
What a client does not know it records as unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import msgspec

from refjs.types.rng import Rng
from refjs.types.units import MILLISECOND, SECOND, Nanos, Seq, Subject
from refjs.wire import headers
from refjs.wire.client import MsgReceived
from sim.history import Completed, Delivered, FloorSeen, History, Outcome, Settled
from sim.session import Answer, Dialer, NoAnswer, Session, no_responders
from sim.world import World

API_TIMEOUT_NS: Final[Nanos] = 5 * SECOND
PUBLISH_TIMEOUT_NS: Final[Nanos] = 2 * SECOND
PULL_EXPIRES_NS: Final[Nanos] = 3 * SECOND
GIVE_UP_NS: Final[Nanos] = 30 * SECOND
"""How long a publisher tries one message before it calls the outcome unknown."""
RETRY_NS: Final[Nanos] = 250 * MILLISECOND
FLOOR_EVERY_NS: Final[Nanos] = 2 * SECOND
BATCH: Final = 10
REPEAT_ONE_IN: Final = 10

_ACK_PREFIX: Final = b"$JS.ACK."
_ACK_TOKENS_OLD: Final = 9
_TRANSIENT: Final = frozenset({409, 503})
"""Codes of errors that pass: no leader, no quorum, the same message still on its way."""


@final
class _Error(msgspec.Struct, frozen=True):
    """The error of an API response."""

    code: int = 0
    err_code: int = 0
    description: str = ""


@final
class _Response(msgspec.Struct, frozen=True):
    """What is read of any API response or publish acknowledgement."""

    error: _Error | None = None
    seq: Seq = 0
    duplicate: bool = False


@final
class _Floor(msgspec.Struct, frozen=True):
    stream_seq: Seq = 0


@final
class _Leader(msgspec.Struct, frozen=True):
    leader: str = ""


@final
class _ConsumerInfo(msgspec.Struct, frozen=True):
    """What is read of a consumer's info."""

    ack_floor: _Floor
    cluster: _Leader = _Leader()


@final
@dataclass(frozen=True, slots=True)
class Application:
    """What all clients of a run share: the world they live in, the servers they know, the stream they use."""

    world: World
    dialer: Dialer
    history: History
    servers: tuple[str, ...]
    stream: str
    subject: Subject
    consumer: str

    def session(self, name: str, ready: Callable[[], None], first: int = 0) -> Session:
        """Return a session that begins with the server number ``first``."""
        first %= len(self.servers)
        return Session(self.world, self.dialer, name, self.servers[first:] + self.servers[:first], ready)

    @property
    def consumer_name(self) -> str:
        """The consumer as histories name it."""
        return f"{self.stream}/{self.consumer}"


@final
class Administrator:
    """Creates the stream and the consumer, then asks for the consumer's state now and then."""

    def __init__(
        self, app: Application, name: str, requests: list[tuple[str, bytes]], done: Callable[[], None]
    ) -> None:
        self._app = app
        self._session = app.session(name, self._next)
        self._requests = requests
        self._done = done
        self._asking = False

    def start(self) -> None:
        """Connect and begin."""
        self._session.open()

    def _next(self) -> None:
        if not self._requests or self._asking or not self._session.usable:
            return
        self._asking = True
        subject, body = self._requests[0]
        self._session.request(subject.encode(), body, self._answered, timeout_ns=API_TIMEOUT_NS)

    def _answered(self, answer: Answer) -> None:
        self._asking = False
        if isinstance(answer, MsgReceived) and not no_responders(answer):
            response = msgspec.json.decode(answer.payload, type=_Response)
            if response.error is None:
                del self._requests[0]
                if not self._requests:
                    self._done()
                    self._watch()
                    return
        self._app.world.after(RETRY_NS, self._next)

    def _watch(self) -> None:
        subject = f"$JS.API.CONSUMER.INFO.{self._app.stream}.{self._app.consumer}".encode()
        self._session.request(subject, b"", self._seen, timeout_ns=API_TIMEOUT_NS)

    def _seen(self, answer: Answer) -> None:
        if answer is NoAnswer.TIMED_OUT:
            self._session.move_on()
        if isinstance(answer, MsgReceived) and b'"error"' not in answer.payload and not no_responders(answer):
            info = msgspec.json.decode(answer.payload, type=_ConsumerInfo)
            floor = FloorSeen(
                self._app.world.now, self._app.consumer_name, info.cluster.leader, info.ack_floor.stream_seq
            )
            self._app.history.add(floor)
        self._app.world.after(FLOOR_EVERY_NS, self._watch)


@final
class Publisher:
    """Publishes one message after the other, each with an ID, and tries again until it is answered.

    One message in ``REPEAT_ONE_IN`` is published once more after its acknowledgement: a duplicate.
    """

    def __init__(self, app: Application, name: str, number: int, rng: Rng, *, every_ns: Nanos) -> None:
        self.name = name
        self._app = app
        self._rng = rng
        self._every_ns = every_ns
        self._session = app.session(name, lambda: None, number)
        self._count = 0
        self._value = ""
        self._operation = 0
        self._invoked: Nanos = 0
        self._attempts = 0
        self._in_doubt = False
        self._stopped = False

    def start(self) -> None:
        """Connect, and publish for the first time at once."""
        self._session.open()
        self._publish_next()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopped = True

    def _publish_next(self) -> None:
        if self._stopped:
            return
        if self._attempts == 0 or self._rng.below(REPEAT_ONE_IN):
            self._count += 1
            self._value = f"{self.name}-{self._count}"
        self._operation = self._app.history.invoke(self.name, self._app.stream, self._value, self._value)
        self._invoked = self._app.world.now
        self._attempts = 0
        self._in_doubt = False
        self._try()

    def _try(self) -> None:
        if self._session.usable:
            self._attempts += 1
        body = self._value.encode()
        block = headers.build(b"", [(b"Nats-Msg-Id", body)])
        self._session.request(self._app.subject, body, self._answered, timeout_ns=PUBLISH_TIMEOUT_NS, headers=block)

    def _answered(self, answer: Answer) -> None:
        if isinstance(answer, NoAnswer):
            self._in_doubt = self._in_doubt or answer is not NoAnswer.UNSENT
            if answer is NoAnswer.TIMED_OUT:
                self._session.move_on()
            self._again(answer.value)
        elif no_responders(answer):
            self._again("no responders")
        else:
            self._told(msgspec.json.decode(answer.payload, type=_Response))

    def _told(self, response: _Response) -> None:
        error = response.error
        if error is None:
            self._complete(Outcome.OK, seq=response.seq, duplicate=response.duplicate)
        elif error.code in _TRANSIENT:
            self._again(error.description)
        else:
            self._complete(Outcome.UNKNOWN if self._in_doubt else Outcome.FAIL, error=error.description)

    def _again(self, reason: str) -> None:
        """Try the same message again in a moment, or give it up."""
        if self._app.world.now - self._invoked < GIVE_UP_NS:
            self._app.world.after(RETRY_NS, self._try)
        else:
            self._complete(Outcome.UNKNOWN if self._in_doubt else Outcome.FAIL, error=reason)

    def _complete(self, outcome: Outcome, *, seq: Seq = 0, duplicate: bool = False, error: str = "") -> None:
        now = self._app.world.now
        attempts = max(1, self._attempts)
        end = Completed(now, self.name, self._operation, outcome, seq, duplicate, attempts, error)
        self._app.history.add(end)
        self._app.world.after(self._every_ns, self._publish_next)


@final
class Worker:
    """Pulls batches through the consumer, records every delivery, and acknowledges each message with a double ack."""

    def __init__(self, app: Application, name: str, number: int) -> None:
        self.name = name
        self._app = app
        self._session = app.session(name, self._pull, number)
        self._pulls = 0
        self._received = 0
        self._heard = True

    def start(self) -> None:
        """Connect and pull."""
        self._session.open()

    def _pull(self) -> None:
        """Ask for the next batch, in the place of whatever was asked before."""
        if not self._session.usable:
            return
        self._pulls += 1
        self._received = 0
        self._heard = False
        inbox = self._session.listen(self._take)
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._app.stream}.{self._app.consumer}".encode()
        body = b'{"batch":%d,"expires":%d}' % (BATCH, PULL_EXPIRES_NS)
        self._session.publish(subject, body, inbox)
        self._app.world.after(PULL_EXPIRES_NS + SECOND, partial(self._late, self._pulls))

    def _take(self, message: MsgReceived) -> None:
        self._heard = True
        if not message.reply.startswith(_ACK_PREFIX):
            self._pulls += 1
            self._app.world.after(RETRY_NS, partial(self._resume, self._pulls))
            return
        delivery, seq = _read_ack_subject(message.reply)
        consumer, value = self._app.consumer_name, message.payload.decode()
        self._app.history.add(Delivered(self._app.world.now, self.name, consumer, seq, delivery, value))
        self._session.request(message.reply, b"+ACK", partial(self._acked, seq), timeout_ns=API_TIMEOUT_NS)
        self._received += 1
        if self._received == BATCH:
            self._pull()

    def _acked(self, seq: Seq, answer: Answer) -> None:
        if isinstance(answer, MsgReceived) and not no_responders(answer):
            self._app.history.add(Settled(self._app.world.now, self.name, self._app.consumer_name, seq))

    def _resume(self, pulls: int) -> None:
        if pulls == self._pulls:
            self._pull()

    def _late(self, pulls: int) -> None:
        """Pull again where a pull has neither been filled nor been ended; a silent server is left."""
        if pulls != self._pulls:
            return
        if self._heard:
            self._pull()
        else:
            self._session.move_on()


def _read_ack_subject(subject: Subject) -> tuple[int, Seq]:
    """Return the delivery count and the stream sequence that an ack subject carries (CON-ACK-001)."""
    tokens = subject.split(b".")
    first = 4 if len(tokens) == _ACK_TOKENS_OLD else 6
    return int(tokens[first]), int(tokens[first + 1])
