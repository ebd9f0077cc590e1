"""The vectors against the released nats-server: what they demand is what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from refjs.conform import corpus
from refjs.conform.command import link_factory
from refjs.conform.run import Report, Verdict, run
from refjs.testing.peer import RealServer

pytestmark = pytest.mark.peer


def complaints(report: Report) -> list[str]:
    """Return what each unmet vector says, for a readable assertion."""
    return [
        f"{each.entry.path} {each.failure.place} ({each.failure.step}): wanted {each.failure.expected}, "
        f"got {each.failure.actual}"
        for each in report.outcomes
        if each.failure is not None
    ]


def test_every_vector_passes_on_the_released_server(nats_server_binary: Path) -> None:
    """The released nats-server meets every vector that applies to its release, and all of them apply."""
    with RealServer(binary=nats_server_binary) as server:
        report = run(server.url, link_factory(server.url), corpus.read(), salt="test", jobs=8)
    assert complaints(report) == []
    assert report.count(Verdict.PASSED) == len(report.outcomes)
