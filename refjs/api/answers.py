"""The answers of the API as nats-server writes them: its keys, their order, and what is left out (STR-API-023).

Every answer begins with its type.  What a record leaves unsaid is left out or written as zero as the rules of each
answer have it; nothing is guessed from the record's own order of fields.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Final, NamedTuple

from refjs.api.config_json import consumer_config_json, stream_config_json
from refjs.errors.table import ApiError
from refjs.types.json_text import quote, string_array
from refjs.types.profile import Profile
from refjs.types.records import AccountInfo, AccountLimits, ConsumerInfo, SequenceInfo, StreamInfo, StreamState
from refjs.types.stored import StoredMessage
from refjs.types.time_text import format_time

_TYPE: Final = "io.nats.jetstream.api.v1."

_ZEROS: Final = {
    "stream_info_response": ',"total":0,"offset":0,"limit":0',
    "stream_names_response": ',"total":0,"offset":0,"limit":0,"streams":null',
    "stream_list_response": ',"total":0,"offset":0,"limit":0,"streams":[]',
    "stream_purge_response": ',"purged":0',
    "consumer_names_response": ',"total":0,"offset":0,"limit":0,"consumers":[]',
    "consumer_list_response": ',"total":0,"offset":0,"limit":0,"consumers":[]',
    "stream_restore_response": ',"deliver_subject":""',
    "consumer_pause_response": ',"paused":false,"pause_until":"0001-01-01T00:00:00Z"',
}
"""What a refusal shows beside the error, by the kind of the answer (STR-API-030)."""


class Page(NamedTuple):
    """Which part of a list an answer shows: from ``offset`` on, of ``total``, at most ``limit`` (STR-API-014)."""

    total: int
    offset: int
    limit: int


NO_PAGE: Final = Page(0, 0, 0)
"""What an answer says of a list that it does not show."""


def refusal(kind: str, error: ApiError) -> bytes:
    """Return the refusal of a request whose answer would be of ``kind`` (ERR-GEN-001)."""
    return _answer(kind, f',"error":{error.to_json()}{_ZEROS.get(kind, "")}')


def success(kind: str) -> bytes:
    """Return the answer that says nothing but that it was done."""
    return _answer(kind, ',"success":true')


# -- publishing ------------------------------------------------------------------------------------------------------


def pub_ack_prefix(stream: str, domain: str, profile: Profile) -> bytes:
    """Return a publish ack up to its sequence (STR-PUB-002): the part that is the same for each message."""
    space = " " if profile.pub_ack_space else ""
    where = f'"domain":{quote(domain)},{space}' if domain else ""
    return f'{{"stream":{quote(stream)},{space}{where}"seq":'.encode()


def pub_refusal(stream: str, error: ApiError) -> bytes:
    """Return the refusal of a publish to ``stream`` (ERR-GEN-002)."""
    return f'{{"error":{error.to_json()},"stream":{quote(stream)},"seq":0}}'.encode()


# -- streams ---------------------------------------------------------------------------------------------------------


def stream_create(info: StreamInfo, profile: Profile) -> bytes:
    """Return the answer to CREATE (STR-CRT-002)."""
    return _answer("stream_create_response", f',{_stream(info, profile)},"did_create":true')


def stream_update(info: StreamInfo, profile: Profile, *, domain: str = "") -> bytes:
    """Return the answer to UPDATE (STR-UPD-010)."""
    return _answer("stream_update_response", "," + _stream(info, profile, _domain(domain)))


def stream_info(info: StreamInfo, page: Page, profile: Profile, *, leader: str, domain: str = "") -> bytes:
    """Return the answer to INFO; ``page`` is that of the subjects shown (STR-INF-001)."""
    cluster = f'{_domain(domain)},"cluster":{{"leader":{quote(leader)}}}'
    return _answer("stream_info_response", f"{_page(page)},{_stream(info, profile, cluster)}")


def stream_names(page: Page, names: list[str]) -> bytes:
    """Return one page of names; no name at all is null (STR-INF-010)."""
    return _answer("stream_names_response", f'{_page(page)},"streams":{string_array(names) if names else "null"}')


def stream_list(page: Page, infos: list[StreamInfo], missing: list[str]) -> bytes:
    """Return one page of infos; they show their metadata as it is stored (STR-INF-011, STR-CFG-037).

    ``missing`` names those streams of the page of which nothing is known here (STR-INF-013).
    """
    shown = ",".join([f"{{{_stream(info, None)}}}" for info in infos])
    absent = f',"missing":[{",".join([quote(name) for name in missing])}]' if missing else ""
    return _answer("stream_list_response", f'{_page(page)},"streams":[{shown}]{absent}')


def stream_purge(count: int) -> bytes:
    """Return the answer to PURGE (STR-PRG-002)."""
    return _answer("stream_purge_response", f',"success":true,"purged":{count}')


def stream_msg_get(message: StoredMessage, *, no_headers: bool = False) -> bytes:
    """Return the answer to MSG.GET; what is empty is left out (STR-MGET-001)."""
    subject = quote(message.subject.decode(errors="replace"))
    block, payload = message.headers(), message.payload()
    headers = f',"hdrs":"{b64encode(block).decode()}"' if block and not no_headers else ""
    data = f',"data":"{b64encode(payload).decode()}"' if payload else ""
    time = format_time(message.ts)
    shown = f'{{"subject":{subject},"seq":{message.seq}{headers}{data},"time":"{time}"}}'
    return _answer("stream_msg_get_response", f',"message":{shown}')


# -- consumers -------------------------------------------------------------------------------------------------------


def consumer(kind: str, info: ConsumerInfo, profile: Profile) -> bytes:
    """Return the answer of ``kind`` that shows a consumer: to CREATE and INFO (CON-API-011)."""
    return _answer(kind, "," + _consumer(info, profile))


def consumer_names(page: Page, names: list[str]) -> bytes:
    """Return one page of names (CON-API-014)."""
    return _answer("consumer_names_response", f'{_page(page)},"consumers":{string_array(names)}')


def consumer_list(page: Page, infos: list[ConsumerInfo]) -> bytes:
    """Return one page of infos; they show their metadata as it is stored (CON-API-015)."""
    shown = ",".join([f"{{{_consumer(info, None)}}}" for info in infos])
    return _answer("consumer_list_response", f'{_page(page)},"consumers":[{shown}]')


# -- the account -----------------------------------------------------------------------------------------------------


def account_info(info: AccountInfo, profile: Profile) -> bytes:
    """Return the answer to INFO of the account (STR-API-020)."""
    level = f'"level":{profile.api_level},' if profile.api_level else ""
    return _answer(
        "account_info_response",
        f',"memory":{info.memory},"storage":{info.storage}'
        f',"reserved_memory":{info.reserved_memory},"reserved_storage":{info.reserved_storage}'
        f',"streams":{info.streams},"consumers":{info.consumers},"limits":{_limits(info.limits)}{_domain(info.domain)}'
        f',"api":{{{level}"total":{info.api_total},"errors":{info.api_errors}}}',
    )


# -- parts -----------------------------------------------------------------------------------------------------------


def _answer(kind: str, members: str) -> bytes:
    """Return the object of ``kind`` and its members, each of them with its comma before it."""
    return f'{{"type":"{_TYPE}{kind}"{members}}}'.encode()


def _page(page: Page) -> str:
    return f',"total":{page.total},"offset":{page.offset},"limit":{page.limit}'


def _domain(domain: str) -> str:
    return f',"domain":{quote(domain)}' if domain else ""


def _stream(info: StreamInfo, profile: Profile | None, placed: str = "") -> str:
    """Return a stream's members; ``placed`` are those that say where it is, ``profile`` None hides our release."""
    config = stream_config_json(info.config, profile)
    return (
        f'"config":{config},"created":"{format_time(info.created)}","state":{_state(info.state)}{placed}'
        f',"ts":"{format_time(info.ts)}"'
    )


def _state(state: StreamState) -> str:
    """Return a stream's state; counts of subjects and deletions are left out at zero (STR-INF-002)."""
    subjects = ""
    if state.subjects:
        counts = {subject.decode(errors="replace"): count for subject, count in state.subjects.items()}
        members = ",".join([f"{quote(subject)}:{counts[subject]}" for subject in sorted(counts)])
        subjects = f',"subjects":{{{members}}}'
    deleted = ',"deleted":[' + ",".join([str(seq) for seq in state.deleted]) + "]" if state.deleted else ""
    return (
        f'{{"messages":{state.messages},"bytes":{state.bytes}'
        f',"first_seq":{state.first_seq},"first_ts":"{format_time(state.first_ts)}"'
        f',"last_seq":{state.last_seq},"last_ts":"{format_time(state.last_ts)}"'
        f"{_count('num_subjects', state.num_subjects)}{subjects}{_count('num_deleted', state.num_deleted)}{deleted}"
        f',"consumer_count":{state.consumer_count}}}'
    )


def _consumer(info: ConsumerInfo, profile: Profile | None) -> str:
    bound = ',"push_bound":true' if info.push_bound else ""
    return (
        f'"stream_name":{quote(info.stream_name)},"name":{quote(info.name)},"created":"{format_time(info.created)}"'
        f',"config":{consumer_config_json(info.config, profile)}'
        f',"delivered":{_sequences(info.delivered)},"ack_floor":{_sequences(info.ack_floor)}'
        f',"num_ack_pending":{info.num_ack_pending},"num_redelivered":{info.num_redelivered}'
        f',"num_waiting":{info.num_waiting},"num_pending":{info.num_pending}{bound},"ts":"{format_time(info.ts)}"'
    )


def _sequences(pair: SequenceInfo) -> str:
    active = f',"last_active":"{format_time(pair.last_active)}"' if pair.last_active else ""
    return f'{{"consumer_seq":{pair.consumer_seq},"stream_seq":{pair.stream_seq}{active}}}'


def _limits(limits: AccountLimits) -> str:
    required = "true" if limits.max_bytes_required else "false"
    return (
        f'{{"max_memory":{limits.max_memory},"max_storage":{limits.max_storage}'
        f',"max_streams":{limits.max_streams},"max_consumers":{limits.max_consumers}'
        f',"max_ack_pending":{limits.max_ack_pending}'
        f',"memory_max_stream_bytes":{limits.memory_max_stream_bytes}'
        f',"storage_max_stream_bytes":{limits.storage_max_stream_bytes},"max_bytes_required":{required}}}'
    )


def _count(name: str, value: int) -> str:
    return f',"{name}":{value}' if value else ""
