"""The stream endpoints of the API (catalogue STR)."""

from __future__ import annotations

from typing import Final, final

from refjs.api import answers
from refjs.api.fields import is_empty_request
from refjs.api.stream_requests import (
    StreamInfoRequest,
    decode_message_delete,
    decode_message_get,
    decode_purge,
    decode_stream_config,
    decode_stream_info,
    decode_stream_list,
    decode_stream_names,
)
from refjs.broker.engine import Engine
from refjs.broker.meta import Meta
from refjs.broker.meta_entries import AssignStream, MetaEntry, ReassignStream, RemoveStream
from refjs.broker.paging import LIST_PAGE, NAMES_PAGE, page_of
from refjs.broker.registry import AccountStreams
from refjs.broker.replica import GroupOutcome
from refjs.broker.request import ApiRequest
from refjs.broker.stream_host import StreamHost
from refjs.consumer.config import exceeds
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.stream import config as rules
from refjs.stream.entries import DeleteMessage, Purge
from refjs.stream.outcomes import Refused, Removed
from refjs.types.config import StreamConfig
from refjs.types.plain import encode_config
from refjs.types.records import StreamInfo

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
        config = self._read_create(request)
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
        config = self._read_update(request)
        if isinstance(config, ApiError):
            request.refuse(config)
        elif violators := self._violators(config):
            reason = f"change to limits violates consumers: {', '.join(violators)}"
            request.refuse(table.STREAM_UPDATE.filled(reason))
        elif self._streams.overlaps(config):
            request.refuse(table.STREAM_SUBJECT_OVERLAP)
        else:
            self._assign(request, config, self._streams.assignments[config.name])

    def _violators(self, config: StreamConfig) -> list[str]:
        """Return the consumers that ask for more than the limits of ``config`` would allow (STR-CFG-028)."""
        host = self._streams.hosts.get(config.name)
        consumers = {} if host is None else host.replica.consumers
        return [name for name, consumer in consumers.items() if exceeds(consumer.config, config.consumer_limits)]

    def _read_create(self, request: ApiRequest) -> StreamConfig | ApiError:
        """Return the configuration of a new stream, or why it can be none (STR-CRT-001)."""
        profile = self._engine.profile
        asked = decode_stream_config(request.body, profile)
        if isinstance(asked, ApiError):
            return asked
        refused = rules.check_name(asked.config, request.tokens[0]) or rules.check_create(asked.config)
        config = refused or rules.with_defaults(asked.config, profile, pedantic=asked.pedantic)
        return config if isinstance(config, ApiError) else self._check_peers(config) or config

    def _read_update(self, request: ApiRequest) -> StreamConfig | ApiError:
        """Return what an existing stream shall become, or why it cannot (STR-UPD-001)."""
        profile, name = self._engine.profile, request.tokens[0]
        asked = decode_stream_config(request.body, profile)
        if isinstance(asked, ApiError):
            return asked
        config = rules.with_defaults(asked.config, profile, pedantic=asked.pedantic)
        if isinstance(config, ApiError):
            return config
        if config.name != name:
            return table.STREAM_MISMATCH
        if name not in self._streams.assignments:
            return table.STREAM_NOT_FOUND
        known = self._streams.configs[name]
        if self._engine.logs.clustered and config.num_replicas != known.num_replicas:
            return self._check_peers(config) or table.STREAM_GENERAL.filled("scaling is not supported by refjs yet")
        return self._check_peers(config) or rules.with_update(known, config)

    def _check_peers(self, config: StreamConfig) -> ApiError | None:
        """Tell whether there are too few servers for the replicas that are asked for."""
        logs = self._engine.logs
        return None if len(logs.peers(config.num_replicas)) >= config.num_replicas else logs.too_few_peers()

    def _assign(self, request: ApiRequest, config: StreamConfig, known: AssignStream | None) -> None:
        entry: MetaEntry
        account, name, reply, encoded = self._streams.account.name, config.name, request.reply, encode_config(config)
        if known is not None:
            update = request.kind == "stream_update_response"
            entry = ReassignStream(account, name, encoded, known.group, reply, update=update)
        else:
            peers = self._engine.logs.peers(config.num_replicas)
            entry = AssignStream(account, name, encoded, self._new_group(name), peers, reply, self._engine.now)

        def done(refused: ApiError | None) -> None:
            if refused is not None:
                request.refuse(refused)
            else:
                self._streams.api_total += 1  # the stream's leader answers

        self._meta.propose(entry, done)

    def _new_group(self, name: str) -> str:
        return f"{self._streams.account.name}/{name}-{self._engine.rng.token(8).decode()}"

    def delete(self, request: ApiRequest) -> None:
        """Delete a stream with its messages and consumers (STR-DEL-001)."""
        name = request.tokens[0]
        if not is_empty_request(request.body):
            request.refuse(table.NOT_EMPTY_REQUEST)
        elif name not in self._streams.assignments:
            request.refuse(table.STREAM_NOT_FOUND)
        else:

            def done(refused: ApiError | None) -> None:
                if refused is not None:
                    request.refuse(refused)
                else:
                    request.answer(answers.success(request.kind))

            self._meta.propose(RemoveStream(self._streams.account.name, name), done)

    # -- listing --------------------------------------------------------------------------------------------------

    def names(self, request: ApiRequest) -> None:
        """Answer with the names, a page at a time (STR-INF-010)."""
        asked = decode_stream_names(request.body, self._engine.profile)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        names = self._streams.names(asked.subject)
        page, shown = page_of(names, asked.offset, NAMES_PAGE)
        request.answer(answers.stream_names(page, shown))

    def list(self, request: ApiRequest) -> None:
        """Answer with the infos, a page at a time (STR-INF-011)."""
        asked = decode_stream_list(request.body, self._engine.profile)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        hosts = self._streams.hosts
        page, names = page_of(self._streams.names(asked.subject), asked.offset, LIST_PAGE)
        infos = [hosts[name].info() for name in names if name in hosts]
        request.answer(answers.stream_list(page, infos, [name for name in names if name not in hosts]))

    def info(self, request: ApiRequest) -> None:
        """Answer with a stream's configuration and state (STR-INF)."""
        asked = decode_stream_info(request.body, self._engine.profile)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        host = self._host(request)
        if host is None:
            return
        info = host.info()
        if asked.deleted_details:
            info.state.deleted = host.replica.stream.store.deleted()
        page = _show_subjects(info, host, asked) if asked.subjects_filter else answers.NO_PAGE
        options = self._engine.options
        request.answer(
            answers.stream_info(info, page, options.profile, leader=options.server_name, domain=options.domain)
        )

    # -- messages -------------------------------------------------------------------------------------------------

    def purge(self, request: ApiRequest) -> None:
        """Remove many messages (STR-PRG)."""
        asked = decode_purge(request.body, self._engine.profile)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        host = self._host(request)
        if host is None:
            return

        def answer(outcome: GroupOutcome) -> None:
            if isinstance(outcome, Refused):
                request.refuse(outcome.error)
            elif isinstance(outcome, Removed):
                request.answer(answers.stream_purge(outcome.count))

        host.propose(Purge(asked.filter.encode(), asked.seq, asked.keep, host.stamp()), answer)

    def get_message(self, request: ApiRequest) -> None:
        """Answer with one stored message (STR-MGET)."""
        asked = decode_message_get(request.body, self._engine.profile)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        host = self._host(request)
        if host is None:
            return
        last_of, next_of = asked.last_by_subj.encode(), asked.next_by_subj.encode()
        message = host.replica.stream.store.find(asked.seq, last_of, next_of, asked.start_time)
        if message is None:
            request.refuse(table.NO_MESSAGE_FOUND)
        else:
            request.answer_uncounted(answers.stream_msg_get(message, no_headers=asked.no_hdr))

    def delete_message(self, request: ApiRequest) -> None:
        """Remove one message (STR-MDEL)."""
        asked = decode_message_delete(request.body, self._engine.profile)
        if isinstance(asked, ApiError):
            request.refuse(asked)
            return
        host = self._host(request)
        if host is None:
            return

        def answer(outcome: GroupOutcome) -> None:
            config = host.replica.stream.config
            if not isinstance(outcome, Refused):
                request.answer(answers.success(request.kind))
            elif config.sealed or config.deny_delete:
                request.refuse(outcome.error)
            else:  # what the store refuses is counted as served (STR-API-016)
                request.answer(answers.refusal(request.kind, outcome.error))

        host.propose(DeleteMessage(asked.seq, host.stamp()), answer)

    def _host(self, request: ApiRequest) -> StreamHost | None:
        host = self._streams.hosts.get(request.tokens[0])
        if host is None:
            request.refuse(table.STREAM_NOT_FOUND)
        return host


def _show_subjects(info: StreamInfo, host: StreamHost, asked: StreamInfoRequest) -> answers.Page:
    """Put one page of the subjects that match the filter into ``info`` and return which page it is (STR-INF-004)."""
    counts = host.replica.stream.subject_counts(asked.subjects_filter.encode())
    if not counts:
        return answers.NO_PAGE
    offset = asked.offset
    info.state.subjects = {subject: counts[subject] for subject in sorted(counts)[offset : offset + SUBJECTS_PAGE]}
    return answers.Page(len(counts), offset, SUBJECTS_PAGE)
