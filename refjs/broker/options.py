"""How a broker was started: what flags and configuration decide, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from refjs.types.profile import DEFAULT, Profile
from refjs.types.units import MINUTE, Nanos


@final
@dataclass(slots=True)
class BrokerOptions:
    """Sizes in bytes, durations in ns."""

    server_name: str = "refjs"
    server_id: str = ""
    """The 56 characters that INFO announces (PRO-INF-002); the server name where empty."""
    host: str = "0.0.0.0"  # noqa: S104 - what nats-server announces by default
    port: int = 4222
    cluster_name: str = ""
    jetstream: bool = True
    domain: str = ""
    profile: Profile = field(default_factory=lambda: DEFAULT)
    max_payload: int = 1 << 20
    max_control_line: int = 4096
    max_connections: int = 65_536
    ping_interval: Nanos = 2 * MINUTE
    ping_max: int = 2
    sync_interval: Nanos = 2 * MINUTE
