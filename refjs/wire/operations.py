"""What a client can say, parsed: the closed union that ``Parser.feed`` yields and the broker consumes.

Plain final classes with their own ``__init__``: these are hot records (docs/decisions/0005).
"""

from __future__ import annotations

from typing import TypeAlias, final

from refjs.types.units import Subject


@final
class Connect:
    """``CONNECT {json}``; the JSON is read by ``wire.connect`` (PRO-CON-001)."""

    __slots__ = ("options",)

    def __init__(self, options: bytes) -> None:
        self.options = options


@final
class Publish:
    """``PUB`` or ``HPUB``: ``body`` is the header block, of ``header_size`` bytes (0: none), then the payload."""

    __slots__ = ("body", "header_size", "reply", "subject")

    def __init__(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> None:
        self.subject = subject
        self.reply = reply
        self.header_size = header_size
        self.body = body


@final
class Subscribe:
    """``SUB <subject> [queue] <sid>``; an empty ``queue`` is a plain subscription."""

    __slots__ = ("queue", "sid", "subject")

    def __init__(self, subject: Subject, queue: bytes, sid: bytes) -> None:
        self.subject = subject
        self.queue = queue
        self.sid = sid


@final
class Unsubscribe:
    """``UNSUB <sid> [max]``; ``max_msgs`` 0 means at once (PRO-DLV-004)."""

    __slots__ = ("max_msgs", "sid")

    def __init__(self, sid: bytes, max_msgs: int) -> None:
        self.sid = sid
        self.max_msgs = max_msgs


@final
class Ping:
    """``PING``."""

    __slots__ = ()


@final
class Pong:
    """``PONG``: the answer to our PING."""

    __slots__ = ()


@final
class Ignored:
    """``+OK`` or ``INFO`` from a client: legal, without effect (PRO-OPS-010)."""

    __slots__ = ()


@final
class Violation:
    """The peer broke the protocol: answer ``-ERR 'text'`` (no answer when ``text`` is empty), then close.

    Always the last operation a parser yields.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


Operation: TypeAlias = Connect | Publish | Subscribe | Unsubscribe | Ping | Pong | Ignored | Violation
