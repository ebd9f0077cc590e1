"""The vectors over TCP: the released nats-server does what they demand, and so does refjs."""

from __future__ import annotations

from pathlib import Path

import pytest

from refjs.conform import corpus
from refjs.conform.command import link_factory
from refjs.conform.run import run
from refjs.testing.peer import RealServer, RefjsServer
from tests.conform.helpers import complaints, skipped


@pytest.mark.peer
def test_every_vector_passes_on_the_released_server(nats_server_binary: Path) -> None:
    """The released nats-server meets every vector that is not about older releases only."""
    with RealServer(binary=nats_server_binary) as server:
        report = run(server.url, link_factory(server.url), corpus.read(), salt="test", jobs=8)
    assert complaints(report) == []
    assert skipped(report) <= {"until"}


def test_every_vector_passes_on_refjs_over_tcp() -> None:
    """The server that ``refjs serve`` starts meets every vector, like the broker in process."""
    with RefjsServer() as server:
        report = run(server.url, link_factory(server.url), corpus.read(), salt="test", jobs=8)
    assert complaints(report) == []
    assert skipped(report) <= {"until"}
