"""Replicated streams as clients of any server see them, and as they stand on every server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from refjs.cluster.messages import GroupMessage
from refjs.raft.messages import AppendEntries
from refjs.types.units import MILLISECOND, SECOND
from refjs.wire import headers
from tests.cluster_net import LATENCY, Client, ClusterNet, cluster

TRAVEL = 6 * LATENCY
CONFIG = {"name": "S", "subjects": ["s.>"], "num_replicas": 3}
STREAM = "/S-"
CODES = {"exists": 10058, "overlap": 10065, "missing": 10059, "peers": 10005}


@pytest.fixture
def net() -> ClusterNet:
    return cluster()


@pytest.fixture
def clients(net: ClusterNet) -> list[Client]:
    """Return a client of each server."""
    return [net.connect(name) for name in net.names]


def create(client: Client, **config: object) -> Any:  # noqa: ANN401 - JSON
    wanted = {**CONFIG, **config}
    return client.api(f"STREAM.CREATE.{wanted['name']}", wanted)


def ask(client: Client, endpoint: str, body: object) -> bytes:
    return client.ask(f"$JS.API.{endpoint}", b"" if body is None else json.dumps(body).encode())


def got(client: Client, inbox: bytes) -> Any:  # noqa: ANN401 - JSON
    answer = client.answer(inbox)
    return None if answer is None else json.loads(answer.payload)


def code(answer: Any) -> int:  # noqa: ANN401 - JSON
    found: int = answer["error"]["err_code"]
    return found


def stored(net: ClusterNet) -> list[dict[int, bytes]]:
    """Return what each living server keeps of the stream."""
    hosts = []
    for node in net.nodes.values():
        assert node.broker.jetstream is not None
        hosts += [each.hosts["S"] for each in node.broker.jetstream.streams.values() if "S" in each.hosts]
    return [{m.seq: m.body for m in host.replica.stream.store.messages()} for host in hosts]


def agree(net: ClusterNet, copies: int = 3) -> None:
    """Let the cluster come to rest, and assert that all is in order and all replicas are equal."""
    net.run(3 * SECOND)
    net.check()
    digests = net.digests("S")
    assert len(digests) == copies
    assert len(set(digests)) == 1


# -- creating -----------------------------------------------------------------------------------------------------


@pytest.mark.req("CLU-MET-002", "CLU-MET-004", "STR-CRT-003")
def test_a_stream_is_created_at_any_server_and_answered_once(net: ClusterNet, clients: list[Client]) -> None:
    """Whichever server is asked, the stream's first leader answers, once, and says so in one advisory."""
    clients[0].sub("$JS.EVENT.ADVISORY.STREAM.>")
    for number, client in enumerate(clients):
        name = f"S{number}"
        answer = create(client, name=name, subjects=[f"{name}.>"])

        assert answer["did_create"]
        assert len(net.groups(f"/{name}-")) == 3
    net.run(20 * SECOND)
    advisories = [json.loads(payload) for payload in clients[0].take()]
    assert sorted((each["action"], each["stream"]) for each in advisories) == [("create", f"S{n}") for n in range(3)]


@pytest.mark.req("STR-CRT-003")
def test_the_same_stream_may_be_asked_for_again_and_another_may_not(clients: list[Client]) -> None:
    """An equal configuration is answered as before; another one of that name, or of its subjects, is refused."""
    first = create(clients[0])
    again = create(clients[1])
    assert again["config"] == first["config"]
    assert again["created"] == first["created"]

    assert code(create(clients[2], max_msgs=5)) == CODES["exists"]
    assert code(create(clients[2], name="T", subjects=["s.x"])) == CODES["overlap"]


def test_two_who_ask_for_one_stream_at_once_are_both_answered(net: ClusterNet, clients: list[Client]) -> None:
    """Equal creations under way at the same time make one stream, and both clients hear of it."""
    inboxes = [ask(client, "STREAM.CREATE.S", CONFIG) for client in clients]
    net.run(5 * SECOND)

    answers = [got(client, inbox) for client, inbox in zip(clients, inboxes, strict=True)]
    assert all(answer is not None and "error" not in answer for answer in answers)
    assert len({group.name for group in net.groups(STREAM).values()}) == 1


@pytest.mark.parametrize(
    ("second", "refusal"),
    [({**CONFIG, "max_msgs": 7}, "exists"), ({**CONFIG, "name": "T"}, "overlap")],
    ids=["another configuration", "the same subjects"],
)
def test_of_two_streams_that_exclude_each_other_one_is_created(
    net: ClusterNet, clients: list[Client], second: dict[str, object], refusal: str
) -> None:
    """Where creations that exclude each other are under way at once, all keep the first and refuse the other."""
    first = ask(clients[0], "STREAM.CREATE.S", CONFIG)
    other = ask(clients[0], f"STREAM.CREATE.{second['name']}", second)
    net.run(5 * SECOND)

    assert "error" not in got(clients[0], first)
    assert code(got(clients[0], other)) == CODES[refusal]
    assert [client.api("STREAM.NAMES")["streams"] for client in clients] == [["S"]] * 3
    assert all(len(node.digests()) == 1 for node in net.nodes.values())


@pytest.mark.req("CLU-PLC-002")
def test_there_are_no_more_replicas_than_servers(clients: list[Client]) -> None:
    """A stream that wants five replicas of three servers finds no suitable peers."""
    answer = create(clients[1], num_replicas=5)

    assert code(answer) == CODES["peers"]
    assert answer["error"]["description"].startswith("no suitable peers for placement")


@pytest.mark.req("CLU-RD-005")
def test_a_stream_that_does_not_exist_is_not_found_at_any_server(clients: list[Client]) -> None:
    """A missing stream is answered at once, by exactly one server, whichever is asked."""
    for client in clients:
        for endpoint in ("STREAM.INFO.NO", "STREAM.DELETE.NO", "CONSUMER.NAMES.NO"):
            assert code(client.api(endpoint, timeout=100 * MILLISECOND)) == CODES["missing"]


def test_scaling_is_refused_loudly(clients: list[Client]) -> None:
    """An update of the number of replicas is an error, as long as nothing would come of it."""
    create(clients[0])

    assert "not supported" in clients[0].api("STREAM.UPDATE.S", {**CONFIG, "num_replicas": 1})["error"]["description"]


# -- updating and deleting ----------------------------------------------------------------------------------------


def test_an_update_reaches_every_replica(net: ClusterNet, clients: list[Client]) -> None:
    """After an update asked for anywhere every replica has the new configuration and keeps to it."""
    create(clients[0])
    for number in range(5):
        clients[1].store("s.a", b"%d" % number)

    answer = clients[2].api("STREAM.UPDATE.S", {**CONFIG, "subjects": ["s.>", "t"], "max_msgs": 2})
    assert answer["config"]["max_msgs"] == 2
    net.run(TRAVEL)
    assert clients[1].store("t", b"5")["seq"] == 6

    agree(net)
    assert stored(net) == [{5: b"4", 6: b"5"}] * 3


def test_an_update_whose_leader_dies_comes_into_force_all_the_same(net: ClusterNet, clients: list[Client]) -> None:
    """What the metadata log decided, the stream's next leader carries out, where the one of then did not live to."""
    create(clients[0])
    leader = net.leader(STREAM)
    meta = net.leader()

    def loses(source: str, _target: str, message: object) -> bool:  # the stream's group is mute, the meta group is not
        return source == leader and isinstance(message, GroupMessage) and STREAM in message.group

    net.loses = loses
    asker = next(client for client in clients if client.server != leader)
    ask(asker, "STREAM.UPDATE.S", {**CONFIG, "max_msgs": 3})
    net.run(2 * SECOND)
    net.kill(leader)
    net.elect(STREAM)
    if meta == leader:
        net.elect()
    net.run(SECOND)

    survivor = next(client for client in clients if not client.closed)
    assert survivor.api("STREAM.INFO.S")["config"]["max_msgs"] == 3
    net.start(leader)
    agree(net)


def test_updates_in_a_row_end_with_the_last(net: ClusterNet, clients: list[Client]) -> None:
    """Of updates under way at once the one decided last is in force everywhere."""
    create(clients[0])
    for limit in range(1, 8):
        ask(clients[limit % 3], "STREAM.UPDATE.S", {**CONFIG, "max_msgs": limit})
        net.run(100_000)
    net.run(5 * SECOND)

    assert len({client.api("STREAM.INFO.S")["config"]["max_msgs"] for client in clients}) == 1
    agree(net)


@pytest.mark.req("STR-DEL-001")
def test_a_deleted_stream_leaves_nothing_behind(net: ClusterNet, clients: list[Client]) -> None:
    """After a delete no server has the group, or a file of it, or anybody who listens on the subjects."""
    create(clients[0])
    clients[0].store("s.a", b"x")
    group = net.groups(STREAM)["n1"].name

    assert clients[2].api("STREAM.DELETE.S")["success"]
    net.run(3 * SECOND)

    assert net.groups(STREAM) == {}
    assert [disk.list(group) for disk in net.disks.values()] == [[], [], []]
    answer = clients[1].request("s.a", b"y")
    assert answer is not None
    assert answer.headers.startswith(b"NATS/1.0 503")


def test_a_stream_that_comes_again_is_empty(net: ClusterNet, clients: list[Client]) -> None:
    """A stream created after one of its name was deleted has nothing of the old one, on any replica."""
    create(clients[0])
    clients[0].store("s.a", b"old")
    old = net.groups(STREAM)["n1"].name
    clients[0].api("STREAM.DELETE.S")
    create(clients[1])

    assert clients[2].store("s.a", b"new")["seq"] == 1
    agree(net)
    assert {group.name for group in net.groups(STREAM).values()} != {old}
    assert stored(net) == [{1: b"new"}] * 3


def test_a_stream_deleted_and_asked_for_in_one_breath_has_one_fate(net: ClusterNet, clients: list[Client]) -> None:
    """A creation that is decided after a deletion under way does not bring the old group back to life."""
    create(clients[0])
    clients[0].store("s.a", b"old")
    gone = ask(clients[0], "STREAM.DELETE.S", None)
    again = ask(clients[0], "STREAM.CREATE.S", CONFIG)
    net.run(5 * SECOND)

    assert got(clients[0], gone)["success"]
    assert code(got(clients[0], again)) == CODES["missing"]
    assert net.groups(STREAM) == {}


def test_a_server_that_was_away_learns_of_a_deletion(net: ClusterNet, clients: list[Client]) -> None:
    """A server that was down while a stream was deleted and created again ends with the new one alone."""
    create(clients[0])
    clients[0].store("s.a", b"old")
    away = net.followers()[0]
    net.kill(away)
    client = next(client for client in clients if not client.closed)
    if not net.leader(STREAM):
        net.elect(STREAM)
    client.api("STREAM.DELETE.S")
    create(client)
    client.store("s.a", b"new")
    net.start(away)
    net.run(12 * SECOND)

    agree(net)
    assert stored(net) == [{1: b"new"}] * 3
    assert len(net.disks[away].list("$G/")) == 3


# -- looking ------------------------------------------------------------------------------------------------------


@pytest.mark.req("CLU-RD-001", "CLU-MET-002", "CLU-INF-004")
def test_every_server_gives_the_same_answers(net: ClusterNet, clients: list[Client]) -> None:
    """Names, lists, infos, messages and the account's figures are the same whichever server is asked."""
    create(clients[0])
    for number in range(4):
        clients[number % 3].store(f"s.{number}", b"%d" % number)
    net.run(3 * SECOND)

    bodies: dict[str, object] = {
        "STREAM.NAMES": None,
        "STREAM.LIST": None,
        "STREAM.INFO.S": {"subjects_filter": ">"},
        "STREAM.MSG.GET.S": {"seq": 3},
        "INFO": None,
    }
    for endpoint, body in bodies.items():
        answers = [client.api(endpoint, body) for client in clients]
        assert all("error" not in answer for answer in answers)
        assert len({_timeless(answer) for answer in answers}) == 1
    assert clients[0].api("INFO")["streams"] == 1
    assert clients[0].api("STREAM.LIST")["streams"][0]["state"]["messages"] == 4
    leader = net.leader(STREAM)
    assert clients[0].api("STREAM.INFO.S")["cluster"]["leader"] == leader


def _timeless(answer: Any) -> str:  # noqa: ANN401 - JSON
    """Return an answer without the time at which it was given, and without what asking changes."""
    without = {key: value for key, value in answer.items() if key not in {"ts", "api"}}
    for each in without.get("streams", []) if isinstance(without.get("streams"), list) else []:
        if isinstance(each, dict):
            each.pop("ts", None)
    return json.dumps(without)


@pytest.mark.req("STR-INF-013")
def test_a_list_names_what_it_does_not_show(net: ClusterNet, clients: list[Client]) -> None:
    """A stream kept by servers that the one who answers is not among is named as missing from the list."""
    for number in range(3):
        create(clients[0], name=f"S{number}", subjects=[f"s{number}"], num_replicas=1)
    net.run(SECOND)

    answer = clients[1].api("STREAM.LIST")
    shown = [each["config"]["name"] for each in answer["streams"]]
    assert sorted(shown + answer.get("missing", [])) == ["S0", "S1", "S2"]
    assert clients[1].api("STREAM.NAMES")["streams"] == ["S0", "S1", "S2"]


# -- publishing ---------------------------------------------------------------------------------------------------


@pytest.mark.req("CLU-PUB-001", "CLU-PUB-005")
def test_a_publish_through_any_server_is_acknowledged_and_kept_by_all(net: ClusterNet, clients: list[Client]) -> None:
    """Publishes through leader and followers get dense sequences, and every replica stores the same."""
    create(clients[0])

    acks = [clients[number % 3].store("s.a", b"%d" % number)["seq"] for number in range(9)]
    assert acks == list(range(1, 10))
    agree(net)
    assert stored(net) == [{number + 1: b"%d" % number for number in range(9)}] * 3


@pytest.mark.req("CLU-PUB-001", "CLU-PUB-002")
def test_an_ack_waits_for_a_quorum(net: ClusterNet, clients: list[Client]) -> None:
    """With one follower of two a publish is acknowledged; with none it is not, until one is back."""
    create(clients[0])
    leader = net.leader(STREAM)
    client = next(client for client in clients if client.server == leader)
    one, other = net.followers(STREAM)
    net.isolate(one)
    assert client.store("s.a", b"1")["seq"] == 1

    net.isolate(other)
    inbox = client.ask("s.a", b"2")
    net.run(3 * SECOND)
    assert client.answer(inbox) is None

    net.heal()
    net.run(3 * SECOND)
    assert got(client, inbox)["seq"] == 2
    agree(net)


@pytest.mark.req("CLU-PUB-003", "CLU-PUB-004")
def test_nobody_is_answered_for_what_another_leader_stored(net: ClusterNet, clients: list[Client]) -> None:
    """Publishes at a leader that is cut off get no ack, although entries of a new leader fill their places."""
    create(clients[0])
    leader = net.leader(STREAM)
    cut_off = next(client for client in clients if client.server == leader)
    others = [client for client in clients if client is not cut_off]
    net.isolate(leader)
    lost = [cut_off.ask("s.a", b"lost %d" % number) for number in range(5)]
    gone = ask(cut_off, "STREAM.PURGE.S", {})
    assert net.run_until(lambda: any(net.groups(STREAM)[c.server].raft.leads() for c in others), 40 * SECOND)
    net.run(SECOND)
    kept = [others[0].store("s.a", b"kept %d" % number)["seq"] for number in range(7)]

    net.heal()
    net.run(15 * SECOND)

    assert [cut_off.answer(inbox) for inbox in [*lost, gone]] == [None] * 6
    assert kept == list(range(1, 8))
    agree(net)
    assert stored(net) == [{number + 1: b"kept %d" % number for number in range(7)}] * 3


@pytest.mark.req("CLU-PUB-006", "STR-DUP-001")
def test_duplicates_are_known_to_the_next_leader(net: ClusterNet, clients: list[Client]) -> None:
    """A message ID that one leader stored is a duplicate, of the same sequence, to its successor."""
    create(clients[0])
    assert clients[0].store("s.a", b"once", msg_id="id-1")["seq"] == 1
    net.kill(net.leader(STREAM))
    net.elect(STREAM)
    net.run(SECOND)

    client = next(client for client in clients if not client.closed)
    ack = client.store("s.a", b"once", msg_id="id-1")
    assert (ack["seq"], ack["duplicate"]) == (1, True)
    assert client.store("s.a", b"twice", msg_id="id-2")["seq"] == 2


@pytest.mark.req("CLU-PUB-006")
def test_ids_of_lost_publishes_are_forgotten(net: ClusterNet, clients: list[Client]) -> None:
    """The message ID of a publish that never committed may be used again."""
    create(clients[0])
    leader = net.leader(STREAM)
    cut_off = next(client for client in clients if client.server == leader)
    net.isolate(leader)
    cut_off.ask("s.a", b"lost", headers.build(b"", [(b"Nats-Msg-Id", b"id")]))
    net.run(40 * SECOND)
    net.heal()
    net.run(5 * SECOND)

    ack = cut_off.store("s.a", b"again", msg_id="id")
    assert (ack["seq"], ack.get("duplicate")) == (1, None)
    agree(net)


def test_refused_messages_take_no_sequence(net: ClusterNet, clients: list[Client]) -> None:
    """A message that the stream refuses is answered with the error and leaves no gap."""
    create(clients[0], max_msg_size=4)

    assert code(clients[1].store("s.a", b"too long")) == 10054
    assert clients[1].store("s.a", b"fits")["seq"] == 1
    agree(net)


def test_old_messages_expire_on_every_replica_at_the_same_place(net: ClusterNet, clients: list[Client]) -> None:
    """Messages leave by age on all replicas alike, because the leader says when."""
    create(clients[0], max_age=2 * SECOND, duplicate_window=SECOND)
    for number in range(3):
        clients[number].store("s.a", b"%d" % number)
        net.run(SECOND)

    agree(net)
    assert stored(net) == [{}] * 3


def test_a_stream_of_one_replica_serves_the_whole_cluster(net: ClusterNet, clients: list[Client]) -> None:
    """A stream kept by one server is created, published to, read and deleted from any."""
    answer = create(clients[0], num_replicas=1)
    assert answer["did_create"]
    (home,) = net.groups(STREAM)

    assert [client.store("s.a", b"x")["seq"] for client in clients] == [1, 2, 3]
    infos = [client.api("STREAM.INFO.S") for client in clients]
    assert [(info["state"]["messages"], info["cluster"]["leader"]) for info in infos] == [(3, home)] * 3
    net.restart(home)
    net.elect(STREAM)
    net.run(3 * SECOND)
    elsewhere = next(client for client in clients if client.server != home)
    assert elsewhere.store("s.a", b"x")["seq"] == 4
    assert elsewhere.api("STREAM.DELETE.S")["success"]
    net.run(SECOND)
    assert net.groups(STREAM) == {}


def test_streams_are_spread_over_the_servers(net: ClusterNet, clients: list[Client]) -> None:
    """Streams of one replica are placed where the fewest are kept."""
    for number in range(6):
        create(clients[0], name=f"S{number}", subjects=[f"s{number}"], num_replicas=1)
    net.run(SECOND)

    assert [len(node.digests()) for node in net.nodes.values()] == [2, 2, 2]


# -- how often something is sent ----------------------------------------------------------------------------------


def test_publishes_of_one_read_travel_together(net: ClusterNet, clients: list[Client]) -> None:
    """What arrives in one read is proposed in one turn: one message to each follower carries it all."""
    create(clients[0])
    leader = next(client for client in clients if client.server == net.leader(STREAM))
    net.run(SECOND)
    net.sent.clear()
    leader.send(b"".join(b"PUB s.a 1\r\n%d\r\n" % (number % 10) for number in range(50)))

    carried: list[int] = [len(message.entries) for message in _appends(net.sent)]
    assert carried == [50, 50]
    agree(net)


def _appends(sent: list[Any]) -> list[AppendEntries]:
    is_append: Callable[[Any], bool] = lambda m: isinstance(m, GroupMessage) and isinstance(m.message, AppendEntries)  # noqa: E731
    return [message.message for _, _, message in sent if is_append(message) and message.message.entries]
