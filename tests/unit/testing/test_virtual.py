"""The server in virtual time answers as a server does, and its clock moves only when told to."""

from __future__ import annotations

import json

from refjs.broker.options import BrokerOptions
from refjs.storage.memory import MemoryDisk
from refjs.testing.virtual import EPOCH, VirtualClient, VirtualServer
from refjs.types.units import MINUTE, SECOND

CONNECT = b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n'


def ask(client: VirtualClient, subject: str, value: object) -> dict[str, object]:
    """Send a JetStream request and return its answer."""
    body = json.dumps(value).encode()
    client.send(b"SUB in 9\r\nPUB $JS.API.%b in %d\r\n%b\r\nUNSUB 9\r\n" % (subject.encode(), len(body), body))
    answer: dict[str, object] = json.loads(client.receive().partition(b"\r\n")[2])
    return answer


def joined(server: VirtualServer) -> VirtualClient:
    """Return a client past its handshake."""
    client = server.connect()
    client.send(CONNECT)
    client.receive()
    return client


def test_info_comes_first() -> None:
    """A connection is greeted with INFO, and a PING with a PONG."""
    client = VirtualServer(BrokerOptions(server_name="one")).connect()
    info = client.receive()
    assert info.startswith(b'INFO {"server_id":')
    assert b'"server_name":"one"' in info
    client.send(CONNECT + b"PI")
    client.send(b"NG\r\n")
    assert client.receive().startswith(b"PONG\r\n")


def test_clients_talk() -> None:
    """What one client publishes arrives at another, once."""
    server = VirtualServer()
    alice, bob = joined(server), joined(server)
    bob.send(b"SUB news.* 1\r\n")
    alice.send(b"PUB news.today 2\r\nhi\r\n")
    assert bob.receive() == b"MSG news.today 1 2\r\nhi\r\n"
    assert bob.receive() == b""


def test_a_violation_ends_a_client() -> None:
    """Who breaks the protocol is told, closed and forgotten; the others are not."""
    server = VirtualServer()
    good, bad = joined(server), joined(server)
    bad.send(b"NONSENSE\r\n")
    assert bad.receive() == b"-ERR 'Unknown Protocol Operation'\r\n"
    assert bad.closed
    assert bad.close_reason
    bad.send(b"PING\r\n")
    assert bad.receive() == b""
    good.send(b"PING\r\n")
    assert good.receive().startswith(b"PONG\r\n")


def test_time_moves_only_when_told() -> None:
    """A message that expires is there until its time has come, and gone then."""
    server = VirtualServer()
    client = joined(server)
    ask(client, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory", "max_age": 10 * SECOND})
    client.send(b"PUB s 1\r\nx\r\n")

    def stored() -> object:
        state = ask(client, "STREAM.INFO.S", {})["state"]
        assert isinstance(state, dict)
        return state["messages"]

    server.advance(9 * SECOND)
    assert stored() == 1
    server.advance(2 * SECOND)
    assert stored() == 0
    assert server.now == EPOCH + 11 * SECOND


def test_a_silent_client_is_dropped() -> None:
    """A client that answers no PING is closed after as many intervals as the options say."""
    server = VirtualServer(BrokerOptions(ping_interval=MINUTE, ping_max=2))
    client = joined(server)
    server.advance(10 * MINUTE)
    assert client.receive().count(b"PING\r\n") >= 1
    assert client.closed


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two servers of one seed that are told the same say the same; another seed says something else."""

    def run(seed: int) -> bytes:
        server = VirtualServer(seed=seed)
        client = joined(server)
        said = [json.dumps(ask(client, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory"}))]
        said += [
            json.dumps(ask(client, "CONSUMER.CREATE.S", {"stream_name": "S", "config": {"ack_policy": "explicit"}}))
        ]
        return "".join(said).encode()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_restart_keeps_what_the_disk_holds() -> None:
    """After a restart clients are gone, and a stream on disk is there with its messages."""
    server = VirtualServer(disk=MemoryDisk())
    client = joined(server)
    ask(client, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "file"})
    client.send(b"PUB s 1\r\nx\r\n")
    server.restart()
    assert client.closed
    state = ask(joined(server), "STREAM.INFO.S", {})["state"]
    assert isinstance(state, dict)
    assert state["messages"] == 1
