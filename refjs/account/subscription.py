"""A subscription: who wants which messages, be it a client, a service of this server, or another server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

from refjs.types.units import NO_CONN, ConnId, Subject

Receiver: TypeAlias = Callable[[Subject, Subject, int, bytes], bool]
"""A service inside the server: takes subject, reply, header size and body; returns whether the message counts as
received (PRO-DLV-009)."""


@final
class Subscription:
    """One subscription; exactly one of ``conn`` (a client), ``sink`` (a service) and ``peer`` (a server) receives."""

    __slots__ = ("conn", "delivered", "local", "max_msgs", "peer", "queue", "sid", "sink", "subject")

    def __init__(  # noqa: PLR0913 - the record's fields
        self,
        subject: Subject,
        queue: bytes = b"",
        *,
        conn: ConnId = NO_CONN,
        sid: bytes = b"",
        sink: Receiver | None = None,
        peer: str = "",
        local: bool = False,
    ) -> None:
        self.subject = subject
        self.queue = queue
        self.conn = conn
        self.sid = sid
        self.sink = sink
        self.peer = peer
        self.local = local
        """Whether other servers are not told of it."""
        self.max_msgs = 0
        """After how many deliveries it ends (PRO-DLV-004); 0: never."""
        self.delivered = 0
