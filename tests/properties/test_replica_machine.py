"""A replica, the stream with its consumers, is the lists of ``models.group_model``, only faster."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models.consumer_model import ALL, EXPLICIT, NONE, ConsumerModel, ConsumerRules, Delivered
from models.group_model import INTEREST, LIMITS, WORK_QUEUE, GroupModel
from models.stream_model import Offer, Rules, Verdict
from refjs.broker.entries import CreateConsumer, DeleteConsumer, ForConsumer, GroupCodec, GroupEntry
from refjs.broker.picker import Picker
from refjs.broker.replica import ConsumerGone, ConsumerMade, GroupOutcome, Replica
from refjs.consumer.consumer import Applied, Consumer
from refjs.consumer.entries import (
    Acknowledge,
    ConsumerEntry,
    Deliver,
    Extend,
    GiveUp,
    PassTime,
    Refuse,
    Skip,
    Terminate,
)
from refjs.stream.entries import Configure, DeleteMessage, Expire, Purge
from refjs.types.config import AckPolicy, ConsumerConfig, DeliverPolicy, Retention, StreamConfig
from refjs.types.plain import encode_config
from refjs.types.profile import DEFAULT
from refjs.types.units import MILLISECOND, SECOND
from tests.properties.stream_offers import SUBJECTS, config_of, entry_of, verdict_of, with_headers

T0: Final = 1_000 * SECOND
NAMES: Final = ("c1", "c2")
STARTS: Final = ("all", "all", "all", "new", "last", "last_per_subject", "by_start_sequence", "by_start_time")
FILTERS: Final = ((), (), (), ("a",), ("b.>",), ("b.x",), ("a", "b.y"), (">",))
RULES: Final = Rules(window=60 * SECOND, allow_rollup=True)

stream_rules = st.builds(
    replace,
    st.just(RULES),
    max_msgs=st.sampled_from([-1, -1, 3]),
    max_msgs_per_subject=st.sampled_from([-1, -1, 2]),
    max_age=st.sampled_from([0, 0, 4 * SECOND]),
)
consumer_rules = st.builds(
    ConsumerRules,
    filters=st.sampled_from(FILTERS),
    policy=st.sampled_from(STARTS),
    start_seq=st.integers(1, 6),
    acks=st.sampled_from([EXPLICIT, EXPLICIT, ALL, NONE]),
    ack_wait=st.sampled_from([SECOND, 3 * SECOND]),
    backoff=st.sampled_from([(), (), (SECOND, 2 * SECOND)]),
    max_deliver=st.sampled_from([-1, -1, 1, 2, 3]),
    max_ack_pending=st.sampled_from([-1, 1, 2, 10]),
)
choices = st.integers(0, 100)


def consumer_config_of(given: ConsumerRules) -> ConsumerConfig:
    """Return the configuration that says ``given``."""
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy(given.policy),
        ack_policy=AckPolicy(given.acks),
        ack_wait=given.ack_wait,
        backoff=list(given.backoff),
        max_deliver=given.max_deliver,
        max_ack_pending=given.max_ack_pending,
    )
    if len(given.filters) == 1:
        config.filter_subject = given.filters[0]
    else:
        config.filter_subjects = list(given.filters)
    if given.policy == "by_start_sequence":
        config.opt_start_seq = given.start_seq
    if given.policy == "by_start_time":
        config.opt_start_time = given.start_time
    return config


def group_config_of(given: Rules, retention: str) -> StreamConfig:
    """Return the configuration of the stream."""
    config = config_of(given)
    config.retention = Retention(retention)
    return config


class ReplicaIsItsModel(RuleBasedStateMachine):
    """Entries do to the replica, and to one that gets them as bytes, what they do to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.model = GroupModel(RULES, LIMITS)
        self.replica = Replica(group_config_of(RULES, LIMITS), T0, DEFAULT)
        self.twin = self.replica
        self.watched: dict[str, Watch] = {}

    @initialize(
        drawn=stream_rules,
        retention=st.sampled_from([LIMITS, INTEREST, WORK_QUEUE]),
        consumers=st.lists(consumer_rules, min_size=1, max_size=2),
        subjects=st.lists(st.sampled_from(SUBJECTS), max_size=6),
        early=st.booleans(),
    )
    def begin(
        self, drawn: Rules, retention: str, consumers: list[ConsumerRules], subjects: list[str], *, early: bool
    ) -> None:
        """Begin with some stream, in which something happened already."""
        self.model = GroupModel(drawn, retention)
        self.replica = Replica(group_config_of(drawn, retention), T0, DEFAULT)
        self.twin = self.replica.fork()
        for subject in subjects[: 0 if early else 3]:
            self.publish(subject, 1)
        for name, given in zip(NAMES, consumers, strict=False):
            self.create(name, given, len(subjects))
        for subject in subjects:
            self.publish(subject, 1)

    def apply(self, entry: GroupEntry) -> GroupOutcome:
        """Apply ``entry`` to the replica and, from its bytes, to the twin."""
        codec = GroupCodec()
        data = codec.encode(entry)
        assert codec.encode(codec.decode(data)) == data
        self.twin.apply(codec.decode(data))
        return self.replica.apply(entry)

    def answer(self, entry: GroupEntry) -> Verdict:
        """Apply an entry of the stream, and return what it answered."""
        outcome = self.apply(entry)
        assert not isinstance(outcome, Applied | ConsumerMade | ConsumerGone)
        return verdict_of(outcome)

    def apply_to(self, name: str, entry: ConsumerEntry) -> Applied:
        """Apply an entry of one consumer."""
        applied = self.apply(ForConsumer(name, entry))
        assert isinstance(applied, Applied)
        return applied

    # -- the stream ---------------------------------------------------------------------------------------------

    @rule(
        subject=st.sampled_from(SUBJECTS), count=st.integers(1, 3), rollup=st.sampled_from(["", "", "", "sub", "all"])
    )
    def publish(self, subject: str, count: int, rollup: str = "") -> None:
        """Publish some messages on one subject."""
        for _ in range(count):
            self.now += 1
            offer = Offer(subject, self.now, b"", rollup=rollup, wanted=self.model.is_wanted(subject))
            offer = with_headers(offer, b"x")
            assert self.answer(entry_of(offer)) == self.model.publish(offer)

    @rule(subject=st.sampled_from([None, None, "", ">", "a", "b.>"]), by=choices, keep=st.integers(0, 2))
    def take_away(self, subject: str | None, by: int, keep: int) -> None:
        """Delete a message, or purge many."""
        if subject is None:
            self.delete(by)
        else:
            self.purge(subject, by, keep)

    def delete(self, by: int) -> None:
        """Delete a stored message."""
        stored = self.model.stream.messages
        if stored:
            seq = stored[by % len(stored)].seq
            assert self.answer(DeleteMessage(seq)) == self.model.delete(seq)

    def purge(self, subject: str, by: int, keep: int) -> None:
        """Purge all, below some sequence, or all but some; beyond the last one too."""
        seqs = range(self.model.stream.first_seq, self.model.stream.last_seq + 4)
        wanted = (0, keep) if keep else (seqs[by % len(seqs)] if by % 3 else 0, 0)
        assert self.answer(Purge(subject.encode(), *wanted)) == self.model.purge(subject, *wanted)

    @rule(drawn=stream_rules, turn=st.booleans())
    def configure(self, drawn: Rules, *, turn: bool) -> None:
        """Configure the stream anew; a work queue stays one (STR-CFG-006)."""
        retention = self.model.retention
        if turn and retention != WORK_QUEUE:
            retention = INTEREST if retention == LIMITS else LIMITS
        entry = Configure(encode_config(group_config_of(drawn, retention)), self.now)
        assert self.answer(entry) == self.model.configure(drawn, retention, self.now)

    # -- consumers ----------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), drawn=consumer_rules, by=choices, removes=st.sampled_from([False, False, True]))
    def change(self, name: str, drawn: ConsumerRules, by: int, *, removes: bool) -> None:
        """Create a consumer, update it, or delete it."""
        if removes:
            self.remove(name)
        else:
            self.create(name, drawn, by)

    def create(self, name: str, drawn: ConsumerRules, by: int) -> None:
        """Create a consumer, or update it in what an update may change (CON-CFG-033)."""
        known = self.model.consumers.get(name)
        stamps = [message.stamp for message in self.model.stream.messages]
        given = replace(drawn, start_time=[*stamps, self.now, self.now + 1][by % (len(stamps) + 2)])
        if given.policy == "last_per_subject" and not given.filters:
            given = replace(given, filters=(">",))
        if self.model.retention == WORK_QUEUE:
            given = replace(given, filters=("a",) if name == "c1" else ("b.>",), policy="all", acks=EXPLICIT)
        if known is not None:
            fixed = known.rules
            given = replace(given, acks=fixed.acks, policy=fixed.policy)
            given = replace(given, start_seq=fixed.start_seq, start_time=fixed.start_time)
        self.apply(CreateConsumer(name, encode_config(consumer_config_of(given)), self.now))
        self.model.create(name, given, self.now)
        if known is None:
            self.watched[name] = Watch(self.model.consumers[name])

    def remove(self, name: str) -> None:
        """Delete a consumer."""
        if name in self.model.consumers:
            self.apply(DeleteConsumer(name))
            self.model.remove(name)
            del self.watched[name]

    @rule(name=st.sampled_from(NAMES), most=st.integers(1, 4))
    def deliver(self, name: str, most: int) -> None:
        """Deliver what the picker picks, unless it picked for another configuration; give up what is spent."""
        if name not in self.model.consumers:
            return
        model, consumer = self.model.consumers[name], self.replica.consumers[name]
        picker, seqs = Picker(consumer, self.replica.stream.store, self.now), list[int]()
        message = picker.peek()
        while message is not None and len(seqs) < most:
            picker.take()
            seqs.append(message.seq)
            message = picker.peek()
        if not seqs and not model.waiting(self.model.stream.messages):
            self.apply_to(name, Skip(self.model.stream.last_seq + 1, self.now))
            model.skip(self.model.stream.last_seq + 1)
        picked, spent = model.pick(self.model.stream.messages, most)
        assert (seqs, picker.exhausted) == (picked, spent)
        self.watched[name].about_to_deliver(model, seqs)
        for seq in spent:
            assert self.apply_to(name, GiveUp(seq, self.now)).exhausted == [seq]
            model.give_up(seq)
        assert self.apply_to(name, Deliver(seqs, self.now, consumer.revision + 1)).deliveries == []
        applied = self.apply_to(name, Deliver(seqs, self.now, consumer.revision))
        deliveries = self.model.deliver(name, seqs, self.now)
        found = [Delivered(d.seq, d.consumer_seq, d.deliveries, d.pending) for d in applied.deliveries]
        assert found == deliveries
        self.watched[name].note(deliveries)

    @rule(name=st.sampled_from(NAMES), most=st.integers(1, 3), rounds=st.integers(1, 3))
    def neglect(self, name: str, most: int, rounds: int) -> None:
        """Deliver and never hear of it again, until the ack wait is over."""
        for _ in range(rounds):
            self.deliver(name, most)
            self.let_time_pass(3 * SECOND)

    # -- what clients answer ------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), by=choices, kind=st.sampled_from([Acknowledge, Acknowledge, Terminate]))
    def ack(self, name: str, by: int, kind: type[Acknowledge | Terminate]) -> None:
        """Acknowledge or terminate a delivery, perhaps again, perhaps late."""
        delivered = self.handle(name, by)
        if delivered is not None:
            self.settle(name, kind(delivered.seq, delivered.consumer_seq, self.now))

    def handle(self, name: str, by: int) -> Delivered | None:
        """Return a delivery of the consumer, mostly one of the newest; deliver first where there is none."""
        if name not in self.model.consumers:
            return None
        if not self.model.consumers[name].pending:
            self.deliver(name, 2)
        handles = self.watched[name].deliveries
        return handles[-1 - min(by % 4 if by % 5 else by, len(handles) - 1)] if handles else None

    @rule(name=st.sampled_from(NAMES), ahead=st.integers(-2, 2), consumer_ahead=st.integers(-2, 2))
    def forge_ack(self, name: str, ahead: int, consumer_ahead: int) -> None:
        """Acknowledge what perhaps never was delivered."""
        if name in self.model.consumers:
            self.deliver(name, 1)
            delivered = self.model.consumers[name].delivered
            consumer_seq, seq = max(delivered[0] + consumer_ahead, 0), max(delivered[1] + ahead, 0)
            self.settle(name, Acknowledge(seq, consumer_seq, self.now))

    def settle(self, name: str, entry: Acknowledge | Terminate) -> None:
        """Apply an ack."""
        applied = self.apply_to(name, entry)
        assert sorted(applied.settled) == self.model.ack(name, entry.seq, entry.consumer_seq)

    @rule(name=st.sampled_from(NAMES), by=choices, delay=st.sampled_from([None, 0, 0, 1, 2 * SECOND]))
    def refuse_or_extend(self, name: str, by: int, delay: int | None) -> None:
        """Want a delivery again, at once or later, or be still at work."""
        delivered = self.handle(name, by)
        if delivered is None:
            return
        model = self.model.consumers[name]
        if delay is None:
            self.apply_to(name, Extend(delivered.seq, self.now))
            model.extend(delivered.seq, self.now)
        else:
            self.apply_to(name, Refuse(delivered.seq, delay, self.now))
            model.nak(delivered.seq, delay, self.now)

    # -- time ---------------------------------------------------------------------------------------------------

    @rule(passing=st.sampled_from([1, 500 * MILLISECOND, SECOND, 3 * SECOND]))
    def let_time_pass(self, passing: int) -> None:
        """Time passes, for the stream and for every consumer."""
        self.now += passing
        self.tell_time()

    @rule(name=st.sampled_from(NAMES))
    def wait_for_a_deadline(self, name: str) -> None:
        """Wait for the next ack wait to be over: nothing is due a nanosecond earlier."""
        self.deliver(name, 1)
        deadlines = [due for c in self.model.consumers.values() if (due := c.next_deadline()) is not None]
        if deadlines and min(deadlines) > self.now:
            self.now = min(deadlines) - 1
            before = {name: list(consumer.due) for name, consumer in self.model.consumers.items()}
            self.tell_time()
            assert all(set(c.due) <= set(before[name]) for name, c in self.model.consumers.items())
            self.now += 1
            self.tell_time()

    def tell_time(self) -> None:
        """Tell everybody how late it is."""
        assert self.answer(Expire(self.now)) == self.model.expire(self.now)
        for name in self.model.consumers:
            applied = self.apply_to(name, PassTime(self.now))
            assert applied.exhausted == self.model.consumers[name].pass_time(self.now)

    @rule(which=st.booleans())
    def restore(self, *, which: bool) -> None:
        """Go on with a copy made from a snapshot."""
        if which:
            self.replica = self.replica.fork()
        else:
            self.twin = self.replica.fork()

    # -- what holds after every step ------------------------------------------------------------------------------

    @invariant()
    def stream_agrees(self) -> None:
        """The stream holds what the model's does: retention let go what it had to, and nothing else (W1, W2)."""
        state, model = self.replica.stream.state(), self.model.stream
        assert [m.seq for m in self.replica.stream.store.messages()] == [m.seq for m in model.messages]
        assert (state.first_seq, state.last_seq) == (model.first_seq, model.last_seq)

    @invariant()
    def consumers_agree(self) -> None:
        """Every consumer stands where its model stands."""
        assert sorted(self.replica.consumers) == sorted(self.model.consumers)
        for name, model in self.model.consumers.items():
            assert image_of(self.replica.consumers[name]) == image_of_model(model, self.model)

    @invariant()
    def promises_are_kept(self) -> None:
        """What was seen from outside keeps C2, C3 and C5."""
        for name, watch in self.watched.items():
            watch.check(self.model.consumers[name])

    @invariant()
    def copies_agree(self) -> None:
        """The twin has the same digest, and every invariant holds in both."""
        self.replica.check_invariants()
        assert self.twin.digest() == self.replica.digest()


class Watch:
    """What somebody sees who only reads deliveries and infos of one consumer."""

    def __init__(self, model: ConsumerModel) -> None:
        self.deliveries: list[Delivered] = []
        self.newest = 0
        self.counts: dict[int, int] = {}
        self.floor = model.floor
        self.delivered = model.delivered

    def about_to_deliver(self, model: ConsumerModel, seqs: list[int]) -> None:
        """New messages leave room for max_ack_pending (C5)."""
        new = [seq for seq in seqs if seq not in model.pending]
        limited = model.rules.acks != NONE and model.rules.max_ack_pending > 0
        assert not new or not limited or len(model.pending) + len(new) <= model.rules.max_ack_pending

    def note(self, deliveries: list[Delivered]) -> None:
        """Deliveries count on without a gap (C2), and new messages come in stream order (C1)."""
        for delivered in deliveries:
            self.deliveries.append(delivered)
            assert delivered.consumer_seq == len(self.deliveries)
            self.counts[delivered.seq] = self.counts.get(delivered.seq, 0) + 1
            assert delivered.count == self.counts[delivered.seq]
            if delivered.count == 1:
                assert delivered.seq > self.newest
                self.newest = delivered.seq

    def check(self, model: ConsumerModel) -> None:
        """The floor and the place never move back, and the floor is below what is pending (C3)."""
        assert model.floor[0] >= self.floor[0]
        assert model.floor[1] >= self.floor[1]
        assert model.delivered >= self.delivered
        assert all(seq > model.floor[1] for seq in model.pending)
        self.floor, self.delivered = model.floor, model.delivered


def image_of(consumer: Consumer) -> dict[str, object]:
    """Return all that there is to know about a consumer, as a value."""
    return {
        "next": consumer.next_seq,
        "first": list(consumer.first),
        "delivered": (consumer.delivered.consumer_seq, consumer.delivered.stream_seq),
        "floor": (consumer.ack_floor.consumer_seq, consumer.ack_floor.stream_seq),
        "waiting": consumer.num_pending,
        "pending": {seq: (held.consumer_seq, held.deadline) for seq, held in consumer.pending.items()},
        "due": list(consumer.pending.due()),
        "redelivered": len(consumer.deliveries),
        "given up": sorted(consumer.exhausted),
        "deadline": consumer.next_deadline(),
    }


def image_of_model(model: ConsumerModel, group: GroupModel) -> dict[str, object]:
    """Return the same of a model."""
    return {
        "next": model.next_seq,
        "first": model.first,
        "delivered": model.delivered,
        "floor": model.floor,
        "waiting": len(model.waiting(group.stream.messages)),
        "pending": {seq: (held.consumer_seq, held.deadline) for seq, held in sorted(model.pending.items())},
        "due": model.due,
        "redelivered": model.num_redelivered(),
        "given up": sorted(model.given_up),
        "deadline": model.next_deadline(),
    }


@pytest.mark.req(
    "CON-POS-001", "CON-POS-002", "CON-POS-003", "CON-POS-004", "CON-POS-005", "CON-POS-006", "CON-POS-007",
    "CON-POS-008", "CON-POS-009", "CON-POS-010", "CON-POS-011", "CON-POS-014", "CON-DLV-003", "CON-DLV-004",
    "CON-DLV-006", "CON-DLV-007", "CON-ACK-004", "CON-ACK-005", "CON-ACK-006", "CON-ACK-007", "CON-ACK-008",
    "CON-ACK-010", "CON-ACK-011", "CON-ACK-012", "CON-ACK-013", "CON-ACK-014", "CON-ACK-016", "CON-CFG-034",
    "CON-CFG-035", "CON-PRG-001", "CON-PRG-002", "CON-PRG-004", "CON-PRG-005", "STR-RET-001", "STR-RET-003",
    "STR-RET-004", "STR-RET-005", "STR-RET-006", "STR-RET-007", "STR-RET-008", "STR-UPD-008", "STR-ROL-004",
)  # fmt: skip
def test_the_replica_is_its_model() -> None:
    """Whatever happens to a stream and its consumers, they stand where the model stands, and so do their copies."""
    run_state_machine_as_test(ReplicaIsItsModel, settings=settings(stateful_step_count=30, report_multiple_bugs=False))
