"""Direct get: a message read straight from a replica, headers and all (STR-DIR)."""

from __future__ import annotations

from typing import Final, final

from refjs.account.account import Account
from refjs.api.interim import MessageRequest, decode_msg_get, format_time
from refjs.broker.engine import Engine
from refjs.errors.table import ApiError
from refjs.stream.stream import Stream
from refjs.types.stored import StoredMessage
from refjs.types.units import Subject
from refjs.wire import headers

_TOKENS: Final = 5


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
        if len(tokens) > _TOKENS:
            self._answer(reply, MessageRequest(0, tokens[_TOKENS].decode(), "", None, no_hdr=False))
            return True
        request = decode_msg_get(payload)
        if isinstance(request, ApiError):
            self._status(reply, b"408 Malformed Request")
        else:
            self._answer(reply, request)
        return True

    def _answer(self, reply: Subject, request: MessageRequest) -> None:
        message = self._find(request)
        if message is None:
            self._status(reply, b"404 Message Not Found")
        elif request.no_hdr and self._engine.profile.direct_get_no_hdr:
            self._engine.router.post(self._account, reply, b"", 0, message.payload())
        else:
            block = headers.with_headers(message.headers(), self._describe(message))
            self._engine.router.post(self._account, reply, b"", len(block), block + message.payload())

    def _find(self, request: MessageRequest) -> StoredMessage | None:
        store = self._stream.store
        if request.last_by_subj:
            return store.last_matching(request.last_by_subj.encode())
        if request.next_by_subj:
            return store.next_matching([request.next_by_subj.encode()], request.seq)
        if request.start_time is not None:
            return store.next_from(store.seq_at(request.start_time))
        return store.get(request.seq)

    def _describe(self, message: StoredMessage) -> list[tuple[bytes, bytes]]:
        """Return the headers that say where the message stands (STR-DIR-002)."""
        return [
            (b"Nats-Stream", self._stream.config.name.encode()),
            (b"Nats-Subject", message.subject),
            (b"Nats-Sequence", b"%d" % message.seq),
            (b"Nats-Time-Stamp", format_time(message.ts).encode()),
        ]

    def _status(self, reply: Subject, status: bytes) -> None:
        block = headers.build(status, [])
        self._engine.router.post(self._account, reply, b"", len(block), block)
