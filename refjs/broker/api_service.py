"""The API of one account: which request on ``$JS.API.>`` is whose business (STR-API-005, CON-API-001).

Every server hears every request.  Those about one stream are answered by its leader, all others by the leader of the
metadata log; whoever is not asked stays silent, and a subject that no request has is never answered (ERR-GEN-006).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, final

from refjs.account.subscription import Subscription
from refjs.broker.account_api import AccountApi
from refjs.broker.api_level import demands_too_much
from refjs.broker.consumer_api import ConsumerApi
from refjs.broker.engine import Engine
from refjs.broker.meta import Meta
from refjs.broker.registry import AccountStreams
from refjs.broker.request import ApiRequest
from refjs.broker.stream_api import StreamApi
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.types.units import Subject

Handler: TypeAlias = Callable[[ApiRequest], None]

_PREFIX_TOKENS: Final = 2  # $JS.API
_UNSERVED: Final = (b"$JS.API.CONSUMER.MSG.NEXT.", b"$JS.API.DIRECT.GET.")
"""What consumers and streams subscribe to themselves: where none does, there is no responder (CON-PUL-016)."""

_ANY_NUMBER: Final = -1


@final
class _Endpoint:
    """One kind of request: the words of its subject, how many tokens follow them, and who handles it."""

    __slots__ = ("arguments", "handler", "kind", "words")

    def __init__(self, words: str, arguments: int, kind: str, handler: Handler) -> None:
        self.words = words.split(".")
        self.arguments = arguments
        self.kind = kind
        self.handler = handler


@final
class ApiService:
    """The endpoints of one account."""

    def __init__(self, engine: Engine, meta: Meta, streams: AccountStreams) -> None:
        self._engine = engine
        self._meta = meta
        self._is_alone = not engine.logs.clustered
        self._streams = streams
        account = AccountApi(engine, streams)
        stream = StreamApi(engine, meta, streams)
        consumer = ConsumerApi(engine, streams)
        self._for_meta = [
            _Endpoint("INFO", 0, "account_info_response", account.info),
            _Endpoint("STREAM.CREATE", 1, "stream_create_response", stream.create),
            _Endpoint("STREAM.UPDATE", 1, "stream_update_response", stream.update),
            _Endpoint("STREAM.DELETE", 1, "stream_delete_response", stream.delete),
            _Endpoint("STREAM.NAMES", 0, "stream_names_response", stream.names),
            _Endpoint("STREAM.LIST", 0, "stream_list_response", stream.list),
        ]
        self._for_stream = [
            _Endpoint("STREAM.INFO", 1, "stream_info_response", stream.info),
            _Endpoint("STREAM.PURGE", 1, "stream_purge_response", stream.purge),
            _Endpoint("STREAM.MSG.GET", 1, "stream_msg_get_response", stream.get_message),
            _Endpoint("STREAM.MSG.DELETE", 1, "stream_msg_delete_response", stream.delete_message),
            _Endpoint("CONSUMER.DURABLE.CREATE", 2, "consumer_create_response", consumer.create_durable),
            _Endpoint("CONSUMER.CREATE", _ANY_NUMBER, "consumer_create_response", consumer.create),
            _Endpoint("CONSUMER.NAMES", 1, "consumer_names_response", consumer.names),
            _Endpoint("CONSUMER.LIST", 1, "consumer_list_response", consumer.list),
            _Endpoint("CONSUMER.INFO", 2, "consumer_info_response", consumer.info),
            _Endpoint("CONSUMER.DELETE", 2, "consumer_delete_response", consumer.delete),
        ]
        self._for_meta += _refused(clustered=engine.logs.clustered)
        streams.account.subscribe(Subscription(b"$JS.API.>", sink=self.receive, local=True))
        if engine.logs.clustered:
            self._attract()
        if engine.options.domain:
            domain = f"$JS.{engine.options.domain}.API.>".encode()
            streams.account.subscribe(Subscription(domain, sink=self._receive_in_domain, local=True))

    def _attract(self) -> None:
        """Let other servers send requests here: known ones only, so that they see where nobody responds."""
        for endpoint in [*self._for_meta, *self._for_stream]:
            subject = ".".join(["$JS.API", *endpoint.words, *([">"] if endpoint.arguments else [])])
            self._streams.account.subscribe(Subscription(subject.encode(), sink=lambda *_: False))

    def _receive_in_domain(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> bool:
        """Take a request by its domain's name (STR-API-019), as if it had come by the plain one."""
        _, _, rest = subject.split(b".", _PREFIX_TOKENS)
        plain = b"$JS." + rest
        return self._engine.router.publish(self._streams.account, plain, plain, reply, header_size, body, None)

    def receive(self, subject: Subject, reply: Subject, header_size: int, body: bytes) -> bool:
        """Take a message on ``$JS.API.>``."""
        if subject.startswith(_UNSERVED):
            return False
        tokens = subject.decode("utf-8", "replace").split(".")[_PREFIX_TOKENS:]
        for endpoint in self._for_meta:
            if _fits(endpoint, tokens):
                if self._meta.leads() or self._is_alone:
                    refusal = None if self._meta.leads() else table.CLUSTER_NOT_AVAIL
                    self._serve(endpoint, tokens, reply, header_size, body, refusal)
                return True
        for endpoint in self._for_stream:
            if _fits(endpoint, tokens):
                stream = tokens[len(endpoint.words)]
                if self._concerns_us(stream) or self._is_alone:
                    self._serve(endpoint, tokens, reply, header_size, body, self._why_unable(stream))
                return True
        return True

    def _concerns_us(self, stream: str) -> bool:
        """Tell whether this server answers for ``stream``: its leader, or, where nobody has it, the meta leader."""
        host = self._streams.hosts.get(stream)
        if host is not None:
            return host.leading
        return stream not in self._streams.assignments and self._meta.leads()

    def _why_unable(self, stream: str) -> ApiError | None:
        """Return why a lone server cannot answer for ``stream``: a log that lost something does not lead."""
        host = self._streams.hosts.get(stream)
        if host is not None:
            return None if host.leading else table.STREAM_OFFLINE_REASON.filled("its log is damaged")
        return None if self._meta.leads() else table.CLUSTER_NOT_AVAIL

    def _serve(
        self,
        endpoint: _Endpoint,
        tokens: list[str],
        reply: Subject,
        header_size: int,
        body: bytes,
        refusal: ApiError | None,
    ) -> None:
        rest = tokens[len(endpoint.words) :]
        block, payload = body[:header_size], body[header_size:]
        request = ApiRequest(self._engine.router, self._streams, endpoint.kind, rest, reply, block, payload)
        if demands_too_much(block, self._engine.profile):
            request.refuse(table.REQUIRED_API_LEVEL)
        elif refusal is not None:
            request.refuse(refusal)
        else:
            endpoint.handler(request)


def _refused(*, clustered: bool) -> list[_Endpoint]:
    """Return the endpoints that exist and do nothing here: a lone server has no peers, the rest is still to come."""

    def needs_cluster(request: ApiRequest) -> None:
        request.refuse(table.CLUSTER_REQUIRED)

    def refuse(request: ApiRequest) -> None:
        name = request.kind.removesuffix("_response").replace("_", " ")
        request.refuse(table.STREAM_GENERAL.filled(f"{name} is not supported by refjs yet"))

    of_clusters = refuse if clustered else needs_cluster
    return [
        _Endpoint("STREAM.LEADER.STEPDOWN", 1, "stream_leader_stepdown_response", of_clusters),
        _Endpoint("STREAM.PEER.REMOVE", 1, "stream_remove_peer_response", of_clusters),
        _Endpoint("STREAM.PEER.EVACUATE", 1, "stream_evacuate_peer_response", of_clusters),
        _Endpoint("STREAM.CANCEL_MOVE", 1, "stream_cancel_move_response", of_clusters),
        _Endpoint("CONSUMER.LEADER.STEPDOWN", 2, "consumer_leader_stepdown_response", of_clusters),
        _Endpoint("STREAM.SNAPSHOT", 1, "stream_snapshot_response", refuse),
        _Endpoint("STREAM.RESTORE", 1, "stream_restore_response", refuse),
        _Endpoint("CONSUMER.PAUSE", 2, "consumer_pause_response", refuse),
        _Endpoint("CONSUMER.UNPIN", 2, "consumer_unpin_response", refuse),
        _Endpoint("CONSUMER.RESET", 2, "consumer_reset_response", refuse),
    ]


def _fits(endpoint: _Endpoint, tokens: list[str]) -> bool:
    words = endpoint.words
    if tokens[: len(words)] != words:
        return False
    arguments = len(tokens) - len(words)
    return arguments >= 1 if endpoint.arguments == _ANY_NUMBER else arguments == endpoint.arguments
