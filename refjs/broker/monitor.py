"""What a broker tells of itself: the figures behind ``/varz`` and ``/jsz``, which ``Broker.figures()`` returns.

A record of numbers and nothing else.  The monitoring edge adds what only the process knows (start, uptime, memory,
addresses) and writes the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(slots=True)
class JetStreamFigures:
    """JetStream in all accounts together; sizes in bytes."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    accounts: int = 0
    streams: int = 0
    consumers: int = 0
    messages: int = 0
    size: int = 0
    api_total: int = 0
    api_errors: int = 0


@final
@dataclass(slots=True)
class BrokerFigures:
    """Connections and traffic since the start; ``jetstream`` is None where it is not enabled."""

    connections: int = 0
    total_connections: int = 0
    subscriptions: int = 0
    in_msgs: int = 0
    in_bytes: int = 0
    out_msgs: int = 0
    out_bytes: int = 0
    slow_consumers: int = 0
    stale_connections: int = 0
    jetstream: JetStreamFigures | None = None
