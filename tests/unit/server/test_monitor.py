"""The monitoring pages: what they say, and that any request gets an answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from refjs.broker.monitor import BrokerFigures, JetStreamFigures
from refjs.server.monitor import Identity, Monitor, uptime
from refjs.server.options import ServerOptions
from refjs.types.time_text import format_time

SECOND = 1_000_000_000
STARTED = 1_700_000_000 * SECOND
IDENTITY = Identity("NID", "one", "127.0.0.1", 4222, STARTED, 1 << 20, ServerOptions(store_dir="/data"))
FIGURES = BrokerFigures(connections=2, in_msgs=5, jetstream=JetStreamFigures(streams=3, messages=7, size=70))


def page(path: str, figures: BrokerFigures = FIGURES) -> dict[str, object]:
    """Return the JSON of a page, a minute after the start."""
    status, kind, body = Monitor(IDENTITY, lambda: figures).answer(path, STARTED + 61 * SECOND)
    assert (status, kind) == (200, "application/json")
    value: dict[str, object] = json.loads(body)
    return value


def test_healthz() -> None:
    """A server that answers is well."""
    assert page("/healthz") == {"status": "ok"}


def test_varz() -> None:
    """``/varz`` names the server, its time and its traffic."""
    varz = page("/varz")
    assert (varz["server_id"], varz["server_name"], varz["version"]) == ("NID", "one", "2.15.1")
    assert (varz["start"], varz["uptime"]) == ("2023-11-14T22:13:20Z", "1m1s")
    assert (varz["connections"], varz["in_msgs"], varz["out_msgs"]) == (2, 5, 0)


def test_jsz() -> None:
    """``/jsz`` counts streams and messages, or says that JetStream is off."""
    assert (page("/jsz")["streams"], page("/jsz")["messages"], page("/jsz")["bytes"]) == (3, 7, 70)
    assert page("/jsz", BrokerFigures())["disabled"] is True


@pytest.mark.parametrize(("path", "text"), [("/nope", "404 page not found"), ("/connz", "/connz is not supported")])
def test_unknown_pages(path: str, text: str) -> None:
    """A page that is not there is refused, and one that only refjs lacks is named."""
    status, _, body = Monitor(IDENTITY, lambda: FIGURES).answer(path, STARTED)
    assert status == 404
    assert text in body.decode()


def exchange(data: bytes) -> bytes:
    """Return what a monitor answers to ``data`` before it closes."""

    async def main() -> bytes:
        monitor = Monitor(IDENTITY, lambda: FIGURES)
        server = await asyncio.start_server(monitor.serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(data)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return answer

    return asyncio.run(main())


def test_requests_on_one_connection() -> None:
    """A connection stays for the next request, HEAD gets no body, and a query is no part of the path."""
    answer = exchange(
        b"GET /healthz?js-enabled-only=true HTTP/1.1\r\nHost: x\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        b"POST /healthz HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"
    )
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b'{"status":"ok"}') == 2
    assert answer.count(b"Content-Length: 15\r\n") == 3


@pytest.mark.parametrize(
    "data", [b"\r\n\r\n", b"nonsense\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", b"x" * 99_999]
)
def test_no_request_breaks_it(data: bytes) -> None:
    """What is no request is answered by 400 or a closed connection."""
    assert exchange(data) in (b"", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


def test_times() -> None:
    """Times are written as nats-server writes them."""
    assert format_time(STARTED + 120_000_000) == "2023-11-14T22:13:20.12Z"
    assert [uptime(s * SECOND) for s in (0, 59, 3600, 90_061)] == ["0s", "59s", "1h0m0s", "1d1h1m1s"]
