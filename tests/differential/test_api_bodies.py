"""Bodies that are broken in every way: refjs refuses what the real server refuses, in the same words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import pytest

from refjs.api import delivery_requests, stream_requests
from refjs.api.consumer_requests import decode_consumer_create
from refjs.api.fields import is_empty_request
from refjs.errors.table import BAD_REQUEST, INVALID_JSON, NOT_EMPTY_REQUEST, ApiError
from refjs.testing.peer import RealServer
from refjs.types.profile import DEFAULT, Profile
from tests.differential.api_bodies import FIELDS, PULLS, SYNTAX, TIMES
from tests.differential.requester import Requester, error_of

pytestmark = pytest.mark.peer

Decoder: TypeAlias = Callable[[bytes, Profile], object]

ENDPOINTS: Final[list[tuple[str, Decoder]]] = [
    ("STREAM.CREATE.Z", stream_requests.decode_stream_config),
    ("STREAM.PURGE.Z", stream_requests.decode_purge),
    ("STREAM.MSG.GET.Z", stream_requests.decode_message_get),
    ("STREAM.MSG.DELETE.Z", stream_requests.decode_message_delete),
    ("STREAM.INFO.Z", stream_requests.decode_stream_info),
    ("STREAM.NAMES", stream_requests.decode_stream_names),
    ("STREAM.LIST", stream_requests.decode_stream_list),
]
OF_THE_BODY: Final = (INVALID_JSON.code, BAD_REQUEST.code)


@pytest.fixture(scope="module")
def server() -> Iterator[Requester]:
    """A connection to a real server."""
    with RealServer(jetstream=True) as process, Requester((process.host, process.port)) as requester:
        yield requester


def refusal(outcome: object) -> tuple[int, int, str] | None:
    """Return our error, where it is about the body itself."""
    if isinstance(outcome, ApiError) and outcome.code in OF_THE_BODY:
        return outcome.status, outcome.code, outcome.text
    return None


@pytest.mark.req(
    "STR-API-006", "STR-API-007", "STR-API-008", "STR-API-010", "STR-API-024", "STR-API-025", "STR-API-026",
    "STR-API-027", "STR-API-028", "STR-CRT-009", "STR-PRG-001", "STR-MGET-002", "STR-MDEL-003",
)  # fmt: skip
@pytest.mark.parametrize(("endpoint", "decoder"), ENDPOINTS)
def test_each_endpoint_reads_bodies_alike(server: Requester, endpoint: str, decoder: Decoder) -> None:
    """Whatever the body, refjs and the real server find the same fault in it, or both find none."""
    different = []
    for body in SYNTAX + FIELDS:
        theirs = error_of(server.ask(endpoint, body))
        theirs = theirs if theirs is not None and theirs[1] in OF_THE_BODY else None
        server.ask("STREAM.DELETE.Z")
        ours = refusal(decoder(body, DEFAULT))
        if ours != theirs:
            different.append((body[:80], "real", theirs, "ours", ours))
    assert different == []


@pytest.mark.req("STR-API-029")
def test_times_are_read_alike(server: Requester) -> None:
    """A text is a time for refjs exactly where it is one for the real server, and is refused in the same words."""
    different = []
    for text in TIMES:
        config = {"name": "C", "deliver_policy": "by_start_time", "opt_start_time": text}
        body = json.dumps({"stream_name": "NONE", "config": config}).encode()
        theirs = error_of(server.ask("CONSUMER.CREATE.NONE.C", body))
        theirs = theirs if theirs is not None and theirs[1] in OF_THE_BODY else None
        ours = refusal(decode_consumer_create(body, DEFAULT))
        if ours != theirs:
            different.append((text, "real", theirs, "ours", ours))
    assert different == []


@pytest.mark.req("STR-API-009", "CON-API-012")
def test_empty_requests_are_the_same(server: Requester) -> None:
    """A body is an empty request for refjs exactly where it is one for the real server."""
    for body in [b"", b"{}", b" {} ", b" {  } ", b'{"a":1}', b"[]", b"null", b" ", b"{}x", b"x", b"{"]:
        error = error_of(server.ask("STREAM.DELETE.NONE", body))
        assert error is not None
        assert is_empty_request(body) == (error[1] != NOT_EMPTY_REQUEST.code), body


@pytest.mark.req("CON-PUL-002", "CON-PUL-010", "CON-PUL-014", "CON-PRI-001")
def test_pull_requests_are_refused_alike(server: Requester) -> None:
    """What a pull request says wrongly is answered with the same status line."""
    server.ask("STREAM.CREATE.P", {"name": "P"})
    server.ask("CONSUMER.CREATE.P.C", {"stream_name": "P", "config": {"name": "C"}})
    for body in PULLS:
        theirs = server.request("$JS.API.CONSUMER.MSG.NEXT.P.C", body)
        ours = delivery_requests.decode_pull_request(body).error
        assert theirs == f"NATS/1.0 400 Bad Request - {ours}\r\n\r\n".encode(), body
    server.ask("STREAM.DELETE.P")


@pytest.mark.req("STR-DIR-003", "STR-DIR-004")
def test_direct_gets_are_refused_alike(server: Requester) -> None:
    """A direct get is refused with the status that the real server gives, or not at all."""
    server.ask("STREAM.CREATE.D", {"name": "D", "allow_direct": True})
    for body in SYNTAX + FIELDS:
        theirs = server.request("$JS.API.DIRECT.GET.D", body).split(b"\r\n")[0].decode()
        ours = delivery_requests.decode_direct_get(body).refusal or "404 Message Not Found"
        assert theirs in (f"NATS/1.0 {ours}", "NATS/1.0 404 No Results"), body[:80]
    server.ask("STREAM.DELETE.D")
