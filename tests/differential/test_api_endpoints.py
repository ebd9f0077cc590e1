"""One conversation with every endpoint: refjs answers the real server's bytes, and counts what it counts."""

from __future__ import annotations

import json
import re
from typing import Final, TypeAlias

import pytest

from refjs.testing.peer import RealServer, RefjsServer, ServerProcess
from tests.differential.requester import Json, Requester

pytestmark = pytest.mark.peer

Step: TypeAlias = tuple[str, bytes]

BODIES: Final = [b"{", b"x", b'{"foo":1}', b"[]", b"null", b""]
ENDPOINTS: Final = [
    "STREAM.PURGE.X", "STREAM.INFO.X", "STREAM.MSG.GET.X", "STREAM.MSG.DELETE.X", "STREAM.DELETE.X",
    "STREAM.UPDATE.X", "CONSUMER.NAMES.X", "CONSUMER.LIST.X", "CONSUMER.INFO.X.C", "CONSUMER.DELETE.X.C",
    "CONSUMER.CREATE.X.C", "CONSUMER.CREATE.X", "CONSUMER.DURABLE.CREATE.X.C", "STREAM.NAMES", "STREAM.LIST", "INFO",
    "STREAM.LEADER.STEPDOWN.X", "STREAM.PEER.REMOVE.X", "CONSUMER.LEADER.STEPDOWN.X.C", "STREAM.CANCEL_MOVE.X",
]  # fmt: skip
PUBLISH: Final = "PUB "


def consumer(config: Json, **more: Json) -> Json:
    """Return the body of a CREATE on the stream A."""
    return {"stream_name": "A", "config": config, **more}


STREAMS: Final[list[tuple[str, Json]]] = [
    ("STREAM.MSG.GET.X", {"seq": 1}),
    ("STREAM.MSG.DELETE.X", {"seq": 1}),
    ("STREAM.UPDATE.X", {"name": "X"}),
    ("STREAM.UPDATE.X", {"name": "Y"}),
    ("STREAM.UPDATE.X", {"name": "Y", "max_age": -1}),
    ("STREAM.UPDATE.X", {"name": "X", "num_replicas": 3}),
    ("STREAM.UPDATE.a/b", {"name": "a/b"}),
    ("STREAM.CREATE.A", {"name": "A", "subjects": ["a.>"], "max_consumers": 2}),
    ("STREAM.CREATE.A", {"name": "A", "subjects": ["a.>"], "max_consumers": 2}),
    ("STREAM.CREATE.A", {"name": "A", "subjects": ["a.b"]}),
    ("STREAM.CREATE.A", {"name": "A", "num_replicas": 3}),
    ("STREAM.CREATE.B", {"name": "B", "subjects": ["a.b"]}),
    ("STREAM.CREATE.B", {"name": "B", "subjects": ["b"], "deny_delete": True, "deny_purge": True}),
    ("STREAM.UPDATE.B", {"name": "B", "subjects": ["a.b"], "deny_delete": True, "deny_purge": True}),
    ("STREAM.UPDATE.B", {"name": "B", "subjects": ["b"]}),
    ("STREAM.PURGE.B", {}),
    ("STREAM.PURGE.B", {"seq": 1, "keep": 1}),
    ("STREAM.MSG.DELETE.B", {"seq": 1}),
    ("STREAM.NAMES", {}),
    ("STREAM.NAMES", {"subject": "a.*"}),
    ("STREAM.NAMES", {"subject": "zzz"}),
    ("STREAM.NAMES", {"offset": 7}),
    ("STREAM.LIST", {"subject": "b"}),
]
MESSAGES: Final[list[tuple[str, Json]]] = [
    (PUBLISH + "a.0", {}),
    (PUBLISH + "a.1", {}),
    (PUBLISH + "a.2", {}),
    ("STREAM.INFO.A", {"subjects_filter": "a.*"}),
    ("STREAM.INFO.A", {"subjects_filter": ">", "offset": 2}),
    ("STREAM.INFO.A", {"subjects_filter": ">", "offset": 9}),
    ("STREAM.INFO.A", {"offset": 2}),
    ("STREAM.INFO.A", {"subjects_filter": "zz"}),
    ("STREAM.MSG.GET.A", {"seq": 1}),
    ("STREAM.MSG.GET.A", {"seq": 9}),
    ("STREAM.MSG.GET.A", {"last_by_subj": "a.*"}),
    ("STREAM.MSG.GET.A", {"last_by_subj": "a..b"}),
    ("STREAM.MSG.GET.A", {"next_by_subj": "a.1", "seq": 2}),
    ("STREAM.MSG.GET.A", {"start_time": "2020-01-01T00:00:00Z"}),
    ("STREAM.MSG.GET.A", {"start_time": "2050-01-01T00:00:00Z"}),
    ("STREAM.MSG.DELETE.A", {"seq": 2}),
    ("STREAM.MSG.DELETE.A", {"seq": 2}),
    ("STREAM.MSG.DELETE.A", {"seq": 99}),
    ("STREAM.MSG.DELETE.A", {"no_erase": True}),
    ("STREAM.INFO.A", {"deleted_details": True}),
]
CONSUMERS: Final[list[tuple[str, Json]]] = [
    ("CONSUMER.CREATE.A.C", consumer({"durable_name": "C", "ack_policy": "explicit"})),
    ("CONSUMER.CREATE.A.C", consumer({"durable_name": "C", "ack_policy": "explicit"}, action="create")),
    ("CONSUMER.CREATE.A.C", consumer({"durable_name": "C", "max_deliver": 4}, action="create")),
    ("CONSUMER.CREATE.A.C", consumer({"durable_name": "C", "ack_policy": "all"})),
    ("CONSUMER.CREATE.A.C", consumer({"durable_name": "C", "ack_policy": "explicit", "max_deliver": 4})),
    ("CONSUMER.CREATE.A.Q", consumer({}, action="update")),
    ("CONSUMER.CREATE.A.E", consumer({"deliver_policy": "new"})),
    ("CONSUMER.CREATE.A.E", consumer({"deliver_policy": "new"}, action="create")),
    ("CONSUMER.CREATE.A.F", consumer({})),
    ("CONSUMER.CREATE.A.F", consumer({}, action="update")),
    ("CONSUMER.NAMES.A", {}),
    ("CONSUMER.LIST.A", {}),
    ("CONSUMER.NAMES.A", {"offset": 9}),
    ("CONSUMER.INFO.A.C", {}),
    ("CONSUMER.INFO.A.zz", {}),
    ("CONSUMER.INFO.A.zz", {"a": 1}),
    ("CONSUMER.DELETE.A.zz", {}),
    ("CONSUMER.DELETE.A.C", {"a": 1}),
    ("CONSUMER.DELETE.A.C", {}),
    ("STREAM.INFO.A", {}),
    ("STREAM.UPDATE.A", {"name": "A", "subjects": ["a.>"], "sealed": True}),
    ("STREAM.PURGE.A", {}),
    ("STREAM.MSG.DELETE.A", {"seq": 1}),
    ("STREAM.UPDATE.A", {"name": "A", "subjects": ["a.>"]}),
    (PUBLISH + "a.1", {}),
    ("STREAM.DELETE.A", {}),
    ("STREAM.DELETE.B", {}),
    ("INFO", {}),
]
STEPS: Final[list[Step]] = [
    *((endpoint, body) for endpoint in ENDPOINTS for body in BODIES),
    *((endpoint, json.dumps(body).encode()) for endpoint, body in STREAMS + MESSAGES + CONSUMERS),
]


def conversation(server: ServerProcess) -> list[str]:
    """Return the answers of a server to all the steps, without what is its own."""
    with server as process, Requester((process.host, process.port)) as requester:
        return [impersonal(requester.request(subject(endpoint), body)) for endpoint, body in STEPS]


def subject(endpoint: str) -> str:
    """Return the subject of a step."""
    return endpoint.removeprefix(PUBLISH) if endpoint.startswith(PUBLISH) else f"$JS.API.{endpoint}"


def impersonal(answer: bytes) -> str:
    """Hide times, but not the zero time, and the server's name."""
    text = answer.decode()
    text = re.sub(r'"(?!0001)\d{4}-\d\d-\d\dT[0-9:.]+Z"', '"TIME"', text)
    return re.sub(r'"leader":"[^"]*"', '"leader":"NAME"', text)


@pytest.mark.req(
    "STR-API-009", "STR-API-010", "STR-API-014", "STR-API-016", "STR-API-030", "STR-CRT-003",
    "STR-CRT-004", "STR-CRT-005", "STR-UPD-001", "STR-INF-004", "STR-INF-006", "STR-INF-012", "STR-DEL-001",
    "STR-PRG-008", "STR-MGET-003", "STR-MDEL-002", "STR-MDEL-003", "CON-API-009", "CON-API-010", "CON-API-012",
    "CON-API-013", "STR-CLU-001", "CON-CFG-036", "ERR-10010", "ERR-10026", "ERR-10058", "ERR-10109",
)  # fmt: skip
def test_the_whole_api() -> None:
    """Step by step both servers send the same answer, and at the end they have counted the same requests and errors."""
    theirs, ours = conversation(RealServer(jetstream=True)), conversation(RefjsServer(jetstream=True))
    different = [
        (endpoint, body, "real", real, "refjs", own)
        for (endpoint, body), real, own in zip(STEPS, theirs, ours, strict=True)
        if real != own
    ]
    assert different == []
