"""The least that must stand behind parser and encoder to answer raw bytes: one connection that hears itself."""

from __future__ import annotations

from typing import final

from refjs.subject.grammar import is_valid_literal, is_valid_pattern, matches
from refjs.wire import encode
from refjs.wire.connect import ConnectOptions, parse_connect
from refjs.wire.operations import (
    Connect,
    Ignored,
    Operation,
    Ping,
    Pong,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
)
from refjs.wire.parser import Parser


@final
class SmallestBroker:
    """Answers the bytes of one client; ``out`` is what it gets back, ``closed`` whether it was thrown out."""

    def __init__(self) -> None:
        self.out = b""
        self.closed = False
        self._parser = Parser()
        self._options = ConnectOptions()
        self._connected = False
        self._subscriptions: dict[bytes, tuple[bytes, int, int]] = {}  # sid: pattern, delivered, maximum

    def feed(self, data: bytes) -> None:
        """Take bytes of the client."""
        for operation in self._parser.feed(data):
            if not self.closed:
                self._take(operation)

    def _take(self, operation: Operation) -> None:
        match operation:
            case Violation():
                self._close(operation.text)
            case Ping():
                self.out += encode.PONG
            case Connect():
                self._connect(operation)
            case Publish():
                self._publish(operation)
            case Subscribe():
                if operation.sid in self._subscriptions or is_valid_pattern(operation.subject):
                    self._subscriptions.setdefault(operation.sid, (operation.subject, 0, 0))
                    self._ok()
                else:
                    self.out += encode.err("Invalid Subject")
            case Unsubscribe():
                self._unsubscribe(operation)
                self._ok()
            case Pong() | Ignored():
                pass

    def _connect(self, operation: Connect) -> None:
        options = parse_connect(operation.options, self._options)
        assert options is not None, "the parser refuses what cannot be read"
        self._options = options
        if self._connected:
            self._subscriptions.clear()
        self._connected = True
        if options.account or options.new_account:
            self._close("Authorization Violation")
        elif not 0 <= options.protocol <= 1:
            self._close("invalid client protocol")
        elif options.no_responders and not options.headers:
            self._close("no responders requires headers support")
        else:
            self._ok()

    def _publish(self, message: Publish) -> None:
        if self._options.pedantic and not is_valid_literal(message.subject):
            self.out += encode.err("Invalid Publish Subject")
        self._ok()
        for sid, (pattern, delivered, maximum) in list(self._subscriptions.items()):
            if matches(pattern, message.subject):
                headers = message.header_size if self._options.headers else 0
                self.out += encode.message(message.subject, sid, message.reply, headers, message.body)
                if delivered + 1 == maximum:
                    del self._subscriptions[sid]
                else:
                    self._subscriptions[sid] = (pattern, delivered + 1, maximum)

    def _unsubscribe(self, operation: Unsubscribe) -> None:
        held = self._subscriptions.get(operation.sid)
        if held is not None and operation.max_msgs > held[1]:
            self._subscriptions[operation.sid] = (held[0], held[1], operation.max_msgs)
        elif held is not None:
            del self._subscriptions[operation.sid]

    def _ok(self) -> None:
        if self._options.verbose:
            self.out += encode.OK

    def _close(self, text: str) -> None:
        self.closed = True
        if text:
            self.out += encode.err(text)
