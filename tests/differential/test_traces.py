"""refjs and the released nats-server do the same in JetStream traces: random ones, and those that told them apart.

Environment: ``REFJS_TRACES`` is how many random traces are played (default 60); ``REFJS_TRACE_SEED`` chooses them.
By hand, with more comfort: ``refjs conform trace --random 1000 --seed 7 --against URL``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings

from refjs.conform import trace
from refjs.conform.trace import Trace
from refjs.conform.trace_command import describe
from refjs.conform.trace_run import Judge, generate, play_here, steady
from refjs.conform.trace_shrink import shrink
from refjs.conform.trace_strategy import traces
from refjs.testing.peer import RealServer

CORPUS: Final = sorted((Path(__file__).parent / "traces").glob("*.json"))
COUNT: Final = int(os.environ.get("REFJS_TRACES", "60"))
SEED: Final = int(os.environ.get("REFJS_TRACE_SEED", "1"))


@pytest.fixture(scope="module")
def judge(nats_server_binary: Path) -> Iterator[Judge]:
    """Compares with a released server of our own."""
    with RealServer(binary=nats_server_binary) as server:
        yield Judge(server.url, "tt")


@pytest.mark.peer
def test_random_traces_show_no_difference(judge: Judge) -> None:
    """In random traces refjs answers, delivers, redelivers and expires as nats-server does, at the same times."""
    verdicts = judge.judge([each for each in generate(COUNT, SEED) if steady(each)])
    findings = [verdict.finding for verdict in verdicts if verdict.finding is not None]
    if findings:
        pytest.fail(describe(shrink(min(findings, key=lambda each: len(each.trace.steps)), judge)), pytrace=False)
    assert sum(verdict.told for verdict in verdicts) > len(verdicts) // 2


@pytest.mark.peer
def test_traces_that_showed_a_difference_show_none_any_more(judge: Judge) -> None:
    """In each trace of the corpus, the smallest ones that once told refjs from nats-server, both do the same."""
    verdicts = judge.judge([trace.read(path) for path in CORPUS])
    found = [f"{path.name}: {describe(v.finding)}" for path, v in zip(CORPUS, verdicts, strict=True) if v.finding]
    assert not found, "\n".join(found)


@settings(max_examples=30)
@given(traces())
def test_a_trace_survives_being_written_down(written: Trace) -> None:
    """A trace read from its own JSON is the same trace, and refjs does the same in it each time."""
    read = trace.decode(trace.encode(written))
    assert read == written
    assert play_here(read) == play_here(written)
