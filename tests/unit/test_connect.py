"""CONNECT and INFO: what the handshake's JSON means."""

from __future__ import annotations

import json

import pytest

from refjs.wire.connect import ConnectOptions, parse_connect
from refjs.wire.info import ClientView, ServerInfo


@pytest.mark.req("PRO-CON-002")
def test_defaults() -> None:
    """An empty CONNECT leaves every default in place."""
    options = parse_connect(b"{}")
    assert options is not None
    for name in ("name", "lang", "version", "user", "password", "auth_token", "jwt", "nkey", "sig", "account"):
        assert getattr(options, name) == getattr(ConnectOptions(), name) == ""
    assert (options.verbose, options.pedantic, options.echo, options.headers, options.protocol) == (
        True,
        True,
        True,
        False,
        0,
    )


@pytest.mark.req("PRO-CON-001", "PRO-CON-009")
def test_a_later_connect_changes_what_it_names() -> None:
    """Options that a later CONNECT does not name, or names with null, stay as they were."""
    first = parse_connect(b'{"user":"u","pass":"p","verbose":false,"name":"n","extra":{"user":1}}')
    assert first is not None
    second = parse_connect(b'{"pass":"q","name":null,"echo":false}', first)
    assert second is not None
    assert (second.user, second.password, second.verbose, second.name, second.echo) == ("u", "q", False, "n", False)
    assert first.password == "p"


@pytest.mark.req("PRO-CON-005")
def test_nesting_is_no_danger() -> None:
    """JSON nested deeper than can be read is refused like any that cannot be read."""
    assert parse_connect(b"[" * 100_000) is None


@pytest.mark.req("PRO-INF-002", "PRO-INF-003", "PRO-INF-006")
def test_info_has_the_keys_of_the_real_server_in_its_order() -> None:
    """INFO of a plain server with JetStream, first and after CONNECT, has the keys that 2.15.1 sends, in its order."""
    info = ServerInfo("N1", "n", "2.15.1")
    info.git_commit, info.go, info.host, info.port, info.jetstream, info.api_level = "c", "g", "h", 4222, True, 5
    view = ClientView(7, "127.0.0.1", 1 << 20)
    first = [
        "server_id",
        "server_name",
        "version",
        "proto",
        "git_commit",
        "go",
        "host",
        "port",
        "headers",
        "max_payload",
        "jetstream",
    ]
    assert list(json.loads(info.encode(view))) == [*first, "client_id", "client_ip", "api_lvl"]
    view.account = "$G"
    after = json.loads(info.encode(view))
    assert list(after) == [*first, "client_id", "client_ip", "connect_info", "remote_account", "api_lvl"]
    assert (after["remote_account"], after["connect_info"], after["proto"]) == ("$G", True, 1)
