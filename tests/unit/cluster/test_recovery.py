"""What comes back: servers that restart, that lag, that were wiped, and whose disks were damaged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from refjs.broker.effects import Level
from refjs.broker.events import DeadlineReached
from refjs.cluster.logs import META
from refjs.cluster.messages import GroupMessage
from refjs.raft.messages import InstallSnapshot, VoteReply
from refjs.types.units import SECOND
from tests.cluster_net import Client, ClusterNet, cluster

STREAM = "/S-"
NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.c"


def fill(net: ClusterNet, count: int, **config: object) -> Client:
    """Create the stream S with the consumer c, and publish ``count`` messages."""
    client = net.connect("n1")
    wanted = {"name": "S", "subjects": ["s"], "num_replicas": 3, **config}
    assert "error" not in client.api("STREAM.CREATE.S", wanted)
    durable = {"durable_name": "c", "ack_policy": "explicit", "ack_wait": 5 * SECOND}
    assert "error" not in client.api("CONSUMER.DURABLE.CREATE.S.c", {"stream_name": "S", "config": durable})
    publish(client, count)
    return client


def publish(client: Client, count: int) -> None:
    for number in range(count):
        assert "seq" in client.store("s", b"%d" % number)


def living(net: ClusterNet) -> Client:
    """Return a client of the first living server, once the stream has a leader that everybody knows."""
    net.elect()
    net.elect(STREAM)
    net.run(2 * SECOND)
    return net.connect(min(net.nodes))


def agree(net: ClusterNet, stream: str = "S") -> None:
    """Let the cluster come to rest, and assert that all is in order and all replicas are equal."""
    net.run(4 * SECOND)
    net.check()
    assert len(net.digests(stream)) == 3
    assert len(set(net.digests(stream))) == 1


def spare(net: ClusterNet) -> str:
    """Return a follower of the stream that clients are not connected to, one that does not lead the meta group."""
    while net.leader() != "n1" and len(set(net.followers(STREAM)) - {"n1", net.leader()}) == 0:
        meta = net.groups(META)[net.leader()]
        meta.raft.step_down(net.now)
        meta.touch()
        net.step(meta.raft.me, DeadlineReached())
        net.elect()
    net.run(SECOND)
    return min(set(net.followers(STREAM)) - {"n1", net.leader()})


def snapshots(net: ClusterNet, part: str) -> set[str]:
    """Return the servers to which a snapshot of the group was sent."""
    return {
        target
        for _, target, message in net.sent
        if isinstance(message, GroupMessage) and part in message.group and isinstance(message.message, InstallSnapshot)
    }


def state(client: Client) -> Any:  # noqa: ANN401 - JSON
    return client.api("STREAM.INFO.S")["state"]


@pytest.mark.req("CLU-REC-001", "STR-SEQ-001")
def test_a_cluster_that_restarts_has_everything_it_had() -> None:
    """Streams, messages, consumers and their places, and known message IDs survive a restart of all servers."""
    net = cluster()
    client = fill(net, 6)
    client.store("s", b"id", msg_id="known")
    client.sub("pulled")
    client.pub(NEXT, b"3", "pulled")
    net.run(SECOND)
    client.request(client.messages[0].reply.decode(), b"+ACK")
    net.run(2 * SECOND)
    before = net.digests("S")
    for name in net.names:
        net.kill(name)
    for name in net.names:
        net.start(name)

    client = living(net)
    assert state(client)["messages"] == 7
    assert client.store("s", b"id", msg_id="known")["duplicate"]
    shown = client.api("CONSUMER.INFO.S.c")
    assert (shown["delivered"]["stream_seq"], shown["ack_floor"]["stream_seq"]) == (3, 1)
    assert client.store("s", b"more")["seq"] == 8
    agree(net)
    assert before != net.digests("S")


def test_nobody_is_told_of_old_deeds_after_a_restart() -> None:
    """A restarted cluster reports no creation or change again, and answers nobody who asked before."""
    net = cluster()
    client = fill(net, 1)
    client.api("STREAM.UPDATE.S", {"name": "S", "subjects": ["s"], "num_replicas": 3, "max_msgs": 9})
    net.run(2 * SECOND)
    for name in net.names:
        net.kill(name)
    for name in net.names:
        net.start(name)
    net.run(SECOND // 2)
    listener = net.connect("n1")
    listener.sub("_INBOX.>")
    listener.sub("$JS.EVENT.ADVISORY.STREAM.>")
    client = living(net)
    client.store("s", b"x")
    net.run(SECOND)

    actions = [json.loads(message.payload).get("action") for message in listener.messages if b"ADV" in message.subject]
    assert actions == []
    assert state(client)["messages"] == 2
    agree(net)


@pytest.mark.req("CLU-REC-001")
def test_a_server_that_was_away_catches_up_from_the_log() -> None:
    """A follower that missed a few entries gets them, and no snapshot."""
    net = cluster()
    client = fill(net, 3)
    away = spare(net)
    net.kill(away)
    publish(client, 5)
    net.start(away)

    agree(net)
    assert snapshots(net, STREAM) == set()


@pytest.mark.req("CLU-REC-001")
@pytest.mark.parametrize("wiped", [False, True], ids=["lagging", "wiped"])
def test_a_server_far_behind_gets_a_snapshot(wiped: bool) -> None:  # noqa: FBT001 - a parameter
    """A follower that lacks entries which nobody has any more is given the state itself, and equals the others."""
    net = cluster(compact_entries=10, retain_entries=4)
    client = fill(net, 15)
    away = spare(net)
    net.kill(away)
    if wiped:
        net.wipe(away)
    publish(client, 40)
    client.api("STREAM.DELETE.GONE")
    net.sent.clear()
    net.start(away)
    net.elect()
    net.run(12 * SECOND)

    assert snapshots(net, STREAM) == {away}
    agree(net)
    publish(client, 3)
    agree(net)


@pytest.mark.req("CLU-REC-001")
def test_the_metadata_is_caught_up_by_a_snapshot() -> None:
    """A server that missed creations, changes and deletions beyond the log ends with exactly the streams there are."""
    net = cluster(compact_entries=6, retain_entries=2)
    client = fill(net, 3)
    away = spare(net)
    for name in ("OLD", "BACK"):
        client.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name], "num_replicas": 3})
        client.store(name, b"of the first")
    net.run(SECOND)
    net.kill(away)
    net.elect("/BACK-")
    net.elect("/OLD-")
    net.run(SECOND)
    client.api("STREAM.DELETE.OLD")
    client.api("STREAM.DELETE.BACK")
    client.api("STREAM.CREATE.BACK", {"name": "BACK", "subjects": ["BACK"], "num_replicas": 3})
    client.api("STREAM.UPDATE.S", {"name": "S", "subjects": ["s"], "num_replicas": 3, "max_msgs": 2})
    for number in range(12):
        client.api(f"STREAM.CREATE.T{number}", {"name": f"T{number}", "subjects": [f"t{number}"], "num_replicas": 3})
    net.sent.clear()
    net.start(away)
    net.run(20 * SECOND)

    assert snapshots(net, META) == {away}
    assert net.nodes[away].digests().keys() == net.nodes["n1"].digests().keys()
    assert "OLD" not in net.nodes[away].digests()
    assert net.connect(away).api("STREAM.INFO.S")["config"]["max_msgs"] == 2
    for stream in net.nodes["n1"].digests():
        agree(net, stream)


def test_a_log_is_kept_short() -> None:
    """However much is published, a log holds at most so many entries before a snapshot takes their place."""
    net = cluster(compact_entries=20, retain_entries=5)
    client = fill(net, 0, max_msgs=3)
    publish(client, 300)

    assert all(group.entries() <= 20 for group in net.groups(STREAM).values())
    sizes = [len(disk.read(f"{net.groups(STREAM)['n1'].name}/log")) for disk in net.disks.values()]
    assert max(sizes) < 5000


def test_a_restart_from_a_snapshot_has_everything() -> None:
    """Servers that restart on snapshots, of the metadata too, go on as if they had the whole log."""
    net = cluster(compact_entries=5, retain_entries=0)
    client = fill(net, 33)
    for number in range(8):
        client.api(f"STREAM.CREATE.T{number}", {"name": f"T{number}", "subjects": [f"t{number}"], "num_replicas": 1})
    net.run(2 * SECOND)
    for name in net.names:
        net.restart(name)

    client = living(net)
    assert state(client)["messages"] == 33
    assert len(client.api("STREAM.NAMES")["streams"]) == 9
    publish(client, 2)
    agree(net)


@pytest.mark.req("CLU-REC-001")
def test_a_damaged_log_has_no_vote_until_it_is_healed() -> None:
    """A server whose log was damaged says so and votes for nobody, and has a vote again when it is whole."""
    net = cluster()
    fill(net, 8)
    net.run(2 * SECOND)
    hurt = spare(net)
    name = net.groups(STREAM)[hurt].name
    net.kill(hurt)
    data = bytearray(net.disks[hurt].read(f"{name}/log"))
    data[len(data) // 2] ^= 0x10
    net.disks[hurt].replace(f"{name}/log", bytes(data))

    leader = net.leader(STREAM)
    net.kill(leader)
    net.sent.clear()
    net.start(hurt)
    net.run(30 * SECOND)

    (line,) = [line for server, line in net.lines if server == hurt]
    assert line.level is Level.ERROR
    assert name in line.text
    assert net.groups(STREAM)[hurt].raft.fenced
    assert net.leader(STREAM) == ""
    votes = [
        m.message for source, _, m in net.sent if source == hurt and isinstance(m, GroupMessage) and m.group == name
    ]
    assert not [vote for vote in votes if isinstance(vote, VoteReply) and vote.granted]

    net.start(leader)
    net.elect(STREAM)
    net.run(3 * SECOND)
    assert not net.groups(STREAM)[hurt].raft.fenced
    client = living(net)
    publish(client, 2)
    assert state(client)["messages"] == 10
    agree(net)


def test_messages_of_groups_that_are_not_here_are_ignored() -> None:
    """What a server hears of a group that it has not, or not yet, or no more, changes nothing."""
    net = cluster()
    client = fill(net, 2, num_replicas=1)
    (home,) = net.groups(STREAM)
    elsewhere = next(name for name in net.names if name != home)
    digest = net.digests("S")

    group = net.groups(STREAM)[home]
    vote = VoteReply(group.raft.me, group.raft.me, 99, granted=True, pre=False, empty=False)
    net.deliver(elsewhere, GroupMessage(group.name, vote))
    net.run(SECOND)

    assert net.digests("S") == digest
    publish(client, 1)
    net.check()
