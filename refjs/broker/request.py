"""One API request on its way through the server: what was asked, by whom, and how it is answered (STR-API-001)."""

from __future__ import annotations

from typing import final

from refjs.account.account import Account
from refjs.api import answers
from refjs.broker.registry import AccountStreams
from refjs.broker.router import Router
from refjs.errors.table import ApiError
from refjs.types.units import Subject


@final
class ApiRequest:
    """A request; ``kind`` names its answer's type."""

    __slots__ = ("_router", "_streams", "account", "block", "body", "kind", "reply", "tokens")

    def __init__(  # noqa: PLR0913, PLR0917 - the record's fields
        self,
        router: Router,
        streams: AccountStreams,
        kind: str,
        tokens: list[str],
        reply: Subject,
        block: bytes,
        body: bytes,
    ) -> None:
        self._router = router
        self._streams = streams
        self.account: Account = streams.account
        self.kind = kind
        self.tokens = tokens
        """The tokens of the subject behind those that name the request."""
        self.reply = reply
        self.block = block
        """The header block."""
        self.body = body

    def answer(self, text: bytes) -> None:
        """Send the answer and count it (STR-API-016)."""
        self._streams.api_total += 1
        self._send(text)

    def answer_uncounted(self, text: bytes) -> None:
        """Send the answer, and count nothing: a message that was found (STR-API-016)."""
        self._send(text)

    def refuse(self, error: ApiError) -> None:
        """Send an error in the shape of the request's answer (ERR-GEN-001)."""
        self._streams.api_total += 1
        self._streams.api_errors += 1
        self._send(answers.refusal(self.kind, error))

    def _send(self, text: bytes) -> None:
        if self.reply:
            self._router.post(self.account, self.reply, b"", 0, text)
