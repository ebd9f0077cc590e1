"""Each scenario runs on refjs and on the released nats-server, and neither the scenario nor the client knows which."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from refjs.testing.peer import RealServer, RefjsServer, ServerProcess

SCENARIO_SECONDS = 20.0
KINDS = [pytest.param(RefjsServer, id="refjs"), pytest.param(RealServer, id="nats-server", marks=pytest.mark.peer)]


@pytest.fixture(scope="session", params=KINDS, name="lasting")
def _lasting(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Give one server for all scenarios of its kind; it ends cleanly when they are over."""
    with request.param() as server:
        yield server
        assert server.stop() in (0, None), server.log


@pytest.fixture(name="running")
def _running(lasting: ServerProcess) -> Iterator[ServerProcess]:
    """Give a running server, which the test must leave running."""
    if not lasting.running:
        lasting.restart()
    yield lasting
    assert lasting.running, f"the server has ended:\n{lasting.log[-3000:]}"


class Stage:
    """A server without streams, and the official client to it."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.url = server.url

    def play(self, scenario: Callable[[Client, JetStreamContext], Awaitable[None]]) -> None:
        """Connect, run the scenario within its time, and let go of everything."""
        asyncio.run(asyncio.wait_for(self._play(scenario), SCENARIO_SECONDS))

    async def _play(self, scenario: Callable[[Client, JetStreamContext], Awaitable[None]]) -> None:
        client = await self.connect()
        try:
            await self._remove_streams(client)
            await scenario(client, client.jetstream())
        finally:
            await client.close()

    async def connect(self) -> Client:
        """Return one more connected client; whoever asks closes it."""
        return await nats.connect(self.url, allow_reconnect=False, connect_timeout=5, error_cb=_ignore)

    async def _remove_streams(self, client: Client) -> None:
        answer = await client.request("$JS.API.STREAM.NAMES", b"", timeout=5)
        for name in json.loads(answer.data).get("streams") or []:
            await client.request(f"$JS.API.STREAM.DELETE.{name}", b"", timeout=5)


async def settled(client: Client) -> None:
    """Return when the server has taken in all that the client asked for.

    Twice, because this client's PING overtakes what it has not yet written.
    """
    await client.flush()
    await client.flush()


async def _ignore(_error: Exception) -> None:
    """What the client only reports is not what a scenario is about."""


@pytest.fixture
def stage(running: ServerProcess) -> Stage:
    """The scenario's server."""
    return Stage(running)
