"""Listening sockets, and nats-server's words when there is none."""

from __future__ import annotations

import socket

import pytest

from refjs.server.listen import ListenError, addresses, at, bound_port, listen


@pytest.mark.req("CFG-CLI-005")
def test_a_port_in_use() -> None:
    """A port that is taken is refused with its address."""
    with listen("127.0.0.1", -1) as taken:
        port = bound_port(taken)
        with pytest.raises(ListenError, match=rf"^listen tcp 127\.0\.0\.1:{port}: bind: address already in use$"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("127.0.0.1", 70_000, "listen tcp: address 70000: invalid port"),
        ("127.0.0.1", -2, "listen tcp: address -2: invalid port"),
        ("192.0.2.1", -1, "listen tcp 192.0.2.1:0: bind: cannot assign requested address"),
        ("no such host", -1, "listen tcp: lookup no such host: no such host"),
    ],
)
def test_refusals(host: str, port: int, text: str) -> None:
    """What cannot be listened on is refused in nats-server's words."""
    with pytest.raises(ListenError) as refused:
        listen(host, port)
    assert str(refused.value) == text


def test_everywhere() -> None:
    """A listener on all interfaces takes connections on IPv4, and on IPv6 where there is any."""
    with listen("0.0.0.0", -1) as listener:
        port = bound_port(listener)
        reachable = addresses("0.0.0.0", port)
        assert reachable[0] == f"127.0.0.1:{port}"
        hosts = ["127.0.0.1", "::1"] if f"[::1]:{port}" in reachable else ["127.0.0.1"]
        for host in hosts:
            socket.create_connection((host, port), 5).close()


def test_addresses_are_written_with_brackets() -> None:
    """An IPv6 address stands in brackets."""
    assert (at("::1", 1), at("localhost", 1)) == ("[::1]:1", "localhost:1")
