"""Advisories and metrics: what JetStream says of itself on ``$JS.EVENT.>`` (catalogue EVT).

Said only where somebody listens on the exact subject at that moment (EVT-GEN-002).
"""

from __future__ import annotations

from typing import Final, TypeAlias, final

from refjs.account.account import Account
from refjs.broker.engine import Engine
from refjs.types.json_text import quote
from refjs.types.time_text import format_time
from refjs.types.units import Nanos, Seq

Member: TypeAlias = tuple[str, str | int]

_ID_SIZE: Final = 22
_PERCENT: Final = 100


@final
class Advisories:
    """The advisories of one stream and its consumers."""

    def __init__(self, engine: Engine, account: Account, stream: str) -> None:
        self._engine = engine
        self._account = account
        self._stream = stream

    def stream_action(self, action: str) -> None:
        """Say that the stream was created, modified or deleted (EVT-ADV-002)."""
        word = {"create": "CREATED", "modify": "UPDATED", "delete": "DELETED"}[action]
        self._advise(f"STREAM.{word}.{self._stream}", "stream_action", [("stream", self._stream), ("action", action)])

    def consumer_action(self, consumer: str, action: str) -> None:
        """Say that a consumer was created or deleted (EVT-ADV-003)."""
        word = {"create": "CREATED", "delete": "DELETED"}[action]
        members: list[Member] = [("stream", self._stream), ("consumer", consumer), ("action", action)]
        self._advise(f"CONSUMER.{word}.{self._stream}.{consumer}", "consumer_action", members)

    def max_deliver(self, consumer: str, seq: Seq, deliveries: int) -> None:
        """Say that a message was given up (EVT-ADV-005)."""
        members: list[Member] = [
            ("stream", self._stream),
            ("consumer", consumer),
            ("stream_seq", seq),
            ("deliveries", deliveries),
        ]
        self._advise(f"CONSUMER.MAX_DELIVERIES.{self._stream}.{consumer}", "max_deliver", members)

    def nak(self, consumer: str, seq: Seq, consumer_seq: Seq, deliveries: int) -> None:
        """Say that a client wants a message again (EVT-ADV-006)."""
        members = self._delivery(consumer, seq, consumer_seq, deliveries)
        self._advise(f"CONSUMER.MSG_NAKED.{self._stream}.{consumer}", "nak", members)

    def terminated(self, consumer: str, seq: Seq, consumer_seq: Seq, deliveries: int, reason: str) -> None:
        """Say that a message is not delivered again; ``reason`` may be empty (EVT-ADV-007)."""
        members = self._delivery(consumer, seq, consumer_seq, deliveries)
        if reason:
            members.append(("reason", reason))
        self._advise(f"CONSUMER.MSG_TERMINATED.{self._stream}.{consumer}", "terminated", members)

    def acknowledged(
        self, consumer: str, seq: Seq, consumer_seq: Seq, deliveries: int, ack_time: Nanos, percent: int
    ) -> None:
        """Report an acknowledgement with the probability ``percent`` (CON-MET-001, EVT-MET-001)."""
        if percent < _PERCENT and self._engine.rng.below(_PERCENT) >= percent:
            return
        members: list[Member] = [
            ("stream", self._stream),
            ("consumer", consumer),
            ("consumer_seq", consumer_seq),
            ("stream_seq", seq),
            ("ack_time", ack_time),
            ("deliveries", deliveries),
        ]
        self._say(
            f"$JS.EVENT.METRIC.CONSUMER.ACK.{self._stream}.{consumer}",
            "io.nats.jetstream.metric.v1.consumer_ack",
            members,
        )

    def _delivery(self, consumer: str, seq: Seq, consumer_seq: Seq, deliveries: int) -> list[Member]:
        return [
            ("stream", self._stream),
            ("consumer", consumer),
            ("consumer_seq", consumer_seq),
            ("stream_seq", seq),
            ("deliveries", deliveries),
        ]

    def _advise(self, subject: str, kind: str, members: list[Member]) -> None:
        self._say(f"$JS.EVENT.ADVISORY.{subject}", f"io.nats.jetstream.advisory.v1.{kind}", members)

    def _say(self, subject: str, kind: str, members: list[Member]) -> None:
        target = subject.encode()
        if not self._account.has_interest(target):
            return
        identity = self._engine.rng.token(_ID_SIZE).decode()
        head: list[Member] = [("type", kind), ("id", identity), ("timestamp", format_time(self._engine.now))]
        domain = self._engine.options.domain
        tail: list[Member] = [("domain", domain)] if domain else []
        shown = [f"{quote(name)}:{quote(v) if isinstance(v, str) else v}" for name, v in head + members + tail]
        self._engine.router.post(self._account, target, b"", 0, ("{" + ",".join(shown) + "}").encode())
