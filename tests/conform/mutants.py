"""Servers with a known fault: refjs with one rule of its behaviour broken, at its door.

A mutant looks at what enters (parsed operations) and at what leaves (frames), and changes one kind of thing.  Which
vectors must notice is written down beside it: no more and no fewer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, final

from refjs.broker.broker import Broker
from refjs.broker.effects import Effect, Send
from refjs.broker.events import Event, Received
from refjs.conform.inprocess import BrokerLink, Steps, new_broker
from refjs.conform.link import Link
from refjs.types.units import Nanos
from refjs.wire import encode
from refjs.wire.client import ClientParser, MsgReceived
from refjs.wire.operations import Connect, Operation, Publish, Subscribe

_DELIVERY: Final = re.compile(rb"(\$JS\.ACK\.[^.]+\.[^.]+\.)(\d+)(\.\d+\.\d+\.\d+\.)(\d+)")

Inward = Callable[[Operation], Operation | None]
Outward = Callable[[MsgReceived], MsgReceived | None]


def same_operation(operation: Operation) -> Operation | None:
    """Let everything in."""
    return operation


def same_message(message: MsgReceived) -> MsgReceived | None:
    """Let everything out."""
    return message


@final
@dataclass(frozen=True)
class Mutant:
    """A fault: its name, what it does at the door, and the ids of the vectors that must fail because of it."""

    name: str
    failing: tuple[str, ...]
    inward: Inward = same_operation
    outward: Outward = same_message

    def link(self) -> Link:
        """Return a link to a faulty server."""
        return BrokerLink(Faulty(new_broker(), self))


@final
class Faulty(Steps):
    """A broker behind a door that breaks a rule."""

    def __init__(self, broker: Broker, fault: Mutant) -> None:
        self._broker = broker
        self._fault = fault

    @property
    def max_payload(self) -> int:
        return self._broker.max_payload

    def next_deadline(self) -> Nanos | None:
        return self._broker.next_deadline()

    def step(self, event: Event, now: Nanos) -> list[Effect]:
        if isinstance(event, Received):
            entering = [self._fault.inward(operation) for operation in event.operations]
            event = Received(event.conn, [operation for operation in entering if operation is not None])
        return [self._leave(effect) for effect in self._broker.step(event, now)]

    def _leave(self, effect: Effect) -> Effect:
        if not isinstance(effect, Send):
            return effect
        return Send(effect.conn, b"".join(self._frames(effect.data)))

    def _frames(self, data: bytes) -> Iterator[bytes]:
        """Yield what leaves: messages changed or dropped, everything else byte for byte."""
        rest = data
        while rest:
            line = rest.partition(b"\r\n")[0]
            size = len(line) + 2
            if line.startswith((b"MSG ", b"HMSG ")):
                size += int(line.rpartition(b" ")[2]) + 2
                yield self._message(rest[:size])
            else:
                yield rest[:size]
            rest = rest[size:]

    def _message(self, frame: bytes) -> bytes:
        [message] = ClientParser().feed(frame)
        assert isinstance(message, MsgReceived)
        changed = self._fault.outward(message)
        if changed is None:
            return b""
        return encode.message(changed.subject, changed.sid, changed.reply, changed.header_size, changed.body)


def rewritten(needle: bytes, by: bytes) -> Inward:
    """Return the fault of reading ``needle`` in a published message as ``by``."""

    def inward(operation: Operation) -> Operation | None:
        if not isinstance(operation, Publish) or needle not in operation.body:
            return operation
        changed = operation.body.replace(needle, by)
        grown = len(changed) - len(operation.body) if operation.body.index(needle) < operation.header_size else 0
        return Publish(operation.subject, operation.reply, operation.header_size + grown, changed)

    return inward


def misspoken(needle: bytes, by: bytes) -> Outward:
    """Return the fault of saying ``by`` instead of ``needle`` in messages without headers."""

    def outward(message: MsgReceived) -> MsgReceived | None:
        body = message.body if message.header_size else message.body.replace(needle, by)
        return MsgReceived(message.subject, message.sid, message.reply, message.header_size, body)

    return outward


def no_redelivery(message: MsgReceived) -> MsgReceived | None:
    """Drop what is delivered again."""
    delivery = _DELIVERY.fullmatch(message.reply)
    return None if delivery is not None and int(delivery[2]) > 1 else message


def one_pending_more(message: MsgReceived) -> MsgReceived | None:
    """Tell one pending message too many in the ack subject."""
    delivery = _DELIVERY.fullmatch(message.reply)
    if delivery is None:
        return message
    reply = b"%b%b%b%d" % (delivery[1], delivery[2], delivery[3], int(delivery[4]) + 1)
    return MsgReceived(message.subject, message.sid, reply, message.header_size, message.body)


def no_queue_groups(operation: Operation) -> Operation | None:
    """Take every queue subscription for a plain one."""
    if isinstance(operation, Subscribe):
        return Subscribe(operation.subject, b"", operation.sid)
    return operation


def always_echo(operation: Operation) -> Operation | None:
    """Overlook that a client wants no echo."""
    if isinstance(operation, Connect):
        return Connect(operation.options.replace(b'"echo":false', b'"echo":true'))
    return operation


def no_status_503(message: MsgReceived) -> MsgReceived | None:
    """Leave a requester without responders waiting."""
    return None if message.headers.startswith(b"NATS/1.0 503") else message


def only_first_token(operation: Operation) -> Operation | None:
    """Let ``>`` stand for one token."""
    if isinstance(operation, Subscribe) and operation.subject.endswith(b".>"):
        return Subscribe(operation.subject[:-1] + b"*", operation.queue, operation.sid)
    return operation
