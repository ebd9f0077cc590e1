"""The figures behind the monitoring pages."""

from __future__ import annotations

import json

from refjs.testing.virtual import VirtualServer


def test_streams_reserve_their_max_bytes() -> None:
    """What JetStream has reserved is what its streams are limited to, by storage; those without a limit add nothing."""
    server = VirtualServer()
    client = server.connect()
    for name, storage, limit in (("A", "memory", 1_000), ("B", "memory", -1), ("C", "file", 20), ("D", "file", 3)):
        body = json.dumps({"name": name, "storage": storage, "max_bytes": limit}).encode()
        client.send(b"PUB $JS.API.STREAM.CREATE.%b %d\r\n%b\r\n" % (name.encode(), len(body), body))
    figures = server.broker.figures().jetstream
    assert figures is not None
    assert (figures.reserved_memory, figures.reserved_storage) == (1_000, 23)
