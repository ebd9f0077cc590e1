"""The load generator, a process of its own: ``python -m benchmarks.load CASE PORT COUNT`` prints the seconds it took.

Messages are prebuilt blocks of bytes and answers are counted, not parsed, so that the generator takes a small part of
the time: it can send and count several million messages a second.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from benchmarks.client import Client, ServerGoneError

PAYLOAD: Final = b"x" * 128
BLOCK: Final = 512
WINDOW: Final = 4096  # publishes in flight: below what nats-server buffers before it refuses
BATCH: Final = 500
STREAM: Final = "BENCH"
_SUBJECT: Final = b"bench.subject"
_ACK_SUBJECT: Final = b"_INBOX.bench.acks"
_DELIVERED: Final = re.compile(rb"(\$JS\.ACK\.[^ \r]+) \d+\r\n")


def core(port: int, count: int) -> float:
    """One publisher and one subscriber on a subject, all messages counted at the subscriber."""
    frame = len(b"MSG %b 1 %d\r\n%b\r\n" % (_SUBJECT, len(PAYLOAD), PAYLOAD))
    message = b"PUB %b %d\r\n%b\r\n" % (_SUBJECT, len(PAYLOAD), PAYLOAD)
    block = message * BLOCK
    with Client(port) as publisher, Client(port) as subscriber:
        subscriber.send(b"SUB %b 1\r\n" % _SUBJECT)
        subscriber.flush()
        sender = threading.Thread(target=_send_blocks, args=(publisher, block, count // BLOCK), daemon=True)
        started = time.perf_counter()
        sender.start()
        missing = count // BLOCK * BLOCK * frame
        while missing > 0:
            missing -= len(subscriber.receive())
        taken = time.perf_counter() - started
        sender.join()
    assert missing == 0, "every frame has the expected length"
    return taken


def _send_blocks(client: Client, block: bytes, times: int) -> None:
    for _ in range(times):
        client.send(block)


def publish(port: int, count: int) -> float:
    """JetStream publishes with a window of unacknowledged ones, into a memory stream."""
    with Client(port) as client:
        _make_stream(client)
        taken = _publish(client, count)
        client.request(f"STREAM.DELETE.{STREAM}", {})
    return taken


def store(port: int, count: int) -> float:
    """As ``publish``, and leave the messages there."""
    with Client(port) as client:
        _make_stream(client)
        return _publish(client, count)


def one_by_one(port: int, count: int) -> float:
    """JetStream publishes, each sent when the one before was acknowledged."""
    with Client(port) as client:
        _make_stream(client)
        client.send(b"SUB %b 2\r\n" % _ACK_SUBJECT)
        client.flush()
        message = _publish_frame()
        started = time.perf_counter()
        for _ in range(count):
            client.send(message)
            while not bytes(client.receive()).endswith(b"}\r\n"):
                pass
        taken = time.perf_counter() - started
        client.request(f"STREAM.DELETE.{STREAM}", {})
    return taken


def pull(port: int, count: int) -> float:
    """Pull in batches, two requests in flight, and acknowledge each message explicitly."""
    with Client(port) as client:
        _make_stream(client)
        _publish(client, count)
        config = {"durable_name": "C", "ack_policy": "explicit", "max_ack_pending": -1, "ack_wait": 60_000_000_000}
        client.request(f"CONSUMER.CREATE.{STREAM}.C", {"stream_name": STREAM, "config": config})
        taken = _pull(client, count)
        while client.request(f"CONSUMER.INFO.{STREAM}.C", {})["num_ack_pending"] != 0:
            pass
        client.request(f"STREAM.DELETE.{STREAM}", {})
    return taken


def _pull(client: Client, count: int) -> float:
    body = b'{"batch":%d}' % BATCH
    ask = b"PUB $JS.API.CONSUMER.MSG.NEXT.%b.C _INBOX.pull %d\r\n%b\r\n" % (STREAM.encode(), len(body), body)
    client.send(b"SUB _INBOX.pull 3\r\n")
    started = time.perf_counter()
    client.send(ask + ask)
    received, asked, rest = 0, 2 * BATCH, b""
    while received < count:
        rest += client.receive()
        replies = _DELIVERED.findall(rest)
        if not replies:
            continue
        rest = rest[rest.rindex(replies[-1]) + len(replies[-1]) :]
        received += len(replies)
        acknowledgements = b"".join([b"PUB %b 4\r\n+ACK\r\n" % reply for reply in replies])
        if asked < count and asked - received <= BATCH:
            acknowledgements += ask
            asked += BATCH
        client.send(acknowledgements)
    client.flush()
    return time.perf_counter() - started


def _make_stream(client: Client) -> None:
    config = {"name": STREAM, "subjects": ["bench.>"], "storage": "memory", "num_replicas": 1}
    client.request(f"STREAM.CREATE.{STREAM}", config)


def _publish_frame() -> bytes:
    return b"PUB %b %b %d\r\n%b\r\n" % (_SUBJECT, _ACK_SUBJECT, len(PAYLOAD), PAYLOAD)


def _publish(client: Client, count: int) -> float:
    block = _publish_frame() * BLOCK
    client.send(b"SUB %b 2\r\n" % _ACK_SUBJECT)
    client.flush()
    started = time.perf_counter()
    sent = acknowledged = 0
    tail = b""
    while acknowledged < count:
        while sent < count and sent - acknowledged <= WINDOW - BLOCK:
            client.send(block)
            sent += BLOCK
        arrived = tail + client.receive()
        acknowledged += arrived.count(b'"seq":')
        tail = arrived[-5:]
    taken = time.perf_counter() - started
    client.send(b"UNSUB 2\r\n")
    return taken


CASES: Final[dict[str, Callable[[int, int], float]]] = {
    "core": core,
    "publish": publish,
    "store": store,
    "one_by_one": one_by_one,
    "pull": pull,
}


def main() -> int:
    """Run the case that the command line names; print its seconds."""
    case, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    try:
        print(CASES[case](port, count))
    except (ServerGoneError, OSError) as error:
        print(f"{case}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
