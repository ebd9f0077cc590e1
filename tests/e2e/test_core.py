"""Core NATS, as the official Python client sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js import JetStreamContext

from tests.e2e.conftest import Stage, settled

WAIT = 5.0


@pytest.mark.req("PRO-DLV-001")
def test_publish_reaches_subscribers(stage: Stage) -> None:
    """A message reaches every matching subscription once, and no other."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        exact = await client.subscribe("orders.new")
        wild = await client.subscribe("orders.*")
        full = await client.subscribe("orders.>")
        other = await client.subscribe("bills.>")
        await client.publish("orders.new", b"one")
        await client.publish("bills.new", b"last")
        for subscription in (exact, wild, full):
            message = await subscription.next_msg(WAIT)
            assert (message.subject, message.data) == ("orders.new", b"one")
        assert (await other.next_msg(WAIT)).data == b"last"
        assert [s.pending_msgs for s in (exact, wild, full, other)] == [0, 0, 0, 0]

    stage.play(scenario)


def test_order_is_kept(stage: Stage) -> None:
    """Messages of one publisher arrive in the order in which they were published."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        publisher = await stage.connect()
        subscription = await client.subscribe("numbers")
        await settled(client)
        for number in range(1000):
            await publisher.publish("numbers", str(number).encode())
        await publisher.close()
        assert [int((await subscription.next_msg(WAIT)).data) for _ in range(1000)] == list(range(1000))

    stage.play(scenario)


def test_request_and_reply(stage: Stage) -> None:
    """A request gets the answer of the service that subscribed to its subject."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        async def double(message: Msg) -> None:
            await message.respond(message.data * 2)

        service = await stage.connect()
        await service.subscribe("double", cb=double)
        await settled(service)
        answers = await asyncio.gather(*(client.request("double", b"%d" % n, timeout=WAIT) for n in range(50)))
        assert [answer.data for answer in answers] == [b"%d" % n * 2 for n in range(50)]
        await service.close()

    stage.play(scenario)


def test_a_request_to_nobody_fails_at_once(stage: Stage) -> None:
    """A request that nobody can answer is told so by the server, before its timeout."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        with pytest.raises(NoRespondersError):
            await client.request("nobody.there", b"?", timeout=WAIT)

    stage.play(scenario)


def test_a_queue_group_shares(stage: Stage) -> None:
    """Each message goes to exactly one member of a queue group, and every member gets some."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        received: list[tuple[int, int]] = []
        complete = asyncio.Event()

        def member(number: int) -> Callable[[Msg], Awaitable[None]]:
            async def note(message: Msg) -> None:
                received.append((number, int(message.data)))
                if len(received) == 300:
                    complete.set()

            return note

        for number in range(3):
            await client.subscribe("work", queue="workers", cb=member(number))
        for number in range(300):
            await client.publish("work", str(number).encode())
        await asyncio.wait_for(complete.wait(), WAIT)
        await settled(client)
        assert sorted(number for _, number in received) == list(range(300))
        assert {who for who, _ in received} == {0, 1, 2}

    stage.play(scenario)


def test_headers_travel(stage: Stage) -> None:
    """Headers arrive as they were sent, beside the payload."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        subscription = await client.subscribe("with.headers")
        await client.publish("with.headers", b"body", headers={"Trace": "1", "Empty": "", "Long": "x" * 2000})
        message = await subscription.next_msg(WAIT)
        assert message.data == b"body"
        assert message.headers is not None
        assert (message.headers["Trace"], message.headers["Long"]) == ("1", "x" * 2000)

    stage.play(scenario)


def test_unsubscribe_after_a_number(stage: Stage) -> None:
    """A subscription limited to two messages gets two of three."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        received: list[bytes] = []

        async def note(message: Msg) -> None:
            received.append(message.data)

        subscription = await client.subscribe("limited", cb=note)
        await subscription.unsubscribe(2)
        last = await client.subscribe("limited")
        for data in (b"1", b"2", b"3"):
            await client.publish("limited", data)
        assert [(await last.next_msg(WAIT)).data for _ in range(3)] == [b"1", b"2", b"3"]
        assert received == [b"1", b"2"]

    stage.play(scenario)


def test_drain_delivers_what_was_sent(stage: Stage) -> None:
    """A drained client still handles every message that was published before."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        received: list[bytes] = []

        async def note(message: Msg) -> None:
            received.append(message.data)

        drained = await stage.connect()
        await drained.subscribe("drained", cb=note)
        await settled(drained)
        for _ in range(100):
            await client.publish("drained", b"x")
        await settled(client)
        await settled(drained)
        await drained.drain()
        assert len(received) == 100
        assert drained.is_closed

    stage.play(scenario)


def test_the_largest_payload(stage: Stage) -> None:
    """A payload of exactly ``max_payload`` bytes arrives whole."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        assert client.max_payload == 1 << 20
        subscription = await client.subscribe("large")
        body = bytes(range(256)) * (client.max_payload // 256)
        await client.publish("large", body)
        assert (await subscription.next_msg(WAIT)).data == body

    stage.play(scenario)


@pytest.mark.req("PRO-INF-001")
def test_the_server_introduces_itself(stage: Stage) -> None:
    """INFO names the release that is followed, JetStream and headers."""

    async def scenario(client: Client, _js: JetStreamContext) -> None:
        assert client.connected_server_version.major == 2
        assert (client.connected_server_version.minor, client.connected_server_version.patch) == (15, 1)
        assert client._server_info["headers"] is True
        assert client._server_info["jetstream"] is True
        assert client._server_info["port"] == stage.server.port

    stage.play(scenario)
