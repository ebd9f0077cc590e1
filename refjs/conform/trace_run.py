"""Traces run on refjs in virtual time and on a server in real time, and judged."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Final, NamedTuple, final

import msgspec
from hypothesis import HealthCheck, Phase, given, seed, settings

from refjs.broker.broker import Broker
from refjs.broker.options import BrokerOptions
from refjs.conform.inprocess import EPOCH, BrokerLink
from refjs.conform.link import SocketLink
from refjs.conform.trace import Step, Trace
from refjs.conform.trace_compare import Mismatch, Observations, compare, observe
from refjs.conform.trace_play import Recording, play
from refjs.conform.trace_strategy import traces
from refjs.types.units import MILLISECOND

TOLERANCE: Final = 120
"""By how many ms two servers may differ in when something happens."""

LATENESS: Final = 60
"""By how many ms the steps of a steady trace may be late; where one was later than that, the run tells nothing."""

_EARLINESS: Final = 40
"""By how many ms a server's timers may be late, which is as if the steps came early."""

_SHIFTS: Final = 4
_PACE: Final = 15
"""So many ms at most a shifted step keeps from the one before."""

_TRIES: Final = 4
_AT_ONCE: Final = 60


class Finding(NamedTuple):
    """A trace in which two servers differ, where, and what each of them did."""

    trace: Trace
    mismatch: Mismatch
    ours: Observations
    theirs: Observations


class Verdict(NamedTuple):
    """What came of a trace: ``told`` is False where the server was never in time."""

    finding: Finding | None
    told: bool = True


def play_here(trace: Trace) -> Observations:
    """Return what refjs does in ``trace``, on a new broker, in virtual time."""
    broker = Broker(BrokerOptions(server_name="refjs"), now=EPOCH, seed=1)
    (recording,) = play(BrokerLink(broker), [trace], [_prefix("0", 0)])
    broker.check_invariants()
    return observe(recording)


def steady(trace: Trace) -> bool:
    """Tell whether refjs does the same in ``trace`` when its steps come a little early or late."""
    punctual = play_here(trace)
    shifted = (play_here(_shifted(trace, number)) for number in range(_SHIFTS))
    return all(compare(punctual, each, TOLERANCE) is None for each in shifted)


def _shifted(trace: Trace, number: int) -> Trace:
    chance = random.Random(number)  # noqa: S311 (not a secret)
    steps: list[Step] = []
    last = previous = 0
    for step in trace.steps:
        last = max(last + min(step.at - previous, _PACE), step.at + chance.randint(-_EARLINESS, LATENESS))
        previous = step.at
        steps.append(msgspec.structs.replace(step, at=last))
    return Trace(steps=steps, end=max(last, trace.end))


def generate(count: int, number: int) -> list[Trace]:
    """Return ``count`` traces, always the same for the same ``number``; some of them may not be steady."""
    found: list[Trace] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(traces())
    def note(trace: Trace) -> None:
        found.append(trace)

    note()
    return found[:count]


@final
class Judge:
    """Compares refjs with the server at ``url``; ``salt``, two letters, keeps its streams apart from others."""

    def __init__(self, url: str, salt: str) -> None:
        self._url = url
        self._salt = salt
        self._count = 0

    def judge(self, candidates: Sequence[Trace], *, confirm: bool = True) -> list[Verdict]:
        """Return the verdict on each trace; with ``confirm`` a difference counts only where it shows twice."""
        verdicts: dict[int, Verdict] = {}
        open_cases = list(range(len(candidates)))
        for _ in range(_TRIES):
            undecided: list[int] = []
            for index, verdict in zip(open_cases, self._try([candidates[i] for i in open_cases]), strict=True):
                known = verdicts.get(index)
                if not verdict.told:
                    undecided.append(index)
                elif verdict.finding is None or known is not None or not confirm:
                    verdicts[index] = verdict
                else:
                    verdicts[index] = verdict
                    undecided.append(index)
            open_cases = undecided
            if not open_cases:
                break
        return [verdicts.get(index, Verdict(None, told=False)) for index in range(len(candidates))]

    def _try(self, candidates: Sequence[Trace]) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for at in range(0, len(candidates), _AT_ONCE):
            batch = candidates[at : at + _AT_ONCE]
            verdicts += [self._compare(*pair) for pair in zip(batch, self._play_there(batch), strict=True)]
        return verdicts

    def _play_there(self, batch: Sequence[Trace]) -> list[Recording]:
        link = SocketLink(self._url)
        prefixes = [_prefix(self._salt, self._count + index) for index in range(len(batch))]
        self._count += len(batch)
        try:
            return play(link, batch, prefixes, time.time_ns() - time.monotonic_ns())
        finally:
            link.close_all()

    def _compare(self, trace: Trace, recording: Recording) -> Verdict:
        if recording.late > LATENESS * MILLISECOND:
            return Verdict(None, told=False)
        ours, theirs = play_here(trace), observe(recording)
        mismatch = compare(ours, theirs, TOLERANCE)
        return Verdict(None if mismatch is None else Finding(trace, mismatch, ours, theirs))


def _prefix(salt: str, number: int) -> str:
    """Return a prefix; all have the same length, because names count in the bytes of a stream."""
    return f"x{salt:0>2}q{number:06d}"
