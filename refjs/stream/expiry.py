"""When messages grow too old: by the stream's ``max_age`` and by a TTL of their own (STR-LIM-010, STR-TTL).

Messages reach ``max_age`` in the order of their sequences, so one place in the stream tells how far age was looked at;
those that live for ever (``Nats-TTL: never``) are passed over there.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final, final

from refjs.stream.store import MessageStore
from refjs.types.digits import read_u64
from refjs.types.stored import StoredMessage
from refjs.types.time_text import parse_duration
from refjs.types.units import SECOND, Nanos, Seq
from refjs.wire.headers import get

NO_TTL: Final = 0
FOREVER: Final = -1
INVALID: Final = -2
_TTL_MAX: Final[Nanos] = (1 << 63) - 1


def parse_ttl(value: bytes | None) -> Nanos:
    """Return the TTL that the header ``Nats-TTL`` states in ns, cut to whole seconds; or one of the marks above."""
    if value is None:
        return NO_TTL
    text = value.strip()
    if not text:
        return NO_TTL
    if text.lower() == b"never":
        return FOREVER
    if text.isdigit():
        ttl = (read_u64(text) or 0) * SECOND
    else:
        ttl = (parse_duration(text.decode("utf-8", "replace")) or 0) // SECOND * SECOND
    return ttl if 0 < ttl <= _TTL_MAX else INVALID


@final
class Expiry:
    """The ages of the messages of one stream; ``honours_ttl`` as the configuration says."""

    def __init__(self, store: MessageStore, *, honours_ttl: bool) -> None:
        self.honours_ttl = honours_ttl
        self._store = store
        self._aged: Seq = 0
        self._own: list[tuple[Nanos, Seq]] = []
        self._forever: dict[Seq, None] = {}

    def add(self, message: StoredMessage) -> None:
        """Note the TTL of a message that was just stored."""
        if not self.honours_ttl or message.header_size == 0:
            return
        ttl = parse_ttl(get(message.headers(), b"Nats-TTL"))
        if ttl == FOREVER:
            self._forever[message.seq] = None
        elif ttl > 0:
            heappush(self._own, (message.ts + ttl, message.seq))

    def forget(self, seq: Seq) -> None:
        """Note that the message at ``seq`` is gone."""
        self._forever.pop(seq, None)

    def next_too_old(self, now: Nanos, max_age: Nanos) -> StoredMessage | None:
        """Return a message whose time is over at ``now``; to be removed before this is asked again."""
        while self._own and self._own[0][0] <= now:
            _, seq = heappop(self._own)
            message = self._store.get(seq)
            if message is not None:
                return message
        first = self._first_that_ages() if max_age else None
        return first if first is not None and now - first.ts >= max_age else None

    def next_deadline(self, max_age: Nanos) -> Nanos | None:
        """Return when the next message grows too old."""
        while self._own and self._store.get(self._own[0][1]) is None:
            heappop(self._own)
        first = self._first_that_ages() if max_age else None
        deadlines = [self._own[0][0]] if self._own else []
        if first is not None:
            deadlines.append(first.ts + max_age)
        return min(deadlines) if deadlines else None

    def _first_that_ages(self) -> StoredMessage | None:
        message = self._store.next_from(self._aged)
        while message is not None and message.seq in self._forever:
            self._aged = message.seq + 1
            message = self._store.next_from(self._aged)
        return message
