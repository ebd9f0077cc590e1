"""A consumer as the leader of its stream serves it: acknowledgements in, messages out, time passing."""

from __future__ import annotations

from typing import Final, Protocol, final

from refjs.account.account import Account
from refjs.account.subscription import Subscription
from refjs.api.delivery_requests import decode_pull_request
from refjs.broker import acks
from refjs.broker.advisories import Advisories
from refjs.broker.engine import Engine, Worker
from refjs.broker.entries import DeleteConsumer, ForConsumer, GroupEntry
from refjs.broker.pace import Pace
from refjs.broker.picker import Picker
from refjs.broker.pull import PullService, delivered_size, outgoing
from refjs.broker.push import PushService
from refjs.broker.replica import Replica
from refjs.broker.services import DeliveryService, Plan
from refjs.broker.timers import Alarm
from refjs.consumer.consumer import Applied, Consumer, Delivery
from refjs.consumer.entries import ConsumerEntry, Deliver, GiveUp, PassTime, Skip
from refjs.types.config import AckPolicy, ReplayPolicy
from refjs.types.records import ConsumerInfo
from refjs.types.stored import StoredMessage
from refjs.types.units import Nanos, Subject
from refjs.wire import headers

_PUSH_BASED: Final = headers.build(b"409 Consumer is push based", [])


class Group(Protocol):
    """What a consumer's host asks of its stream's."""

    name: str
    replica: Replica
    advisories: Advisories

    def propose(self, entry: GroupEntry, answer: acks.Answer | None = None) -> None:
        """Propose ``entry`` to the group's log."""

    def stamp(self) -> Nanos:
        """Return the time for a new entry."""


@final
class ConsumerHost(Worker):
    """One served consumer."""

    def __init__(self, engine: Engine, account: Account, group: Group, consumer: Consumer) -> None:
        self.engine = engine
        self.account = account
        self.group = group
        self.consumer = consumer
        self.name = consumer.name
        self.service: DeliveryService = (
            PushService(engine, account, group.name, consumer)
            if consumer.config.deliver_subject
            else PullService(engine, account, group.name, consumer)
        )
        self._ack_prefix = f"$JS.ACK.{group.name}.{self.name}.".encode()
        self._alarm = Alarm(self._ring)
        self._subscriptions: list[Subscription] = []
        self._watched: Subject = b""
        """The deliver subject whose interest wakes us; empty for none."""
        self._in_flight: Plan | None = None
        self._pace: Pace | None = None
        self._last_body = b""
        self._last_demand = decode_pull_request(b"")
        """Clients repeat their requests: the last one need not be read again."""
        self._looks = True  # that somebody waits for messages is new
        self._passing = False  # that time has passed is proposed, and not yet committed
        self._last_active: Nanos = engine.now
        self._gone = False

    # -- coming and going ---------------------------------------------------------------------------------------

    def take_up(self) -> None:
        """Serve the consumer, or follow its new configuration."""
        if not self._subscriptions:
            self._listen()
            if self.consumer.config.replay_policy is ReplayPolicy.ORIGINAL:
                self._pace = Pace(self.group.replica.stream.store.last_seq)
        self._watch(self.consumer.config.deliver_subject.encode())
        self._last_active = self.engine.now
        self.engine.wake(self)

    def _listen(self) -> None:
        stream, name = self.group.name, self.name
        self._subscriptions = [
            Subscription(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}".encode(), sink=self._receive_request),
            Subscription(f"$JS.FC.{stream}.{name}.>".encode(), sink=self._receive_flow),
        ]
        if self.consumer.config.ack_policy is not AckPolicy.NONE:  # else nobody is there to take one (CON-DLV-004)
            self._subscriptions.append(Subscription(self._ack_prefix + b">", sink=self._receive_ack))
        for subscription in self._subscriptions:
            self.account.subscribe(subscription)

    def _watch(self, target: Subject) -> None:
        """Be woken by interest in ``target``, and no more in what an update has replaced by it (CON-PSH-002)."""
        if target == self._watched:
            return
        if self._watched:
            self.engine.stop_listening(self._watched, self)
        if target:
            self.engine.listen_for_interest(target, self)
        self._watched = target

    def lay_down(self, reason: str) -> None:
        """Stop serving; ``reason`` is what those who wait are told (CON-PUL-017)."""
        for subscription in self._subscriptions:
            self.account.unsubscribe(subscription)
        self._subscriptions = []
        self._watch(b"")
        self.service.close(reason)
        self.engine.timers.set(self._alarm, None)
        self._in_flight = None
        self._gone = True

    # -- receiving ----------------------------------------------------------------------------------------------

    def _receive_ack(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> bool:
        place = acks.parse_place(subject)
        if place is None:
            return True
        self._last_active = self.engine.now
        if place.seq >= self.consumer.next_seq and place.seq not in self.consumer.pending:
            return True
        payload = body[header_size:]
        self._advise(place, payload)
        ack = acks.parse_ack(payload, place, self.group.stamp())
        if ack.entry is None:
            self._confirm(reply)
        else:
            self._propose(ack.entry, acks.confirmation(self.engine.router, self.account, b"" if ack.next else reply))
        if ack.next:
            self._ask(reply, payload[len(acks.NEXT) :].strip())
        self.engine.wake(self)
        return True

    def _advise(self, place: acks.Place, payload: bytes) -> None:
        """Say what the client made of a delivery that was still open."""
        pending = self.consumer.pending.get(place.seq)
        if pending is None:
            return
        name, say = self.name, self.group.advisories
        count = self.consumer.deliveries.get(place.seq, 1)
        if payload.startswith(acks.NAK):
            say.nak(name, place.seq, place.consumer_seq, count)
        elif payload.startswith(acks.TERM):
            reason = payload[len(acks.TERM) :].strip().decode("utf-8", "replace")
            say.terminated(name, place.seq, place.consumer_seq, count, reason)
        elif self.consumer.config.sample_freq and payload != acks.PROGRESS:
            since = pending.deadline - self.consumer.ack_wait(count)
            percent = int(self.consumer.config.sample_freq.removesuffix("%"))
            say.acknowledged(name, place.seq, place.consumer_seq, count, self.engine.now - since, percent)

    def _confirm(self, reply: Subject) -> None:
        if reply:
            self.engine.router.post(self.account, reply, b"", 0, b"")

    def _receive_request(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> bool:
        if reply:
            self._ask(reply, body[header_size:])
        return True

    def _ask(self, reply: Subject, body: bytes) -> None:
        service = self.service
        self._last_active = self.engine.now
        if isinstance(service, PullService):
            if body != self._last_body:
                self._last_body, self._last_demand = body, decode_pull_request(body)
            if service.ask(reply, self._last_demand):
                self._looks = True
            self.engine.wake(self)
        else:
            self.engine.router.post(self.account, reply, b"", len(_PUSH_BASED), _PUSH_BASED)

    def _receive_flow(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> bool:
        service = self.service
        if isinstance(service, PushService) and service.confirmed(subject):
            self.engine.wake(self)
        return True

    # -- delivering ---------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Deliver what there is demand for, then see when to be woken next."""
        if self._gone:
            return
        if self._in_flight is None:
            self._pass_time()
            picker = Picker(self.consumer, self.group.replica.stream.store, self.engine.now, self._pace)
            plan = self.service.plan(picker)
            for seq in picker.exhausted:
                self._propose(GiveUp(seq, self.group.stamp()))
            if plan.messages:
                self._in_flight = plan
                self._propose(Deliver(list(plan.messages), self.group.stamp(), self.consumer.revision))
            else:
                self._finish(plan)
                self._skip()
        self._set_alarm()

    def _skip(self) -> None:
        """Begin behind what a request, or a new subscriber, was looked for in vain (CON-POS-014)."""
        if self.consumer.delivered.consumer_seq or self.consumer.ack_floor.stream_seq:
            return
        if not self.service.active():
            self._looks = True
        elif self._looks:
            self._looks = False
            last_seq = self.group.replica.stream.store.last_seq
            if last_seq > self.consumer.delivered.stream_seq and not self.consumer.num_pending:
                self._propose(Skip(last_seq + 1, self.group.stamp()))

    def _pass_time(self) -> None:
        due = self._next_passing()
        if due is not None and due <= self.engine.now:
            self._passing = True
            self._propose(PassTime(self.engine.now))

    def _next_passing(self) -> Nanos | None:
        """Return when the consumer must learn of the time, None where that is on its way already."""
        return None if self._passing else self.consumer.next_deadline()

    def _propose(self, entry: ConsumerEntry, answer: acks.Answer | None = None) -> None:
        self.group.propose(ForConsumer(self.name, entry), answer)

    def applied(self, entry: ConsumerEntry, outcome: Applied) -> None:
        """Send what an applied entry delivers, say what it gave up, and see what may be delivered now."""
        for seq in outcome.exhausted:
            self.group.advisories.max_deliver(self.name, seq, self.consumer.config.max_deliver)
        if isinstance(entry, PassTime):
            self._passing = False
        plan = self._in_flight
        if isinstance(entry, Deliver) and plan is not None:
            self._in_flight = None
            for delivery in outcome.deliveries:
                self._send(plan.messages.pop(delivery.seq), delivery, plan.targets[delivery.seq])
            for message in plan.messages.values():
                self.service.give_back(message)
            self._finish(plan)
        self.engine.wake(self)

    def _send(self, message: StoredMessage, delivery: Delivery, target: Subject) -> None:
        reply = b"%b%d.%d.%d.%d.%d" % (
            self._ack_prefix,
            delivery.deliveries,
            message.seq,
            delivery.consumer_seq,
            message.ts,
            delivery.pending,
        )
        header_size, body = outgoing(message, headers_only=self.consumer.config.headers_only)
        self.engine.router.post_as(self.account, target, message.subject, reply, header_size, body)
        self.service.sent(target, delivered_size(message))

    def _finish(self, plan: Plan) -> None:
        for target, block in plan.after:
            self.engine.router.post(self.account, target, b"", len(block), block)

    def info(self) -> ConsumerInfo:
        """Return the consumer as its info shows it (CON-API-011)."""
        consumer = self.consumer
        return ConsumerInfo(
            stream_name=self.group.name,
            name=self.name,
            created=consumer.created,
            config=consumer.config,
            delivered=consumer.delivered,
            ack_floor=consumer.ack_floor,
            num_ack_pending=len(consumer.pending),
            num_redelivered=len(consumer.deliveries),
            num_waiting=self.service.waiting(),
            num_pending=consumer.num_pending,
            ts=self.engine.now,
            push_bound=bool(consumer.config.deliver_subject) and self.service.active(),
        )

    # -- time ---------------------------------------------------------------------------------------------------

    def _ring(self, now: Nanos) -> None:
        if self._is_abandoned(now):
            self.group.propose(DeleteConsumer(self.name))
        else:
            self.engine.wake(self)

    def _is_abandoned(self, now: Nanos) -> bool:
        """Tell whether nobody cared for the consumer for its ``inactive_threshold`` (CON-INA-001)."""
        threshold = self.consumer.config.inactive_threshold
        if not threshold:
            return False
        if self.service.active():
            self._last_active = now
        return now - self._last_active >= threshold

    def _set_alarm(self) -> None:
        if self._gone:
            return
        threshold = self.consumer.config.inactive_threshold
        deadlines = [self._last_active + threshold if threshold else None]
        if self._in_flight is None:  # else the delivery wakes us when it is committed
            deadlines += [self._next_passing(), self.service.next_deadline()]
            deadlines.append(None if self._pace is None else self._pace.next_at)
        known = [deadline for deadline in deadlines if deadline is not None]
        self.engine.timers.set(self._alarm, max(min(known), self.engine.now) if known else None)
