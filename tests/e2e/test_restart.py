"""What a server has acknowledged is there after it ended, however it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType

from refjs.testing.peer import RealServer, RefjsServer, ServerProcess
from tests.e2e.conftest import KINDS

WAIT = 5.0
Kind = type[RefjsServer] | type[RealServer]
Scenario = Callable[[Client, JetStreamContext], Awaitable[None]]


def play(server: ServerProcess, scenario: Scenario) -> None:
    """Run a scenario with a client of its own."""

    async def main() -> None:
        client = await nats.connect(server.url, allow_reconnect=False)
        try:
            await scenario(client, client.jetstream())
        finally:
            await client.close()

    asyncio.run(asyncio.wait_for(main(), 20))


# nats-server killed at once may bring deleted messages back: what it promises is that none is lost [observed 2.15.1].
ENDS = [
    pytest.param(RefjsServer, ServerProcess.stop, id="refjs stopped"),
    pytest.param(RefjsServer, ServerProcess.kill, id="refjs killed"),
    pytest.param(RealServer, ServerProcess.stop, id="nats-server stopped", marks=pytest.mark.peer),
]


@pytest.mark.parametrize(("kind", "end"), ENDS)
def test_streams_and_consumers_survive(kind: Kind, end: Callable[[ServerProcess], int | None], tmp_path: Path) -> None:
    """Streams on disk keep configuration, messages and sequences; a durable consumer goes on where it was."""

    async def before(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="KEEP", subjects=["keep.*"], storage=StorageType.FILE, description="kept", max_msgs=50)
        for number in range(1, 61):
            await js.publish(f"keep.{number % 3}", b"%d" % number, headers={"Nats-Msg-Id": str(number)})
        await js.delete_msg("KEEP", 20)
        subscription = await js.pull_subscribe("keep.*", durable="reader")
        for message in await subscription.fetch(5, timeout=WAIT):
            await message.ack_sync(timeout=WAIT)

    async def after(_client: Client, js: JetStreamContext) -> None:
        info = await js.stream_info("KEEP")
        assert (info.config.description, info.config.subjects) == ("kept", ["keep.*"])
        assert (info.state.messages, info.state.first_seq, info.state.last_seq) == (49, 11, 60)
        assert (await js.get_msg("KEEP", 60)).data == b"60"
        again = await js.publish("keep.0", b"60", headers={"Nats-Msg-Id": "60"})
        assert (again.seq, again.duplicate) == (60, True)
        assert (await js.publish("keep.0", b"61")).seq == 61
        subscription = await js.pull_subscribe("keep.*", durable="reader")
        [message] = await subscription.fetch(1, timeout=WAIT)
        assert (message.metadata.sequence.stream, message.metadata.sequence.consumer) == (16, 6)

    with kind(store_dir=tmp_path) as server:
        play(server, before)
        end(server)
        server.start()
        play(server, after)


@pytest.mark.parametrize("kind", KINDS)
def test_memory_streams_do_not_survive(kind: Kind) -> None:
    """A stream in memory is not there after a restart, its messages neither."""

    async def before(_client: Client, js: JetStreamContext) -> None:
        await js.add_stream(name="FORGET", subjects=["forget"], storage=StorageType.MEMORY)
        await js.publish("forget", b"x")

    async def after(_client: Client, js: JetStreamContext) -> None:
        assert await js.streams_info() == []

    with kind() as server:
        play(server, before)
        server.restart()
        play(server, after)


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_reconnects(kind: Kind) -> None:
    """A client whose server restarts on its port is connected again, its subscriptions too."""

    async def main(server: ServerProcess) -> None:
        client = await nats.connect(server.url, reconnect_time_wait=0.05, max_reconnect_attempts=200)
        subscription = await client.subscribe("news")
        await client.flush()
        await asyncio.get_running_loop().run_in_executor(None, server.restart)
        other = await nats.connect(server.url)
        received = asyncio.ensure_future(subscription.next_msg(10))
        while not received.done():
            await other.publish("news", b"again")
            await other.flush()
        assert (await received).data == b"again"
        await other.close()
        await client.close()

    with kind() as server:
        asyncio.run(asyncio.wait_for(main(server), 20))
