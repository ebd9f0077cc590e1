"""A real server inside this process: a port that any client can connect to, and a clock that can be moved.

It runs on an event loop in a thread of its own, so that blocking and asyncio clients alike can be tested against it.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar, final

from refjs.server.logs import Log
from refjs.server.options import RANDOM_PORT, ServerOptions
from refjs.server.server import Server
from refjs.types.units import Nanos

_SECONDS: Final = 10.0
_T = TypeVar("_T")


@final
class InProcessServer:
    """A server with JetStream on a free port of 127.0.0.1; a context manager.

    Its log, and its files unless ``options`` names a store directory, are in a temporary directory that goes with it.
    """

    def __init__(self, options: ServerOptions | None = None) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="refjs-", ignore_cleanup_errors=True)
        home = Path(self._home.name)
        wanted = ServerOptions(host="127.0.0.1", port=RANDOM_PORT, jetstream=True) if options is None else options
        self._options = wanted if wanted.store_dir else replace(wanted, store_dir=str(home / "store"))
        self._log_path = home / "log"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="refjs", daemon=True)

    def __enter__(self) -> Self:
        self._log = Log(self._options.log_file or str(self._log_path), debug=self._options.debug)
        self.server = Server(self._options, self._log)
        self._thread.start()
        try:
            self._call(self.server.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        failure = self.server.failure
        bug = failure.exception() if failure.done() else None
        self._call(self.server.close())
        self._end()
        if bug is not None:
            raise AssertionError("the server stopped serving") from bug

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return self.server.port

    @property
    def url(self) -> str:
        """The address that clients connect to."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that the server logged."""
        return self._log_path.read_text()

    def advance(self, duration: Nanos) -> None:
        """Move the server's clock forward by ``duration`` ns; whatever falls due on the way happens, in order."""
        self._call(self._advance(duration))

    async def _advance(self, duration: Nanos) -> None:
        self.server.skip(duration)

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()
        self._log.close()
        self._home.cleanup()
