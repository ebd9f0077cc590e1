"""The deliveries a consumer waits to hear about: which, since when, and which are due again.

Every operation costs the logarithm of how many are pending, whatever the stream holds.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final, final

from refjs.types.units import Nanos, Seq

_NEVER: Final[Nanos] = (1 << 63) - 1
"""The last deadline that can be written: what lies behind it, three centuries on, does not come."""


@final
class Pending:
    """One unsettled message: its first delivery's ``consumer_seq`` and when its ack wait is over."""

    __slots__ = ("consumer_seq", "deadline")

    def __init__(self, consumer_seq: Seq, deadline: Nanos) -> None:
        self.consumer_seq = consumer_seq
        self.deadline = deadline


@final
class PendingSet:
    """Unsettled messages by stream sequence, with the queue of those due again."""

    def __init__(self) -> None:
        self._pending: dict[Seq, Pending] = {}
        self._order: deque[Seq] = deque()
        self._timers: list[tuple[Nanos, Seq]] = []
        self._due: OrderedDict[Seq, None] = OrderedDict()  # no dict: taking from its front grows dear

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, seq: Seq) -> bool:
        return seq in self._pending

    def get(self, seq: Seq) -> Pending | None:
        """Return what is known of the message at ``seq``."""
        return self._pending.get(seq)

    def items(self) -> list[tuple[Seq, Pending]]:
        """Return everything unsettled, by sequence."""
        return sorted(self._pending.items(), key=_by_seq)

    def add(self, seq: Seq, consumer_seq: Seq, deadline: Nanos) -> None:
        """Note the first delivery of the message at ``seq``; sequences arrive in ascending order."""
        assert seq not in self._pending
        deadline = min(deadline, _NEVER)
        self._pending[seq] = Pending(consumer_seq, deadline)
        self._order.append(seq)
        heappush(self._timers, (deadline, seq))

    def restart(self, seq: Seq, deadline: Nanos) -> None:
        """Give the message at ``seq`` a new deadline and take it out of the queue of those due."""
        self._due.pop(seq, None)
        self.extend(seq, deadline)

    def extend(self, seq: Seq, deadline: Nanos) -> None:
        """Give the message at ``seq`` a new deadline."""
        deadline = min(deadline, _NEVER)
        self._pending[seq].deadline = deadline
        heappush(self._timers, (deadline, seq))

    def queue(self, seq: Seq) -> None:
        """Make the message at ``seq`` due now, behind those already due."""
        assert seq in self._pending
        self._due.setdefault(seq)

    def settle(self, seq: Seq) -> None:
        """Forget the message at ``seq``."""
        del self._pending[seq]
        self._due.pop(seq, None)

    def due(self) -> Iterator[Seq]:
        """Yield all that is due, in order of redelivery; nothing may change meanwhile."""
        return iter(self._due)

    def expired(self, now: Nanos) -> list[Seq]:
        """Return, by sequence, the messages whose deadline is reached and that are not due already."""
        found: dict[Seq, None] = {}
        while self._timers and self._timers[0][0] <= now:
            deadline, seq = heappop(self._timers)
            if self._armed(seq, deadline):
                found[seq] = None
        return sorted(found)

    def next_deadline(self) -> Nanos | None:
        """Return the earliest deadline of a message that is not due already."""
        while self._timers:
            deadline, seq = self._timers[0]
            if self._armed(seq, deadline):
                return deadline
            heappop(self._timers)
        return None

    def _armed(self, seq: Seq, deadline: Nanos) -> bool:
        pending = self._pending.get(seq)
        return pending is not None and seq not in self._due and pending.deadline == deadline

    def lowest(self) -> Seq:
        """Return the lowest unsettled sequence, or 0."""
        while self._order:
            if self._order[0] in self._pending:
                return self._order[0]
            self._order.popleft()
        return 0

    def through(self, seq: Seq) -> list[Seq]:
        """Return the unsettled sequences at or below ``seq``, ascending."""
        found: list[Seq] = []
        for candidate in self._order:
            if candidate > seq:
                break
            if candidate in self._pending:
                found.append(candidate)
        return found

    def check_invariants(self) -> None:
        """Assert every invariant."""
        assert set(self._pending) <= set(self._order)
        assert list(self._order) == sorted(self._order)
        timers = set(self._timers)
        assert all(seq in self._due or (pending.deadline, seq) in timers for seq, pending in self.items())
        assert all(seq in self._pending for seq in self._due)


def _by_seq(item: tuple[Seq, Pending]) -> Seq:
    return item[0]
