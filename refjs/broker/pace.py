"""Replay at the original speed: the gaps between stored messages come back as gaps between deliveries (CON-DLV-008)."""

from __future__ import annotations

from typing import Final, final

from refjs.types.stored import StoredMessage
from refjs.types.units import MILLISECOND, Nanos, Seq

_GAP_MIN: Final[Nanos] = MILLISECOND


@final
class Pace:
    """When the next stored message may go; what came after ``until`` goes at once."""

    def __init__(self, until: Seq) -> None:
        self._until = until
        self._last: StoredMessage | None = None
        self._sent_at: Nanos = 0
        self.next_at: Nanos | None = None
        """When the message that was last held back may go."""

    def holds_back(self, message: StoredMessage, now: Nanos) -> bool:
        """Tell whether ``message`` must wait; gaps of a millisecond or less are not waited for."""
        self.next_at = None
        if self._last is None or message.seq > self._until:
            return False
        gap = message.ts - self._last.ts
        if gap <= _GAP_MIN or self._sent_at + gap <= now:
            return False
        self.next_at = self._sent_at + gap
        return True

    def sent(self, message: StoredMessage, now: Nanos) -> None:
        """Note that a message that is no redelivery went out."""
        self._last = message
        self._sent_at = now
