"""Header blocks: what is found in them, well-formed or not, and what is built."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.wire import headers

LINE = b"NATS/1.0\r\n"
names = st.text("ABCdef-", min_size=1, max_size=6).map(str.encode)
values = st.text("abc :=.", max_size=8).map(lambda text: text.lstrip(" ").encode())
pair_lists = st.lists(st.tuples(names, values), max_size=5)


@pytest.mark.req("STR-PUB-005")
@pytest.mark.parametrize(
    ("block", "value"),
    [
        (LINE + b"Id: a\r\n\r\n", b"a"),
        (LINE + b"Id:a\r\n\r\n", b"a"),
        (LINE + b"Id:   a  \r\n\r\n", b"a  "),
        (LINE + b"Id:\ta\r\n\r\n", b"\ta"),
        (LINE + b"Id:\r\nId: b\r\n\r\n", b""),
        (LINE + b"Id: a\r\nId: b\r\n\r\n", b"a"),
        (LINE + b"X: Id: a\r\nId: b\r\n\r\n", b"b"),
        (LINE + b"XId: a\r\nId-X: c\r\nId: b\r\n\r\n", b"b"),
        (LINE + b"\r\nId: a\r\n\r\n", b"a"),
        (LINE + b"Id: a", b"a"),
        (LINE + b"Id: a\r", b"a\r"),
        (LINE + b"Id: a\n\n", b"a\n\n"),
        (b"x\r\nId: a\r\n\r\n", b"a"),
        (LINE + b"Id", None),
        (LINE + b"id: a\r\n\r\n", None),
        (LINE + b" Id: a\r\n\r\n", None),
        (LINE + b"Id : a\r\n\r\n", None),
        (b"Id: a\r\n\r\n", None),
        (b"NATS/1.0\nId: a\r\n\r\n", None),
        (b"", None),
    ],
)
def test_what_counts_as_a_header(block: bytes, value: bytes | None) -> None:
    """A header is what stands between CRLF, name, colon and the next CRLF, as the real server reads it."""
    assert headers.get(block, b"Id") == value
    assert headers.has(block, b"Id") == (value is not None)


@pytest.mark.req("PRO-DLV-007")
@given(pair_lists)
def test_what_is_built_is_parsed(pairs: list[tuple[bytes, bytes]]) -> None:
    """Parsing a built block gives the pairs back, in order and with repetitions, and ``get`` finds the first."""
    block = headers.build(b"", pairs)
    assert headers.parse(block) == pairs
    assert headers.with_headers(headers.build(b"", pairs[:2]), pairs[2:]) == block
    for name, _ in pairs:
        assert headers.get(block, name) == next(value for other, value in pairs if other == name)


@given(pair_lists, names)
def test_without_removes_all_of_a_name(pairs: list[tuple[bytes, bytes]], name: bytes) -> None:
    """Removing a name leaves the other headers as they were, and no block where it removed the last one."""
    left = [(other, value) for other, value in pairs if other != name]
    shorter = headers.without(headers.build(b"", pairs), [name])
    assert shorter == (headers.build(b"", left) if left or not pairs else b"")


@given(st.lists(st.sampled_from([b"\r\n", b"A:", b"B:", b"x", b"\n", LINE]), max_size=8).map(b"".join))
def test_without_takes_any_bytes(block: bytes) -> None:
    """In whatever bytes a publisher sent, nothing is found any more that was removed."""
    assert headers.get(headers.without(block, [b"A"]), b"A") is None


@pytest.mark.req("PRO-DLV-007", "PRO-DLV-008")
@pytest.mark.parametrize("status", [b"", b"503", b"100 Idle Heartbeat"])
def test_status(status: bytes) -> None:
    """The status of a block is what it was built with."""
    assert headers.status_line(headers.build(status, [(b"A", b"b")])) == status
    assert headers.get(headers.build(status, [(b"A", b"b")]), b"A") == b"b"


def test_bytes_of_a_status() -> None:
    """A bare status is its line and the empty line, as the real server's answers to pull requests are."""
    assert headers.build(b"404 No Messages", []) == b"NATS/1.0 404 No Messages\r\n\r\n"
    assert headers.with_headers(b"", [(b"A", b"b")]) == b"NATS/1.0\r\nA: b\r\n\r\n"
