"""The parser of the client protocol: any bytes, in any pieces, within its memory."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.wire import client, headers
from refjs.wire.operations import Operation, Violation
from refjs.wire.parser import Parser
from tests.wire_ops import pieces, plain

LINE_MAX: Final = 40
PAYLOAD_MAX: Final = 24

# Whole operations, their beginnings, and what is almost one of them; the limits above are within reach.
FRAGMENTS: Final = [
    b"PUB a 2\r\nhi\r\n",
    b"PUB a b 0\r\n\r\n",
    b"pub\ta  1\nx\r\n",
    b"PUB a 24\r\n" + b"p" * 24 + b"\r\n",
    b"PUB a 25\r\n",
    b"PUB a 2\r\nhi\n",
    b"PUB \n",
    b'CONNECT {"headers":true}\r\n',
    b"connect{}\n",
    b"CONNECT {\r\n",
    b"HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
    b"HPUB a 9 3\r\n",
    b"SUB a 1\r\n",
    b"SUB a q\t1 \r\n",
    b"SUB " + b"s" * 36 + b" 1\r\n",
    b"UNSUB 1 5\r\n",
    b"UNSUB 1 x\n",
    b"PING\r\n",
    b"PING" + b"x" * 60 + b"\n",
    b"PONG\r\n",
    b"+OK\r\n",
    b"INFO {}\r\n",
    b"INFO x\r\n",
    b"-ERR 'x'\r\n",
    b"HMSG a\r\n",
    b"P",
    b"U",
    b"\r\n",
    b"\r",
    b"\n",
    b" " * 50,
    b"\x00",
]
conversations = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=4)), max_size=8).map(b"".join)


def small_parser() -> Parser:
    """Return a parser whose limits a test can reach."""
    return Parser(max_control_line=LINE_MAX, max_payload=PAYLOAD_MAX)


def parse(parts: list[bytes]) -> list[tuple[object, ...]]:
    """Return what a new parser makes of ``parts``, one after the other."""
    parser = small_parser()
    return [plain(operation) for part in parts for operation in parser.feed(part)]


@pytest.mark.req("PRO-OPS-001", "PRO-OPS-002", "PRO-OPS-012", "PRO-OPS-013")
@given(conversations, st.data())
def test_any_split_gives_the_same_operations(conversation: bytes, data: st.DataObject) -> None:
    """The operations do not depend on how the bytes were cut into reads."""
    whole = parse([conversation])
    assert parse(data.draw(pieces(conversation))) == whole
    assert parse([conversation[at : at + 1] for at in range(len(conversation))]) == whole


@given(st.lists(conversations, max_size=5))
def test_memory_is_bounded(parts: list[bytes]) -> None:
    """Between reads a parser keeps no more than one control line or one payload."""
    parser = small_parser()
    for part in parts:
        parser.feed(part)
        assert len(parser._tail) <= len(b"CONNECT ") + LINE_MAX + 1
        assert len(parser._body) <= PAYLOAD_MAX + 2
        assert not parser._tail or not parser._body


@pytest.mark.req("PRO-OPS-011")
@given(conversations, conversations)
def test_nothing_follows_a_violation(conversation: bytes, more: bytes) -> None:
    """A violation is the last operation of its read, and later reads yield nothing."""
    parser = small_parser()
    operations = parser.feed(conversation)
    assert not any(isinstance(operation, Violation) for operation in operations[:-1])
    if operations and isinstance(operations[-1], Violation):
        assert parser.feed(more) == []


words = st.text("abcAB*>$_-.é", min_size=1, max_size=8).map(str.encode)
sids = st.integers(1, 10**6).map(lambda number: b"%d" % number)


@pytest.mark.req("PRO-OPS-002", "PRO-OPS-004", "PRO-OPS-005", "PRO-OPS-006")
@given(st.data())
def test_what_a_client_encodes_is_what_the_server_parses(data: st.DataObject) -> None:
    """Every operation a client encodes is parsed back to itself, whatever its payload."""
    expected: list[tuple[object, ...]] = []
    sent = [client.connect(b'{"headers":true}')]
    for kind in data.draw(st.lists(st.sampled_from(["pub", "hpub", "sub", "unsub"]), max_size=8)):
        subject, reply, sid = data.draw(words), data.draw(st.one_of(st.just(b""), words)), data.draw(sids)
        payload = data.draw(st.binary(max_size=40))
        if kind == "pub":
            sent.append(client.pub(subject, payload, reply))
            expected.append(("PUB", subject, reply, 0, payload))
        elif kind == "hpub":
            block = headers.build(b"", [(b"Name", data.draw(words))])
            sent.append(client.hpub(subject, block, payload, reply))
            expected.append(("PUB", subject, reply, len(block), block + payload))
        elif kind == "sub":
            sent.append(client.sub(subject, sid, reply))
            expected.append(("SUB", subject, reply, sid))
        else:
            count = data.draw(st.integers(0, 10**9 - 1))
            sent.append(client.unsub(sid, count))
            expected.append(("UNSUB", sid, count))
    parser = Parser()
    operations: list[Operation] = []
    for piece in data.draw(pieces(b"".join(sent))):
        operations += parser.feed(piece)
    assert [plain(operation) for operation in operations[1:]] == expected


@pytest.mark.req("PRO-OPS-013")
def test_max_payload_can_change() -> None:
    """The limit on payloads is read for each operation, so that the broker may change it (account limits)."""
    parser = Parser()
    assert parser.feed(b"PUB a 5\r\nhello\r\n") != []
    parser.max_payload = 4
    assert [plain(operation) for operation in parser.feed(b"PUB a 5\r\n")] == [("-ERR", "Maximum Payload Violation")]
