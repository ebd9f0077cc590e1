"""A served consumer: whatever numbers a client writes it goes on, and it finds those who begin to listen."""

from __future__ import annotations

import json

import pytest

from refjs.testing.virtual import VirtualClient, VirtualServer

CONNECT = b'CONNECT {"verbose":false}\r\n'
INT64_MAX = (1 << 63) - 1
ACK = b"$JS.ACK.S.%b.1.%b.%b.1700000000000000000.0"


def ask(client: VirtualClient, subject: str, value: object) -> str:
    """Send a request to the API and return all that came."""
    body = json.dumps(value).encode()
    client.send(b"SUB in 9\r\nPUB $JS.API.%b in %d\r\n%b\r\nUNSUB 9\r\n" % (subject.encode(), len(body), body))
    return client.receive().decode()


def consumer(client: VirtualClient, name: str, **config: object) -> str:
    """Create the consumer ``name`` of stream ``S``, or update it; return the answer."""
    whole = {"durable_name": name, "ack_policy": "explicit", **config}
    return ask(client, f"CONSUMER.CREATE.S.{name}", {"stream_name": "S", "config": whole})


def fetch(client: VirtualClient) -> None:
    """Get the one message from consumer ``C``."""
    client.send(b"SUB box 8\r\nPUB $JS.API.CONSUMER.MSG.NEXT.S.C box 0\r\n\r\n")
    assert client.receive().startswith(b"MSG s 8 $JS.ACK.S.C.1.1.1.")


@pytest.fixture(name="server")
def _server() -> VirtualServer:
    return VirtualServer()


@pytest.fixture(name="client")
def _client(server: VirtualServer) -> VirtualClient:
    """A client of a server with the stream ``S``, which holds one message."""
    client = server.connect()
    client.send(CONNECT)
    ask(client, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    client.send(b"PUB s 1\r\nx\r\n")
    client.receive()
    return client


@pytest.mark.req("CON-ACK-001", "CON-DLV-001")
@pytest.mark.parametrize("consumer_seq", [b"77", b"18446744073709551616", b"9" * 200])
def test_an_ack_counts_whatever_consumer_sequence_it_names(client: VirtualClient, consumer_seq: bytes) -> None:
    """A message is acknowledged by its stream sequence, with any number for the consumer's."""
    consumer(client, "C")
    fetch(client)
    client.send(b"PUB %b 0\r\n\r\n" % (ACK % (b"C", b"1", consumer_seq)))
    assert '"num_ack_pending":0' in ask(client, "CONSUMER.INFO.S.C", {})


@pytest.mark.req("CON-ACK-001")
@pytest.mark.parametrize("seq", [b"2", b"18446744073709551616", b"9" * 200, b"-1", b"x"])
def test_an_ack_of_what_was_not_delivered_counts_for_nothing(client: VirtualClient, seq: bytes) -> None:
    """An ack that names no delivered stream sequence leaves what is pending."""
    consumer(client, "C")
    fetch(client)
    client.send(b"PUB %b 0\r\n\r\n" % (ACK % (b"C", seq, b"1")))
    assert '"num_ack_pending":1' in ask(client, "CONSUMER.INFO.S.C", {})


@pytest.mark.req("CON-CFG-007", "CON-ACK-005")
def test_the_longest_waits_can_be_written_down(server: VirtualServer, client: VirtualClient) -> None:
    """A delivery whose ack may take as long as 64 bits say, or whose redelivery is put off that long, has a digest."""
    consumer(client, "C", ack_wait=INT64_MAX)
    fetch(client)
    assert server.broker.jetstream is not None
    replica = server.broker.jetstream.streams["$G"].hosts["S"].replica
    waiting = replica.digest()
    delay = b'-NAK {"delay":%d}' % INT64_MAX
    client.send(b"PUB %b %d\r\n%b\r\n" % (ACK % (b"C", b"1", b"1"), len(delay), delay))
    assert waiting == replica.digest(), "both deadlines are the last there is"
    assert '"num_ack_pending":1' in ask(client, "CONSUMER.INFO.S.C", {})


@pytest.mark.req("CON-CFG-014")
@pytest.mark.parametrize("frequency", ["9223372036854775808", "-9223372036854775809", "9" * 5_000 + "%"])
def test_a_sampling_frequency_beyond_64_bits_is_refused(client: VirtualClient, frequency: str) -> None:
    """A frequency that is a number and too large is out of range."""
    number = frequency.removesuffix("%")
    assert f'parsing \\"{number}\\": value out of range' in consumer(client, "C", sample_freq=frequency)


@pytest.mark.req("CON-PSH-002")
def test_push_begins_with_interest_in_the_new_deliver_subject(client: VirtualClient) -> None:
    """After an update of the deliver subject, a subscription to the new one gets what is stored."""
    consumer(client, "C", deliver_subject="one")
    consumer(client, "C", deliver_subject="two")
    client.send(b"SUB two 7\r\n")
    assert client.receive().startswith(b"MSG s 7 $JS.ACK.S.C.1.1.1.")


@pytest.mark.req("CON-PSH-002")
def test_consumers_may_share_a_deliver_subject(client: VirtualClient) -> None:
    """Of several consumers with one deliver subject each begins when somebody listens, also once others are gone."""
    for name in ("A", "B", "C"):
        consumer(client, name, deliver_subject="one")
    ask(client, "CONSUMER.DELETE.S.C", {})
    client.send(b"SUB one 7\r\n")
    received = client.receive()
    assert received.count(b"MSG s 7 $JS.ACK.S.A.1.1.1.") == 1
    assert received.count(b"MSG s 7 $JS.ACK.S.B.1.1.1.") == 1
    assert b"$JS.ACK.S.C." not in received
