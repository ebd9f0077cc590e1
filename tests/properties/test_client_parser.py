"""The client's side of the wire: it reads what the server's side writes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.wire import client, encode
from tests.wire_ops import pieces

words = st.binary(min_size=1, max_size=8).map(lambda raw: bytes(byte for byte in raw if byte > 32) or b"x")
texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=20)


def plain(event: client.ServerEvent) -> tuple[object, ...]:
    """Return an event as a tuple that compares by value."""
    match event:
        case client.MsgReceived():
            return ("MSG", event.subject, event.sid, event.reply, event.header_size, event.body)
        case client.InfoReceived():
            return ("INFO", event.json)
        case client.ErrReceived():
            return ("-ERR", event.text)
        case client.PingReceived() | client.PongReceived() | client.OkReceived():
            return (type(event).__name__,)


@st.composite
def frames(draw: st.DrawFn) -> tuple[bytes, tuple[object, ...]]:
    """Return a frame of the server and what the client should see of it."""
    kind = draw(st.sampled_from(["message", "info", "err", "ok", "ping", "pong"]))
    if kind == "message":
        subject, sid, reply = draw(words), draw(words), draw(st.one_of(st.just(b""), words))
        body = draw(st.binary(max_size=40))
        size = draw(st.integers(0, len(body)))
        return encode.message(subject, sid, reply, size, body), ("MSG", subject, sid, reply, size, body)
    if kind == "info":
        return encode.info(b'{"a":1}'), ("INFO", b'{"a":1}')
    if kind == "err":
        text = draw(texts)
        return encode.err(text), ("-ERR", text)
    return {
        "ok": (encode.OK, ("OkReceived",)),
        "ping": (encode.PING, ("PingReceived",)),
        "pong": (encode.PONG, ("PongReceived",)),
    }[kind]


@pytest.mark.req("PRO-OPS-007", "PRO-OPS-015", "PRO-INF-001")
@given(st.lists(frames(), max_size=6), st.data())
def test_what_the_server_encodes_is_what_the_client_parses(
    sent: list[tuple[bytes, tuple[object, ...]]], data: st.DataObject
) -> None:
    """Every frame the server encodes is parsed back to itself, in any pieces."""
    parser = client.ClientParser()
    parts = data.draw(pieces(b"".join(frame for frame, _ in sent)))
    events = [plain(event) for part in parts for event in parser.feed(part)]
    assert events == [event for _, event in sent]


@given(st.one_of(st.binary(), st.binary().map(lambda tail: b"MSG a 1 " + tail)))
def test_any_bytes_are_events_or_an_error(data: bytes) -> None:
    """Bytes that are no protocol raise the one error that says so."""
    with contextlib.suppress(client.ProtocolError):
        assert isinstance(client.ClientParser().feed(data), list)
