"""What became of an entry once it was applied: values, never exceptions."""

from __future__ import annotations

from typing import TypeAlias, final

from refjs.errors.table import ApiError
from refjs.types.stored import StoredMessage
from refjs.types.units import Seq


@final
class Stored:
    """The message was stored; ``rolled_up``, ``sub`` or ``all``, says whose place it took (STR-ROL-001)."""

    __slots__ = ("message", "rolled_up")

    def __init__(self, message: StoredMessage, rolled_up: bytes = b"") -> None:
        self.message = message
        self.rolled_up = rolled_up


@final
class Skipped:
    """Nobody was interested: the message took ``seq`` and was not kept (STR-SEQ-002)."""

    __slots__ = ("seq",)

    def __init__(self, seq: Seq) -> None:
        self.seq = seq


@final
class Duplicate:
    """A message with the same ID was stored at ``seq`` inside the window (STR-DUP-001)."""

    __slots__ = ("seq",)

    def __init__(self, seq: Seq) -> None:
        self.seq = seq


@final
class Refused:
    """Nothing changed; ``error`` says why."""

    __slots__ = ("error",)

    def __init__(self, error: ApiError) -> None:
        self.error = error


@final
class Removed:
    """``count`` messages were removed by a purge or a delete."""

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count


PublishOutcome: TypeAlias = Stored | Skipped | Duplicate | Refused
Outcome: TypeAlias = PublishOutcome | Removed
