"""Direct get: messages read straight from a replica, headers and all (STR-DIR)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from refjs.account.account import Account
from refjs.api.delivery_requests import DirectGetRequest, decode_direct_get, decode_direct_last
from refjs.broker.api_level import demands_too_much
from refjs.broker.engine import Engine
from refjs.stream.stream import Stream
from refjs.types.stored import StoredMessage
from refjs.types.time_text import format_time
from refjs.types.units import Seq, Subject
from refjs.wire import headers

_TOKENS: Final = 5
_SUBJECTS_MAX: Final = 1024
_BYTES_MAX: Final = 64 << 20


@final
class DirectGet:
    """The direct reads of one stream."""

    def __init__(self, engine: Engine, account: Account, stream: Stream) -> None:
        self._engine = engine
        self._account = account
        self._stream = stream

    def receive(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> bool:
        """Answer a request on ``$JS.API.DIRECT.GET.<stream>[.<subject>]``."""
        if not reply:
            return True
        tokens = subject.split(b".", _TOKENS)
        payload = body[header_size:]
        if demands_too_much(body[:header_size], self._engine.profile):
            self._status(reply, b"412 Required Api Level", [])
        elif len(tokens) > _TOKENS:
            self._answer(reply, decode_direct_last(payload, tokens[_TOKENS].decode("utf-8", "surrogateescape")))
        else:
            self._answer(reply, decode_direct_get(payload))
        return True

    def _answer(self, reply: Subject, request: DirectGetRequest) -> None:
        if request.refusal:
            self._status(reply, request.refusal.encode(), [])
        elif request.multi_last:
            self._answer_last_of_many(reply, request)
        elif request.batch:
            self._answer_batch(reply, request)
        else:
            last_of, next_of = _bytes(request.last_by_subj), _bytes(request.next_by_subj)
            message = self._stream.store.find(request.seq, last_of, next_of, request.start_time)
            if message is None:
                self._status(reply, b"404 Message Not Found", [])
            else:
                self._send(reply, message, request, [])

    # -- batches --------------------------------------------------------------------------------------------------

    def _answer_batch(self, reply: Subject, request: DirectGetRequest) -> None:
        """Answer with messages from a place on (STR-DIR-006)."""
        store = self._stream.store
        start = request.seq if request.start_time is None else store.seq_at(request.start_time)
        patterns = [_bytes(request.next_by_subj)] if request.next_by_subj else []
        pending = store.count_from(patterns, start)
        if pending == 0:
            self._status(reply, b"404 Message Not Found", [])
            return
        self._send_series(reply, request, self._from(patterns, start), pending, [])

    def _from(self, patterns: list[Subject], start: Seq) -> Iterator[StoredMessage]:
        message = self._stream.store.next_matching(patterns, start)
        while message is not None:
            yield message
            message = self._stream.store.next_matching(patterns, message.seq + 1)

    def _answer_last_of_many(self, reply: Subject, request: DirectGetRequest) -> None:
        """Answer with the last message of each subject that matches (STR-DIR-010)."""
        store = self._stream.store
        limit = request.up_to_seq or store.last_seq
        if request.up_to_time is not None:
            limit = store.seq_at(request.up_to_time) - 1
        found = self._last_up_to([_bytes(pattern) for pattern in request.multi_last], limit)
        if not found:
            self._status(reply, b"404 No Results", [])
        elif len(found) > _SUBJECTS_MAX:
            self._status(reply, b"413 Too Many Results", [])
        else:
            skipped = sum(1 for message in found if message.seq < request.seq)
            up_to = [(b"Nats-UpTo-Sequence", b"%d" % limit)]
            self._send_series(reply, request, iter(found[skipped:]), len(found) - skipped, up_to)

    def _last_up_to(self, patterns: list[Subject], limit: Seq) -> list[StoredMessage]:
        found: dict[Seq, StoredMessage] = {}
        for pattern in patterns:
            for _, chain in self._stream.store.subjects.items_matching(pattern):
                message: StoredMessage | None = chain.newest
                while message is not None and message.seq > limit:
                    message = message.older
                if message is not None:
                    found[message.seq] = message
        return [found[seq] for seq in sorted(found)]

    def _send_series(
        self,
        reply: Subject,
        request: DirectGetRequest,
        messages: Iterator[StoredMessage],
        pending: int,
        end: list[tuple[bytes, bytes]],
    ) -> None:
        """Send as many as asked for, then the end of the batch with where it stands (STR-DIR-009)."""
        left = request.batch if request.batch > 0 else pending
        room = request.max_bytes if request.max_bytes > 0 else _BYTES_MAX
        last: Seq = 0
        for message in messages:
            pending -= 1
            self._send(reply, message, request, _progress(pending, last))
            last = message.seq
            left -= 1
            room -= len(message.subject) + len(message.body)
            if left <= 0 or room <= 0:
                break
        self._status(reply, b"204 EOB", _progress(pending, last) + end)

    # -- sending --------------------------------------------------------------------------------------------------

    def _send(
        self, reply: Subject, message: StoredMessage, request: DirectGetRequest, more: list[tuple[bytes, bytes]]
    ) -> None:
        if request.no_hdr and self._engine.profile.direct_get_no_hdr:
            self._engine.router.post(self._account, reply, b"", 0, message.payload())
            return
        place = [
            (b"Nats-Stream", self._stream.config.name.encode()),
            (b"Nats-Subject", message.subject),
            (b"Nats-Sequence", b"%d" % message.seq),
            (b"Nats-Time-Stamp", format_time(message.ts).encode()),
        ]
        block = headers.with_headers(message.headers(), place + more)
        self._engine.router.post(self._account, reply, b"", len(block), block + message.payload())

    def _status(self, reply: Subject, status: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
        block = headers.build(status, pairs)
        self._engine.router.post(self._account, reply, b"", len(block), block)


def _progress(pending: int, last: Seq) -> list[tuple[bytes, bytes]]:
    """Return the headers that say how many messages follow and which one came before (STR-DIR-006)."""
    return [(b"Nats-Num-Pending", b"%d" % pending), (b"Nats-Last-Sequence", b"%d" % last)]


def _bytes(subject: str) -> Subject:
    return subject.encode("utf-8", "surrogateescape")
