"""What leaves a server, and what must wait until the disk has it.

Raft's safety rests on two promises: a server tells no term and no vote, and acknowledges no entry, that a power
failure could take back.  Every message therefore passes through here.  A write asks for a sync and gets a *ticket*;
messages that rest on the write are held until the embedder reports the ticket as done.  Tickets are cumulative: one
sync makes durable all that was written before it.
"""

from __future__ import annotations

from typing import final

from refjs.raft.messages import Entry, Message, Snapshot


@final
class Ready:
    """What the embedder has to do now.

    Restore ``snapshot`` (where there is one), apply ``committed``, send ``messages``, and where ``sync`` is not 0 sync
    the disk and then call ``Raft.synced(sync)``.  The order of the four does not matter to Raft.
    """

    __slots__ = ("committed", "messages", "snapshot", "sync")

    def __init__(self, messages: list[Message], sync: int, committed: list[Entry], snapshot: Snapshot | None) -> None:
        self.messages = messages
        self.sync = sync
        self.committed = committed
        self.snapshot = snapshot


@final
class Outbox:
    """Messages to send, messages held back, and the tickets they wait for."""

    __slots__ = ("_held", "_messages", "issued", "synced", "wanted")

    def __init__(self) -> None:
        self.issued = 0  # the last ticket handed out
        self.synced = 0  # the last ticket that the embedder reported as done
        self.wanted = 0  # the ticket that the embedder has yet to hear of; 0 for none
        self._messages: list[Message] = []
        self._held: list[tuple[int, Message]] = []

    def ticket(self) -> int:
        """Ask for a sync of all that was written so far; return its ticket."""
        if self.wanted == 0:
            self.issued += 1
            self.wanted = self.issued
        return self.wanted

    def send(self, message: Message, after: int) -> None:
        """Send ``message`` as soon as the ticket ``after`` is done (0: at once)."""
        if after <= self.synced:
            self._messages.append(message)
        else:
            self._held.append((after, message))

    def done(self, ticket: int, term: int) -> None:
        """Release what waited for ``ticket`` or an earlier one; what speaks for a term before ``term`` is dropped."""
        assert ticket <= self.issued, f"ticket {ticket} was never handed out"
        self.synced = max(self.synced, ticket)
        held, self._held = self._held, []
        for after, message in held:
            if after > ticket:
                self._held.append((after, message))
            elif message.term >= term:
                self._messages.append(message)

    def take(self) -> tuple[list[Message], int]:
        """Return, once, the messages to send and the ticket wanted."""
        messages, self._messages = self._messages, []
        ticket, self.wanted = self.wanted, 0
        return messages, ticket

    def clear(self) -> None:
        """Forget everything: the server has failed."""
        self._messages, self._held, self.wanted = [], [], 0

    @property
    def empty(self) -> bool:
        """Tell whether nothing waits, neither for the embedder nor for the disk."""
        return not self._messages and not self._held and self.wanted == 0

    def fork(self) -> Outbox:
        """Return an independent copy, which shares the messages."""
        copy = Outbox()
        copy.issued, copy.synced, copy.wanted = self.issued, self.synced, self.wanted
        copy._messages, copy._held = self._messages.copy(), self._held.copy()
        return copy

    def held(self) -> list[tuple[int, Message]]:
        """Return what waits for the disk: how many syncs away, and the message."""
        return [(after - self.synced, message) for after, message in self._held]
