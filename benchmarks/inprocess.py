"""Figures taken without a server: how fast the core steps, the simulator runs and the explorer visits states.

A row appears where the room it measures is there, and where the packages it needs are.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from refjs.testing.virtual import VirtualServer

_CONNECT = b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'
_STEPS = 20_000
_HURRY = 10
_STATES = 100_000


class Figure(NamedTuple):
    """One row; ``value`` counts something per second."""

    name: str
    unit: str
    value: float


def figures(only: str, *, quick: bool) -> list[Figure]:
    """Return every figure that can be taken here and whose name contains ``only``."""
    rows: list[tuple[str, str, Callable[[bool], float | None]]] = [
        ("broker, one core publish a step", "steps/s", _core_steps),
        ("broker, one JetStream publish a step", "steps/s", _stream_steps),
        ("explorer on the Raft model", "states/s", _explored),
    ]
    taken = [(name, unit, measure(quick)) for name, unit, measure in rows if only in name]
    return [Figure(name, unit, value) for name, unit, value in taken if value is not None] + _simulator(only)


def _core_steps(quick: bool) -> float:  # noqa: FBT001 (one signature for all of them)
    server = VirtualServer()
    subscriber, publisher = server.connect(), server.connect()
    subscriber.send(_CONNECT + b"SUB bench.* 1\r\n")
    publisher.send(_CONNECT)
    return _steps(lambda: publisher.send(b"PUB bench.core 5\r\nhello\r\n"), subscriber.receive, quick=quick)


def _stream_steps(quick: bool) -> float:  # noqa: FBT001 (one signature for all of them)
    server = VirtualServer()
    client = server.connect()
    config = b'{"name":"BENCH","subjects":["bench.>"],"storage":"memory"}'
    client.send(_CONNECT + b"SUB acks 1\r\nPUB $JS.API.STREAM.CREATE.BENCH acks %d\r\n%b\r\n" % (len(config), config))
    return _steps(lambda: client.send(b"PUB bench.js acks 5\r\nhello\r\n"), client.receive, quick=quick)


def _steps(step: Callable[[], None], drain: Callable[[], bytes], *, quick: bool) -> float:
    count = _STEPS // _HURRY if quick else _STEPS
    started = time.perf_counter()
    for _ in range(count):
        step()
    taken = time.perf_counter() - started
    assert drain(), "the steps did something"
    return count / taken


def _simulator(only: str) -> list[Figure]:
    """Return the simulator's own figures, whose names say their unit first."""
    measured = _module("sim.benchmark")
    if measured is None or only not in "simulator":
        return []
    rows = [(*name.split(", ", 1), value) for name, value in measured.measure().items()]
    return [Figure(f"simulator: {name}", unit, value) for unit, name, value in rows]


def _explored(quick: bool) -> float | None:  # noqa: FBT001 (one signature for all of them)
    explorer, small, scopes = _module("models.explorer"), _module("models.raft_small"), _module("models.raft_scopes")
    if explorer is None or small is None or scopes is None:
        return None
    model = small.RaftModel(scopes.LARGE_SCOPES[0])
    started = time.perf_counter()
    explored = explorer.explore(model, states_max=_STATES // _HURRY if quick else _STATES)
    return float(explored.states) / (time.perf_counter() - started)


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
