"""The stream endpoints of the API (catalogue STR)."""

from __future__ import annotations

from typing import Final, final

from refjs.api import interim as api
from refjs.broker.engine import Engine
from refjs.broker.meta import Meta
from refjs.broker.meta_entries import AssignStream, RemoveStream
from refjs.broker.registry import AccountStreams
from refjs.broker.replica import GroupOutcome
from refjs.broker.request import ApiRequest
from refjs.broker.stream_host import StreamHost
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.stream.entries import DeleteMessage, Purge
from refjs.stream.outcomes import Refused, Removed
from refjs.types.config import StreamConfig
from refjs.types.plain import encode_config
from refjs.types.records import StreamInfo
from refjs.types.stored import StoredMessage

NAMES_PAGE: Final = 1024
LIST_PAGE: Final = 256
SUBJECTS_PAGE: Final = 100_000


@final
class StreamApi:
    """The stream endpoints of one account."""

    def __init__(self, engine: Engine, meta: Meta, streams: AccountStreams) -> None:
        self._engine = engine
        self._meta = meta
        self._streams = streams

    # -- creating, updating, deleting -----------------------------------------------------------------------------

    def create(self, request: ApiRequest) -> None:
        """Create a stream, or answer for the equal one that exists (STR-CRT)."""
        config = self._read_config(request)
        if isinstance(config, ApiError):
            request.refuse(config)
            return
        known = self._streams.assignments.get(config.name)
        if known is not None and known.config != encode_config(config):
            request.refuse(table.STREAM_NAME_EXIST)
        elif known is None and self._streams.overlaps(config):
            request.refuse(table.STREAM_SUBJECT_OVERLAP)
        else:
            self._assign(request, config, known)

    def update(self, request: ApiRequest) -> None:
        """Replace a stream's configuration (STR-UPD)."""
        config = self._read_config(request)
        if isinstance(config, ApiError):
            request.refuse(config)
            return
        known = self._streams.assignments.get(config.name)
        if known is None:
            request.refuse(table.STREAM_NOT_FOUND)
            return
        if self._streams.overlaps(config):
            request.refuse(table.STREAM_SUBJECT_OVERLAP)
        else:
            self._assign(request, config, known)

    def _read_config(self, request: ApiRequest) -> StreamConfig | ApiError:
        return api.decode_stream_config(request.body, request.tokens[0])

    def _assign(self, request: ApiRequest, config: StreamConfig, known: AssignStream | None) -> None:
        engine = self._engine
        peers = known.peers if known is not None else engine.logs.peers(config.num_replicas)
        if len(peers) < config.num_replicas:
            request.refuse(engine.logs.too_few_peers())
            return
        self._streams.api_total += 1
        self._meta.propose(
            AssignStream(
                self._streams.account.name,
                config.name,
                encode_config(config),
                known.group if known is not None else self._new_group(config.name),
                peers,
                request.reply,
                known.stamp if known is not None else engine.now,
                update=request.kind == "stream_update_response",
            )
        )

    def _new_group(self, name: str) -> str:
        return f"{self._streams.account.name}/{name}-{self._engine.rng.token(8).decode()}"

    def delete(self, request: ApiRequest) -> None:
        """Delete a stream with its messages and consumers (STR-DEL-001)."""
        name = request.tokens[0]
        if not api.is_empty_request(request.body):
            request.refuse(table.NOT_EMPTY_REQUEST)
        elif name not in self._streams.assignments:
            request.refuse(table.STREAM_NOT_FOUND)
        else:
            self._meta.propose(RemoveStream(self._streams.account.name, name))
            request.answer(api.success("stream_delete_response"))

    # -- listing --------------------------------------------------------------------------------------------------

    def names(self, request: ApiRequest) -> None:
        """Answer with the names, a page at a time (STR-INF-010)."""
        asked = api.decode_list(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        names = self._streams.names(asked.subject)
        offset = min(max(asked.offset, 0), len(names))
        request.answer(api.stream_names(len(names), offset, NAMES_PAGE, names[offset : offset + NAMES_PAGE]))

    def list(self, request: ApiRequest) -> None:
        """Answer with the infos, a page at a time (STR-INF-011)."""
        asked = api.decode_list(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        names = [name for name in self._streams.names(asked.subject) if name in self._streams.hosts]
        offset = min(max(asked.offset, 0), len(names))
        infos = [self._streams.hosts[name].info() for name in names[offset : offset + LIST_PAGE]]
        request.answer(api.stream_list(len(names), offset, LIST_PAGE, infos))

    def info(self, request: ApiRequest) -> None:
        """Answer with a stream's configuration and state (STR-INF)."""
        host = self._host(request)
        if host is None:
            return
        asked = api.decode_list(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        info = host.info()
        if asked.deleted_details:
            info.state.deleted = host.replica.stream.store.deleted()
        total = offset = limit = 0
        if asked.subjects_filter:
            counts = host.replica.stream.subject_counts(asked.subjects_filter.encode())
            if counts:
                total, limit = len(counts), SUBJECTS_PAGE
                offset = min(max(asked.offset, 0), total)
                page = sorted(counts)[offset : offset + limit]
                info.state.subjects = {subject: counts[subject] for subject in page}
        request.answer(self._info_text(info, total, offset, limit))

    def _info_text(self, info: StreamInfo, total: int, offset: int, limit: int) -> bytes:
        return api.stream_info(info, total, offset, limit, self._engine.options.server_name)

    # -- messages -------------------------------------------------------------------------------------------------

    def purge(self, request: ApiRequest) -> None:
        """Remove many messages (STR-PRG)."""
        host = self._host(request)
        if host is None:
            return
        asked = api.decode_purge(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return

        def answer(outcome: GroupOutcome) -> None:
            if isinstance(outcome, Refused):
                request.refuse(outcome.error)
            elif isinstance(outcome, Removed):
                request.answer(api.stream_purge(outcome.count))

        host.propose(Purge(asked.filter.encode(), asked.seq, asked.keep), answer)

    def get_message(self, request: ApiRequest) -> None:
        """Answer with one stored message (STR-MGET)."""
        host = self._host(request)
        if host is None:
            return
        asked = api.decode_msg_get(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        store = host.replica.stream.store
        message: StoredMessage | None
        if asked.next_by_subj:
            message = store.next_matching([asked.next_by_subj.encode()], asked.seq)
        elif asked.last_by_subj:
            message = store.last_matching(asked.last_by_subj.encode())
        elif asked.start_time is not None:
            message = store.next_from(store.seq_at(asked.start_time))
        else:
            message = store.get(asked.seq)
        if message is None:
            request.refuse(table.NO_MESSAGE_FOUND)
        else:
            request.answer(api.stream_msg_get(message))

    def delete_message(self, request: ApiRequest) -> None:
        """Remove one message (STR-MDEL)."""
        host = self._host(request)
        if host is None:
            return
        asked = api.decode_msg_get(request.body)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return

        def answer(outcome: GroupOutcome) -> None:
            if isinstance(outcome, Refused):
                request.refuse(outcome.error)
            else:
                request.answer(api.success("stream_msg_delete_response"))

        host.propose(DeleteMessage(asked.seq), answer)

    def _host(self, request: ApiRequest) -> StreamHost | None:
        host = self._streams.hosts.get(request.tokens[0])
        if host is None:
            request.refuse(table.STREAM_NOT_FOUND)
        return host
