"""INFO: what the server says of itself, and of this connection (PRO-INF-001..006)."""

from __future__ import annotations

import json
from typing import Final, final


@final
class ClientView:
    """What INFO says to one client only; ``account`` is empty until the client has connected (PRO-INF-006)."""

    __slots__ = ("account", "account_is_system", "client_id", "client_ip", "max_payload", "nonce")

    def __init__(self, client_id: int, client_ip: str, max_payload: int, nonce: str = "") -> None:
        self.client_id = client_id
        self.client_ip = client_ip
        self.max_payload = max_payload
        self.nonce = nonce
        self.account = ""
        self.account_is_system = False


@final
class ServerInfo:
    """What INFO says to every client; values that are empty, false or 0 are left out (PRO-INF-002)."""

    __slots__ = (
        "api_level",
        "auth_required",
        "cluster",
        "connect_urls",
        "domain",
        "git_commit",
        "go",
        "headers",
        "host",
        "jetstream",
        "lame_duck_mode",
        "port",
        "server_id",
        "server_name",
        "tls_available",
        "tls_required",
        "tls_verify",
        "version",
        "ws_connect_urls",
        "xkey",
    )

    def __init__(self, server_id: str, server_name: str, version: str) -> None:
        self.server_id = server_id
        self.server_name = server_name
        self.version = version
        self.git_commit = ""
        self.go = ""
        self.host = ""
        self.port = 0
        self.headers = True
        self.auth_required = False
        self.tls_required = False
        self.tls_verify = False
        self.tls_available = False
        self.jetstream = False
        self.cluster = ""
        self.domain = ""
        self.connect_urls: list[str] = []
        self.ws_connect_urls: list[str] = []
        self.lame_duck_mode = False
        self.api_level = 0
        self.xkey = ""

    def encode(self, client: ClientView) -> bytes:
        """Return the JSON record for ``client``, its keys in nats-server's order [observed 2.15.1]."""
        always: dict[str, object] = {
            "server_id": self.server_id,
            "server_name": self.server_name,
            "version": self.version,
            "proto": 1,
            "go": self.go,
            "host": self.host,
            "port": self.port,
            "headers": self.headers,
            "max_payload": client.max_payload,
            "client_id": client.client_id,
            "client_ip": client.client_ip,
        }
        where_set: dict[str, object] = {
            "git_commit": self.git_commit,
            "auth_required": self.auth_required,
            "tls_required": self.tls_required,
            "tls_verify": self.tls_verify,
            "tls_available": self.tls_available,
            "jetstream": self.jetstream,
            "nonce": client.nonce,
            "cluster": self.cluster,
            "domain": self.domain,
            "connect_urls": self.connect_urls,
            "ws_connect_urls": self.ws_connect_urls,
            "ldm": self.lame_duck_mode,
            "connect_info": client.account != "",
            "remote_account": client.account,
            "acc_is_sys": client.account_is_system,
            "api_lvl": self.api_level,
            "xkey": self.xkey,
        }
        always.update((key, value) for key, value in where_set.items() if value)
        record = {key: always[key] for key in _ORDER if key in always}
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape")


_ORDER: Final = (
    "server_id",
    "server_name",
    "version",
    "proto",
    "git_commit",
    "go",
    "host",
    "port",
    "headers",
    "auth_required",
    "tls_required",
    "tls_verify",
    "tls_available",
    "max_payload",
    "jetstream",
    "client_id",
    "client_ip",
    "nonce",
    "cluster",
    "domain",
    "connect_urls",
    "ws_connect_urls",
    "ldm",
    "connect_info",
    "remote_account",
    "acc_is_sys",
    "api_lvl",
    "xkey",
)
