"""A campaign: one scenario under many seeds, on every core of this machine.

Runs share nothing, so they are dealt to a pool of processes; rows come back as they are done, and an interrupt keeps
those that have.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import final

import msgspec

from refjs.types.units import Nanos
from sim.checkers.verdict import Kind
from sim.scenario import run
from sim.scenarios.registry import scenario_named


@final
class Row(msgspec.Struct, frozen=True):
    """What one run came to; ``violated`` lists properties, ``finding`` is the first of the findings."""

    scenario: str
    seed: int
    kind: Kind
    violated: tuple[str, ...]
    finding: str
    fingerprint: str
    operations: int
    simulated_ns: Nanos
    cpu_seconds: float


def play(name: str, seed: int) -> Row:
    """Run one seed of the scenario ``name``."""
    outcome = run(scenario_named(name), seed)
    bad = [verdict for verdict in outcome.judgement.verdicts if not verdict.ok]
    return Row(
        scenario=name,
        seed=seed,
        kind=outcome.judgement.kind,
        violated=tuple(verdict.property_id for verdict in bad),
        finding=bad[0].findings[0] if bad else "",
        fingerprint=outcome.history.fingerprint(),
        operations=len(outcome.history.records),
        simulated_ns=outcome.simulated_ns,
        cpu_seconds=outcome.cpu_seconds,
    )


def _leave_interrupts() -> None:
    """Leave interrupts to the process that was started by hand: it keeps the results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def campaign(name: str, seeds: Sequence[int], *, jobs: int | None = None) -> Iterator[Row]:
    """Run every seed and yield the rows in the order in which they are done; ``jobs`` None is one for each core."""
    if jobs == 1:
        yield from (play(name, seed) for seed in seeds)
        return
    spawning = get_context("spawn")  # a fork would copy the threads that draw the progress
    with ProcessPoolExecutor(max_workers=jobs, mp_context=spawning, initializer=_leave_interrupts) as pool:
        try:
            for future in as_completed([pool.submit(play, name, seed) for seed in seeds]):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
