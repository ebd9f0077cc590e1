"""Pull delivery: requests wait, messages answer them (CON-PUL)."""

from __future__ import annotations

from typing import Final, final

from refjs.account.account import Account
from refjs.api.delivery_requests import PullDemand
from refjs.broker.engine import Engine
from refjs.broker.picker import Picker
from refjs.broker.services import DeliveryService, Plan
from refjs.consumer.consumer import Consumer
from refjs.consumer.requests import PullRequest, WaitQueue
from refjs.types.stored import StoredMessage
from refjs.types.time_text import format_duration
from refjs.types.units import Nanos, Seq, Subject
from refjs.wire import headers

_ACK_SUBJECT_TYPICAL: Final = 100
_BATCH_MAX: Final = 1000


@final
class PullService(DeliveryService):
    """The waiting requests of one consumer, and what they get."""

    def __init__(self, engine: Engine, account: Account, stream: str, consumer: Consumer) -> None:
        self._engine = engine
        self._account = account
        self._consumer = consumer
        self._queue = WaitQueue()
        self._served: dict[Seq, PullRequest] = {}
        """Which request of the last plan each message went to."""
        self._ack_prefix_size = len(f"$JS.ACK.{stream}.{consumer.name}.".encode())

    # -- taking requests ----------------------------------------------------------------------------------------

    def ask(self, reply: Subject, demand: PullDemand) -> bool:
        """Take a request and return whether it may wait, or answer at once why not (order: CON-PUL-003)."""
        refusal = self._refusal(demand)
        if refusal:
            self._post(reply, headers.build(refusal, []))
            return False
        if len(self._queue) >= self._consumer.config.max_waiting:
            self._drop_deserted()
        if len(self._queue) >= self._consumer.config.max_waiting:
            if not (demand.idle_heartbeat and self._engine.profile.max_waiting_heartbeat_silent):
                self._post(reply, headers.build(b"409 Exceeded MaxWaiting", []))
            return False
        now = self._engine.now
        self._queue.add(
            PullRequest(
                reply,
                demand.batch,
                expires=now + demand.expires if demand.expires > 0 else 0,
                no_wait=demand.no_wait,
                bytes_left=demand.max_bytes if demand.max_bytes > 0 else -1,
                heartbeat=demand.idle_heartbeat,
                now=now,
            )
        )
        return demand.expires > 0 or not demand.no_wait

    def _refusal(self, demand: PullDemand) -> bytes:
        config = self._consumer.config
        if demand.error:
            return b"400 Bad Request - %b" % demand.error.encode()
        if 0 < config.max_batch < demand.batch:
            return b"409 Exceeded MaxRequestBatch of %d" % config.max_batch
        if 0 < config.max_expires < demand.expires:
            return b"409 Exceeded MaxRequestExpires of %b" % format_duration(config.max_expires).encode()
        if 0 < config.max_bytes < demand.max_bytes:
            return b"409 Exceeded MaxRequestMaxBytes of %d" % config.max_bytes
        return b""

    # -- serving ------------------------------------------------------------------------------------------------

    def plan(self, picker: Picker) -> Plan:
        plan = Plan()
        self._served = {}
        self._drop_expired()
        head = self._next_served()
        while head is not None and len(plan.messages) < _BATCH_MAX:
            message = picker.peek()
            if message is None:
                break
            size = self._size(message, picker) if head.bytes_left >= 0 else 0
            if 0 <= head.bytes_left < size:
                self._queue.drop(head)
                plan.after.append((head.reply, _status(b"409 Message Size Exceeds MaxBytes", head)))
            else:
                picker.take()
                plan.add(message, head.reply)
                self._served[message.seq] = self._queue.serve(size)
                self._complete(plan, head)
                if head.batch > 0 and head.bytes_left == 0:
                    self._queue.drop(head)
            head = self._next_served()
        if len(self._queue) and picker.peek() is None:
            self._answer_no_wait(plan)
        return plan

    def _size(self, message: StoredMessage, picker: Picker) -> int:
        """Return what a message counts against a request's ``max_bytes`` (CON-PUL-009)."""
        body = len(outgoing(message, headers_only=self._consumer.config.headers_only)[1])
        return len(message.subject) + self._ack_prefix_size + picker.place_size() + body

    def _complete(self, plan: Plan, request: PullRequest) -> None:
        """Say that a full batch ended, where its bytes did not run out with it (CON-PUL-005)."""
        if request.batch <= 0 and request.bytes_left > 0:
            plan.after.append((request.reply, _status(b"409 Batch Completed", request)))

    def _next_served(self) -> PullRequest | None:
        """Return the head of the queue whose inbox somebody still listens on (CON-PUL-013)."""
        head = self._queue.head()
        while head is not None and not self._account.has_interest(head.reply):
            self._queue.drop(head)
            head = self._queue.head()
        return head

    def _answer_no_wait(self, plan: Plan) -> None:
        """Send away those who would not wait (CON-PUL-007, CON-PUL-008)."""
        for request in self._queue.all():
            if request.no_wait and (request.delivered or not request.expires):
                self._queue.drop(request)
                if request.delivered and not self._engine.profile.no_wait_partial_404:
                    plan.after.append((request.reply, _status(b"408 Request Timeout", request)))
                else:
                    plan.after.append((request.reply, headers.build(b"404 No Messages", [])))

    def _drop_expired(self) -> None:
        now = self._engine.now
        for request in self._queue.all():
            if request.expires and request.expires <= now:
                self._queue.drop(request)
                self._post(request.reply, _status(b"408 Request Timeout", request))
            elif request.heartbeat and request.next_heartbeat <= now:
                request.next_heartbeat = now + request.heartbeat
                self._post(request.reply, idle_heartbeat(self._consumer))

    def _drop_deserted(self) -> None:
        for request in self._queue.all():
            if not self._account.has_interest(request.reply):
                self._queue.drop(request)

    def sent(self, target: Subject, size: int) -> None:
        now = self._engine.now
        for request in self._queue.all():
            if request.heartbeat and request.reply == target:
                request.next_heartbeat = now + request.heartbeat

    def give_back(self, message: StoredMessage) -> None:
        request = self._served.pop(message.seq, None)
        if request is not None and not 0 < request.expires <= self._engine.now:
            self._queue.give_back(request, delivered_size(message))

    def next_deadline(self) -> Nanos | None:
        return self._queue.next_deadline()

    def active(self) -> bool:
        self._drop_deserted()
        return len(self._queue) > 0

    def waiting(self) -> int:
        return len(self._queue)

    def close(self, reason: str) -> None:
        for request in self._queue.clear():
            self._post(request.reply, headers.build(b"409 %b" % reason.encode(), []))

    def _post(self, reply: Subject, block: bytes) -> None:
        self._engine.router.post(self._account, reply, b"", len(block), block)


def outgoing(message: StoredMessage, *, headers_only: bool) -> tuple[int, bytes]:
    """Return the header size and the body with which a message goes out (CON-DLV-005)."""
    if not headers_only:
        return message.header_size, message.body
    size = len(message.body) - message.header_size
    block = headers.with_headers(message.headers(), [(b"Nats-Msg-Size", b"%d" % size)])
    return len(block), block


def delivered_size(message: StoredMessage) -> int:
    """Return about how many bytes a message takes on its way."""
    return len(message.subject) + _ACK_SUBJECT_TYPICAL + len(message.body)


def idle_heartbeat(consumer: Consumer, extra: list[tuple[bytes, bytes]] | None = None) -> bytes:
    """Return the heartbeat that tells where the consumer stands (CON-PUL-010, CON-PSH-003)."""
    place = [
        (b"Nats-Last-Consumer", b"%d" % consumer.delivered.consumer_seq),
        (b"Nats-Last-Stream", b"%d" % consumer.delivered.stream_seq),
    ]
    return headers.build(b"100 Idle Heartbeat", place + (extra or []))


def _status(text: bytes, request: PullRequest) -> bytes:
    """Return a status that says how much of the request is left open (CON-PUL-004)."""
    return headers.build(
        text,
        [
            (b"Nats-Pending-Messages", b"%d" % request.batch),
            (b"Nats-Pending-Bytes", b"%d" % max(request.bytes_left, 0)),
        ],
    )
