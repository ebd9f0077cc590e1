"""The fixtures that refjs gives to other projects' tests."""

from __future__ import annotations

import asyncio

import nats
from nats.js.api import StorageType

from refjs.testing.inprocess import InProcessServer
from refjs.testing.virtual import VirtualServer
from refjs.types.units import HOUR

pytest_plugins = ["refjs.testing.plugin"]


def test_a_real_port(refjs_server: InProcessServer) -> None:
    """The official client works against the fixture, whose clock moves when told to."""

    async def scenario() -> None:
        client = await nats.connect(refjs_server.url)
        js = client.jetstream()
        await js.add_stream(name="S", subjects=["s"], storage=StorageType.MEMORY, max_age=3600)
        await js.publish("s", b"x")
        assert (await js.stream_info("S")).state.messages == 1
        await asyncio.get_running_loop().run_in_executor(None, refjs_server.advance, 2 * HOUR)
        assert (await js.stream_info("S")).state.messages == 0
        assert client.stats["reconnects"] == 0
        await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert "Listening for client connections" in refjs_server.log


def test_virtual_time(virtual_server: VirtualServer) -> None:
    """A virtual server greets a client without any socket."""
    assert virtual_server.connect().receive().startswith(b"INFO ")
