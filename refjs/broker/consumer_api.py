"""The consumer endpoints of the API (catalogue CON-API)."""

from __future__ import annotations

from typing import Final, final

from refjs.api import answers
from refjs.api.consumer_requests import (
    Action,
    ConsumerCreateRequest,
    apply_create_subject,
    decode_consumer_create,
    decode_consumer_page,
)
from refjs.api.fields import is_empty_request
from refjs.broker.consumer_host import ConsumerHost
from refjs.broker.engine import Engine
from refjs.broker.entries import CreateConsumer, DeleteConsumer
from refjs.broker.paging import LIST_PAGE, NAMES_PAGE, page_of
from refjs.broker.registry import AccountStreams
from refjs.broker.replica import GroupOutcome
from refjs.broker.request import ApiRequest
from refjs.broker.stream_host import StreamHost
from refjs.consumer import config as rules
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.types.config import ConsumerConfig
from refjs.types.plain import encode_config

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
        self._create(request, durable=False)

    def create_durable(self, request: ApiRequest) -> None:
        """Create or update a consumer on ``CONSUMER.DURABLE.CREATE.<stream>.<durable>``."""
        self._create(request, durable=True)

    def _create(self, request: ApiRequest, *, durable: bool) -> None:
        profile = self._engine.profile
        asked = decode_consumer_create(request.body, profile)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        clustered = self._engine.logs.clustered
        error = apply_create_subject(asked, request.tokens, durable=durable, clustered=clustered)
        if error is not None:
            request.refuse(error)
            return
        stream = self._stream(request)
        if stream is None:
            return
        config = rules.with_defaults(asked.config, stream.replica.stream.config, profile, pedantic=asked.pedantic)
        if isinstance(config, ApiError):
            request.refuse(config)
            return
        name = config.name or self._engine.rng.token(_EPHEMERAL_NAME).decode()
        refusal = self._refusal(stream, name, config, asked)
        if refusal is not None:
            request.refuse(refusal)
        else:
            self._propose(request, stream, name, config)

    def _refusal(
        self, stream: StreamHost, name: str, config: ConsumerConfig, asked: ConsumerCreateRequest
    ) -> ApiError | None:
        """Return why the consumer may not be created or updated, or None (CON-API-004, CON-API-009, CON-API-010)."""
        stream_config = stream.replica.stream.config
        error = rules.check(config, stream_config, self._engine.profile)
        if error is not None:
            return error
        known = stream.replica.consumers.get(name)
        others = [rules.filters_of(other.config) for other in stream.replica.consumers.values() if other is not known]
        if known is None:
            if asked.action is Action.UPDATE:
                return table.CONSUMER_DOES_NOT_EXIST
            if self._is_full(stream):
                return table.MAXIMUM_CONSUMERS_LIMIT
            return rules.check_new(config, stream_config, others)
        if asked.action is Action.CREATE and (known.config != config or _leaves_threshold_out(asked.config)):
            return table.CONSUMER_ALREADY_EXISTS
        if known.config == config:
            return None
        return rules.check_unique(config, stream_config, others) or rules.check_update(known.config, config)

    def _is_full(self, stream: StreamHost) -> bool:
        limit = stream.replica.stream.config.max_consumers
        limit = limit if limit > 0 else self._engine.profile.default_max_consumers
        return 0 < limit <= len(stream.replica.consumers)

    def _propose(self, request: ApiRequest, stream: StreamHost, name: str, config: ConsumerConfig) -> None:
        def answer(_: GroupOutcome) -> None:
            request.answer(answers.consumer(request.kind, stream.consumers[name].info(), self._engine.profile))

        stream.propose(CreateConsumer(name, encode_config(config), stream.stamp()), answer)

    # -- listing --------------------------------------------------------------------------------------------------

    def names(self, request: ApiRequest) -> None:
        """Answer with the names, a page at a time (CON-API-014)."""
        offset = decode_consumer_page(request.body, self._engine.profile)
        if isinstance(offset, ApiError):
            request.refuse(offset)
            return
        stream = self._stream(request)
        if stream is None:
            return
        page, shown = page_of(sorted(stream.consumers), offset, NAMES_PAGE)
        request.answer(answers.consumer_names(page, shown))

    def list(self, request: ApiRequest) -> None:
        """Answer with the infos, a page at a time (CON-API-015)."""
        offset = decode_consumer_page(request.body, self._engine.profile)
        if isinstance(offset, ApiError):
            request.refuse(offset)
            return
        stream = self._stream(request)
        if stream is None:
            return
        page, shown = page_of(sorted(stream.consumers), offset, LIST_PAGE)
        request.answer(answers.consumer_list(page, [stream.consumers[name].info() for name in shown]))

    def info(self, request: ApiRequest) -> None:
        """Answer with a consumer's configuration and state (CON-API-012)."""
        host = self._consumer(request)
        if host is not None:
            request.answer(answers.consumer(request.kind, host.info(), self._engine.profile))

    def delete(self, request: ApiRequest) -> None:
        """Delete a consumer (CON-API-013)."""
        host = self._consumer(request)
        stream = self._streams.hosts.get(request.tokens[0])
        if host is None or stream is None:
            return

        def answer(_: GroupOutcome) -> None:
            request.answer(answers.success(request.kind))

        stream.propose(DeleteConsumer(host.name), answer)

    # -- finding --------------------------------------------------------------------------------------------------

    def _stream(self, request: ApiRequest) -> StreamHost | None:
        host = self._streams.hosts.get(request.tokens[0])
        if host is None:
            request.refuse(table.STREAM_NOT_FOUND)
        return host

    def _consumer(self, request: ApiRequest) -> ConsumerHost | None:
        if not is_empty_request(request.body):
            request.refuse(table.NOT_EMPTY_REQUEST)
            return None
        stream = self._stream(request)
        if stream is None:
            return None
        host = stream.consumers.get(request.tokens[1])
        if host is None:
            request.refuse(table.CONSUMER_NOT_FOUND)
        return host


def _leaves_threshold_out(asked: ConsumerConfig) -> bool:
    """Tell whether an ephemeral consumer is asked for that never equals a stored one (CON-API-009)."""
    return not asked.durable_name and not asked.inactive_threshold
