"""Replay at the original speed, in virtual time."""

from __future__ import annotations

import json

import pytest

from refjs.testing.virtual import VirtualClient, VirtualServer
from refjs.types.units import MILLISECOND, SECOND, Nanos
from refjs.wire import client as wire

GAPS: tuple[Nanos, ...] = (0, 500 * MILLISECOND, 3 * SECOND, MILLISECOND // 2)


def _recorded(server: VirtualServer) -> VirtualClient:
    """Return a client of a server on which one message was stored after each of ``GAPS``."""
    client = server.connect()
    client.send(wire.connect(b'{"verbose":false,"pedantic":false,"headers":true}'))
    _publish(client, b"$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory"})
    for gap in GAPS:
        server.advance(gap)
        client.send(wire.pub(b"s", b"m"))
    return client


def _publish(client: VirtualClient, subject: bytes, request: dict[str, object]) -> None:
    client.send(wire.pub(subject, json.dumps(request).encode()))


@pytest.mark.req("CON-DLV-008", "CON-CFG-012")
def test_original_replay_reproduces_the_recorded_gaps_to_the_nanosecond() -> None:
    """A push consumer at original speed gets each message exactly as long after the one before as it was stored."""
    server = VirtualServer()
    client = _recorded(server)
    client.send(wire.sub(b"deliver", b"1"))
    client.receive()
    config = {"name": "c", "deliver_subject": "deliver", "replay_policy": "original"}
    began = server.now
    _publish(client, b"$JS.API.CONSUMER.CREATE.S.c", {"stream_name": "S", "config": config})
    arrivals: list[Nanos] = []
    for _ in range(8):
        arrived = client.receive().count(b"MSG s 1 ")
        arrivals += [server.now - began] * arrived
        due = server.broker.next_deadline()
        assert due is not None
        server.advance_to(due)

    assert arrivals == [0, 500 * MILLISECOND, 3_500 * MILLISECOND, 3_500 * MILLISECOND]


@pytest.mark.req("CON-DLV-008")
def test_what_is_stored_during_an_original_replay_follows_at_once() -> None:
    """Messages stored after the consumer began do not wait for gaps."""
    server = VirtualServer()
    client = _recorded(server)
    client.send(wire.sub(b"deliver", b"1"))
    config = {"name": "c", "deliver_subject": "deliver", "replay_policy": "original"}
    _publish(client, b"$JS.API.CONSUMER.CREATE.S.c", {"stream_name": "S", "config": config})
    server.advance(10 * SECOND)
    client.receive()
    client.send(wire.pub(b"s", b"new"))

    assert client.receive().count(b"MSG s 1 ") == 1
