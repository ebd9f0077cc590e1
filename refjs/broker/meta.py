"""What the API asks of whoever keeps the metadata log."""

from __future__ import annotations

from typing import Protocol

from refjs.broker.meta_entries import MetaEntry


class Meta(Protocol):
    """The metadata log, seen from the API."""

    def leads(self) -> bool:
        """Tell whether this server answers for what no single stream can answer for."""

    def propose(self, entry: MetaEntry) -> bool:
        """Propose ``entry``; return False where this server does not lead."""
