"""What several tests of the oracle need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from refjs.conform.run import Report, Verdict

NOT_YET: Final[dict[str, str]] = json.loads((Path(__file__).parent / "not_yet.json").read_text())
"""The vectors that refjs does not meet yet, each with the reason."""


def complaints(report: Report) -> list[str]:
    """Return what each vector says that is unmet and not excused, for a readable assertion."""
    return [
        f"{each.entry.path} {each.failure.place} ({each.failure.step}): wanted {each.failure.expected}, "
        f"got {each.failure.actual}"
        for each in report.outcomes
        if each.failure is not None and each.verdict is not Verdict.EXPECTED
    ]


def skipped(report: Report) -> set[str]:
    """Return the first words of the reasons why vectors were skipped."""
    return {each.reason.split()[0] for each in report.outcomes if each.verdict is Verdict.SKIPPED}
