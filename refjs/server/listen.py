"""Sockets to listen on, their addresses as nats-server writes them, and its words when one cannot be had."""

from __future__ import annotations

import os
import socket
from typing import Final

from refjs.server.options import RANDOM_PORT

_BACKLOG: Final = 1024
_PORT_MAX: Final = 65_535
_ANY: Final = frozenset(("0.0.0.0", "::", ""))  # noqa: S104 (recognised, not bound)


class ListenError(Exception):
    """No socket: the text says which address and why, as nats-server says it."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; ``port`` -1 takes a free one, ``0.0.0.0`` means IPv6 as well where there is any."""
    wanted = 0 if port == RANDOM_PORT else port
    if not 0 <= wanted <= _PORT_MAX:
        raise ListenError(f"listen tcp: address {wanted}: invalid port")
    try:
        if host in _ANY:
            return _listen_everywhere(wanted)
        family, _, _, _, address = socket.getaddrinfo(host, wanted, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except socket.gaierror as error:
        raise ListenError(f"listen tcp: lookup {host}: no such host") from error
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ListenError(f"listen tcp {at(host, wanted)}: bind: {reason}") from error


def _listen_everywhere(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True)
    return socket.create_server(("", port), backlog=_BACKLOG)


def bound_port(listener: socket.socket) -> int:
    """Return the port that a listening socket has."""
    port = listener.getsockname()[1]
    assert isinstance(port, int), "a TCP socket has a port"
    return port


def at(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def addresses(host: str, port: int) -> list[str]:
    """Return where a listener on ``host`` can be reached; all of this machine's addresses for a wildcard."""
    if host not in _ANY:
        return [at(host, port)]
    hosts = ["127.0.0.1", *(["::1"] if socket.has_dualstack_ipv6() else []), *_own_addresses()]
    return [at(each, port) for each in dict.fromkeys(hosts)]


def _own_addresses() -> list[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(address[0]) for _, _, _, _, address in found})
