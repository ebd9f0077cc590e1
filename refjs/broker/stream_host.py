"""A stream as this server hosts it: its replica and its log, and, where this replica leads, its service to clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, assert_never, final

from refjs.account.account import Account
from refjs.account.subscription import Subscription
from refjs.api import answers
from refjs.broker.acks import Answer
from refjs.broker.advisories import Advisories
from refjs.broker.consumer_host import ConsumerHost
from refjs.broker.direct_get import DirectGet
from refjs.broker.engine import Engine
from refjs.broker.entries import Adopt, CreateConsumer, DeleteConsumer, ForConsumer, GroupEntry
from refjs.broker.meta_entries import AssignStream
from refjs.broker.replica import ConsumerMade, GroupOutcome, Replica
from refjs.broker.timers import Alarm
from refjs.consumer.consumer import Applied, Consumer
from refjs.storage.log import Log
from refjs.stream.entries import Configure, DeleteMessage, Expire, Publish, Purge
from refjs.stream.outcomes import Duplicate, Refused, Skipped, Stored
from refjs.types.config import StreamConfig
from refjs.types.records import StreamInfo
from refjs.types.units import MILLISECOND, Nanos, Subject
from refjs.wire import headers

_EXPIRY_PACE: Final = 250 * MILLISECOND
"""How often at most messages are looked for that grew too old (STR-LIM-010)."""

Owed: TypeAlias = Callable[[], None]


@final
class StreamHost:
    """One hosted stream."""

    def __init__(self, engine: Engine, account: Account, assignment: AssignStream, config: StreamConfig) -> None:
        self.engine = engine
        self.account = account
        self.assignment = assignment
        self.name = config.name
        self.replica = Replica(config, assignment.stamp, engine.profile)
        self.advisories = Advisories(engine, account, config.name)
        self.consumers: dict[str, ConsumerHost] = {}
        self.leading = False
        self._expired_at: Nanos = 0
        self._expiring = False  # that time has passed is proposed, and not yet committed
        self._alarm = Alarm(self._ring)
        self._subscriptions: list[Subscription] = []
        self._listening_to = config
        self._replies: dict[int, Subject] = {}
        self._answers: dict[int, Answer] = {}
        self._owed: list[Owed] = [self._created(assignment.reply)]
        """What is to be said once the group has the revision of the assignment: its leader of then says it."""
        self.log: Log[GroupEntry]
        self.log, held = engine.logs.open_group(assignment, config)
        for _, entry in held:
            self.replica.apply(entry)
        self.replica.terminated.clear()
        self._ack_prefix = answers.pub_ack_prefix(self.name, engine.options.domain, engine.profile)

    # -- leading ------------------------------------------------------------------------------------------------

    def follow_log(self) -> None:
        """Apply what was committed, and serve as long as this replica leads.

        Leadership is asked for first: what another leader committed must not answer those who wait for our proposals.
        """
        snapshot = self.log.take_snapshot()
        if snapshot is not None:
            self.lay_down()
            self.replica = Replica.restore(snapshot, self.engine.profile)
        self.drain()
        if self.log.leads() and not self.leading:
            self.leading = True
            self._take_up()

    def _take_up(self) -> None:
        self._listen()
        for consumer in self.replica.consumers.values():
            self._serve(consumer)
        self._set_alarm()
        self._keep_up()

    def _keep_up(self) -> None:
        """Bring the group to the revision that the metadata has."""
        if self.replica.revision < self.assignment.revision:
            self.propose(Adopt(self.assignment.config, self.assignment.revision, self.stamp()))
        else:
            self._kept_up()

    def _kept_up(self) -> None:
        """Say what is owed to those who asked for the revision that the group has now, if this replica leads."""
        owed, self._owed = self._owed, []
        if self.leading:
            for say in owed:
                say()

    def lay_down(self) -> None:
        """Stop serving: this replica leads no more, or the stream is gone."""
        self.leading = False
        self._expiring = False
        for subscription in self._subscriptions:
            self.account.unsubscribe(subscription)
        self._subscriptions = []
        for host in self.consumers.values():
            host.lay_down("Leadership Change")
        self.consumers = {}
        self._replies.clear()
        self._answers.clear()
        self.engine.timers.set(self._alarm, None)

    def delete(self) -> None:
        """Stop serving and remove what is kept: the stream was deleted (STR-DEL-001)."""
        if self.leading:
            self.advisories.stream_action("delete")
        for host in self.consumers.values():
            host.lay_down("Consumer Deleted")
        self.consumers = {}
        self.lay_down()
        self.engine.logs.drop_group(self.assignment)

    def _listen(self) -> None:
        """Subscribe to what the configuration captures."""
        self._listening_to = self.replica.stream.config
        for subscription in self._subscriptions:
            self.account.unsubscribe(subscription)
        self._subscriptions = [
            Subscription(subject.encode(), sink=self.receive) for subject in self.replica.stream.config.subjects
        ]
        if self.replica.stream.config.allow_direct:
            direct = DirectGet(self.engine, self.account, self.replica.stream).receive
            prefix = f"$JS.API.DIRECT.GET.{self.name}".encode()
            self._subscriptions += [Subscription(prefix, sink=direct), Subscription(prefix + b".>", sink=direct)]
        for subscription in self._subscriptions:
            self.account.subscribe(subscription)

    def _serve(self, consumer: Consumer) -> None:
        host = self.consumers.get(consumer.name)
        if host is None:
            host = ConsumerHost(self.engine, self.account, self, consumer)
            self.consumers[consumer.name] = host
        host.take_up()

    def reassign(self, assignment: AssignStream, reply: Subject, *, update: bool) -> None:
        """Follow a repeated assignment: another configuration, or the same one asked for again (STR-CRT-003)."""
        self.assignment = assignment
        self._owed.append(self._updated(reply) if update else self._shown(reply))
        if self.leading:
            self._keep_up()
        elif self.replica.revision >= assignment.revision:
            self._kept_up()

    def _created(self, reply: Subject) -> Owed:
        def say() -> None:
            self.advisories.stream_action("create")
            self._answer_create(reply)

        return say

    def _shown(self, reply: Subject) -> Owed:
        return lambda: self._answer_create(reply)

    def _answer_create(self, reply: Subject) -> None:
        if reply:
            self._post(reply, answers.stream_create(self.info(), self.engine.profile))

    def _updated(self, reply: Subject) -> Owed:
        def say() -> None:
            self.advisories.stream_action("modify")
            if reply:
                self._post(
                    reply, answers.stream_update(self.info(), self.engine.profile, domain=self.engine.options.domain)
                )

        return say

    # -- proposing ----------------------------------------------------------------------------------------------

    def stamp(self) -> Nanos:
        """Return the time for a new entry: now, but never before that of an earlier one."""
        return max(self.engine.now, self.replica.stream.stamp)

    def receive(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> bool:
        """Store a published message (STR-PUB-001)."""
        if header_size:
            header_size, body = self._without_status(header_size, body)
        index = self.log.propose(Publish(subject, header_size, body, self.stamp()))
        if index == 0:
            return False
        if reply and not self.replica.stream.config.no_ack:
            self._replies[index] = reply
        self.drain()
        return True

    def _without_status(self, header_size: int, body: bytes) -> tuple[int, bytes]:
        """Return the message as it is stored: without the status that its headers may begin with (STR-PUB-004)."""
        if not self.engine.profile.strips_status or body.startswith(headers.VERSION_LINE):
            return header_size, body
        block = headers.without_status(body[:header_size])
        return len(block), block + body[header_size:]

    def propose(self, entry: GroupEntry, answer: Answer | None = None) -> None:
        """Propose ``entry``; ``answer`` is called with its outcome once it is applied here."""
        index = self.log.propose(entry)
        if index == 0:
            return
        if answer is not None:
            self._answers[index] = answer
        self.drain()

    def _ring(self, now: Nanos) -> None:
        """Propose that time has passed."""
        self._expiring = True
        self._expired_at = now
        self.propose(Expire(now))
        self._set_alarm()

    def _set_alarm(self) -> None:
        deadline = None
        if self.leading and not self._expiring:
            deadline = self.replica.stream.next_deadline()
            if deadline is None:
                self._expired_at = 0  # the next message's age is watched to the nanosecond
            else:
                deadline = max(deadline, self._expired_at + _EXPIRY_PACE)
        self.engine.timers.set(self._alarm, deadline)

    # -- looking ------------------------------------------------------------------------------------------------

    def info(self) -> StreamInfo:
        """Return the stream as its info shows it (STR-INF-001)."""
        state = self.replica.stream.state()
        state.consumer_count = len(self.replica.consumers)
        return StreamInfo(self.replica.stream.config, self.replica.stream.created, state, self.engine.now)

    # -- applying -----------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Apply what was committed and answer those who wait for it."""
        committed = self.log.take_committed()
        if self.leading and not self.log.leads():
            self.lay_down()
        while committed:
            for index, entry in committed:
                outcome = self.replica.apply(entry)
                if self.leading:
                    self._applied(index, entry, outcome)
                else:
                    self.replica.terminated.clear()  # the leader's to tell
                if isinstance(entry, Adopt) and entry.revision >= self.assignment.revision:
                    self._kept_up()
            committed = self.log.take_committed()

    def _applied(self, index: int, entry: GroupEntry, outcome: GroupOutcome) -> None:
        match entry:
            case Publish():
                self._published(index, entry, outcome)
            case ForConsumer():
                host = self.consumers.get(entry.name)
                if host is not None and isinstance(outcome, Applied):
                    host.applied(entry.entry, outcome)
            case CreateConsumer():
                assert isinstance(outcome, ConsumerMade)
                if entry.name not in self.consumers:
                    self.advisories.consumer_action(entry.name, "create")
                self._serve(outcome.consumer)
            case DeleteConsumer():
                gone = self.consumers.pop(entry.name, None)
                if gone is not None:
                    gone.lay_down("Consumer Deleted")
                    self.advisories.consumer_action(entry.name, "delete")
            case Expire():
                self._expiring = False
                self._listen_anew()
            case Purge() | DeleteMessage() | Configure() | Adopt():
                self._listen_anew()
            case _:
                assert_never(entry)
        self._tell_terminated(entry)
        answer = self._answers.pop(index, None)
        if answer is not None:
            answer(outcome)

    def _published(self, index: int, entry: Publish, outcome: GroupOutcome) -> None:
        reply = self._replies.pop(index, b"")
        if isinstance(outcome, Stored):
            if self.consumers:
                for consumer in self.replica.interested(entry.subject):
                    self.engine.wake(self.consumers[consumer.name])
            if self._alarm.deadline is None or outcome.message.header_size:
                self._set_alarm()
            if reply:
                self._post(reply, b"%b%d}" % (self._ack_prefix, outcome.message.seq))
        elif reply and isinstance(outcome, Refused):
            self._post(reply, answers.pub_refusal(self.name, outcome.error))
        elif reply and isinstance(outcome, Duplicate):
            self._post(reply, b'%b%d,"duplicate": true}' % (self._ack_prefix, outcome.seq))
        elif reply and isinstance(outcome, Skipped):
            self._post(reply, b"%b%d}" % (self._ack_prefix, outcome.seq))

    def _post(self, reply: Subject, body: bytes) -> None:
        self.engine.router.post(self.account, reply, b"", 0, body)

    def _listen_anew(self) -> None:
        """Follow what a purge, a delete, expiry or a new configuration changed."""
        if self.replica.stream.config != self._listening_to:
            self._listen()
        self._set_alarm()

    def _tell_terminated(self, entry: GroupEntry) -> None:
        """Say which deliveries ended because their message left the stream (CON-PRG-004)."""
        if not self.replica.terminated:
            return
        asked_for = isinstance(entry, Purge | DeleteMessage)
        reason = "Unacknowledged message was deleted" if asked_for else "Message deleted by stream limits"
        for name, ended in self.replica.terminated:
            host = self.consumers.get(name)
            if host is not None:
                self.engine.wake(host)
                self.advisories.terminated(name, ended.seq, ended.consumer_seq, ended.deliveries, reason)
        self.replica.terminated.clear()
