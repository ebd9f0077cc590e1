"""Push delivery: messages go to the deliver subject while somebody listens there (CON-PSH)."""

from __future__ import annotations

from typing import Final, final

from refjs.account.account import Account
from refjs.broker.engine import Engine
from refjs.broker.picker import Picker
from refjs.broker.pull import delivered_size, idle_heartbeat
from refjs.broker.services import DeliveryService, Plan
from refjs.consumer.consumer import Consumer
from refjs.types.stored import StoredMessage
from refjs.types.units import SECOND, Nanos, Subject
from refjs.wire import headers

_BATCH_MAX: Final = 256
_WINDOW_FIRST: Final = 2 << 20
_WINDOW_MAX: Final = 32 << 20
_BITS: Final = 8


@final
class PushService(DeliveryService):
    """The one way out of a push consumer, with its flow-control window in bytes (CON-PSH-004)."""

    def __init__(self, engine: Engine, account: Account, stream: str, consumer: Consumer) -> None:
        self._engine = engine
        self._account = account
        self._consumer = consumer
        self._group = consumer.config.deliver_group.encode()
        """The queue group that counts as interest: that of the time when serving began (CON-CFG-021)."""
        self._flow_prefix = f"$JS.FC.{stream}.{consumer.name}.".encode()
        self._window = _WINDOW_FIRST
        self._unconfirmed = 0
        self._asked = b""
        self._asked_bytes = 0
        self._last_sent: Nanos = engine.now
        self._more = False
        self._next_at: Nanos = 0
        """When the rate limit lets the next message go (CON-PSH-006)."""

    @property
    def target(self) -> Subject:
        """The deliver subject."""
        return self._consumer.config.deliver_subject.encode()

    def plan(self, picker: Picker) -> Plan:
        plan = Plan()
        target = self.target
        self._more = False
        if not self.active():
            return plan
        room = self._window - self._unconfirmed
        while not self._is_stalled(room) and self._next_at <= self._engine.now:
            message = picker.peek()
            if message is None:
                break
            if len(plan.messages) == _BATCH_MAX:
                self._more = True
                break
            picker.take()
            plan.add(message, target)
            self._spend(message)
            room -= delivered_size(message)
        if not plan.messages:
            self._beat(target)
        return plan

    def _spend(self, message: StoredMessage) -> None:
        """Take a message off what the rate limit allows."""
        limit = self._consumer.config.rate_limit_bps
        if limit:
            self._next_at = self._engine.now + len(message.body) * _BITS * SECOND // limit

    def _is_stalled(self, room: int) -> bool:
        return self._consumer.config.flow_control and room <= 0

    def _beat(self, target: Subject) -> None:
        """Send a heartbeat where nothing was sent for as long as one may wait (CON-PSH-003)."""
        interval = self._consumer.config.idle_heartbeat
        if not interval or self._engine.now - self._last_sent < interval:
            return
        stalled = [(b"Nats-Consumer-Stalled", self._asked)] if self._asked else []
        block = idle_heartbeat(self._consumer, stalled)
        self._engine.router.post(self._account, target, b"", len(block), block)
        self._last_sent = self._engine.now

    def sent(self, target: Subject, size: int) -> None:
        self._last_sent = self._engine.now
        if not self._consumer.config.flow_control:
            return
        self._unconfirmed += size
        if not self._asked and self._unconfirmed > self._window // 2:
            self._asked = self._flow_prefix + self._engine.rng.token(4)
            self._asked_bytes = self._unconfirmed
            block = headers.build(b"100 FlowControl Request", [])
            self._engine.router.post(self._account, target, self._asked, len(block), block)

    def give_back(self, message: StoredMessage) -> None:
        """Nothing is owed: nobody asked for a number of messages."""

    def confirmed(self, subject: Subject) -> bool:
        """Take the client's answer to a flow-control request; return whether it was the one waited for."""
        if subject != self._asked:
            return False
        self._asked = b""
        self._unconfirmed = max(self._unconfirmed - self._asked_bytes, 0)
        self._window = min(self._window * 2, _WINDOW_MAX)
        return True

    def next_deadline(self) -> Nanos | None:
        if self._more:
            return self._engine.now
        if self._next_at > self._engine.now:
            return self._next_at
        interval = self._consumer.config.idle_heartbeat
        return self._last_sent + interval if interval and self.active() else None

    def active(self) -> bool:
        route = self._account.route(self.target)
        group = self._group
        if not group:
            return bool(route.plain)
        return any(members[0].queue == group for members in route.groups)

    def waiting(self) -> int:
        return 0

    def close(self, reason: str) -> None:
        """Nothing is sent: a push subscriber learns of the end by silence (STR-DEL-002)."""
