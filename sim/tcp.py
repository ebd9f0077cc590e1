"""Simulated TCP connections between clients and servers: bytes in order, refused, closed, or silently gone.

A killed server's operating system still says goodbye; a server without power says nothing, and its clients learn by
their own timeouts, or by the reset that the restarted machine sends when they speak on.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol, final

from sim.network import Network


class Caller(Protocol):
    """The client's side of a connection."""

    def connected(self, connection: Connection, /) -> None:
        """Take notice that the server accepted."""

    def received(self, connection: Connection, data: bytes, /) -> None:
        """Take what arrived."""

    def disconnected(self, connection: Connection, /) -> None:
        """Take notice that the connection was refused, closed or reset; nothing more comes."""


class Listener(Protocol):
    """The server's side: a port that accepts while its server is up."""

    def accept(self, connection: Connection, /) -> bool:
        """Take a new connection, or refuse it; a machine without power is never asked."""

    def received(self, connection: Connection, data: bytes, /) -> None:
        """Take what arrived."""

    def hung_up(self, connection: Connection, /) -> None:
        """Take notice that the client closed the connection."""

    def powered(self) -> bool:
        """Tell whether the machine is there to answer at all."""


@final
class Connection:
    """One connection, from its first packet to its end; each side sends and closes for itself."""

    __slots__ = ("_caller", "_down", "_listener", "_up", "accepted", "client", "dead", "over", "server")

    def __init__(self, network: Network, caller: Caller, listener: Listener, client: str, server: str) -> None:
        self.client = client
        self.server = server
        self.accepted = False
        self.over = False  # the client knows that it has ended, or ended it
        self.dead = False  # the server's side is gone
        self._caller = caller
        self._listener = listener
        self._up = network.pipe(client, server)
        self._down = network.pipe(server, client)
        self._up.send(self._arrive)

    # -- the client's side

    def send(self, data: bytes) -> None:
        """Send ``data`` to the server."""
        if not self.over:
            self._up.send(partial(self._at_server, data))

    def hang_up(self) -> None:
        """Close from the client's side; nothing that is still to come will be delivered."""
        if not self.over:
            self.over = True
            self._down.break_off()
            self._up.send(self._hung_up)

    # -- the server's side

    def answer(self, data: bytes) -> None:
        """Send ``data`` to the client."""
        if not self.dead:
            self._down.send(partial(self._at_client, data))

    def close(self) -> None:
        """Close from the server's side, after what was sent."""
        if not self.dead:
            self.dead = True
            self._down.send(self._end)

    def vanish(self) -> None:
        """Lose the server's side without a word; what it had sent is on its way."""
        self.dead = True

    # -- arrivals

    def _arrive(self) -> None:
        if self.over or not self._listener.powered():
            self.dead = self.dead or not self._listener.powered()
            return
        if self._listener.accept(self):
            self.accepted = True
            self._down.send(self._connected)
        else:
            self.close()

    def _at_server(self, data: bytes) -> None:
        if not self.dead:
            self._listener.received(self, data)
        elif self._listener.powered():
            self._down.send(self._end)

    def _hung_up(self) -> None:
        if not self.dead and self.accepted:
            self.dead = True
            self._listener.hung_up(self)

    def _connected(self) -> None:
        if not self.over:
            self._caller.connected(self)

    def _at_client(self, data: bytes) -> None:
        if not self.over:
            self._caller.received(self, data)

    def _end(self) -> None:
        if not self.over:
            self.over = True
            self._caller.disconnected(self)
