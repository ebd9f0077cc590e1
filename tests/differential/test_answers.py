"""From the same facts refjs writes the same bytes that the real server wrote."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator

import pytest

from refjs.api import answers
from refjs.api.answers import Page
from refjs.api.consumer_requests import decode_consumer_create
from refjs.api.stream_requests import decode_stream_config
from refjs.errors.table import (
    CONSUMER_NOT_FOUND,
    NO_MESSAGE_FOUND,
    SEQUENCE_NOT_FOUND,
    STREAM_NOT_FOUND,
    STREAM_WRONG_LAST_SEQUENCE,
    ApiError,
)
from refjs.testing.peer import RealServer
from refjs.types.profile import DEFAULT
from refjs.types.records import (
    AccountInfo,
    AccountLimits,
    ConsumerInfo,
    SequenceInfo,
    StreamInfo,
    StreamState,
)
from refjs.types.stored import StoredMessage
from refjs.types.time_text import parse_time
from tests.differential.requester import Json, Requester

pytestmark = pytest.mark.peer

STREAM: dict[str, Json] = {
    "name": "A",
    "description": "a <b> & \u20ac",
    "subjects": ["a.>", "b.*"],
    "max_msgs": 100,
    "placement": {"cluster": "C", "tags": ["x"]},
    "consumer_limits": {"max_ack_pending": 50},
    "metadata": {"zone": "1", "app": "2"},
    "first_seq": 5,
}
CONSUMERS: list[dict[str, Json]] = [
    {
        "durable_name": "C",
        "description": "d",
        "ack_policy": "explicit",
        "backoff": [1_000_000_000, 2_000_000_000],
        "filter_subject": "a.1",
        "headers_only": True,
        "max_batch": 5,
        "max_expires": 1_000_000_000,
        "max_bytes": 100,
        "mem_storage": True,
        "metadata": {"a": "b"},
        "deliver_group": "g",
        "inactive_threshold": 1_000_000_000_000,
    },
    {
        "name": "P",
        "ack_policy": "all",
        "deliver_subject": "p.p",
        "flow_control": True,
        "idle_heartbeat": 1_000_000_000,
        "filter_subjects": ["a.1", "a.2"],
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": 2,
        "replay_policy": "original",
    },
    {"name": "T", "deliver_policy": "by_start_time", "opt_start_time": "2020-01-01T00:00:00.5Z"},
]


@pytest.fixture(scope="module")
def server() -> Iterator[Requester]:
    """A connection to a real server with a stream, some messages and consumers."""
    with RealServer(jetstream=True) as process, Requester((process.host, process.port)) as requester:
        requester.ask("STREAM.CREATE.A", STREAM)
        for subject, headers, payload in (
            ("a.1", b"", b"hello"),
            ("a.2", b"NATS/1.0\r\nK: v\r\n\r\n", b"x"),
            ("a.1", b"", b""),
            ("b.1", b"", b"z"),
        ):
            requester.request(subject, payload, headers)
        requester.ask("STREAM.MSG.DELETE.A", {"seq": 7})
        for config in CONSUMERS:
            name = config.get("durable_name") or config["name"]
            requester.ask(f"CONSUMER.CREATE.A.{name}", {"stream_name": "A", "config": config})
        yield requester


def member(value: Json, name: str) -> dict[str, Json]:
    """Return a member that is an object."""
    assert isinstance(value, dict)
    inner = value[name]
    assert isinstance(inner, dict)
    return inner


def number(value: Json, name: str) -> int:
    """Return a member that is a number, 0 where it is missing."""
    assert isinstance(value, dict)
    found = value.get(name, 0)
    assert isinstance(found, int)
    return found


def text(value: Json, name: str) -> str:
    """Return a member that is a text."""
    assert isinstance(value, dict)
    found = value[name]
    assert isinstance(found, str)
    return found


def stored_metadata(config: dict[str, Json]) -> dict[str, str]:
    """Return the metadata of an answer without what the server adds to it."""
    shown = member(config, "metadata")
    return {key: str(value) for key, value in shown.items() if key not in ("_nats.ver", "_nats.level")}


def stream_info(answer: Json) -> StreamInfo:
    """Return the facts that an answer states about a stream."""
    assert isinstance(answer, dict)
    config = member(answer, "config")
    request = decode_stream_config(json.dumps(config).encode(), DEFAULT)
    assert not isinstance(request, ApiError)
    request.config.metadata = stored_metadata(config)
    state = member(answer, "state")
    subjects, deleted = state.get("subjects"), state.get("deleted")
    return StreamInfo(
        request.config,
        parse_time(text(answer, "created")),
        StreamState(
            messages=number(state, "messages"),
            bytes=number(state, "bytes"),
            first_seq=number(state, "first_seq"),
            first_ts=parse_time(text(state, "first_ts")),
            last_seq=number(state, "last_seq"),
            last_ts=parse_time(text(state, "last_ts")),
            num_subjects=number(state, "num_subjects"),
            num_deleted=number(state, "num_deleted"),
            consumer_count=number(state, "consumer_count"),
            deleted=[seq for seq in deleted if isinstance(seq, int)] if isinstance(deleted, list) else [],
            subjects={name.encode(): number(subjects, name) for name in subjects} if isinstance(subjects, dict) else {},
        ),
        parse_time(text(answer, "ts")),
    )


def sequences(value: dict[str, Json]) -> SequenceInfo:
    """Return a pair of sequences."""
    active = parse_time(text(value, "last_active")) if "last_active" in value else 0
    return SequenceInfo(number(value, "consumer_seq"), number(value, "stream_seq"), active)


def consumer_info(answer: Json) -> ConsumerInfo:
    """Return the facts that an answer states about a consumer."""
    assert isinstance(answer, dict)
    config = member(answer, "config")
    body = json.dumps({"stream_name": "A", "config": config}).encode()
    request = decode_consumer_create(body, DEFAULT)
    assert not isinstance(request, ApiError)
    request.config.metadata = stored_metadata(config)
    return ConsumerInfo(
        text(answer, "stream_name"),
        text(answer, "name"),
        parse_time(text(answer, "created")),
        request.config,
        sequences(member(answer, "delivered")),
        sequences(member(answer, "ack_floor")),
        number(answer, "num_ack_pending"),
        number(answer, "num_redelivered"),
        number(answer, "num_waiting"),
        number(answer, "num_pending"),
        parse_time(text(answer, "ts")),
    )


@pytest.mark.req("STR-API-023", "STR-CFG-040", "STR-CRT-002", "STR-UPD-010", "STR-CFG-037")
def test_create_and_update(server: Requester) -> None:
    """CREATE and UPDATE are answered with the same bytes."""
    body = json.dumps(STREAM).encode()
    created = server.request("$JS.API.STREAM.CREATE.A", body)
    assert answers.stream_create(stream_info(json.loads(created)), DEFAULT) == created
    updated = server.request("$JS.API.STREAM.UPDATE.A", body)
    assert answers.stream_update(stream_info(json.loads(updated)), DEFAULT) == updated


@pytest.mark.req("STR-INF-001", "STR-INF-002", "STR-INF-003", "STR-INF-004")
@pytest.mark.parametrize("asked", [b"", b'{"deleted_details":true}', b'{"subjects_filter":">"}'])
def test_stream_info(server: Requester, asked: bytes) -> None:
    """INFO is answered with the same bytes, with details and without."""
    shown = server.request("$JS.API.STREAM.INFO.A", asked)
    answer = json.loads(shown)
    page = Page(answer["total"], answer["offset"], answer["limit"])
    leader = answer["cluster"]["leader"]
    assert answers.stream_info(stream_info(answer), page, DEFAULT, leader=leader) == shown


@pytest.mark.req("STR-INF-010", "STR-INF-011", "CON-API-014", "CON-API-015")
def test_pages(server: Requester) -> None:
    """NAMES and LIST of streams and consumers are answered with the same bytes, empty pages too."""
    names = server.request("$JS.API.STREAM.NAMES")
    assert answers.stream_names(Page(1, 0, 1024), ["A"]) == names
    assert answers.stream_names(Page(1, 1, 1024), []) == server.request("$JS.API.STREAM.NAMES", b'{"offset":5}')
    listed = server.request("$JS.API.STREAM.LIST")
    infos = [stream_info(entry) for entry in json.loads(listed)["streams"]]
    assert answers.stream_list(Page(1, 0, 256), infos, []) == listed
    assert answers.consumer_names(Page(3, 0, 1024), ["C", "P", "T"]) == server.request("$JS.API.CONSUMER.NAMES.A")
    shown = server.request("$JS.API.CONSUMER.LIST.A")
    consumers = [consumer_info(entry) for entry in json.loads(shown)["consumers"]]
    assert answers.consumer_list(Page(3, 0, 256), consumers) == shown
    assert answers.consumer_list(Page(3, 3, 256), []) == server.request("$JS.API.CONSUMER.LIST.A", b'{"offset":9}')


@pytest.mark.req("CON-API-011", "CON-POS-008")
@pytest.mark.parametrize("name", ["C", "P", "T"])
def test_consumers(server: Requester, name: str) -> None:
    """INFO of a consumer is answered with the same bytes."""
    shown = server.request(f"$JS.API.CONSUMER.INFO.A.{name}")
    assert answers.consumer("consumer_info_response", consumer_info(json.loads(shown)), DEFAULT) == shown


@pytest.mark.req("STR-MGET-001", "STR-DIR-005")
@pytest.mark.parametrize("seq", [5, 6, 8])
@pytest.mark.parametrize("no_headers", [False, True])
def test_messages(server: Requester, seq: int, *, no_headers: bool) -> None:
    """MSG.GET is answered with the same bytes, whatever of the message is empty."""
    shown = server.request("$JS.API.STREAM.MSG.GET.A", json.dumps({"seq": seq, "no_hdr": no_headers}).encode())
    message = json.loads(shown)["message"]
    block, payload = b64decode(message.get("hdrs", "")), b64decode(message.get("data", ""))
    stored = StoredMessage(seq, parse_time(message["time"]), message["subject"].encode(), len(block), block + payload)
    assert answers.stream_msg_get(stored, no_headers=no_headers) == shown


@pytest.mark.req("STR-API-020")
def test_account_info(server: Requester) -> None:
    """INFO of the account is answered with the same bytes."""
    shown = server.request("$JS.API.INFO")
    answer = json.loads(shown)
    counts = {name: answer[name] for name in ("memory", "storage", "reserved_memory", "reserved_storage")}
    info = AccountInfo(
        **counts,
        streams=answer["streams"],
        consumers=answer["consumers"],
        limits=AccountLimits(**answer["limits"]),
        api_total=answer["api"]["total"],
        api_errors=answer["api"]["errors"],
    )
    assert answers.account_info(info, DEFAULT) == shown


@pytest.mark.req("STR-API-030", "ERR-GEN-001", "STR-INF-006", "ERR-10059", "ERR-10014", "ERR-10037", "ERR-10043")
@pytest.mark.parametrize(
    ("endpoint", "kind", "body", "error"),
    [
        ("STREAM.INFO.X", "stream_info_response", b"", STREAM_NOT_FOUND),
        ("STREAM.PURGE.X", "stream_purge_response", b"", STREAM_NOT_FOUND),
        ("STREAM.DELETE.X", "stream_delete_response", b"", STREAM_NOT_FOUND),
        ("STREAM.MSG.GET.A", "stream_msg_get_response", b'{"seq":99}', NO_MESSAGE_FOUND),
        ("STREAM.MSG.DELETE.A", "stream_msg_delete_response", b'{"seq":7}', SEQUENCE_NOT_FOUND.filled(7)),
        ("CONSUMER.NAMES.X", "consumer_names_response", b"", STREAM_NOT_FOUND),
        ("CONSUMER.LIST.X", "consumer_list_response", b"", STREAM_NOT_FOUND),
        ("CONSUMER.INFO.A.X", "consumer_info_response", b"", CONSUMER_NOT_FOUND),
        ("CONSUMER.DELETE.A.X", "consumer_delete_response", b"", CONSUMER_NOT_FOUND),
    ],
)
def test_refusals(server: Requester, endpoint: str, kind: str, body: bytes, error: ApiError) -> None:
    """A refusal has the same bytes, with the members that its endpoint always shows."""
    assert answers.refusal(kind, error) == server.request(f"$JS.API.{endpoint}", body)


@pytest.mark.req("STR-PUB-002", "ERR-GEN-002")
def test_publish_answers(server: Requester) -> None:
    """A publish ack and its refusal have the same bytes."""
    prefix = answers.pub_ack_prefix("A", "", DEFAULT)
    first = server.request("b.q", b"", b"NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n")
    seq = json.loads(first)["seq"]
    assert first == prefix + b"%d}" % seq
    wrong = server.request("b.q", b"", b"NATS/1.0\r\nNats-Expected-Last-Sequence: 999\r\n\r\n")
    assert wrong == answers.pub_refusal("A", STREAM_WRONG_LAST_SEQUENCE.filled(seq))
