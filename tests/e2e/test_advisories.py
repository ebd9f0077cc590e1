"""What JetStream says of itself, on both servers, word for word."""

from __future__ import annotations

import asyncio
import json

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from refjs.testing.peer import RealServer, RefjsServer, ServerProcess

Said = dict[str, object]
_OWN = ("id", "timestamp", "ack_time")
_PREFIX = "$JS.EVENT."


async def _request(client: Client, subject: str, request: object = None) -> Said:
    body = b"" if request is None else json.dumps(request).encode()
    answer: Said = json.loads((await client.request(f"$JS.API.{subject}", body, timeout=5)).data)
    return answer


async def _provoke(client: Client) -> None:
    """Do one thing of each kind that JetStream reports."""
    stream = {"name": "S", "subjects": ["s"], "storage": "memory"}
    await _request(client, "STREAM.CREATE.S", stream)
    await _request(client, "STREAM.UPDATE.S", {**stream, "description": "changed"})
    config = {"durable_name": "C", "ack_policy": "explicit", "ack_wait": 150_000_000, "sample_freq": "100%"}
    await _request(client, "CONSUMER.CREATE.S.C", {"stream_name": "S", "config": {**config, "max_deliver": 1}})
    jetstream = client.jetstream()
    for _ in range(5):
        await jetstream.publish("s", b"m")
    worker = await jetstream.pull_subscribe_bind("C", "S")
    first, second, third, fourth, _ = await worker.fetch(5, timeout=2)
    await first.ack_sync()
    await client.request(second.reply, b"-NAK", timeout=2)
    await client.request(third.reply, b"+TERM no use", timeout=2)
    sequence = fourth.metadata.sequence.stream
    await _request(client, "STREAM.MSG.DELETE.S", {"seq": sequence})


async def _listen(server: ServerProcess) -> list[tuple[str, Said]]:
    """Return what was said, in the order of subjects, without what differs from run to run."""
    client = await nats.connect(server.url)
    said: list[tuple[str, Said]] = []
    given_up = asyncio.Event()

    async def note(message: Msg) -> None:
        report: Said = json.loads(message.data)
        if not message.subject.startswith(f"{_PREFIX}ADVISORY.API"):
            assert list(report)[:3] == ["type", "id", "timestamp"]
            said.append((message.subject, {name: report[name] for name in report if name not in _OWN}))
        if "MAX_DELIVERIES" in message.subject:
            given_up.set()

    try:
        await client.subscribe(f"{_PREFIX}>", cb=note)
        await _provoke(client)
        await asyncio.wait_for(given_up.wait(), timeout=10)
        await _request(client, "CONSUMER.DELETE.S.C")
        await _request(client, "STREAM.DELETE.S")
        await client.flush()
        await client.flush()
    finally:
        await client.close()
    return sorted(said, key=lambda entry: (entry[0], str(entry[1].get("stream_seq"))))


@pytest.mark.peer
@pytest.mark.req("EVT-GEN-001", "EVT-ADV-002", "EVT-ADV-003", "EVT-ADV-005", "EVT-ADV-006", "EVT-ADV-007")
@pytest.mark.req("EVT-MET-001", "CON-MET-001", "CON-PRG-004", "STR-MDEL-005", "CON-ACK-005", "CON-ACK-008")
def test_advisories_and_metrics_are_those_of_the_real_server() -> None:
    """Both servers say the same of the same life of a stream and its consumer."""
    with RealServer() as real:
        expected = asyncio.run(_listen(real))
    with RefjsServer() as ours:
        assert asyncio.run(_listen(ours)) == expected
    assert len(expected) >= 9
