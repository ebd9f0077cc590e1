"""One client connection as a vector sees it: raw bytes, or frames sorted into subscriptions.  Sans-IO."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from refjs.conform.frames import text_of
from refjs.wire.client import PONG, ClientParser, ErrReceived, InfoReceived, MsgReceived, PingReceived, PongReceived


@final
@dataclass(slots=True)
class Subscription:
    """A subscription: where its messages wait until a step asks for them."""

    conn: str
    sid: bytes
    waiting: deque[tuple[int, MsgReceived]] = field(default_factory=deque)


@final
@dataclass(slots=True)
class Session:
    """What has arrived on a connection and was not asked for yet.

    A raw session collects bytes.  A parsed one answers the server's PING, counts PONG and keeps errors and messages.
    ``greeting`` is the first line that came, ``info`` the newest INFO object.
    """

    raw: bool = False
    received: bytes = b""
    closed: bool = False
    pongs: int = 0
    greeting: str = ""
    info: str = ""
    errors: list[str] = field(default_factory=list)
    by_sid: dict[bytes, Subscription] = field(default_factory=dict)
    _parser: ClientParser = field(default_factory=ClientParser)

    def take_info(self, data: bytes) -> None:
        """Read up to the first INFO line; what follows it is the conversation."""
        self.received += data
        line, found, rest = self.received.partition(b"\r\n")
        if found:
            self.greeting = text_of(line)
            self.info = self.greeting.removeprefix("INFO ")
            self.received = b""
            self.feed(rest, iter(()))

    def feed(self, data: bytes, order: Iterator[int]) -> bytes:
        """Take bytes from the server and return what to answer at once; ``order`` numbers all messages.

        Raises ``ProtocolError`` on what no NATS server sends.
        """
        if self.raw:
            self.received += data
            return b""
        answer = b""
        for event in self._parser.feed(data):
            match event:
                case MsgReceived():
                    if event.sid in self.by_sid:
                        self.by_sid[event.sid].waiting.append((next(order), event))
                case PingReceived():
                    answer += PONG
                case PongReceived():
                    self.pongs += 1
                case ErrReceived():
                    self.errors.append(event.text)
                case InfoReceived():
                    self.info = text_of(event.json)
                case _:
                    pass  # +OK: the parsed connections of a vector need not know
        return answer
