"""Raw bytes to the real server and to refjs: the same bytes come back, the same connections close."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.broker.broker import Broker
from refjs.broker.options import BrokerOptions
from refjs.conform.inprocess import EPOCH, BrokerLink
from refjs.testing.peer import RealServer
from tests.differential.raw_exchange import Answer, exchange
from tests.differential.wire_lines import CASES, PING, QUIET, conversations

_CONN: Final = "client"


def ours(data: bytes) -> Answer:
    """Return what a refjs broker answers after INFO."""
    link = BrokerLink(Broker(BrokerOptions(jetstream=False), now=EPOCH, seed=1))
    link.open(_CONN)
    assert link.arrivals(link.now() + 1) != []
    link.send(_CONN, data)
    answer = Answer(b"", closed=False)
    for arrival in link.arrivals(link.now() + 1):
        answer = Answer(answer.data + (arrival.data or b""), closed=arrival.data is None)
    return answer


def in_plain_decimals(data: bytes) -> bytes:
    """Undo the one liberty we take: sizes go out in plain decimals, where the real server repeats ``02`` as it came."""
    return re.sub(rb"(MSG [^\r\n]* )0+(?=\d)", rb"\1", re.sub(rb"(MSG [^\r\n]* )0+(?=\d+ )", rb"\1", data))


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where the real server listens."""
    with RealServer(jetstream=False) as server:
        yield server.host, server.port


@pytest.mark.peer
@pytest.mark.parametrize("cases", CASES)
def test_the_real_server_answers_the_same(address: tuple[str, int], cases: list[bytes]) -> None:
    """To each of the byte strings the real server sends the bytes that refjs sends, and closes where refjs closes."""
    different = []
    for case in cases:
        expected = ours(case)
        found = exchange(address, case, expected)
        if (in_plain_decimals(found.data), found.closed) != expected:
            different.append((case[:120], "real", found.data[:200], found.closed, "ours", expected))
    assert different == []


@pytest.mark.peer
@pytest.mark.req("PRO-OPS-001", "PRO-OPS-002", "PRO-OPS-011")
@given(conversation=conversations, quiet=st.booleans())
def test_the_real_server_hears_the_same(address: tuple[str, int], conversation: bytes, *, quiet: bool) -> None:
    """In a random conversation, too, real server and refjs answer the same bytes and close at the same place."""
    sent = (QUIET if quiet else b"") + conversation + PING
    expected = ours(sent)
    found = exchange(address, sent, expected)
    assert (in_plain_decimals(found.data), found.closed) == expected
