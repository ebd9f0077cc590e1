"""The pytest plugin: a refjs server as a fixture, real or virtual.

Installed with refjs, it is there without being named:

- ``refjs_server``: a server with JetStream on a free port, whose clock ``advance`` moves; one for each test.
- ``virtual_server``: a server without sockets in virtual time; one for each test.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from refjs.testing.inprocess import InProcessServer
from refjs.testing.virtual import VirtualServer


@pytest.fixture
def refjs_server() -> Iterator[InProcessServer]:
    """Give a server with JetStream at ``refjs_server.url``; empty at the start of each test."""
    with InProcessServer() as server:
        yield server


@pytest.fixture
def virtual_server() -> VirtualServer:
    """Give a server in virtual time: ``connect()`` gives a client in memory, ``advance(ns)`` moves the clock."""
    return VirtualServer()
