"""A server in this process: one broker behind a TCP listener, and its monitor behind another.

Runs on whatever event loop it is started on; knows nothing of signals, exit codes and files of process ids, which are
``refjs.server.process``'s.
"""

from __future__ import annotations

import asyncio
import base64
import os
from typing import Any, Final, final

import refjs
from refjs.broker.broker import Broker
from refjs.broker.effects import Level
from refjs.broker.monitor import BrokerFigures
from refjs.broker.options import BrokerOptions
from refjs.server.clock import Clock
from refjs.server.files import FileDisk
from refjs.server.listen import ListenError, addresses, at, bound_port, listen
from refjs.server.logs import Log
from refjs.server.monitor import Identity, Monitor
from refjs.server.node import Node
from refjs.server.options import VERSION, ServerOptions
from refjs.storage.disk import DiskError
from refjs.types import units
from refjs.types.units import Nanos

_ID_LENGTH: Final = 56


class StartError(Exception):
    """The server cannot start; the text is nats-server's fatal log line."""


def new_server_id() -> str:
    """Return a fresh id of the form of nats-server's: ``N`` and base-32 letters."""
    return "N" + base64.b32encode(os.urandom(_ID_LENGTH)).decode()[: _ID_LENGTH - 1]


@final
class Server:
    """Made, then ``start``-ed on a running event loop, then ``close``-d; ``failure`` is set by a bug or a lost disk."""

    def __init__(self, options: ServerOptions, log: Log) -> None:
        self.options = options
        self.log = log
        self.server_id = new_server_id()
        self.name = options.name or self.server_id
        self.port = 0
        self.monitor_port = 0
        self._clock = Clock()
        self._started = self._clock.now()
        self._node: Node | None = None
        self._disk: FileDisk | None = None
        self._listeners: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen for clients and, where asked, for monitoring; raise ``StartError`` where that cannot be."""
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().set_exception_handler(self._unhandled)
        self._greet()
        if self.options.jetstream:
            self._open_store()
        try:
            listener = listen(self.options.host, self.options.port)
        except ListenError as error:
            where = at(self.options.host, max(0, self.options.port))
            raise StartError(f'Error listening on port: {where}, "{error}"') from error
        self.port = bound_port(listener)
        self.broker = self._new_broker()
        self._node = Node(self.broker, clock=self._clock, log=self.log, disk=self._disk, on_failure=self._fail)
        if self.options.monitor_port:
            await self._start_monitor()
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(self._node.accept, sock=listener))
        self.log.note(f"Listening for client connections on {at(self.options.host, self.port)}")

    async def close(self) -> None:
        """Stop listening, close every connection and let the store go."""
        for listener in self._listeners:
            listener.close()
        if self._node is not None:
            self._node.close()
        await asyncio.sleep(0)  # the transports close in the next turn of the loop
        if self._disk is not None:
            self._disk.close()

    def skip(self, duration: Nanos) -> None:
        """Move this server's clock forward; what falls due on the way happens at its time."""
        assert self._node is not None, "the server has been started"
        self._node.skip(duration)

    def ports(self) -> dict[str, list[str]]:
        """Return every address in use, by kind, as the ports file lists them."""
        ports = {"nats": [f"nats://{address}" for address in addresses(self.options.host, self.port)]}
        if self.monitor_port:
            ports["monitoring"] = [f"http://{address}" for address in addresses(self.options.host, self.monitor_port)]
        return ports

    def figures(self) -> BrokerFigures:
        """Return the broker's figures with what only the edge sees."""
        figures = self.broker.figures()
        if self._node is not None:
            figures.slow_consumers += self._node.slow_consumers
        return figures

    def _greet(self) -> None:
        self.log.note("Starting nats-server")
        self.log.note(f"  Version:  {VERSION}")
        core = "interpreted" if str(units.__file__).endswith(".py") else "compiled"
        self.log.note(f"  Engine:   refjs {refjs.__version__}, core {core}")
        self.log.note(f"  Name:     {self.name}")
        self.log.note(f"  ID:       {self.server_id}")

    def _open_store(self) -> None:
        self.log.note("Starting JetStream")
        try:
            self._disk = FileDisk(self.options.jetstream_dir)
        except DiskError as error:
            raise StartError(f"Can't start JetStream: {error}") from error
        self.log.note("---------------- JETSTREAM ----------------")
        self.log.note(f'  Store Directory: "{self.options.jetstream_dir}"')
        self.log.note("-------------------------------------------")

    def _new_broker(self) -> Broker:
        options = BrokerOptions(
            server_name=self.name,
            server_id=self.server_id,
            host=self.options.host,
            port=self.port,
            jetstream=self.options.jetstream,
        )
        try:
            return Broker(options, now=self._clock.now(), seed=int.from_bytes(os.urandom(8)), disk=self._disk)
        except DiskError as error:
            raise StartError(f"Can't start JetStream: {error}") from error

    async def _start_monitor(self) -> None:
        try:
            listener = listen(self.options.host, self.options.monitor_port)
        except ListenError as error:
            raise StartError(f"Can't start monitoring: can't listen to the monitor port: {error}") from error
        self.monitor_port = bound_port(listener)
        identity = Identity(
            self.server_id,
            self.name,
            self.options.host,
            self.port,
            self._started,
            self.broker.max_payload,
            self.options,
        )
        monitor = Monitor(identity, self.figures)
        self._listeners.append(await asyncio.start_server(monitor.serve, sock=listener))
        self.log.note(f"Starting http monitor on {at(self.options.host, self.monitor_port)}")

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Judge what nobody caught: trouble with a socket is logged, anything else is a bug of ours."""
        error = context.get("exception")
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self._fail(error)
        else:
            self.log.write(Level.ERROR, f"{context.get('message')}: {error}")

    def _fail(self, error: Exception) -> None:
        if not self.failure.done():
            self.failure.set_exception(error)
