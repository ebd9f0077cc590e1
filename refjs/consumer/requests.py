"""The pull requests that wait for a consumer's messages (CON-PUL).

Leader-local and volatile: no entry speaks of them, and a new leader begins without any.  Served round-robin: a request
with batch left goes to the tail after each message (CON-PUL-012).
"""

from __future__ import annotations

from collections import deque
from typing import final

from refjs.types.units import Nanos, Subject


@final
class PullRequest:
    """One request; times are ns, ``expires`` and ``heartbeat`` 0 mean none, ``bytes_left`` -1 means unlimited."""

    __slots__ = ("batch", "bytes_left", "delivered", "expires", "heartbeat", "next_heartbeat", "no_wait", "reply")

    def __init__(  # noqa: PLR0913 - the record's fields
        self,
        reply: Subject,
        batch: int,
        *,
        expires: Nanos,
        no_wait: bool,
        bytes_left: int,
        heartbeat: Nanos,
        now: Nanos,
    ) -> None:
        self.reply = reply
        self.batch = batch
        self.expires = expires
        self.no_wait = no_wait
        self.bytes_left = bytes_left
        self.heartbeat = heartbeat
        self.next_heartbeat = now + heartbeat
        self.delivered = 0


@final
class WaitQueue:
    """Waiting requests, in order of service."""

    def __init__(self) -> None:
        self._queue: deque[PullRequest] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, request: PullRequest) -> None:
        """Put ``request`` at the tail."""
        self._queue.append(request)

    def head(self) -> PullRequest | None:
        """Return the request to serve next."""
        return self._queue[0] if self._queue else None

    def serve(self, size: int) -> PullRequest:
        """Take one message of ``size`` bytes off the head's demand; return the head, rotated or removed."""
        request = self._queue.popleft()
        request.batch -= 1
        request.delivered += 1
        if request.bytes_left >= 0:
            request.bytes_left -= size
        if request.batch > 0:
            self._queue.append(request)
        return request

    def give_back(self, request: PullRequest, size: int) -> None:
        """Undo ``serve``: the message did not go out; a request that had its fill is served next again."""
        if request.batch == 0:
            self._queue.appendleft(request)
        request.batch += 1
        request.delivered -= 1
        if request.bytes_left >= 0:
            request.bytes_left += size

    def drop(self, request: PullRequest) -> None:
        """Remove ``request``."""
        self._queue.remove(request)

    def all(self) -> list[PullRequest]:
        """Return every waiting request, in order of service."""
        return list(self._queue)

    def clear(self) -> list[PullRequest]:
        """Remove and return every waiting request."""
        requests = list(self._queue)
        self._queue.clear()
        return requests

    def next_deadline(self) -> Nanos | None:
        """Return when the next request expires or wants a heartbeat."""
        deadlines = [request.expires for request in self._queue if request.expires]
        deadlines += [request.next_heartbeat for request in self._queue if request.heartbeat]
        return min(deadlines) if deadlines else None
