"""Consumers of replicated streams: served by the stream's leader, asked from any server, and carried on by the next."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from refjs.broker.events import DeadlineReached
from refjs.types.units import SECOND
from refjs.wire.client import MsgReceived
from tests.cluster_net import LATENCY, Client, ClusterNet, cluster

TRAVEL = 8 * LATENCY
STREAM = "/S-"
NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.c"
ACK_WAIT = 5 * SECOND


class Delivered(NamedTuple):
    """What an ack subject says of a delivery."""

    times: int
    seq: int
    consumer_seq: int
    pending: int


@pytest.fixture
def net() -> ClusterNet:
    """Return a cluster with the stream S of ten messages."""
    net = cluster()
    client = net.connect("n1")
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "num_replicas": 3})
    for number in range(10):
        client.store("s", b"%d" % (number + 1))
    return net


@pytest.fixture
def clients(net: ClusterNet) -> list[Client]:
    """Return a client of each server."""
    return [net.connect(name) for name in net.names]


def consume(client: Client, **config: object) -> Any:  # noqa: ANN401 - JSON
    wanted = {"durable_name": "c", "ack_policy": "explicit", "ack_wait": ACK_WAIT, **config}
    return client.api("CONSUMER.DURABLE.CREATE.S.c", {"stream_name": "S", "config": wanted})


def fetch(net: ClusterNet, client: Client, batch: int) -> list[MsgReceived]:
    """Pull what is there, at most ``batch``."""
    inbox = f"pull.{client.server}.{net.now}"
    sid = client.sub(inbox)
    client.messages.clear()
    client.pub(NEXT, json.dumps({"batch": batch, "no_wait": True}).encode(), inbox)
    net.run(2 * TRAVEL + 20_000_000)
    client.unsub(sid)
    messages, client.messages = [each for each in client.messages if each.reply], []
    return messages


def numbers(message: MsgReceived) -> Delivered:
    count, seq, consumer_seq, _, pending = message.reply.split(b".")[-5:]
    return Delivered(int(count), int(seq), int(consumer_seq), int(pending))


def ack(client: Client, message: MsgReceived, word: bytes = b"+ACK") -> None:
    client.pub(message.reply.decode(), word)


def info(client: Client) -> Any:  # noqa: ANN401 - JSON
    return client.api("CONSUMER.INFO.S.c")


@pytest.mark.req("CLU-RD-001", "CLU-CON-001", "CON-API-012")
def test_a_consumer_is_created_and_seen_at_any_server(clients: list[Client]) -> None:
    """Whichever server is asked, the consumer is created, named, listed and shown alike."""
    made = consume(clients[0])
    assert made["num_pending"] == 10

    assert [consume(client)["created"] for client in clients] == [made["created"]] * 3
    assert [client.api("CONSUMER.NAMES.S")["consumers"] for client in clients] == [["c"]] * 3
    assert [info(client)["num_pending"] for client in clients] == [10] * 3
    assert [client.api("CONSUMER.LIST.S")["total"] for client in clients] == [1] * 3


@pytest.mark.req("CON-PUL-001", "CON-ACK-002")
def test_messages_are_pulled_and_acknowledged_through_any_server(net: ClusterNet, clients: list[Client]) -> None:
    """Each message is delivered once between clients of all servers, and acks count wherever they are sent."""
    consume(clients[0])
    got = [message for client in clients for message in fetch(net, client, 4)]

    assert [numbers(message).seq for message in got] == list(range(1, 11))
    assert [message.payload for message in got] == [b"%d" % seq for seq in range(1, 11)]
    for number, message in enumerate(got):
        ack(clients[number % 3], message)
    net.run(TRAVEL)
    after = info(clients[1])
    assert (after["num_ack_pending"], after["ack_floor"]["stream_seq"], after["num_pending"]) == (0, 10, 0)


@pytest.mark.req("CLU-CON-003")
def test_an_ack_is_confirmed_when_a_quorum_has_it(net: ClusterNet, clients: list[Client]) -> None:
    """A confirmation asked for comes after a quorum stored the ack, and not before."""
    consume(clients[0])
    leader = net.leader(STREAM)
    client = next(client for client in clients if client.server == leader)
    first, second = fetch(net, client, 2)
    assert client.request(first.reply.decode(), b"+ACK") is not None

    net.isolate(leader)
    inbox = client.ask(second.reply.decode(), b"+ACK")
    net.run(SECOND)
    assert client.answer(inbox) is None
    net.heal()
    net.run(3 * SECOND)
    assert client.answer(inbox) is not None


@pytest.mark.req("CLU-CON-001", "CLU-CON-002", "CON-ACK-010")
def test_the_next_leader_goes_on_where_the_last_one_stood(net: ClusterNet, clients: list[Client]) -> None:
    """After a change of leader acked messages are done, open ones come again with a higher count, new ones go on."""
    consume(clients[0])
    first = fetch(net, clients[0], 5)
    for message in first[:2]:
        ack(clients[0], message)
    net.run(2 * SECOND)
    floor = info(clients[0])["ack_floor"]
    net.kill(net.leader(STREAM))
    net.elect(STREAM)
    net.run(ACK_WAIT + SECOND)

    client = next(client for client in clients if not client.closed)
    after = info(client)
    assert after["ack_floor"] == floor
    again = [numbers(message) for message in fetch(net, client, 20)]
    assert sorted((each.seq, each.times) for each in again) == [
        (3, 2), (4, 2), (5, 2), (6, 1), (7, 1), (8, 1), (9, 1), (10, 1),
    ]  # fmt: skip
    assert sorted(each.consumer_seq for each in again) == list(range(6, 14))


@pytest.mark.req("CLU-CON-002")
def test_the_ack_floor_never_moves_back(net: ClusterNet, clients: list[Client]) -> None:
    """Over several leaders, each killed amid acks, the ack floor that clients see only rises."""
    consume(clients[0], ack_wait=2 * SECOND)
    floors = [0]
    for _ in range(4):
        client = next(client for client in clients if not client.closed)
        for message in fetch(net, client, 3):
            ack(client, message)
        net.run(TRAVEL)
        leader = net.elect(STREAM)
        net.kill(leader)
        net.elect(STREAM)
        net.start(leader)
        clients.append(net.connect(leader))
        net.elect()
        net.run(3 * SECOND)
        client = next(client for client in clients if not client.closed)
        floors.append(info(client)["ack_floor"]["stream_seq"])

    assert floors == sorted(floors)
    assert floors[-1] == 10
    assert len(set(net.digests("S"))) == 1


@pytest.mark.req("CLU-CON-002", "CON-PUL-017")
def test_who_waits_is_told_that_the_leader_went(net: ClusterNet, clients: list[Client]) -> None:
    """A waiting pull request is answered 409 when its leader steps down, so that the client asks again."""
    consume(clients[0], deliver_policy="new")
    leader = net.leader(STREAM)
    client = next(client for client in clients if client.server != leader)
    client.sub("waiting")
    client.pub(NEXT, json.dumps({"batch": 1, "expires": 60 * SECOND}).encode(), "waiting")
    net.run(TRAVEL)

    net.groups(STREAM)[leader].raft.step_down(net.now)
    net.groups(STREAM)[leader].touch()
    net.step(leader, DeadlineReached())
    net.run(TRAVEL)

    assert [message.headers.split(b"\r\n")[0] for message in client.messages] == [b"NATS/1.0 409 Leadership Change"]


@pytest.mark.req("CLU-CON-001", "CON-PSH-001", "CON-PSH-002")
def test_a_push_consumer_delivers_to_wherever_somebody_listens(net: ClusterNet, clients: list[Client]) -> None:
    """Messages are pushed to a subscriber on any server, from the time it is there, also by the next leader."""
    consume(clients[0], deliver_subject="push", ack_policy="none")
    net.run(SECOND)
    leader = net.leader(STREAM)
    listener = next(client for client in clients if client.server != leader)
    listener.sub("push")
    net.run(SECOND)
    assert [int(payload) for payload in listener.take()] == list(range(1, 11))

    net.kill(leader)
    net.elect(STREAM)
    net.run(SECOND)
    assert listener.store("s", b"11")["seq"] == 11
    net.run(SECOND)
    assert listener.take() == [b"11"]


@pytest.mark.req("CON-API-013")
def test_a_deleted_consumer_is_gone_from_every_replica(net: ClusterNet, clients: list[Client]) -> None:
    """After a delete asked for anywhere no server knows the consumer, and requests to it find nobody."""
    consume(clients[0])
    assert clients[2].api("CONSUMER.DELETE.S.c")["success"]
    net.run(2 * SECOND)

    assert [info(client)["error"]["err_code"] for client in clients] == [10014] * 3
    answer = clients[1].request(NEXT, b"1")
    assert answer is not None
    assert answer.headers.startswith(b"NATS/1.0 503")
    assert len(set(net.digests("S"))) == 1


@pytest.mark.req("CON-INA-001")
def test_an_abandoned_consumer_goes_also_where_its_leader_went(net: ClusterNet, clients: list[Client]) -> None:
    """A consumer that nobody asks for is deleted after its threshold, counted anew by a new leader."""
    consume(clients[0], inactive_threshold=10 * SECOND)
    net.kill(net.leader(STREAM))
    net.elect(STREAM)
    client = next(client for client in clients if not client.closed)
    net.run(5 * SECOND)
    assert "error" not in info(client)

    net.run(8 * SECOND)
    assert info(client)["error"]["err_code"] == 10014


@pytest.mark.req("STR-RET-001")
def test_work_is_done_once_over_all_servers(net: ClusterNet, clients: list[Client]) -> None:
    """A work queue's message goes from every replica when it is acknowledged, and not before."""
    config = {"name": "W", "subjects": ["w"], "num_replicas": 3, "retention": "workqueue"}
    clients[0].api("STREAM.CREATE.W", config)
    durable = {"durable_name": "d", "ack_policy": "explicit"}
    clients[1].api("CONSUMER.DURABLE.CREATE.W.d", {"stream_name": "W", "config": durable})
    for number in range(3):
        clients[2].store("w", b"%d" % number)
    clients[1].sub("jobs")
    clients[1].pub("$JS.API.CONSUMER.MSG.NEXT.W.d", b"2", "jobs")
    net.run(SECOND)
    ack(clients[1], clients[1].messages[0])
    net.run(2 * SECOND)

    assert clients[0].api("STREAM.INFO.W")["state"]["messages"] == 2
    assert len(set(net.digests("W"))) == 1
    net.check()
