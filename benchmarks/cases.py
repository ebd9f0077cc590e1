"""What is measured, on whom, and how one measurement is taken."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, unique
from pathlib import Path
from typing import Final

from benchmarks.load import BLOCK
from refjs.testing.peer import RealServer, RefjsServer, ServerProcess

ROOT: Final = Path(__file__).resolve().parents[1]
COMPILED: Final = ROOT / "build" / "compiled"
_RUN_SECONDS: Final = 300
_KIBIBYTE: Final = 1024
_START_SECONDS: Final = 15
_FIRST_PORT: Final = 21_000


class MeasurementError(Exception):
    """A measurement failed; the text is what the generator said."""


@dataclass(frozen=True)
class Target:
    """Someone to measure; ``start`` makes a server that is not running yet."""

    name: str
    start: Callable[[], ServerProcess]


@dataclass(frozen=True)
class Setting:
    """What one measurement is taken on: a target, a server of it that runs already, and how much time there is."""

    target: Target
    server: ServerProcess
    quick: bool


@unique
class Better(Enum):
    """Which way a figure is good."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Case:
    """One row of the table; ``measure`` returns its figure."""

    name: str
    unit: str
    better: Better
    measure: Callable[[Setting], float]


@dataclass
class Row:
    """The figures of a case by target, one per repetition; ``problems`` where there is none."""

    case: Case
    figures: dict[str, list[float]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def median(self, target: str) -> float | None:
        """Return the middle figure."""
        return statistics.median(self.figures[target]) if self.figures.get(target) else None

    def ratio(self, target: str, reference: str) -> float | None:
        """Return how many times better than ``reference``: 1 is par, more is better, whatever the unit."""
        mine, theirs = self.median(target), self.median(reference)
        if not mine or not theirs:
            return None
        return mine / theirs if self.case.better is Better.HIGHER else theirs / mine


def targets(nats_server: Path | None) -> list[Target]:
    """Return who can be measured here, the reference first."""
    found = [] if nats_server is None else [Target("nats-server", lambda: RealServer(binary=nats_server))]
    found.append(Target("refjs", RefjsServer))
    if (COMPILED / ".compiled").exists():
        found.append(Target("refjs compiled", lambda: RefjsServer(package_root=COMPILED)))
    return found


def _load(case: str, server: ServerProcess, count: int) -> float:
    """Run the generator against ``server`` and return its seconds."""
    command = [sys.executable, "-m", "benchmarks.load", case, str(server.port), str(count)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_RUN_SECONDS)
    if ran.returncode != 0:
        raise MeasurementError((ran.stderr.strip() or ran.stdout.strip()).splitlines()[-1])
    return float(ran.stdout)


def _rate(case: str, full: int, quick: int) -> Callable[[Setting], float]:
    def measure(setting: Setting) -> float:
        count = quick if setting.quick else full
        return count / _load(case, setting.server, count)

    return measure


def _start_up(setting: Setting) -> float:
    """Milliseconds from the start of the process until a client has its INFO."""
    server = setting.target.start()
    server.port = _free_port()
    started = time.perf_counter()
    server.launch()
    try:
        while not _says_info(server.port):
            assert time.perf_counter() - started < _START_SECONDS, "a server says INFO within seconds"
        return (time.perf_counter() - started) * 1000
    finally:
        server.close()


def _free_port() -> int:
    """Return a free port below those that the system gives to clients, lest we connect to ourselves."""
    for port in range(_FIRST_PORT, _FIRST_PORT + 1000):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise MeasurementError("no free port")


def _says_info(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        time.sleep(0.001)
        return False


def _memory(setting: Setting) -> float:
    """Bytes of resident memory by which the server grows for each message of a memory stream."""
    count = BLOCK * (40 if setting.quick else 400)
    with setting.target.start() as server:
        _load("publish", server, BLOCK * 8)
        before = _resident(server.pid)
        _load("store", server, count)
        return (_resident(server.pid) - before) / count


def _resident(pid: int) -> int:
    """Return a process's resident memory in bytes, by ``ps`` where there is no /proc."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * _KIBIBYTE
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout) * _KIBIBYTE


CASES: Final = (
    Case("core publish to subscribe", "msg/s", Better.HIGHER, _rate("core", BLOCK * 800, BLOCK * 200)),
    Case("JetStream publish, pipelined", "msg/s", Better.HIGHER, _rate("publish", BLOCK * 200, BLOCK * 60)),
    Case("JetStream publish, one at a time", "msg/s", Better.HIGHER, _rate("one_by_one", 5_000, 1_500)),
    Case("pull in batches, each acknowledged", "msg/s", Better.HIGHER, _rate("pull", 100_000, 30_000)),
    Case("start until a client has INFO", "ms", Better.LOWER, _start_up),
    Case("memory per stored message of 128 B", "B", Better.LOWER, _memory),
)
