"""Judges of what publishers were told: P1 (linearizable appends), P2 (sequences), P6 (deduplication).

A JetStream acknowledgement carries the sequence, so the order in which the appends must have happened is given, and no
search is needed: sort by sequence, walk from the last to the first with the earliest completion seen, and an append
that was invoked after it cannot have come before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from refjs.types.units import Nanos, Seq
from sim.checkers.evidence import NEVER, Evidence, Publish
from sim.checkers.verdict import Verdict, conclude, seconds
from sim.history import Observed, Outcome

P1: Final = "appends are linearizable: their order by sequence agrees with real time"
P2: Final = "sequences are unique, never reused and grow along each server's log"
P6: Final = "inside the window one message ID is stored once, and duplicates name its sequence"


@final
@dataclass(slots=True)
class _Append:
    """One message's way into the stream: it happened in ``[earliest, latest]`` and got ``seq``."""

    seq: Seq
    earliest: Nanos
    latest: Nanos
    publish: Publish


def linearizable(evidence: Evidence) -> Verdict:
    """P1: some order of the appends explains every acknowledgement and respects real time."""
    findings: list[str] = []
    examined = 0
    for stream, publishes in evidence.publishes.items():
        appends = _appends(publishes, evidence.observed.get(stream, []))
        examined += len(appends)
        findings += _out_of_order(appends)
    return conclude("P1", P1, findings, examined=examined)


def sequences(evidence: Evidence) -> Verdict:
    """P2: no sequence ever stands for two messages, in any acknowledgement or on any server."""
    findings: list[str] = []
    examined = 0
    for stream, publishes in evidence.publishes.items():
        holder: dict[Seq, str] = {}
        for publish in publishes:
            if publish.outcome is Outcome.OK:
                examined += 1
                first = holder.setdefault(publish.seq, publish.value)
                if publish.seq < 1:
                    findings.append(f"{publish} was acknowledged with no sequence")
                elif first != publish.value:
                    findings.append(f"sequence {publish.seq} was given to {first} and again to {publish}")
        for observed in evidence.observed.get(stream, []):
            findings += _misnumbered(observed, holder)
    return conclude("P2", P2, findings, examined=examined)


def deduplicated(evidence: Evidence) -> Verdict:
    """P6: at most one of the publishes with one message ID is stored, and every acknowledgement names that one."""
    findings: list[str] = []
    examined = 0
    for stream, publishes in evidence.publishes.items():
        groups = _repeated(publishes)
        examined += len(publishes)
        findings += [problem for group in groups for problem in _contradictions(group, evidence.bounds.dedup_window_ns)]
        late = {group[0].value for group in groups if _spans(group) > evidence.bounds.dedup_window_ns}
        once = {publish.value for publish in publishes if publish.message_id} - late
        for observed in evidence.observed.get(stream, []):
            findings += _stored_twice(observed, once)
    return conclude("P6", P6, findings, examined=examined)


def _appends(publishes: list[Publish], observed: list[Observed]) -> list[_Append]:
    """Return the appends that are known to have happened, by acknowledgement or by what servers hold."""
    by_key: dict[str, _Append] = {}
    sources: dict[str, Nanos] = {}
    for publish in publishes:
        key = publish.message_id or publish.value
        if publish.outcome is Outcome.OK:
            append = by_key.get(key)
            if append is None:
                append = by_key[key] = _Append(publish.seq, NEVER, NEVER, publish)
            if not publish.duplicate:
                append.earliest = publish.invoked
            append.latest = min(append.latest, publish.completed)
        if publish.outcome is Outcome.UNKNOWN or (publish.duplicate and publish.attempts > 1):
            sources[key] = min(sources.get(key, NEVER), publish.invoked)
    for key, append in by_key.items():
        if append.earliest == NEVER:
            append.earliest = sources.get(key, NEVER)
    unknown = {p.value: p for p in publishes if p.outcome is Outcome.UNKNOWN and p.key not in by_key}
    found = {value: seq for node in observed for seq, value in node.messages if value in unknown} if unknown else {}
    late = [_Append(seq, unknown[value].invoked, NEVER, unknown[value]) for value, seq in found.items()]
    return sorted([*by_key.values(), *late], key=lambda append: append.seq)


def _out_of_order(appends: list[_Append]) -> list[str]:
    """Return the appends that began after one with a higher sequence (or their own) had ended."""
    findings: list[str] = []
    ended, later = NEVER, None
    for append in reversed(appends):
        if append.latest < ended:
            ended, later = append.latest, append
        if append.earliest > ended and later is not None:
            findings.append(_explain(append, later))
    return findings[::-1]


def _explain(append: _Append, later: _Append) -> str:
    if append is later or append.earliest == NEVER:
        return f"{append.publish} was acknowledged as a duplicate before anybody can have stored it"
    return (
        f"{append.publish} began after {later.publish} had been acknowledged at {seconds(later.latest)}, "
        f"yet stands before it: {append.seq} < {later.seq}"
    )


def _misnumbered(observed: Observed, holder: dict[Seq, str]) -> list[str]:
    """Return where one server's log is out of order or contradicts an acknowledgement or another server."""
    findings: list[str] = []
    previous = 0
    for seq, value in observed.messages:
        if seq <= previous:
            findings.append(f"{observed.server} holds sequence {seq} after {previous}")
        previous = seq
        known = holder.setdefault(seq, value)
        if known != value:
            findings.append(f"{observed.server} holds {value} as sequence {seq}, which is {known} elsewhere")
    return findings


def _repeated(publishes: list[Publish]) -> list[list[Publish]]:
    """Return the groups of publishes that share a message ID."""
    groups: dict[str, list[Publish]] = {}
    first: dict[str, Publish] = {}
    for publish in publishes:
        if publish.message_id and first.setdefault(publish.message_id, publish) is not publish:
            groups.setdefault(publish.message_id, [first[publish.message_id]]).append(publish)
    return list(groups.values())


def _spans(group: list[Publish]) -> Nanos:
    """Return how long publishes with this message ID went on."""
    return max(p.completed if p.completed < NEVER else p.invoked for p in group) - group[0].invoked


def _contradictions(group: list[Publish], window_ns: Nanos) -> list[str]:
    """Return how the publishes with one message ID were told different things inside the window."""
    if _spans(group) > window_ns:
        return []
    acked = [publish for publish in group if publish.outcome is Outcome.OK]
    told = "; ".join(map(str, acked))
    if len({publish.seq for publish in acked}) > 1:
        return [f"one message ID, several sequences: {told}"]
    if sum(not publish.duplicate for publish in acked) > 1:
        return [f"one message ID, acknowledged as new more than once: {told}"]
    return []


def _stored_twice(observed: Observed, once: set[str]) -> list[str]:
    """Return which of the values that may stand there once a server holds more often."""
    seen: set[str] = set()
    again: dict[str, int] = {}
    for _, value in observed.messages:
        if value in seen:
            again[value] = again.get(value, 1) + 1
        seen.add(value)
    return [f"{observed.server} holds {value} {times} times" for value, times in again.items() if value in once]
