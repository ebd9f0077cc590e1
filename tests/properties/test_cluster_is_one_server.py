"""A cluster without trouble does what one server does: the same traces, the same observations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from refjs.conform.matching import Json
from refjs.conform.trace import Request, Step, Trace, encode
from refjs.conform.trace_compare import Observations, compare, observe
from refjs.conform.trace_play import play
from refjs.conform.trace_run import TOLERANCE, play_here, steady
from refjs.conform.trace_strategy import traces
from tests.cluster_link import ClusterLink
from tests.cluster_net import cluster

CONFIGURING: Final = ("$JS.API.STREAM.CREATE.", "$JS.API.STREAM.UPDATE.")
PLACED: Final = ("cluster", "num_replicas")
"""What tells where a stream is kept, and on how many servers."""

HEARTBEAT: Final = "NATS/1.0 100 Idle Heartbeat"


def replicated(trace: Trace) -> Trace:
    """Return the trace with three replicas for each stream."""
    return Trace(steps=[_replicated(step) for step in trace.steps], end=trace.end)


def _replicated(step: Step) -> Step:
    if isinstance(step, Request) and step.subject.startswith(CONFIGURING) and isinstance(step.json, dict):
        return msgspec.structs.replace(step, json={**step.json, "num_replicas": 3})
    return step


def play_there(trace: Trace, server: str, seed: int) -> Observations:
    """Return what a cluster does in ``trace`` to a client of ``server``."""
    net = cluster(seed=seed)
    (recording,) = play(ClusterLink(net, server), [replicated(trace)], ["x00q000000"])
    net.check()
    return observe(recording)


def placeless(observations: Observations) -> Observations:
    """Return what was observed without what says where streams are kept.

    Lists of streams lose more: the metadata's leader answers from its own replicas, which may lag a little.  Idle
    heartbeats are left out: where one and a redelivery fall due together, the heartbeat needs no quorum and is first.
    """
    return {
        lane: [
            _without(each, (*PLACED, "state", "config") if lane.startswith("list") else PLACED)
            for each in heard
            if not (isinstance(each, dict) and str(each.get("headers")).startswith(HEARTBEAT))
        ]
        for lane, heard in observations.items()
    }


def _without(value: Json, keys: Sequence[str]) -> Json:
    if isinstance(value, dict):
        return {key: _without(each, keys) for key, each in value.items() if key not in keys}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without(each, keys) for each in value]
    return value


@settings(max_examples=25, deadline=None)
@given(traces(), st.sampled_from(("n1", "n2", "n3")), st.integers(1, 99))
def test_a_cluster_answers_as_one_server_does(trace: Trace, server: str, seed: int) -> None:
    """In a trace without faults a replicated stream answers, delivers and expires as one on a lone server does."""
    assume(steady(trace))
    lone, clustered = placeless(play_here(trace)), placeless(play_there(trace, server, seed))

    mismatch = compare(lone, clustered, TOLERANCE)
    assert mismatch is None, f"{encode(trace)}\n{mismatch}\n{json.dumps(clustered.get(mismatch.lane), indent=1)}"
