"""The monitoring listener of ``-m``: ``/healthz``, ``/varz`` and ``/jsz`` over a small HTTP/1.1.

Only as much HTTP as a probe needs: the request line and the headers are read, a body is not, and every answer carries
its length.  Any method is answered as GET is, HEAD without the body, as nats-server does.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from refjs.broker.monitor import BrokerFigures, JetStreamFigures
from refjs.server.options import VERSION, ServerOptions
from refjs.types.profile import DEFAULT
from refjs.types.time_text import format_time

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | bool | None"

_HTTP_DATE: Final = "%a, %d %b %Y %H:%M:%S GMT"
_CLOSE: Final = "Connection: close\r\n"
_PATHS: Final = ("/varz", "/jsz", "/healthz")
_NOT_YET: Final = frozenset(
    ("/connz", "/accountz", "/accstatz", "/subsz", "/routez", "/leafz", "/gatewayz", "/raftz", "/ipqueuesz", "/expvarz")
)


@final
@dataclass(frozen=True, slots=True)
class Identity:
    """What a server says of itself in every report; times in ns since the Unix epoch."""

    server_id: str
    server_name: str
    host: str
    port: int
    started: int
    max_payload: int
    options: ServerOptions


@final
class Monitor:
    """Answers requests from what ``figures`` returns at that moment."""

    def __init__(self, identity: Identity, figures: Callable[[], BrokerFigures]) -> None:
        self._identity = identity
        self._figures = figures
        self._asked: dict[str, int] = {}

    def answer(self, path: str, now: int) -> tuple[int, str, bytes]:
        """Return status, content type and body for a path without its query."""
        self._asked[path] = self._asked.get(path, 0) + 1
        match path:
            case "/healthz":
                return 200, "application/json", b'{"status":"ok"}'
            case "/varz":
                return 200, "application/json", _encoded(self._varz(now))
            case "/jsz":
                return 200, "application/json", _encoded(self._jsz(now))
            case "/":
                links = "".join(f"<p><a href=.{name}>{name}</a></p>" for name in _PATHS)
                return 200, "text/html; charset=utf-8", f"<html><body><h1>refjs</h1>{links}</body></html>".encode()
            case _:
                reason = f"{path} is not supported by refjs" if path in _NOT_YET else "404 page not found"
                return 404, "text/plain; charset=utf-8", f"{reason}\n".encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after the other, until it ends or asks to."""
        try:
            while await self._serve_one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, _, headers = head.partition("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 (method, target, version)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return False
        method, target, version = words
        lowered = headers.lower()
        # A body is not read, so that the connection cannot be used again after one.
        stays = version == "HTTP/1.1" and "connection: close" not in lowered and "content-length:" not in lowered
        status, kind, body = self.answer(target.partition("?")[0], time.time_ns())
        answer = (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Not Found'}\r\n"  # noqa: PLR2004
            f"Access-Control-Allow-Origin: *\r\nContent-Type: {kind}\r\n"
            f"Date: {time.strftime(_HTTP_DATE, time.gmtime())}\r\nContent-Length: {len(body)}\r\n"
            f"{'' if stays else _CLOSE}\r\n"
        )
        writer.write(answer.encode() + (b"" if method == "HEAD" else body))
        await writer.drain()
        return stays

    def _varz(self, now: int) -> Json:
        me, figures = self._identity, self._figures()
        return {
            "server_id": me.server_id,
            "server_name": me.server_name,
            "version": VERSION,
            "proto": 1,
            "host": me.host,
            "port": me.port,
            "max_payload": me.max_payload,
            "http_host": me.options.host,
            "http_port": me.options.monitor_port,
            "jetstream": {} if figures.jetstream is None else self._jetstream_of_varz(figures.jetstream),
            "start": format_time(me.started),
            "now": format_time(now),
            "uptime": uptime(now - me.started),
            "connections": figures.connections,
            "total_connections": figures.total_connections,
            "in_msgs": figures.in_msgs,
            "in_bytes": figures.in_bytes,
            "out_msgs": figures.out_msgs,
            "out_bytes": figures.out_bytes,
            "slow_consumers": figures.slow_consumers,
            "stale_connections": figures.stale_connections,
            "subscriptions": figures.subscriptions,
            "http_req_stats": dict(sorted(self._asked.items())),
        }

    def _jetstream_of_varz(self, figures: JetStreamFigures) -> Json:
        return {"config": self._jetstream_config(), "stats": _jetstream_stats(figures)}

    def _jsz(self, now: int) -> Json:
        figures = self._figures().jetstream
        head = {"server_id": self._identity.server_id, "now": format_time(now)}
        if figures is None:
            return {**head, "disabled": True}
        return {
            **_jetstream_stats(figures),
            **head,
            "config": self._jetstream_config(),
            "streams": figures.streams,
            "consumers": figures.consumers,
            "messages": figures.messages,
            "bytes": figures.size,
        }

    def _jetstream_config(self) -> Json:
        return {"store_dir": str(self._identity.options.jetstream_dir), "strict": True}


def _jetstream_stats(figures: JetStreamFigures) -> dict[str, Json]:
    return {
        "memory": figures.memory,
        "storage": figures.storage,
        "reserved_memory": figures.reserved_memory,
        "reserved_storage": figures.reserved_storage,
        "accounts": figures.accounts,
        "ha_assets": 0,
        "api": {"level": DEFAULT.api_level, "total": figures.api_total, "errors": figures.api_errors},
    }


def uptime(nanos: int) -> str:
    """Return a duration in whole seconds with its leading units: ``1d2h3m4s``."""
    seconds = nanos // 1_000_000_000
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds % 60, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return "".join(f"{count}{unit}" for count, unit in parts)


def _encoded(value: Json) -> bytes:
    return json.dumps(value, indent=2).encode()
