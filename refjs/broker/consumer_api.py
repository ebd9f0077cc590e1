"""The consumer endpoints of the API (catalogue CON-API)."""

from __future__ import annotations

from typing import Final, final

from refjs.api import interim as api
from refjs.broker.consumer_host import ConsumerHost
from refjs.broker.engine import Engine
from refjs.broker.entries import CreateConsumer, DeleteConsumer
from refjs.broker.registry import AccountStreams
from refjs.broker.replica import GroupOutcome
from refjs.broker.request import ApiRequest
from refjs.broker.stream_host import StreamHost
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.types.config import ConsumerConfig
from refjs.types.plain import encode_config

NAMES_PAGE: Final = 1024
LIST_PAGE: Final = 256
_EPHEMERAL_NAME: Final = 8


@final
class ConsumerApi:
    """The consumer endpoints of one account."""

    def __init__(self, engine: Engine, streams: AccountStreams) -> None:
        self._engine = engine
        self._streams = streams

    # -- creating -------------------------------------------------------------------------------------------------

    def create(self, request: ApiRequest) -> None:
        """Create or update a consumer on ``CONSUMER.CREATE.<stream>[.<name>[.<filter>]]`` (CON-API-001)."""
        asked = self._decode(request)
        if asked is None:
            return
        if len(request.tokens) > 1:
            asked.config.name = request.tokens[1]
        self._create(request, asked)

    def create_durable(self, request: ApiRequest) -> None:
        """Create or update a consumer on ``CONSUMER.DURABLE.CREATE.<stream>.<durable>``."""
        asked = self._decode(request)
        if asked is None:
            return
        if not asked.config.durable_name:
            request.refuse(table.CONSUMER_DURABLE_NAME_NOT_SET)
        elif asked.config.durable_name != request.tokens[1]:
            request.refuse(table.CONSUMER_DURABLE_NAME_NOT_MATCH_SUBJECT)
        else:
            self._create(request, asked)

    def _decode(self, request: ApiRequest) -> api.ConsumerCreate | None:
        asked = api.decode_consumer_create(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return None
        return asked

    def _create(self, request: ApiRequest, asked: api.ConsumerCreate) -> None:
        stream = self._stream(request)
        if stream is None:
            return
        config = asked.config
        name = config.name or self._engine.rng.token(_EPHEMERAL_NAME).decode()
        known = stream.replica.consumers.get(name)
        if known is None and asked.action == "update":
            request.refuse(table.CONSUMER_DOES_NOT_EXIST)
        elif known is not None and asked.action == "create" and known.config != config:
            request.refuse(table.CONSUMER_ALREADY_EXISTS)
        else:
            self._propose(request, stream, name, config)

    def _propose(self, request: ApiRequest, stream: StreamHost, name: str, config: ConsumerConfig) -> None:
        def answer(_: GroupOutcome) -> None:
            request.answer(api.consumer(request.kind, stream.consumers[name].info()))

        stream.propose(CreateConsumer(name, encode_config(config), stream.stamp()), answer)

    # -- listing --------------------------------------------------------------------------------------------------

    def names(self, request: ApiRequest) -> None:
        """Answer with the names, a page at a time (CON-API-014)."""
        stream = self._stream(request)
        if stream is None:
            return
        asked = api.decode_list(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        names = sorted(stream.consumers)
        offset = min(max(asked.offset, 0), len(names))
        request.answer(api.consumer_names(len(names), offset, NAMES_PAGE, names[offset : offset + NAMES_PAGE]))

    def list(self, request: ApiRequest) -> None:
        """Answer with the infos, a page at a time (CON-API-015)."""
        stream = self._stream(request)
        if stream is None:
            return
        asked = api.decode_list(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        names = sorted(stream.consumers)
        offset = min(max(asked.offset, 0), len(names))
        infos = [stream.consumers[name].info() for name in names[offset : offset + LIST_PAGE]]
        request.answer(api.consumer_list(len(names), offset, LIST_PAGE, infos))

    def info(self, request: ApiRequest) -> None:
        """Answer with a consumer's configuration and state (CON-API-012)."""
        host = self._consumer(request)
        if host is not None:
            request.answer(api.consumer(request.kind, host.info()))

    def delete(self, request: ApiRequest) -> None:
        """Delete a consumer (CON-API-013)."""
        host = self._consumer(request)
        stream = self._streams.hosts.get(request.tokens[0])
        if host is None or stream is None:
            return

        def answer(_: GroupOutcome) -> None:
            request.answer(api.success(request.kind))

        stream.propose(DeleteConsumer(host.name), answer)

    # -- finding --------------------------------------------------------------------------------------------------

    def _stream(self, request: ApiRequest) -> StreamHost | None:
        host = self._streams.hosts.get(request.tokens[0])
        if host is None:
            request.refuse(table.STREAM_NOT_FOUND)
        return host

    def _consumer(self, request: ApiRequest) -> ConsumerHost | None:
        if not api.is_empty_request(request.body):
            request.refuse(table.NOT_EMPTY_REQUEST)
            return None
        stream = self._stream(request)
        if stream is None:
            return None
        host = stream.consumers.get(request.tokens[1])
        if host is None:
            request.refuse(table.CONSUMER_NOT_FOUND)
        return host
