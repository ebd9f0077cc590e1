"""``$JS.API.INFO``: what an account uses and may use (STR-API-020)."""

from __future__ import annotations

from typing import final

from refjs.api import answers
from refjs.broker.engine import Engine
from refjs.broker.registry import AccountStreams
from refjs.broker.request import ApiRequest
from refjs.types.config import StorageKind
from refjs.types.records import AccountInfo


@final
class AccountApi:
    """The account's own endpoint."""

    def __init__(self, engine: Engine, streams: AccountStreams) -> None:
        self._engine = engine
        self._streams = streams

    def info(self, request: ApiRequest) -> None:
        """Answer with the account's figures."""
        streams = self._streams
        info = AccountInfo(
            streams=len(streams.assignments),
            consumers=streams.consumers(),
            domain=self._engine.options.domain,
            api_total=streams.api_total,
            api_errors=streams.api_errors,
        )
        for host in streams.hosts.values():
            stream = host.replica.stream
            if stream.config.storage is StorageKind.MEMORY:
                info.memory += stream.store.bytes
                info.reserved_memory += max(stream.config.max_bytes, 0)
            else:
                info.storage += stream.store.bytes
                info.reserved_storage += max(stream.config.max_bytes, 0)
        request.answer(answers.account_info(info, self._engine.profile))
