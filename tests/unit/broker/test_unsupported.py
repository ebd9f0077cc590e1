"""What refjs does not carry out is refused by name; nothing of it is silently ignored."""

from __future__ import annotations

import json

import pytest

from refjs.testing.virtual import VirtualServer
from refjs.wire import client as wire
from refjs.wire.client import ClientParser, MsgReceived


@pytest.mark.parametrize(
    "endpoint",
    [
        "STREAM.SNAPSHOT.S",
        "STREAM.RESTORE.S",
        "CONSUMER.PAUSE.S.C",
        "CONSUMER.UNPIN.S.C",
        "CONSUMER.RESET.S.C",
    ],
)
@pytest.mark.req("ERR-GEN-001")
def test_an_endpoint_that_is_still_to_come_says_so(endpoint: str) -> None:
    """A request for what nats-server does and refjs does not yet gets an error that names it."""
    client = VirtualServer().connect()
    client.send(wire.connect(b'{"verbose":false,"pedantic":false}') + wire.sub(b"inbox", b"1"))
    stream = b'{"name":"S","subjects":["s"],"storage":"memory"}'
    client.send(wire.pub(b"$JS.API.STREAM.CREATE.S", stream))
    client.receive()
    client.send(wire.pub(b"$JS.API." + endpoint.encode(), b"", b"inbox"))
    (answer,) = [event for event in ClientParser().feed(client.receive()) if isinstance(event, MsgReceived)]

    assert "is not supported by refjs yet" in json.loads(answer.payload)["error"]["description"]
