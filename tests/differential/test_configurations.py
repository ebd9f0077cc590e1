"""Any configuration: refjs refuses it as the real server does, or makes the same of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refjs.api.config_json import consumer_config_json, stream_config_json
from refjs.api.consumer_requests import Action, apply_create_subject, decode_consumer_create
from refjs.api.stream_requests import decode_stream_config
from refjs.consumer import config as consumer_config
from refjs.errors.table import CONSUMER_ALREADY_EXISTS, STREAM_REPLICAS_NOT_SUPPORTED, ApiError
from refjs.stream import config as stream_config
from refjs.testing.peer import RealServer
from refjs.types.config import ConsumerConfig, StreamConfig
from refjs.types.profile import DEFAULT
from tests.differential.configurations import CONSUMER_FIELDS, STREAM_FIELDS, combinations, singles
from tests.differential.requester import Json, Requester, error_of

pytestmark = pytest.mark.peer

Fields: TypeAlias = dict[str, Json]
Outcome: TypeAlias = tuple[Json, Json, Json] | Json
FEW: Final = settings(max_examples=60)

STILL_REMOVING: Final = (500, 10049, "error creating store for stream")
"""What the real server answers now and then while it still removes the files of the last stream of that name."""

STREAMS: Final[list[Fields]] = [
    {},
    {"retention": "workqueue"},
    {"retention": "interest", "consumer_limits": {"max_ack_pending": 10, "inactive_threshold": 10**10}},
    {"consumer_limits": {"max_ack_pending": 10}},
]
FORMS: Final = [["CREATE", "A", "C"], ["CREATE", "A"], ["DURABLE", "CREATE", "A", "C"], ["CREATE", "A", "C", "a", "b"]]


@pytest.fixture(scope="module")
def server() -> Iterator[Requester]:
    """A connection to a real server."""
    with RealServer(jetstream=True) as process, Requester((process.host, process.port)) as requester:
        yield requester


def shown(answer: Fields) -> Outcome:
    """Return the error of a real answer, or its configuration."""
    return error_of(answer) or answer["config"]


def outcome(of: StreamConfig | ConsumerConfig | ApiError) -> Outcome:
    """Return our error, or our configuration, as ``shown`` returns theirs."""
    if isinstance(of, ApiError):
        return of.status, of.code, of.text
    text = stream_config_json(of, DEFAULT) if isinstance(of, StreamConfig) else consumer_config_json(of, DEFAULT)
    config: Json = json.loads(text)
    return config


def our_stream(body: bytes, *, new: bool) -> StreamConfig | ApiError:
    """Return what refjs makes of the body of CREATE (``new``) or UPDATE."""
    request = decode_stream_config(body, DEFAULT)
    if isinstance(request, ApiError):
        return request
    refused = (
        (stream_config.check_name(request.config, "Z") or stream_config.check_create(request.config)) if new else None
    )
    config = refused or stream_config.with_defaults(request.config, DEFAULT, pedantic=request.pedantic)
    if isinstance(config, ApiError):
        return config
    alone = STREAM_REPLICAS_NOT_SUPPORTED if config.num_replicas > 1 else config  # as the API asks its logs
    return stream_config.check_name(config, "Z") or alone


def our_consumer(body: bytes, stream: StreamConfig, form: list[str]) -> ConsumerConfig | ApiError:
    """Return what refjs makes of the body of a CREATE on the subject of ``form``."""
    request = decode_consumer_create(body, DEFAULT)
    if isinstance(request, ApiError):
        return request
    durable = form[0] == "DURABLE"
    refused = apply_create_subject(request, form[2:] if durable else form[1:], durable=durable)
    if refused is not None:
        return refused
    config = consumer_config.with_defaults(request.config, stream, DEFAULT, pedantic=request.pedantic)
    return config if isinstance(config, ApiError) else consumer_config.check(config, stream, DEFAULT) or config


def create_stream(server: Requester, fields: Fields) -> Outcome:
    """Create Z on the real server, or learn why not."""
    server.ask("STREAM.DELETE.Z")
    found: Outcome = STILL_REMOVING
    while found == STILL_REMOVING:
        found = shown(server.ask("STREAM.CREATE.Z", {"name": "Z", **fields}))
    return found


def judge_stream(server: Requester, fields: Fields) -> None:
    """Compare the two outcomes of creating one stream."""
    ours = outcome(our_stream(json.dumps({"name": "Z", **fields}).encode(), new=True))
    assert create_stream(server, fields) == ours


STREAM_RULES: Final = pytest.mark.req(
    "STR-CRT-001", "STR-CRT-006", "STR-CRT-007", "STR-CFG-001", "STR-CFG-002", "STR-CFG-003", "STR-CFG-004",
    "STR-CFG-005", "STR-CFG-007", "STR-CFG-008", "STR-CFG-009", "STR-CFG-010", "STR-CFG-011", "STR-CFG-012",
    "STR-CFG-013", "STR-CFG-014", "STR-CFG-015", "STR-CFG-016", "STR-CFG-018", "STR-CFG-019", "STR-CFG-021",
    "STR-CFG-022", "STR-CFG-025", "STR-CFG-027", "STR-CFG-036", "STR-CFG-037", "STR-CFG-039", "STR-CFG-041",
    "ERR-10052", "ERR-10074", "ERR-10133", "ERR-10157",
)  # fmt: skip
UPDATE_RULES: Final = pytest.mark.req(
    "STR-UPD-001", "STR-UPD-002", "STR-UPD-003", "STR-UPD-004", "STR-CFG-006", "STR-CFG-026"
)
CONSUMER_RULES: Final = pytest.mark.req(
    "CON-API-004", "CON-API-005", "CON-API-006", "CON-CFG-001", "CON-CFG-002", "CON-CFG-003", "CON-CFG-005",
    "CON-CFG-007", "CON-CFG-008", "CON-CFG-009", "CON-CFG-010", "CON-CFG-011", "CON-CFG-015", "CON-CFG-016",
    "CON-CFG-017", "CON-CFG-019", "CON-CFG-020", "CON-CFG-021", "CON-CFG-022", "CON-CFG-023", "CON-CFG-025",
    "CON-CFG-031", "CON-CFG-032", "STR-CFG-028", "STR-RET-002",
)  # fmt: skip


@STREAM_RULES
@pytest.mark.parametrize("fields", singles(STREAM_FIELDS), ids=lambda fields: str(fields)[:60])
def test_each_value_of_a_stream(server: Requester, fields: Fields) -> None:
    """Each value of each field alone comes to the same end on both servers."""
    judge_stream(server, fields)


@STREAM_RULES
@FEW
@given(combinations(STREAM_FIELDS))
def test_any_stream(server: Requester, fields: Fields) -> None:
    """Of several broken rules both servers name the same; of a good configuration both make the same."""
    judge_stream(server, fields)


@UPDATE_RULES
@FEW
@given(before=combinations(STREAM_FIELDS, 3), after=combinations(STREAM_FIELDS, 3), keep=st.booleans())
def test_any_stream_update(server: Requester, before: Fields, after: Fields, *, keep: bool) -> None:
    """An update replaces everything or is refused for the same reason."""
    if isinstance(create_stream(server, before), tuple):
        return
    new = {**before, **after} if keep else after
    old_config = our_stream(json.dumps({"name": "Z", **before}).encode(), new=True)
    assert isinstance(old_config, StreamConfig)
    ours = our_stream(json.dumps({"name": "Z", **new}).encode(), new=False)
    if isinstance(ours, StreamConfig):
        ours = stream_config.with_update(old_config, ours)
    assert shown(server.ask("STREAM.UPDATE.Z", {"name": "Z", **new})) == outcome(ours)


@UPDATE_RULES
@pytest.mark.parametrize("change", [{}, {"sealed": False}, {"sealed": True, "max_age": 10**9}, {"deny_purge": False}])
def test_a_sealed_stream_stays_sealed(server: Requester, change: Fields) -> None:
    """Sealing forces what it forces, and nothing undoes it."""
    create_stream(server, {"max_age": 10**9})
    start = our_stream(b'{"name":"Z","max_age":1000000000}', new=True)
    seal = our_stream(b'{"name":"Z","sealed":true}', new=False)
    assert isinstance(start, StreamConfig)
    assert isinstance(seal, StreamConfig)
    sealed = stream_config.with_update(start, seal)
    assert shown(server.ask("STREAM.UPDATE.Z", {"name": "Z", "sealed": True})) == outcome(sealed)
    assert isinstance(sealed, StreamConfig)
    ours = our_stream(json.dumps({"name": "Z", "sealed": True, **change}).encode(), new=False)
    if isinstance(ours, StreamConfig):
        ours = stream_config.with_update(sealed, ours)
    assert shown(server.ask("STREAM.UPDATE.Z", {"name": "Z", "sealed": True, **change})) == outcome(ours)


def stream_of_consumers(server: Requester, fields: Fields) -> StreamConfig:
    """Create the stream A on the real server, and return what refjs makes of it."""
    body: Json = {"name": "A", "subjects": ["a.>"], **fields}
    server.ask("STREAM.DELETE.A")
    error: Outcome = STILL_REMOVING
    while error == STILL_REMOVING:
        error = error_of(server.ask("STREAM.CREATE.A", body))
    assert error is None
    request = decode_stream_config(json.dumps(body).encode(), DEFAULT)
    assert not isinstance(request, ApiError)
    config = stream_config.with_defaults(request.config, DEFAULT, pedantic=False)
    assert isinstance(config, StreamConfig)
    return config


def judge_consumer(server: Requester, stream: StreamConfig, form: list[str], body: Fields) -> None:
    """Compare the two outcomes of creating the first consumer of a stream."""
    ours = our_consumer(json.dumps(body).encode(), stream, form)
    if isinstance(ours, ConsumerConfig):
        ours = consumer_config.check_new(ours, stream, []) or ours
    answer = server.ask(f"CONSUMER.{'.'.join(form)}", body)
    if "name" in answer:
        server.ask(f"CONSUMER.DELETE.A.{answer['name']}")
    assert shown(answer) == outcome(ours), body


@CONSUMER_RULES
@pytest.mark.parametrize("pedantic", [False, True])
@pytest.mark.parametrize("stream_fields", STREAMS)
def test_each_value_of_a_consumer(server: Requester, stream_fields: Fields, *, pedantic: bool) -> None:
    """Each value of each field alone comes to the same end, on each kind of stream."""
    stream = stream_of_consumers(server, stream_fields)
    for fields in singles(CONSUMER_FIELDS):
        for ack in ("none", "explicit"):
            body: Fields = {"stream_name": "A", "config": {"ack_policy": ack, **fields}, "pedantic": pedantic}
            judge_consumer(server, stream, FORMS[0], body)


@CONSUMER_RULES
@pytest.mark.parametrize("stream_fields", STREAMS)
def test_any_consumer(server: Requester, stream_fields: Fields) -> None:
    """Of several broken rules both servers name the same; of a good configuration both make the same."""
    stream = stream_of_consumers(server, stream_fields)

    @FEW
    @given(fields=combinations(CONSUMER_FIELDS), form=st.sampled_from(FORMS), pedantic=st.booleans())
    def judge(*, fields: Fields, form: list[str], pedantic: bool) -> None:
        judge_consumer(server, stream, form, {"stream_name": "A", "config": fields, "pedantic": pedantic})

    judge()


@pytest.mark.req("CON-API-008", "CON-API-009", "CON-CFG-033", "CON-CFG-034", "ERR-10012", "ERR-10148")
@FEW
@given(
    before=combinations(CONSUMER_FIELDS, 3),
    after=combinations(CONSUMER_FIELDS, 3),
    action=st.sampled_from(Action),
    keep=st.booleans(),
)
def test_any_consumer_update(server: Requester, before: Fields, after: Fields, action: Action, *, keep: bool) -> None:
    """An update of a durable changes what may be changed, or is refused for the same reason."""
    stream = stream_of_consumers(server, {})
    old_body: Fields = {"stream_name": "A", "config": {**before, "durable_name": "C"}}
    old = our_consumer(json.dumps(old_body).encode(), stream, FORMS[0])
    if error_of(server.ask("CONSUMER.CREATE.A.C", old_body)) is not None or isinstance(old, ApiError):
        return
    merged = {**before, **after} if keep else after
    body: Fields = {"stream_name": "A", "config": {**merged, "durable_name": "C"}, "action": action.value}
    ours = our_consumer(json.dumps(body).encode(), stream, FORMS[0])
    if isinstance(ours, ConsumerConfig) and action is Action.CREATE:
        ours = ours if ours == old else CONSUMER_ALREADY_EXISTS
    elif isinstance(ours, ConsumerConfig):
        ours = consumer_config.check_update(old, ours) or ours
    assert shown(server.ask("CONSUMER.CREATE.A.C", body)) == outcome(ours)


FILTERS: Final[list[Fields]] = [
    {},
    {"filter_subject": "a.b"},
    {"filter_subject": "a.*"},
    {"filter_subjects": ["a.b", "a.c"]},
    {"filter_subjects": ["a.d"]},
    {"filter_subject": ">"},
    {"filter_subject": "z"},
]


@pytest.mark.req("STR-RET-002", "ERR-10098", "ERR-10099", "ERR-10100", "ERR-10101", "ERR-10084")
@FEW
@given(
    st.lists(st.sampled_from(FILTERS), max_size=2),
    st.sampled_from(FILTERS),
    st.sampled_from(["none", "all", "explicit", "explicit"]),
    st.sampled_from(["all", "all", "last"]),
    st.sampled_from(["C", "X0"]),
)
def test_consumers_of_a_work_queue(
    server: Requester, others: list[Fields], filters: Fields, ack: str, start: str, name: str
) -> None:
    """A work queue lets in, and lets change, the same consumers beside the same others."""
    stream = stream_of_consumers(server, STREAMS[1])
    known: dict[str, ConsumerConfig] = {}
    for index, other in enumerate(others):
        there: Fields = {"stream_name": "A", "config": {"durable_name": f"X{index}", "ack_policy": "explicit", **other}}
        config = our_consumer(json.dumps(there).encode(), stream, ["CREATE", "A", f"X{index}"])
        if error_of(server.ask(f"CONSUMER.CREATE.A.X{index}", there)) is None and isinstance(config, ConsumerConfig):
            known[f"X{index}"] = config
    fields: Fields = {"durable_name": name, "ack_policy": ack, "deliver_policy": start, **filters}
    body: Fields = {"stream_name": "A", "config": fields}
    ours = our_consumer(json.dumps(body).encode(), stream, ["CREATE", "A", name])
    beside = [consumer_config.filters_of(config) for other, config in known.items() if other != name]
    if isinstance(ours, ConsumerConfig) and name in known:
        refused = consumer_config.check_unique(ours, stream, beside)
        ours = refused or consumer_config.check_update(known[name], ours) or ours
    elif isinstance(ours, ConsumerConfig):
        ours = consumer_config.check_new(ours, stream, beside) or ours
    assert shown(server.ask(f"CONSUMER.CREATE.A.{name}", body)) == outcome(ours)
