"""Client operations as comparable values, and pieces of bytes: shared by the tests of the wire."""

from __future__ import annotations

from hypothesis import strategies as st

from refjs.wire.operations import (
    Connect,
    Ignored,
    Operation,
    Ping,
    Pong,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
)


def plain(operation: Operation) -> tuple[object, ...]:
    """Return an operation as a tuple that compares by value."""
    match operation:
        case Connect():
            return ("CONNECT", operation.options)
        case Publish():
            return ("PUB", operation.subject, operation.reply, operation.header_size, operation.body)
        case Subscribe():
            return ("SUB", operation.subject, operation.queue, operation.sid)
        case Unsubscribe():
            return ("UNSUB", operation.sid, operation.max_msgs)
        case Violation():
            return ("-ERR", operation.text)
        case Ping() | Pong() | Ignored():
            return (type(operation).__name__,)


@st.composite
def pieces(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """Cut ``whole`` into pieces, some of them empty or one byte long."""
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
