"""Rules of consumers that once were broken, each by its smallest example, on a replica with one consumer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refjs.broker.acks import parse_place
from refjs.broker.entries import CreateConsumer, ForConsumer
from refjs.broker.picker import Picker
from refjs.broker.replica import Replica
from refjs.consumer.consumer import Applied, Consumer
from refjs.consumer.entries import Acknowledge, ConsumerEntry, Deliver, Extend, GiveUp, PassTime, Refuse, Terminate
from refjs.stream.entries import DeleteMessage, Publish, Purge
from refjs.types.config import AckPolicy, ConsumerConfig, DeliverPolicy, Retention, StreamConfig
from refjs.types.plain import encode_config
from refjs.types.profile import DEFAULT
from refjs.types.units import SECOND, Nanos, Seq

T0 = 1_000 * SECOND
EXPLICIT = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=SECOND, max_deliver=-1)
ACK_ALL = replace(EXPLICIT, ack_policy=AckPolicy.ALL)


class Bench:
    """A replica with the consumer ``c``, and time that stands still."""

    def __init__(self, subjects: str, config: ConsumerConfig, retention: Retention = Retention.LIMITS) -> None:
        """Create the consumer and publish a message on each of ``subjects``, one letter each."""
        stream = StreamConfig(name="S", subjects=[">"], retention=retention, duplicate_window=SECOND)
        self.replica = Replica(stream, T0, DEFAULT)
        self.create("c", config)
        for subject in subjects:
            self.replica.apply(Publish(subject.encode(), 0, b"", T0))

    @property
    def consumer(self) -> Consumer:
        return self.replica.consumers["c"]

    def create(self, name: str, config: ConsumerConfig) -> None:
        """Create or update a consumer."""
        self.replica.apply(CreateConsumer(name, encode_config(config), T0))

    def apply(self, entry: ConsumerEntry) -> Applied:
        """Apply an entry of the consumer."""
        applied = self.replica.apply(ForConsumer("c", entry))
        assert isinstance(applied, Applied)
        return applied

    def deliver(self, most: int, at: Nanos = T0) -> list[Seq]:
        """Deliver what the picker picks, and return what went out."""
        picker = Picker(self.consumer, self.replica.stream.store, at)
        seqs: list[Seq] = []
        while len(seqs) < most and (message := picker.peek()) is not None:
            picker.take()
            seqs.append(message.seq)
        for seq in picker.exhausted:
            self.apply(GiveUp(seq, at))
        return [delivery.seq for delivery in self.apply(Deliver(seqs, at, self.consumer.revision)).deliveries]

    def stored(self) -> list[Seq]:
        """Return what the stream holds."""
        return [message.seq for message in self.replica.stream.store.messages()]

    def pending(self) -> list[Seq]:
        """Return what is delivered and not settled."""
        return [seq for seq, _ in self.consumer.pending.items()]

    def floor(self) -> tuple[Seq, Seq]:
        """Return the ack floor."""
        return self.consumer.ack_floor.consumer_seq, self.consumer.ack_floor.stream_seq


@pytest.mark.req("CON-ACK-012", "CON-POS-011")
def test_the_floor_stays_below_what_was_given_up() -> None:
    """What was given up is not acknowledged: later acks do not move the floor, until nothing is pending any more."""
    bench = Bench("aaaa", replace(EXPLICIT, max_deliver=1))
    bench.deliver(1)
    assert bench.apply(PassTime(T0 + SECOND)).exhausted == [1]
    bench.deliver(3, at=T0 + SECOND)
    bench.apply(Acknowledge(2, 2, T0))
    bench.apply(Acknowledge(4, 4, T0))
    assert bench.floor() == (0, 0)
    bench.apply(Acknowledge(3, 3, T0))
    assert bench.floor() == (4, 4)


@pytest.mark.req("CON-ACK-016", "STR-RET-004")
@pytest.mark.parametrize("kind", [Acknowledge, Terminate])
def test_a_late_ack_settles_what_was_given_up(kind: type[Acknowledge | Terminate]) -> None:
    """A work queue lets a message go whose ack arrives after it was given up."""
    bench = Bench("aa", replace(EXPLICIT, max_deliver=1), Retention.WORK_QUEUE)
    bench.deliver(2)
    bench.apply(PassTime(T0 + SECOND))
    assert bench.stored() == [1, 2]
    bench.apply(Refuse(1, 0, T0))
    bench.apply(Extend(1, T0))
    assert (bench.stored(), bench.pending()) == ([1, 2], [])
    assert bench.apply(kind(1, 1, T0)).settled == [1]
    assert bench.stored() == [2]


@pytest.mark.req("CON-ACK-008", "CON-ACK-004")
def test_term_under_ack_all_settles_all_below() -> None:
    """With ack policy all, +TERM settles everything up to its message."""
    bench = Bench("aaaa", ACK_ALL)
    bench.deliver(4)
    assert bench.apply(Terminate(2, 2, T0)).settled == [1, 2]
    assert (bench.pending(), bench.floor()) == ([3, 4], (2, 2))


@pytest.mark.req("CON-ACK-003", "CON-ACK-004")
@pytest.mark.parametrize(("seq", "consumer_seq"), [(2, 99), (9, 2), (9, 99)])
def test_an_ack_of_what_never_was_delivered_settles_nothing(seq: Seq, consumer_seq: Seq) -> None:
    """With ack policy all, a forged ack moves nothing."""
    bench = Bench("aaa", ACK_ALL)
    bench.deliver(3)
    assert bench.apply(Acknowledge(seq, consumer_seq, T0)).settled == []
    assert (bench.pending(), bench.floor()) == ([1, 2, 3], (0, 0))


@pytest.mark.req("CON-ACK-004", "CON-ACK-012")
def test_ack_all_does_not_reach_what_was_given_up() -> None:
    """With ack policy all, the ack of a message that was given up settles nothing, and later acks leave it stored."""
    bench = Bench("aaaa", replace(ACK_ALL, max_deliver=1), Retention.INTEREST)
    bench.deliver(3)
    bench.apply(PassTime(T0 + SECOND))
    assert bench.apply(Acknowledge(2, 2, T0)).settled == []
    assert bench.floor() == (0, 0)
    bench.deliver(1, at=T0 + SECOND)
    assert bench.apply(Acknowledge(4, 4, T0)).settled == [4]
    assert bench.stored() == [1, 2, 3]


@pytest.mark.req("CON-PRG-007")
def test_a_deletion_acknowledges_nothing() -> None:
    """With ack policy all, deleting a pending message leaves those below it pending."""
    bench = Bench("aaa", ACK_ALL)
    bench.deliver(3)
    bench.replica.apply(DeleteMessage(2))
    assert bench.pending() == [1, 3]


@pytest.mark.req("CON-PRG-002", "CON-ACK-012")
def test_a_purge_raises_the_floor_over_what_was_given_up() -> None:
    """A purge moves the floor to the last sequence before what is pending still."""
    bench = Bench("aaaa", replace(EXPLICIT, max_deliver=1))
    bench.deliver(2)
    bench.apply(PassTime(T0 + SECOND))
    bench.deliver(1, at=T0 + SECOND)
    bench.replica.apply(DeleteMessage(1))
    assert bench.floor() == (0, 0)
    bench.replica.apply(Purge(b"", 3, 0))
    assert bench.floor() == (2, 2)


@pytest.mark.req("STR-RET-006", "CON-CFG-035")
def test_another_filter_lets_go_what_it_excludes() -> None:
    """Under interest retention a message goes when its last consumer does not want it any more."""
    bench = Bench("aab", replace(EXPLICIT, filter_subject="a"), Retention.INTEREST)
    bench.create("d", replace(EXPLICIT, filter_subject="b"))
    bench.deliver(1)
    bench.create("c", replace(EXPLICIT, filter_subject="b"))
    assert bench.stored() == []
    bench.replica.check_invariants()


@pytest.mark.req("CON-CFG-035", "CON-PRG-006")
@pytest.mark.parametrize("restored", [False, True])
def test_what_was_delivered_under_another_filter_ends_with_its_message(restored: bool) -> None:  # noqa: FBT001
    """A pending message that the filter would not let through now is forgotten when it is deleted."""
    bench = Bench("ab", replace(EXPLICIT, filter_subject="a"))
    bench.deliver(1)
    bench.create("c", replace(EXPLICIT, filter_subject="b"))
    assert bench.pending() == [1]
    if restored:
        bench.replica = bench.replica.fork()
    bench.replica.apply(DeleteMessage(1))
    assert bench.pending() == []
    bench.replica.check_invariants()


@pytest.mark.req("CON-CFG-035", "CON-POS-006")
def test_another_filter_counts_the_last_per_subject_anew() -> None:
    """What waits first and does not pass the new filter is not delivered."""
    bench = Bench("", EXPLICIT)
    for subject in (b"a", b"b", b"a"):
        bench.replica.apply(Publish(subject, 0, b"", T0))
    config = replace(EXPLICIT, deliver_policy=DeliverPolicy.LAST_PER_SUBJECT, filter_subjects=["a", "b"])
    bench.create("d", config)
    bench.create("d", replace(config, filter_subjects=["b"]))
    bench.replica.check_invariants()
    assert (list(bench.replica.consumers["d"].first), bench.replica.consumers["d"].num_pending) == ([2], 1)


@pytest.mark.req("CON-CFG-034", "CON-ACK-011")
@pytest.mark.parametrize("update", [replace(EXPLICIT, ack_wait=3 * SECOND), replace(EXPLICIT, backoff=[3 * SECOND])])
def test_an_update_moves_the_deadlines(update: ConsumerConfig) -> None:
    """What is pending waits as long as it would have under the new configuration."""
    bench = Bench("a", EXPLICIT)
    bench.deliver(1)
    bench.create("c", update)
    assert bench.consumer.next_deadline() == T0 + 3 * SECOND
    bench.create("c", EXPLICIT)
    assert bench.consumer.next_deadline() == T0 + SECOND


@pytest.mark.req("CON-DLV-006")
def test_replicas_redeliver_in_one_order() -> None:
    """Who only applies, and who is restored, has the queue of the one who picks."""
    bench = Bench("aa", EXPLICIT)
    follower = bench.replica.fork()
    entries: list[ConsumerEntry] = [
        Deliver([1, 2], T0, 0), Refuse(1, 0, T0), Refuse(2, 0, T0), Deliver([1, 2], T0, 0), Refuse(2, 0, T0),
        Refuse(1, 0, T0),
    ]  # fmt: skip
    for entry in entries:
        bench.apply(entry)
        follower.apply(ForConsumer("c", entry))
        Picker(bench.consumer, bench.replica.stream.store, T0).peek()
        assert follower.digest() == bench.replica.digest() == bench.replica.fork().digest()
    assert bench.deliver(2) == [2, 1]


@pytest.mark.req("CON-CFG-035", "CON-POS-009")
def test_a_delivery_chosen_under_another_filter_is_dropped() -> None:
    """Nothing is left out where a filter widens between choosing a delivery and committing it."""
    bench = Bench("ab", replace(EXPLICIT, filter_subject="b"))
    chosen = Deliver([2], T0, bench.consumer.revision)
    bench.create("c", EXPLICIT)
    assert bench.apply(chosen).deliveries == []
    assert bench.deliver(2) == [1, 2]
    bench.replica.check_invariants()


@pytest.mark.req("CON-POS-002", "CON-POS-006")
def test_where_nothing_matches_the_place_is_the_servers() -> None:
    """Without a match ``last`` begins at the first message, ``last_per_subject`` at the last; nothing waits for it."""
    bench = Bench("aaaaaa", EXPLICIT)
    bench.replica.apply(Purge(b"", 4, 0))
    bench.create("l", replace(EXPLICIT, deliver_policy=DeliverPolicy.LAST, filter_subject="z"))
    bench.create("p", replace(EXPLICIT, deliver_policy=DeliverPolicy.LAST_PER_SUBJECT, filter_subject="z"))
    places = [bench.replica.consumers[name].delivered.stream_seq for name in ("l", "p")]
    assert places == [3, 5]
    bench.replica.check_invariants()


@pytest.mark.req("CON-POS-002")
def test_last_of_every_subject_is_the_last_sequence() -> None:
    """``last`` with the filter ``>`` begins at the last sequence, even where its message was deleted."""
    bench = Bench("aaa", EXPLICIT)
    bench.replica.apply(DeleteMessage(3))
    bench.create("l", replace(EXPLICIT, deliver_policy=DeliverPolicy.LAST, filter_subject=">"))
    assert bench.replica.consumers["l"].num_pending == 0


@pytest.mark.req("CON-ACK-005")
def test_waits_may_be_as_long_as_64_bits() -> None:
    """A wait beyond the end of time ends there, and the state can still be written."""
    bench = Bench("a", replace(EXPLICIT, ack_wait=(1 << 63) - 1))
    bench.deliver(1)
    bench.apply(Refuse(1, (1 << 63) - 1, T0))
    assert bench.replica.fork().digest() == bench.replica.digest()


@pytest.mark.req("CON-DLV-002")
def test_an_ack_subject_may_hold_any_number() -> None:
    """Numbers of an ack subject that are too large name no delivery."""
    place = parse_place(b"$JS.ACK.S.c.1.1.%b.0.0" % (b"9" * 4000))
    assert place is not None
    bench = Bench("a", ACK_ALL)
    bench.deliver(1)
    assert bench.apply(Acknowledge(place.seq, place.consumer_seq, T0)).settled == []


@pytest.mark.req("CON-PRG-003", "CON-CFG-035")
def test_a_purge_of_what_is_wanted_passes_nothing_that_is_pending() -> None:
    """The floor stays below a message of another subject, delivered before the filter changed."""
    bench = Bench("ab", replace(EXPLICIT, filter_subject="a"))
    bench.deliver(1)
    bench.create("c", replace(EXPLICIT, filter_subject="b"))
    bench.replica.apply(Purge(b"b", 0, 0))
    assert (bench.pending(), bench.floor()) == ([1], (0, 0))
    bench.replica.check_invariants()
