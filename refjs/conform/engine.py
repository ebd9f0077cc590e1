"""The interpreter of vectors: one conversation with one server over a ``Link``, and the verdict.

Every expectation waits on the link's clock and fails with the first difference.  The engine itself reads no clock and
no socket: on a link with virtual time it never waits.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final, assert_never, final

from refjs.conform.frames import bytes_of, header_block_of, text_of
from refjs.conform.link import Link, TargetError
from refjs.conform.matching import ABSENT, Difference, Scope, assign, fill, fill_text, match, show
from refjs.conform.message import Received, brief, match_message
from refjs.conform.session import Session, Subscription
from refjs.conform.vector import (
    Close,
    Closed,
    Connect,
    Expect,
    Flush,
    Message,
    Open,
    Pub,
    Recv,
    Repeat,
    Request,
    Send,
    Silent,
    Single,
    Step,
    Sub,
    Unsub,
    Vector,
    Wait,
)
from refjs.types.units import HOUR, MILLISECOND, MINUTE, SECOND, Nanos
from refjs.wire import client
from refjs.wire.client import MsgReceived, ProtocolError

STANDARD_OPTIONS: Final[dict[str, object]] = {
    "verbose": False,
    "pedantic": False,
    "echo": True,
    "headers": True,
    "no_responders": True,
    "protocol": 0,
}
"""The CONNECT object of a ``connect`` step that gives none."""

_PATIENCE: Final = 5 * SECOND
_ASK_AGAIN: Final = 50 * MILLISECOND
_TRANSCRIPT_LINE: Final = 400
_UNITS: Final = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR}


@final
@dataclass(slots=True)
class Failure:
    """Where a conversation left the vector: the step, what it expected and what came."""

    place: str
    step: str
    expected: str
    actual: str


class _StepFailedError(Exception):
    """A step's expectation was not met."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference)
        self.difference = difference


def duration(text: str) -> Nanos:
    """Return the ns of a duration such as ``300ms``."""
    digits = text.rstrip("msh")
    return int(digits) * _UNITS[text[len(digits) :]]


@final
@dataclass(slots=True)
class Conversation:
    """Carries a vector's steps out over a link; ``scope`` holds what ``{{name}}`` stands for."""

    link: Link
    scope: Scope
    transcript: list[str] = field(default_factory=list)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _sids: int = 0
    _order: Iterator[int] = field(default_factory=count)

    def run(self, vector: Vector) -> Failure | None:
        """Do the steps, then the cleanup; return the first failure.  Raises ``PatternError`` for a name not saved."""
        failure = self._do_all(vector.steps, "steps")
        self._do_all(vector.cleanup, "cleanup")
        return failure

    def ask_info(self) -> dict[str, object]:
        """Open a connection and return the INFO object; raise ``TargetError`` where the target is no NATS server."""
        try:
            session = self._open("probe", ABSENT, raw=True)
        except _StepFailedError as failed:
            raise TargetError(f"The target does not speak NATS: {failed.difference.actual}.") from failed
        return dict(json.loads(session.info))

    def _do_all(self, steps: list[Step], place: str) -> Failure | None:
        for number, step in enumerate(steps):
            failure = self._do(step, f"{place}[{number}]")
            if failure is not None:
                return failure
        return None

    def _do(self, step: Step, place: str) -> Failure | None:
        if isinstance(step, Repeat):
            return self._repeat(step, place)
        try:
            self._step(step)
        except _StepFailedError as failed:
            different = failed.difference
            at = f" at {different.place}" if different.place else ""
            return Failure(place, _summary(step), f"{different.expected}{at}", different.actual)
        except (TargetError, ProtocolError) as error:
            return Failure(place, _summary(step), "a server that speaks NATS", str(error))
        return None

    def _repeat(self, step: Repeat, place: str) -> Failure | None:
        for number in range(1, step.times + 1):
            self.scope[step.counter] = number
            failure = self._do_all(step.steps, f"{place} #{number}")
            if failure is not None:
                return failure
        return None

    def _step(self, step: Single) -> None:  # noqa: C901, PLR0912 (one arm for each kind of step)
        match step:
            case Request():
                self._request(step)
            case Pub():
                self._publish(step, fill_text(step.reply, self.scope))
            case Expect():
                self._expect(step)
            case Silent():
                self._silent(step)
            case Sub():
                self._subscribe(step.on, step.sub, step.subject, step.queue)
            case Unsub():
                self._unsubscribe(step)
            case Connect():
                self._connect(step)
            case Open():
                self._open(step.on, step.info, raw=True)
            case Close():
                self._close(step.on)
            case Send():
                self._send(step.on, self._bytes(step))
            case Recv():
                self._recv(step)
            case Closed():
                self._closed(step)
            case Flush():
                self._flush(step.on)
            case Wait():
                self._wait(duration(step.time))
            case _:
                assert_never(step)

    # ------------------------------------------------------------------------------------------- connections

    def _open(self, conn: str, info: object, *, raw: bool) -> Session:
        self.link.open(conn)
        session = self._sessions[conn] = Session(raw=raw)
        self._until(lambda: bool(session.greeting) or session.closed, _PATIENCE)
        if not session.greeting.startswith("INFO {"):
            raise _StepFailedError(
                Difference("", "INFO", show(session.greeting) if session.greeting else _ended(session))
            )
        if info is not ABSENT:
            self._match(info, json.loads(session.info))
        return session

    def _connect(self, step: Connect) -> None:
        self._open(step.on, step.info, raw=False)
        options = STANDARD_OPTIONS if step.options is None else fill(step.options, self.scope)
        self._send(step.on, client.connect(_json_bytes(options)))
        self._flush(step.on)

    def _close(self, conn: str) -> None:
        self._session(conn)
        self.link.close(conn)
        del self._sessions[conn]

    def _flush(self, conn: str) -> None:
        session = self._session(conn)
        if session.raw:
            raise _StepFailedError(Difference("", "a parsed connection to flush", f"{conn} is raw"))
        wanted = session.pongs + 1
        self._send(conn, client.PING)
        self._until(lambda: session.pongs >= wanted or session.closed, _PATIENCE)
        if session.errors:
            raise _StepFailedError(Difference("", "no error from the server", session.errors[0]))
        if session.pongs < wanted:
            raise _StepFailedError(Difference("", "PONG", _ended(session)))

    def _recv(self, step: Recv) -> None:
        session = self._session(step.on)
        if step.line is not ABSENT:
            self._recv_line(session, step)
            return
        wanted = self._raw_bytes(step.text, step.base64)
        self._until(lambda: len(session.received) >= len(wanted) or session.closed, duration(step.within))
        got = session.received[: len(wanted)]
        if got != wanted:
            raise _StepFailedError(Difference("", show(text_of(wanted)), _seen(session, got)))
        session.received = session.received[len(wanted) :]

    def _recv_line(self, session: Session, step: Recv) -> None:
        self._until(lambda: b"\r\n" in session.received or session.closed, duration(step.within))
        line, found, rest = session.received.partition(b"\r\n")
        if not found:
            raise _StepFailedError(Difference("", show(step.line), _seen(session, line)))
        self._match(step.line, text_of(line))
        session.received = rest

    def _closed(self, step: Closed) -> None:
        session = self._session(step.on)
        self._until(lambda: session.closed, duration(step.within))
        if session.received:
            raise _StepFailedError(Difference("", "nothing more", show(text_of(session.received))))
        if not session.closed:
            raise _StepFailedError(Difference("", "a closed connection", "it is open"))

    # -------------------------------------------------------------------------------- subscriptions and messages

    def _subscribe(self, conn: str, name: str, subject: str, queue: str) -> Subscription:
        self._sids += 1
        sid = b"%d" % self._sids
        subscription = Subscription(conn, sid)
        self._session(conn).by_sid[sid] = subscription
        self._subscriptions[name] = subscription
        self._send(conn, client.sub(self._filled(subject), sid, self._filled(queue)))
        self._flush(conn)
        return subscription

    def _unsubscribe(self, step: Unsub) -> None:
        subscription = self._subscription(step.sub)
        self._send(subscription.conn, client.unsub(subscription.sid, step.max))
        self._flush(subscription.conn)

    def _publish(self, step: Pub | Request, reply: str) -> None:
        subject, block, payload = self._filled(step.subject), self._header_block(step), self._bytes(step)
        if block:
            self._send(step.on, client.hpub(subject, block, payload, bytes_of(reply)))
        else:
            self._send(step.on, client.pub(subject, payload, bytes_of(reply)))

    def _request(self, step: Request) -> None:
        if step.eventually is None:
            self._ask(step)
            return
        deadline = self.link.now() + duration(step.eventually)
        while True:
            try:
                self._ask(step)
            except _StepFailedError:
                if self.link.now() >= deadline:
                    raise
                self._wait(_ASK_AGAIN)
            else:
                return

    def _ask(self, step: Request) -> None:
        inbox = f"_INBOX.{self.scope['u']}.{self._sids + 1}"
        subscription = self._subscribe(step.on, "", inbox, "")
        self._publish(step, inbox)
        self._until(lambda: bool(subscription.waiting), _PATIENCE)
        self._send(step.on, client.unsub(subscription.sid))
        if not subscription.waiting:
            raise _StepFailedError(Difference("", "an answer", _ended(self._session(step.on))))
        self._check_message(step.expect, subscription.waiting.popleft()[1])

    def _expect(self, step: Expect) -> None:
        subscriptions = self._named(step.sub)
        wanted = len(step.messages)
        self._until(lambda: sum(len(each.waiting) for each in subscriptions) >= wanted, duration(step.within))
        taken = _take(subscriptions, wanted)
        if step.order == "any" and len(taken) == wanted:
            self._expect_any(step.messages, taken)
            return
        for number, (pattern, message) in enumerate(zip(step.messages, taken, strict=False)):
            self._check_message(pattern, message, f"messages[{number}].")
        if len(taken) < wanted:
            got = ", ".join(brief(message) for message in taken)
            raise _StepFailedError(Difference("", f"{wanted} messages", f"{len(taken)}: {got}" if got else "none"))

    def _expect_any(self, patterns: list[Message], taken: list[MsgReceived]) -> None:
        def fits(pattern: int, message: int) -> bool:
            return self._difference(patterns[pattern], taken[message], dict(self.scope)) is None

        chosen = assign(len(patterns), len(taken), fits)
        if chosen is None:
            got = ", ".join(brief(message) for message in taken)
            raise _StepFailedError(Difference("", f"{len(patterns)} messages in any order", got))
        for pattern, message in enumerate(chosen):
            self._check_message(patterns[pattern], taken[message])

    def _silent(self, step: Silent) -> None:
        if step.wait is not None:
            self._wait(duration(step.wait))
        if step.sub is None:
            self._silent_connection(step.on)
            return
        subscriptions = self._named(step.sub)
        for conn in dict.fromkeys(each.conn for each in subscriptions):
            self._flush(conn)
        left = _take(subscriptions, 1)
        if left:
            raise _StepFailedError(Difference("", "no message", brief(left[0])))

    def _silent_connection(self, conn: str) -> None:
        session = self._session(conn)
        if not session.raw:
            self._flush(conn)
            return
        self._send(conn, client.PING)
        self._until(lambda: session.received.endswith(b"PONG\r\n") or session.closed, _PATIENCE)
        if session.received != b"PONG\r\n":
            raise _StepFailedError(Difference("", "nothing but PONG", _seen(session, session.received)))
        session.received = b""

    # ------------------------------------------------------------------------------------------------ plumbing

    def _check(self, difference: Difference | None) -> None:
        if difference is not None:
            raise _StepFailedError(difference)

    def _check_message(self, pattern: Message, message: MsgReceived, place: str = "") -> None:
        difference = self._difference(pattern, message, self.scope, place)
        if difference is not None:
            raise _StepFailedError(difference._replace(actual=f"{difference.actual}, in {brief(message)}"))

    def _difference(self, pattern: Message, message: MsgReceived, scope: Scope, place: str = "") -> Difference | None:
        return match_message(pattern, Received(message, self._name_of(message.sid)), scope, place)

    def _match(self, pattern: object, actual: object) -> None:
        self._check(match(fill(pattern, self.scope), actual, self.scope))

    def _session(self, conn: str) -> Session:
        session = self._sessions.get(conn)
        if session is None:
            raise _StepFailedError(Difference("", f"a connection named {conn}", "nobody opened it"))
        return session

    def _subscription(self, name: str) -> Subscription:
        subscription = self._subscriptions.get(name)
        if subscription is None:
            raise _StepFailedError(Difference("", f"a subscription named {name}", "nobody made it"))
        return subscription

    def _named(self, names: str | list[str]) -> list[Subscription]:
        return [self._subscription(name) for name in ([names] if isinstance(names, str) else names)]

    def _name_of(self, sid: bytes) -> str:
        return next((name for name, each in self._subscriptions.items() if each.sid == sid), "")

    def _filled(self, text: str) -> bytes:
        return bytes_of(fill_text(text, self.scope))

    def _bytes(self, step: Send | Pub | Request) -> bytes:
        if step.json is not ABSENT:
            return _json_bytes(fill(step.json, self.scope)) * step.repeat
        return self._raw_bytes(step.text, step.base64) * step.repeat

    def _raw_bytes(self, text: str | None, encoded: str | None) -> bytes:
        if encoded is not None:
            return base64.b64decode(encoded)
        return b"" if text is None else self._filled(text)

    def _header_block(self, step: Pub | Request) -> bytes:
        if step.header_block is not None:
            return self._filled(step.header_block)
        if not step.headers:
            return b""
        filled = {fill_text(name, self.scope): fill(value, self.scope) for name, value in step.headers.items()}
        return header_block_of({name: _values(value) for name, value in filled.items()})

    def _send(self, conn: str, data: bytes) -> None:
        self._session(conn)
        self._note(f"{conn} < ", data)
        self.link.send(conn, data)

    def _wait(self, time: Nanos) -> None:
        self._until(lambda: False, time)

    def _until(self, done: Callable[[], bool], patience: Nanos) -> None:
        """Take what arrives until ``done`` holds or the time is over."""
        deadline = self.link.now() + patience
        while not done():
            arrivals = self.link.arrivals(deadline)
            for conn, data in arrivals:
                self._arrived(conn, data)
            if not arrivals and self.link.now() >= deadline:
                return

    def _arrived(self, conn: str, data: bytes | None) -> None:
        session = self._sessions.get(conn)
        if session is None:
            return
        if data is None:
            session.closed = True
            self._note(f"{conn} > ", b"(closed)")
            return
        self._note(f"{conn} > ", data)
        if not session.greeting:
            session.take_info(data)
            return
        answer = session.feed(data, self._order)
        if answer:
            self._send(conn, answer)

    def _note(self, prefix: str, data: bytes) -> None:
        text = text_of(data[:_TRANSCRIPT_LINE]).encode("unicode_escape").decode()
        self.transcript.append(prefix + text + ("..." if len(data) > _TRANSCRIPT_LINE else ""))


def _take(subscriptions: list[Subscription], count: int) -> list[MsgReceived]:
    """Take up to ``count`` messages from several subscriptions in the order in which they came."""
    taken: list[MsgReceived] = []
    while len(taken) < count:
        filled = [each.waiting for each in subscriptions if each.waiting]
        if not filled:
            break
        taken.append(_earliest(filled).popleft()[1])
    return taken


def _earliest(queues: list[deque[tuple[int, MsgReceived]]]) -> deque[tuple[int, MsgReceived]]:
    return min(queues, key=lambda queue: queue[0][0])


def _values(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _json_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _ended(session: Session) -> str:
    return "the server closed the connection" if session.closed else "nothing came in time"


def _seen(session: Session, data: bytes) -> str:
    return show(text_of(data)) if data else _ended(session)


def _summary(step: Step) -> str:
    """Return a step in a few words, for a report."""
    words = [type(step).__name__.lower()]
    for name in ("subject", "sub"):
        value: object = getattr(step, name, None)
        if value:
            words.append(", ".join(value) if isinstance(value, list) else str(value))
    return " ".join(words)
