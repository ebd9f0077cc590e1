"""A lone server whose logs lost something says so and answers; it does not fall silent."""

from __future__ import annotations

import json

import pytest

from refjs.broker.effects import Level
from refjs.storage.memory import MemoryDisk
from refjs.testing.virtual import VirtualServer
from refjs.wire import client as wire
from refjs.wire.client import ClientParser, MsgReceived

META = "meta.log"


def _request(server: VirtualServer, subject: bytes, body: object = None) -> dict[str, object]:
    """Return the one JSON answer to a request."""
    client = server.connect()
    payload = b"" if body is None else json.dumps(body).encode()
    client.send(wire.connect(b'{"verbose":false,"pedantic":false}') + wire.sub(b"inbox", b"1"))
    client.send(wire.pub(subject, payload, b"inbox"))
    events = ClientParser().feed(client.receive())
    (answer,) = [event for event in events if isinstance(event, MsgReceived)]
    found: dict[str, object] = json.loads(answer.payload)
    client.close()
    return found


def _with_stream() -> tuple[VirtualServer, MemoryDisk]:
    disk = MemoryDisk()
    server = VirtualServer(disk=disk)
    _request(server, b"$JS.API.STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    for _ in range(3):
        _request(server, b"s", "m")
    return server, disk


def _flip(disk: MemoryDisk, name: str) -> None:
    """Flip one bit in the middle of a file."""
    data = bytearray(disk.read(name))
    data[len(data) // 2] ^= 1
    disk.replace(name, bytes(data))


@pytest.mark.req("STR-API-001")
@pytest.mark.parametrize("endpoint", [b"INFO", b"STREAM.NAMES", b"STREAM.INFO.S", b"CONSUMER.NAMES.S"])
def test_damaged_metadata_is_answered_for(endpoint: bytes) -> None:
    """Every request on a server whose metadata is damaged gets an error, and its log says which file is damaged."""
    server, disk = _with_stream()
    _flip(disk, META)
    server.restart()
    error = _request(server, b"$JS.API." + endpoint)["error"]

    assert error == {"code": 503, "err_code": 10008, "description": "JetStream system temporarily unavailable"}
    assert any(line.level is Level.ERROR and META in line.text for line in server.log)


@pytest.mark.req("ERR-10194")
@pytest.mark.parametrize("endpoint", [b"STREAM.INFO.S", b"STREAM.PURGE.S", b"CONSUMER.NAMES.S"])
def test_a_damaged_stream_is_answered_for(endpoint: bytes) -> None:
    """A stream whose log is damaged is offline and says why; the others are not concerned."""
    server, disk = _with_stream()
    _request(server, b"$JS.API.STREAM.CREATE.T", {"name": "T", "subjects": ["t"]})
    (name,) = [name for name in disk.list("streams/") if "/S-" in name]
    _flip(disk, name)
    server.restart()
    error = _request(server, b"$JS.API." + endpoint)["error"]

    assert error == {"code": 500, "err_code": 10194, "description": "stream is offline: its log is damaged"}
    assert any(line.level is Level.ERROR and name in line.text for line in server.log)
    assert "error" not in _request(server, b"$JS.API.STREAM.INFO.T")
