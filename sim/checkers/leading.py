"""Judges of leadership: R1 (one leader a term), and after the heal L1 (a leader), L3 (answers), L4 (no elections)."""

from __future__ import annotations

from typing import Final

from refjs.types.units import Nanos
from sim.checkers.evidence import Evidence
from sim.checkers.verdict import Kind, Verdict, conclude, seconds
from sim.history import Mark, Marked, Outcome

R1: Final = "at most one server leads a group in a term"
L1: Final = "every group has a leader within the bound after the heal"
L3: Final = "every publish after the heal and the bound is acknowledged"
L4: Final = "elections end: terms stop growing after the heal and the bound"

_LOSES_LEAD: Final = frozenset({Mark.DEPOSED, Mark.KILLED, Mark.POWER_FAILED})


def one_leader_a_term(evidence: Evidence) -> Verdict:
    """R1: no two servers ever led the same group in the same term."""
    findings: list[str] = []
    leaders: dict[tuple[str, int], Marked] = {}
    led = [mark for mark in evidence.marks if mark.mark is Mark.LED]
    for mark in led:
        first = leaders.setdefault((mark.group, mark.term), mark)
        if first.server != mark.server:
            findings.append(
                f"{first.server} (from {seconds(first.at)}) and {mark.server} (from {seconds(mark.at)}) "
                f"both led {mark.group} in term {mark.term}"
            )
    return conclude("R1", R1, findings, examined=len(led))


def leader_in_time(evidence: Evidence) -> Verdict:
    """L1: when the bound after the heal has passed, each group that ever had a leader has one."""
    groups = sorted({mark.group for mark in evidence.marks if mark.mark is Mark.LED})
    if evidence.quiet_at is None:
        return conclude("L1", L1, [], examined=0, note="the run has no quiet phase")
    limit = evidence.quiet_at + evidence.bounds.leader_ns
    if evidence.ended_at < limit:
        return conclude("L1", L1, ["the run ended before the bound had passed"], examined=0, kind=Kind.LIVENESS)
    leaders = _leaders_at(evidence.marks, limit)
    findings = [f"{group} has no leader at {seconds(limit)}" for group in groups if not leaders.get(group)]
    if not groups:
        findings = ["no group ever had a leader"]
    return conclude("L1", L1, findings, examined=len(groups), kind=Kind.LIVENESS)


def answered_after_heal(evidence: Evidence) -> Verdict:
    """L3: once a leader is due again, no publish fails, times out or stays open."""
    if evidence.quiet_at is None:
        return conclude("L3", L3, [], examined=0, note="the run has no quiet phase")
    since = evidence.quiet_at + evidence.bounds.leader_ns
    late = [p for publishes in evidence.publishes.values() for p in publishes if p.invoked >= since]
    findings = [f"{publish} was not acknowledged" for publish in late if publish.outcome is not Outcome.OK]
    return conclude("L3", L3, findings, examined=len(late), kind=Kind.LIVENESS)


def elections_end(evidence: Evidence) -> Verdict:
    """L4: once a leader is due again, leadership does not change any more."""
    if evidence.quiet_at is None:
        return conclude("L4", L4, [], examined=0, note="the run has no quiet phase")
    since = evidence.quiet_at + evidence.bounds.leader_ns
    late = [mark for mark in evidence.marks if mark.mark is Mark.LED and mark.at >= since]
    findings = [
        f"{m.server} came to lead {m.group} in term {m.term} at {seconds(m.at)}, long after the heal" for m in late
    ]
    examined = sum(mark.mark is Mark.LED for mark in evidence.marks)
    return conclude("L4", L4, findings, examined=examined, kind=Kind.LIVENESS)


def _leaders_at(marks: list[Marked], when: Nanos) -> dict[str, set[str]]:
    """Return the servers that lead each group at ``when``."""
    leaders: dict[str, set[str]] = {}
    for mark in marks:
        if mark.at > when:
            break
        if mark.mark is Mark.LED:
            leaders.setdefault(mark.group, set()).add(mark.server)
        elif mark.mark in _LOSES_LEAD:
            for group, servers in leaders.items():
                if mark.group in {"", group}:
                    servers.discard(mark.server)
    return leaders
