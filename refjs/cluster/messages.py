"""What the servers of a cluster tell each other, besides messages of clients (``broker.routed.RouteTo``)."""

from __future__ import annotations

from typing import TypeAlias, final

from refjs.broker.routed import RouteTo
from refjs.raft.messages import Message
from refjs.types.units import ServerId, Subject


@final
class GroupMessage:
    """A message of the Raft group ``group``."""

    __slots__ = ("group", "message")

    def __init__(self, group: str, message: Message) -> None:
        self.group = group
        self.message = message


@final
class Interest:
    """One subject that somebody subscribes to on the sender, alone or in a queue group."""

    __slots__ = ("account", "queue", "subject")

    def __init__(self, account: str, subject: Subject, queue: bytes) -> None:
        self.account = account
        self.subject = subject
        self.queue = queue

    def key(self) -> tuple[str, Subject, bytes]:
        """Return what tells it from others."""
        return self.account, self.subject, self.queue


@final
class InterestUpdate:
    """What changed on the sender between its versions ``version - 1`` and ``version``.

    ``birth`` tells apart the lives of a server, whose versions begin anew.
    """

    __slots__ = ("added", "birth", "removed", "sender", "version")

    def __init__(
        self, sender: ServerId, birth: int, version: int, added: list[Interest], removed: list[Interest]
    ) -> None:
        self.sender = sender
        self.birth = birth
        self.version = version
        self.added = added
        self.removed = removed


@final
class InterestBeacon:
    """Says that the sender lives and which version its interest has."""

    __slots__ = ("birth", "sender", "version")

    def __init__(self, sender: ServerId, birth: int, version: int) -> None:
        self.sender = sender
        self.birth = birth
        self.version = version


@final
class InterestRequest:
    """Asks for the receiver's whole interest: an update was missed."""

    __slots__ = ("sender",)

    def __init__(self, sender: ServerId) -> None:
        self.sender = sender


@final
class InterestSnapshot:
    """The sender's whole interest at ``version``."""

    __slots__ = ("birth", "interest", "sender", "version")

    def __init__(self, sender: ServerId, birth: int, version: int, interest: list[Interest]) -> None:
        self.sender = sender
        self.birth = birth
        self.version = version
        self.interest = interest


PeerMessage: TypeAlias = RouteTo | GroupMessage | InterestUpdate | InterestBeacon | InterestRequest | InterestSnapshot
