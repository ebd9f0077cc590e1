"""What several tests of the oracle need."""

from __future__ import annotations

from refjs.conform.run import Report, Verdict


def complaints(report: Report) -> list[str]:
    """Return what each vector says that is not met, for a readable assertion."""
    return [
        f"{each.entry.path} {each.failure.place} ({each.failure.step}): wanted {each.failure.expected}, "
        f"got {each.failure.actual}"
        for each in report.outcomes
        if each.failure is not None
    ]


def skipped(report: Report) -> set[str]:
    """Return the first words of the reasons why vectors were skipped."""
    return {each.reason.split()[0] for each in report.outcomes if each.verdict is Verdict.SKIPPED}
