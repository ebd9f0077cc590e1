"""A message on its way to the subscribers of another server."""

from __future__ import annotations

from typing import final

from refjs.types.units import Subject


@final
class RouteTo:
    """Give a message to the subscribers of another server; ``queues`` names the groups that get it there.

    A hot record.  ``target`` is what it was published on, ``subject`` what its receivers see.
    """

    __slots__ = ("account", "body", "header_size", "peer", "queues", "reply", "subject", "target")

    def __init__(  # noqa: PLR0913, PLR0917 - the record's fields
        self,
        peer: str,
        account: str,
        target: Subject,
        subject: Subject,
        reply: Subject,
        header_size: int,
        body: bytes,
        queues: list[bytes],
    ) -> None:
        self.peer = peer
        self.account = account
        self.target = target
        self.subject = subject
        self.reply = reply
        self.header_size = header_size
        self.body = body
        self.queues = queues
