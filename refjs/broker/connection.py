"""A client connection as the broker knows it: what it asked for, what it subscribed to, what waits to be written."""

from __future__ import annotations

from typing import final

from refjs.account.account import Account
from refjs.account.subscription import Subscription
from refjs.types.units import ConnId, Nanos
from refjs.wire import encode
from refjs.wire.connect import ConnectOptions


@final
class Connection:
    """The state of one connection; ``out`` becomes one write at the end of the turn."""

    __slots__ = (
        "account",
        "closing",
        "connected",
        "greeted",
        "host",
        "id",
        "in_bytes",
        "in_msgs",
        "options",
        "out",
        "pings_out",
        "port",
        "started",
        "subs",
    )

    def __init__(self, conn: ConnId, host: str, port: int, account: Account, now: Nanos) -> None:
        self.id = conn
        self.host = host
        self.port = port
        self.account = account
        self.started = now
        self.options = ConnectOptions()
        self.subs: dict[bytes, Subscription] = {}
        self.out: list[bytes] = []
        self.connected = False
        self.greeted = False
        """Whether the INFO that follows CONNECT and PING was sent (PRO-INF-006)."""
        self.closing = ""
        self.pings_out = 0
        self.in_msgs = 0
        self.in_bytes = 0

    def error(self, text: str) -> None:
        """Send ``-ERR 'text'``; the connection stays (PRO-OPS-015)."""
        self.out.append(encode.err(text))

    def acknowledge(self) -> None:
        """Send ``+OK`` to a client that wants it (PRO-OPS-009)."""
        if self.options.verbose:
            self.out.append(encode.OK)
