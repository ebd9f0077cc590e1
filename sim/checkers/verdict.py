"""What a checker says: whether a property held, and if not, which operations broke it, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum, unique
from typing import Final, final

from refjs.types.units import MILLISECOND, SECOND, Nanos

FINDINGS_SHOWN: Final = 10


@unique
class Kind(StrEnum):
    """How a property fails: something bad happened, or something good did not."""

    OK = "ok"
    SAFETY = "safety"
    LIVENESS = "liveness"


@unique
class Exit(IntEnum):
    """The exit codes of a judged run; 2 is left to bad input."""

    OK = 0
    SAFETY = 3
    LIVENESS = 4


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """One property's verdict; ``examined`` counts what was looked at, for nothing examined proves nothing."""

    property_id: str
    title: str
    kind: Kind
    examined: int
    findings: tuple[str, ...] = ()
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the property held."""
        return self.kind is Kind.OK


@final
@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on one history; a safety violation outweighs a liveness violation."""

    verdicts: tuple[Verdict, ...]

    @property
    def kind(self) -> Kind:
        """The worst of the verdicts."""
        kinds = {verdict.kind for verdict in self.verdicts}
        return next((kind for kind in (Kind.SAFETY, Kind.LIVENESS) if kind in kinds), Kind.OK)

    @property
    def exit_code(self) -> Exit:
        """The exit code of a command that ran this."""
        return Exit[self.kind.name]


def conclude(property_id: str, title: str, findings: list[str], *, examined: int, **more: str) -> Verdict:
    """Return a verdict: OK without findings, else a safety violation, or ``kind="liveness"``."""
    kind = Kind(more.get("kind", Kind.SAFETY)) if findings else Kind.OK
    shown = findings[:FINDINGS_SHOWN]
    if len(findings) > FINDINGS_SHOWN:
        shown.append(f"and {len(findings) - FINDINGS_SHOWN} more")
    return Verdict(property_id, title, kind, examined, tuple(shown), more.get("note", ""))


def seconds(when: Nanos) -> str:
    """Return a time in words, to the millisecond."""
    return f"{when // SECOND}.{when % SECOND // MILLISECOND:03} s"
