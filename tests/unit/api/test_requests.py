"""What requests say, and how releases differ in reading them."""

from __future__ import annotations

import pytest

from refjs.api.consumer_requests import decode_consumer_create
from refjs.api.delivery_requests import PullDemand, decode_nak_delay, decode_pull_request
from refjs.api.stream_requests import (
    UNSUPPORTED,
    MessageGetRequest,
    PurgeRequest,
    decode_message_get,
    decode_purge,
    decode_stream_config,
    decode_stream_names,
)
from refjs.errors.table import CONSUMER_CREATE, INVALID_JSON, STREAM_INVALID_CONFIG, ApiError
from refjs.types.config import Placement
from refjs.types.profile import DEFAULT, profile
from refjs.types.units import SECOND

SAYS_SOMETHING = {
    "mirror": '{"name":"A"}',
    "sources": '[{"name":"A"}]',
    "subject_transform": '{"src":"a","dest":"b"}',
    "republish": '{"dest":"a"}',
    "subject_delete_marker_ttl": "1",
}
SAYS_NOTHING = {"mirror": "null", "sources": "[]", "subject_transform": "null", "republish": "null"}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_refjs_does_not_do_is_refused_by_name(name: str) -> None:
    """A field that refjs does not carry out is refused by its name where it says something, and only there."""
    marker = name == "subject_delete_marker_ttl"
    said = decode_stream_config(f'{{"name":"Z","{name}":{SAYS_SOMETHING.get(name, "true")}}}'.encode(), DEFAULT)
    assert said == STREAM_INVALID_CONFIG.filled(f"{name} is not supported by refjs yet")
    nothing = SAYS_NOTHING.get(name, "0" if marker else "false")
    silent = decode_stream_config(f'{{"name":"Z","{name}":{nothing}}}'.encode(), DEFAULT)
    assert silent == decode_stream_config(b'{"name":"Z"}', DEFAULT)


@pytest.mark.parametrize(
    ("field", "value"), [("priority_groups", '["A"]'), ("pause_until", '"2050-01-01T00:00:00Z"'), ("direct", "true")]
)
def test_what_a_consumer_cannot_have_is_refused_by_name(field: str, value: str) -> None:
    """The same holds for the fields of a consumer."""
    body = f'{{"stream_name":"A","config":{{"{field}":{value}}}}}'.encode()
    refused = decode_consumer_create(body, DEFAULT)
    assert refused == CONSUMER_CREATE.filled(f"{field} is not supported by refjs yet")


@pytest.mark.req("STR-API-006", "STR-API-007", "ERR-GEN-008")
def test_releases_differ_in_strictness_and_in_words() -> None:
    """2.11 ignores unknown fields, 2.10 does not say what is wrong with broken JSON."""
    assert not isinstance(decode_stream_config(b'{"name":"Z","foo":1}', profile("2.11.0")), ApiError)
    refused = decode_stream_config(b"{", profile("2.10.25"))
    assert isinstance(refused, ApiError)
    assert refused.is_kind(INVALID_JSON)
    assert refused.text == "invalid JSON"


@pytest.mark.req("STR-API-024", "STR-API-027")
def test_the_same_field_twice_is_read_twice() -> None:
    """Structures and maps merge, everything else is replaced, also over several values in one body."""
    request = decode_stream_config(
        b'{"placement":{"cluster":"C"},"metadata":{"a":"1"}} {"placement":{"tags":["t"]},"metadata":{"b":"2"}}', DEFAULT
    )
    assert not isinstance(request, ApiError)
    assert request.config.placement == Placement("C", ["t"])
    assert request.config.metadata == {"a": "1", "b": "2"}


@pytest.mark.req("STR-API-010", "STR-API-014")
def test_optional_bodies_may_be_anything() -> None:
    """What does not look like JSON is no request, and a negative offset is none."""
    assert decode_purge(b"junk", DEFAULT) == PurgeRequest()
    page = decode_stream_names(b'{"offset":-5}', DEFAULT)
    assert not isinstance(page, ApiError)
    assert page.offset == 0


@pytest.mark.req("STR-MGET-001")
def test_a_message_is_selected() -> None:
    """``next_by_subj`` may start at a sequence."""
    wanted = MessageGetRequest(seq=3, next_by_subj="a.*")
    assert decode_message_get(b'{"seq":3,"next_by_subj":"a.*"}', DEFAULT) == wanted


@pytest.mark.req("CON-PUL-002")
@pytest.mark.parametrize(
    ("body", "demand"),
    [
        (b"", PullDemand()),
        (b"5", PullDemand(5)),
        (b" +3\n", PullDemand(3)),
        (b"5x", PullDemand()),
        (b"99999999999999999999", PullDemand()),
        (b'{"batch":2,"foo":5}', PullDemand(2)),
        (b'{"BATCH":2,"no_wait":true,"expires":5}', PullDemand(2, expires=5, no_wait=True)),
    ],
)
def test_a_pull_request_is_a_number_or_json(body: bytes, demand: PullDemand) -> None:
    """Anything else asks for one message."""
    assert decode_pull_request(body) == demand


@pytest.mark.req("CON-ACK-005")
@pytest.mark.parametrize(
    ("text", "delay"),
    [(b"", 0), (b' {"delay":5} ', 5), (b"1.5s", SECOND + SECOND // 2), (b"soon", 0), (b'{"delay":"x"}', 0)],
)
def test_a_nak_may_be_delayed(text: bytes, delay: int) -> None:
    """The delay is JSON or a duration; what is neither is none."""
    assert decode_nak_delay(text) == delay
