"""A stored message: the record that streams keep, consumers deliver and clients read.

A hot record (docs/decisions/0005).  The messages of one subject form a chain, so that the oldest and the newest of a
subject are found, and any of them unlinked, at a cost that does not depend on how many are stored.
"""

from __future__ import annotations

from typing import final

from refjs.types.units import Nanos, Seq, Subject


@final
class StoredMessage:
    """One message of a stream; ``body`` is the header block, of ``header_size`` bytes (0: none), then the payload."""

    __slots__ = ("body", "header_size", "newer", "older", "seq", "subject", "ts")

    def __init__(self, seq: Seq, ts: Nanos, subject: Subject, header_size: int, body: bytes) -> None:
        self.seq = seq
        self.ts = ts
        self.subject = subject
        self.header_size = header_size
        self.body = body
        self.older: StoredMessage | None = None
        self.newer: StoredMessage | None = None

    def headers(self) -> bytes:
        """Return the header block; empty where there is none."""
        return self.body[: self.header_size]

    def payload(self) -> bytes:
        """Return what follows the header block."""
        return self.body[self.header_size :] if self.header_size else self.body
