"""JetStream, as the official Python client sees it."""

from __future__ import annotations

import asyncio

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BadRequestError, NotFoundError

from tests.e2e.conftest import Stage

WAIT = 5.0


def test_publish_is_acknowledged_with_its_sequence(stage: Stage) -> None:
    """Every publish is acknowledged with the stream's name and the next sequence, and can be read back."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="ORDERS", subjects=["orders.>"], storage=StorageType.MEMORY)
        for number in range(1, 11):
            ack = await js.publish("orders.new", b"%d" % number, headers={"N": str(number)})
            assert (ack.stream, ack.seq, ack.duplicate) == ("ORDERS", number, None)
        message = await js.get_msg("ORDERS", 7)
        assert (message.subject, message.data, message.seq) == ("orders.new", b"7", 7)
        assert message.headers == {"N": "7"}
        assert (await js.get_last_msg("ORDERS", "orders.new")).seq == 10

    stage.play(scenario)


def test_many_publishes_in_flight(stage: Stage) -> None:
    """Publishes that do not wait for one another are all stored, each under a sequence of its own."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="MANY", subjects=["many"], storage=StorageType.MEMORY)
        acks = await asyncio.gather(*(js.publish("many", b"%d" % n, timeout=WAIT) for n in range(500)))
        assert sorted(ack.seq for ack in acks) == list(range(1, 501))
        assert (await js.stream_info("MANY")).state.messages == 500

    stage.play(scenario)


def test_a_duplicate_is_refused_inside_the_window(stage: Stage) -> None:
    """A second publish with the same message id is not stored and is told the sequence of the first."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="DEDUP", subjects=["dedup"], storage=StorageType.MEMORY)
        first = await js.publish("dedup", b"x", headers={"Nats-Msg-Id": "one"})
        second = await js.publish("dedup", b"x", headers={"Nats-Msg-Id": "one"})
        third = await js.publish("dedup", b"x", headers={"Nats-Msg-Id": "two"})
        assert (first.seq, second.seq, third.seq) == (1, 1, 2)
        assert (first.duplicate, second.duplicate, third.duplicate) == (None, True, None)

    stage.play(scenario)


def test_expected_sequence_guards_a_publish(stage: Stage) -> None:
    """A publish that expects another last sequence is refused with the sequence that is."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="GUARD", subjects=["guard"], storage=StorageType.MEMORY)
        await js.publish("guard", b"1")
        with pytest.raises(APIError, match="wrong last sequence: 1"):
            await js.publish("guard", b"2", headers={"Nats-Expected-Last-Sequence": "7"})
        assert (await js.publish("guard", b"2", headers={"Nats-Expected-Last-Sequence": "1"})).seq == 2

    stage.play(scenario)


def test_stream_management(stage: Stage) -> None:
    """A stream is created, described, changed, purged in part, emptied of one message, listed and deleted."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        config = StreamConfig(name="MGMT", subjects=["mgmt.*"], storage=StorageType.MEMORY, description="first")
        created = await js.add_stream(config)
        assert created.config.max_msgs == -1
        again = await js.add_stream(config)
        assert again.config.description == "first"
        await js.add_stream(name="OTHER", subjects=["other"], storage=StorageType.MEMORY)
        changed = await js.update_stream(config.evolve(description="second", max_msgs=100))
        assert (changed.config.description, changed.config.max_msgs) == ("second", 100)
        for number in range(10):
            await js.publish(f"mgmt.{number % 2}", b"x")
        await js.purge_stream("MGMT", subject="mgmt.1")
        await js.delete_msg("MGMT", 3)
        state = (await js.stream_info("MGMT")).state
        assert (state.messages, state.first_seq, state.last_seq) == (4, 1, 10)
        assert sorted(info.config.name or "" for info in await js.streams_info()) == ["MGMT", "OTHER"]
        assert await js.find_stream_name_by_subject("other") == "OTHER"
        assert await js.delete_stream("MGMT")
        with pytest.raises(NotFoundError, match="stream not found"):
            await js.stream_info("MGMT")

    stage.play(scenario)


def test_overlapping_subjects_are_refused(stage: Stage) -> None:
    """Two streams cannot have a subject in common."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="A", subjects=["a.>"], storage=StorageType.MEMORY)
        with pytest.raises(BadRequestError, match="subjects overlap with an existing stream"):
            await js.add_stream(name="B", subjects=["a.b"], storage=StorageType.MEMORY)

    stage.play(scenario)


def test_limits_evict_or_refuse(stage: Stage) -> None:
    """A full stream evicts its oldest message, or refuses the new one, as its configuration says."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="OLD", subjects=["old"], max_msgs=3, storage=StorageType.MEMORY)
        for _ in range(5):
            await js.publish("old", b"x")
        state = (await js.stream_info("OLD")).state
        assert (state.messages, state.first_seq, state.last_seq) == (3, 3, 5)
        await js.add_stream(
            name="NEW", subjects=["new"], max_msgs=1, discard=DiscardPolicy.NEW, storage=StorageType.MEMORY
        )
        await js.publish("new", b"x")
        with pytest.raises(APIError, match="maximum messages exceeded"):
            await js.publish("new", b"x")

    stage.play(scenario)


def test_pull_in_batches(stage: Stage) -> None:
    """A durable pull consumer hands out every message once, in order, and is done when all are acknowledged."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="PULL", subjects=["pull"], storage=StorageType.MEMORY)
        for number in range(25):
            await js.publish("pull", b"%d" % number)
        subscription = await js.pull_subscribe("pull", durable="puller")
        received: list[bytes] = []
        while len(received) < 25:
            for message in await subscription.fetch(10, timeout=1):
                received.append(message.data)
                await message.ack_sync(timeout=WAIT)
        info = await subscription.consumer_info()
        assert received == [b"%d" % number for number in range(25)]
        assert (info.num_pending, info.num_ack_pending) == (0, 0)
        assert info.ack_floor is not None
        assert info.ack_floor.stream_seq == 25

    stage.play(scenario)


def test_an_empty_stream_makes_a_pull_wait(stage: Stage) -> None:
    """A pull request that finds nothing is answered by a message that arrives while it waits."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="WAIT", subjects=["wait"], storage=StorageType.MEMORY)
        subscription = await js.pull_subscribe("wait", durable="waiter")
        waiting = asyncio.create_task(subscription.fetch(1, timeout=WAIT))
        await asyncio.sleep(0)
        await js.publish("wait", b"at last")
        assert [message.data for message in await waiting] == [b"at last"]
        with pytest.raises(NatsTimeoutError):
            await subscription.fetch(1, timeout=0.1)

    stage.play(scenario)


def test_a_refused_message_comes_back(stage: Stage) -> None:
    """A message that is refused comes again with its delivery count; one that is terminated does not."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="NAK", subjects=["nak"], storage=StorageType.MEMORY)
        for data in (b"1", b"2"):
            await js.publish("nak", data)
        subscription = await js.pull_subscribe("nak", durable="refuser")
        first, second = await subscription.fetch(2, timeout=WAIT)
        await first.nak()
        await second.term()
        [again] = await subscription.fetch(1, timeout=WAIT)
        assert (again.data, again.metadata.num_delivered, again.metadata.sequence.stream) == (b"1", 2, 1)
        await again.ack_sync(timeout=WAIT)
        assert (await subscription.consumer_info()).num_ack_pending == 0

    stage.play(scenario)


def test_an_unacknowledged_message_comes_back_in_time(stage: Stage) -> None:
    """A message that nobody acknowledges within ``ack_wait`` is delivered again."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="REDO", subjects=["redo"], storage=StorageType.MEMORY)
        await js.publish("redo", b"x")
        config = ConsumerConfig(durable_name="slow", ack_policy=AckPolicy.EXPLICIT, ack_wait=0.3)
        subscription = await js.pull_subscribe("redo", durable="slow", config=config)
        [first] = await subscription.fetch(1, timeout=WAIT)
        [again] = await subscription.fetch(1, timeout=WAIT)
        assert (first.metadata.num_delivered, again.metadata.num_delivered) == (1, 2)
        await again.ack_sync(timeout=WAIT)

    stage.play(scenario)


def test_push_to_a_subscription(stage: Stage) -> None:
    """A push consumer delivers what is stored and what comes after, with sequences and what is still pending."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="PUSH", subjects=["push"], storage=StorageType.MEMORY)
        for number in range(5):
            await js.publish("push", b"%d" % number)
        subscription = await js.subscribe("push", durable="pushed", manual_ack=True)
        for number in range(5, 10):
            await js.publish("push", b"%d" % number)
        for number in range(10):
            message = await subscription.next_msg(WAIT)
            assert message.data == b"%d" % number
            assert (message.metadata.sequence.stream, message.metadata.sequence.consumer) == (number + 1, number + 1)
            await message.ack_sync(timeout=WAIT)
        info = await js.consumer_info("PUSH", "pushed")
        assert (info.num_pending, info.num_ack_pending, info.push_bound) == (0, 0, True)

    stage.play(scenario)


def test_a_queue_of_push_subscribers(stage: Stage) -> None:
    """The members of a push consumer's queue group share its messages."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="QUEUE", subjects=["queue"], storage=StorageType.MEMORY)
        received: list[int] = []
        complete = asyncio.Event()

        async def take(message: Msg) -> None:
            received.append(message.metadata.sequence.stream)
            await message.ack()
            if len(received) == 60:
                complete.set()

        for _ in range(3):
            await js.subscribe("queue", queue="workers", cb=take, manual_ack=True)
        for _ in range(60):
            await js.publish("queue", b"x")
        await asyncio.wait_for(complete.wait(), WAIT)
        assert sorted(received) == list(range(1, 61))

    stage.play(scenario)


def test_an_ordered_consumer_reads_everything(stage: Stage) -> None:
    """An ordered consumer delivers the whole stream in order, without acknowledgements."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="ORDERED", subjects=["ordered"], storage=StorageType.MEMORY)
        for number in range(200):
            await js.publish("ordered", b"%d" % number)
        subscription = await js.subscribe("ordered", ordered_consumer=True)
        received = [int((await subscription.next_msg(WAIT)).data) for _ in range(200)]
        assert received == list(range(200))

    stage.play(scenario)


def test_where_a_consumer_starts(stage: Stage) -> None:
    """Delivery begins at the first, the last, the next, or a given message, as asked."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="START", subjects=["start.*"], storage=StorageType.MEMORY)
        for number in range(1, 6):
            await js.publish(f"start.{number % 2}", b"%d" % number)

        async def first_from(config: ConsumerConfig) -> bytes:
            subscription = await js.pull_subscribe("start.*", config=config)
            [message] = await subscription.fetch(1, timeout=WAIT)
            return message.data

        assert await first_from(ConsumerConfig(deliver_policy=DeliverPolicy.ALL)) == b"1"
        assert await first_from(ConsumerConfig(deliver_policy=DeliverPolicy.LAST)) == b"5"
        assert await first_from(ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT)) == b"4"
        by_sequence = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=3)
        assert await first_from(by_sequence) == b"3"

    stage.play(scenario)


def test_a_work_queue_empties(stage: Stage) -> None:
    """A message of a work queue is gone when it was acknowledged, and not before."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        config = StreamConfig(
            name="WORK", subjects=["work"], retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.MEMORY
        )
        await js.add_stream(config)
        await js.publish("work", b"x")
        subscription = await js.pull_subscribe("work", durable="worker")
        [message] = await subscription.fetch(1, timeout=WAIT)
        assert (await js.stream_info("WORK")).state.messages == 1
        await message.ack_sync(timeout=WAIT)
        assert (await js.stream_info("WORK")).state.messages == 0

    stage.play(scenario)


def test_account_info_counts(stage: Stage) -> None:
    """The account's figures count its streams and consumers."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="ONE", subjects=["one"], storage=StorageType.MEMORY)
        await js.add_stream(name="TWO", subjects=["two"], storage=StorageType.MEMORY)
        await js.add_consumer("ONE", durable_name="c", ack_policy=AckPolicy.EXPLICIT)
        info = await js.account_info()
        assert (info.streams, info.consumers) == (2, 1)
        assert await js.delete_consumer("ONE", "c")
        assert (await js.account_info()).consumers == 0

    stage.play(scenario)
