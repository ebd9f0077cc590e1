"""What can happen to a server of a cluster, and what it asks of its embedder, beyond a lone broker's events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from refjs.broker.effects import Effect
from refjs.broker.events import Event
from refjs.cluster.messages import PeerMessage
from refjs.types.units import ServerId


@final
@dataclass(slots=True)
class PeerReceived:
    """Another server's message arrived; it may have been lost, doubled or overtaken others on its way."""

    message: PeerMessage


@final
@dataclass(slots=True)
class SendPeer:
    """Send ``message`` to the server ``peer``."""

    peer: ServerId
    message: PeerMessage


NodeEvent: TypeAlias = Event | PeerReceived
NodeEffect: TypeAlias = Effect | SendPeer
