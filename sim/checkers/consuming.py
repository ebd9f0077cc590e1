"""Judges of what consumers received: C3 (the ack floor), C4 (at least once), C6 (double acks are final)."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from refjs.types.units import Nanos, Seq
from sim.checkers.evidence import NEVER, Evidence
from sim.checkers.verdict import Kind, Verdict, conclude, seconds
from sim.history import Delivered, Outcome

C3: Final = "the ack floor never moves back and covers only what was delivered"
C4: Final = "every acknowledged publish is delivered by the end"
C6: Final = "a message whose acknowledgement was confirmed is not delivered again"


def floors_monotone(evidence: Evidence) -> Verdict:
    """C3: as each server reports it, a consumer's ack floor only grows, and never past an undelivered message."""
    findings: list[str] = []
    first = _first_deliveries(evidence.delivered)
    stored = _stored(evidence)
    seen: dict[tuple[str, str], Seq] = {}
    for floor in evidence.floors:
        before = seen.get((floor.consumer, floor.server), 0)
        seen[floor.consumer, floor.server] = max(before, floor.floor)
        if floor.floor < before:
            findings.append(
                f"{floor.server} reported ack floor {floor.floor} of {floor.consumer} at {seconds(floor.at)}, "
                f"after {before}"
            )
        received = first.get(floor.consumer, {})
        covered = stored.get(_stream(floor.consumer), [])
        news = covered[bisect_right(covered, before) : bisect_right(covered, floor.floor)]
        claimed = [seq for seq in news if received.get(seq, NEVER) > floor.at]
        if claimed:
            findings.append(
                f"{floor.server} reported ack floor {floor.floor} of {floor.consumer} at {seconds(floor.at)}, "
                f"when sequence {claimed[0]} had not been delivered"
            )
    return conclude("C3", C3, findings, examined=len(evidence.floors))


def at_least_once(evidence: Evidence) -> Verdict:
    """C4: each consumer has received every message whose publish was acknowledged."""
    findings: list[str] = []
    examined = 0
    first = _first_deliveries(evidence.delivered)
    for consumer in evidence.consumers:
        received = first.get(consumer, {})
        acked = [p for p in evidence.publishes.get(_stream(consumer), []) if p.outcome is Outcome.OK]
        examined += len(acked)
        findings += [f"{publish} never reached {consumer}" for publish in acked if publish.seq not in received]
    return conclude("C4", C4, findings, examined=examined, kind=Kind.LIVENESS)


def double_acks_final(evidence: Evidence) -> Verdict:
    """C6: after the server confirmed an acknowledgement, the message does not come again on that consumer."""
    findings: list[str] = []
    settled = {(record.consumer, record.seq): record for record in evidence.settled}
    for delivered in evidence.delivered:
        record = settled.get((delivered.consumer, delivered.seq))
        if record is not None and delivered.at > record.at:
            findings.append(
                f"sequence {delivered.seq} was confirmed acknowledged on {delivered.consumer} at {seconds(record.at)} "
                f"and delivered again at {seconds(delivered.at)}"
            )
    return conclude("C6", C6, findings, examined=len(settled))


def _stream(consumer: str) -> str:
    """Return the stream of ``stream/consumer``."""
    return consumer.partition("/")[0]


def _stored(evidence: Evidence) -> dict[str, list[Seq]]:
    """Return, sorted, the sequences that any server holds of each stream."""
    return {
        stream: sorted({seq for node in nodes for seq, _ in node.messages})
        for stream, nodes in evidence.observed.items()
    }


def _first_deliveries(delivered: list[Delivered]) -> dict[str, dict[Seq, Nanos]]:
    """Return when each consumer first received each sequence."""
    first: dict[str, dict[Seq, Nanos]] = {}
    for record in delivered:
        first.setdefault(record.consumer, {}).setdefault(record.seq, record.at)
    return first
