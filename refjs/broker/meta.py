"""What the API asks of whoever keeps the metadata log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from refjs.broker.meta_entries import MetaEntry
from refjs.errors.table import ApiError

Done: TypeAlias = Callable[[ApiError | None], None]
"""Told what became of a proposal: None, or why it was refused when its turn came."""


class Meta(Protocol):
    """The metadata log, seen from the API."""

    def leads(self) -> bool:
        """Tell whether this server answers for what no single stream can answer for."""

    def propose(self, entry: MetaEntry, done: Done | None = None) -> None:
        """Propose ``entry``; ``done`` is called once it is applied here and this server led all the while."""
