"""Judges of what the servers hold at the end: P3 (no losses), P4 (no phantoms), R11 and L2 (convergence).

Losses are counted as Jepsen counts them, per publishing client: a lost *prefix* lies before everything of that client
that was found, a lost *postfix* after it, the rest in the *middle*; and per server, because a server that alone lacks a
message is a diverged replica even where the others still have it.
"""

from __future__ import annotations

from typing import Final

from refjs.types.units import Seq
from sim.checkers.evidence import Evidence, Publish
from sim.checkers.verdict import Kind, Verdict, conclude
from sim.history import Mark, Observed, Outcome

P3: Final = "no acknowledged publish is lost or altered, on any server"
P4: Final = "every stored message was attempted, and not refused"
R11: Final = "replicas that have come equally far have equal digests"
L2: Final = "every live replica has caught up by the end"


def nothing_lost(evidence: Evidence) -> Verdict:
    """P3: every acknowledged message stands at its sequence on every live server."""
    findings: list[str] = []
    examined = 0
    for stream, publishes in evidence.publishes.items():
        acked = [publish for publish in publishes if publish.outcome is Outcome.OK]
        examined += len(acked)
        nodes = evidence.observed.get(stream, [])
        if acked and not nodes:
            findings.append(f"no server holds the stream {stream}, of which {len(acked)} publishes were acknowledged")
        last_seq = {node.server: node.last_seq for node in nodes}
        lost_on = {node.server: _missing(acked, dict(node.messages)) for node in nodes}
        findings += _losses(acked, lost_on, last_seq)
    return conclude("P3", P3, findings, examined=examined)


def no_phantoms(evidence: Evidence) -> Verdict:
    """P4: nothing is stored that nobody tried to publish; an unacknowledged publish may be ("recovered")."""
    findings: list[str] = []
    examined = 0
    recovered: set[str] = set()
    for stream, nodes in evidence.observed.items():
        attempted = {p.value for p in evidence.publishes.get(stream, []) if p.outcome is not Outcome.FAIL}
        acked = {p.value for p in evidence.publishes.get(stream, []) if p.outcome is Outcome.OK}
        for node in nodes:
            examined += len(node.messages)
            for seq, value in node.messages:
                if value not in attempted:
                    findings.append(f"{node.server} holds {value!r} as sequence {seq} of {stream}: nobody published it")
                elif value not in acked:
                    recovered.add(value)
    return conclude("P4", P4, findings, examined=examined, note=f"{len(recovered)} recovered")


def converged(evidence: Evidence) -> Verdict:
    """R11: servers that have come equally far hold equal state; that they come equally far is L2."""
    findings: list[str] = []
    for nodes in evidence.observed.values():
        first: dict[Seq, Observed] = {}
        for node in nodes:
            other = first.setdefault(node.last_seq, node)
            if node.digest != other.digest:
                findings.append(_difference(other, node))
    examined = sum(map(len, evidence.observed.values()))
    return conclude("R11", R11, findings, examined=examined)


def caught_up(evidence: Evidence) -> Verdict:
    """L2: at the end every server that is up holds each stream, to the same last sequence."""
    findings: list[str] = []
    up = _up_at_the_end(evidence)
    for stream, nodes in evidence.observed.items():
        furthest = max(nodes, key=lambda node: node.last_seq)
        held = {node.server: node.last_seq for node in nodes}
        findings += [
            f"{server} is at {held.get(server, 0)} of {stream}, {furthest.server} at {furthest.last_seq}"
            for server in up
            if held.get(server, 0) < furthest.last_seq
        ]
    return conclude("L2", L2, findings, examined=len(up) * len(evidence.observed), kind=Kind.LIVENESS)


def _missing(acked: list[Publish], held: dict[Seq, str]) -> dict[str, Publish]:
    """Return, by value, the acknowledged publishes that one server does not hold where it should."""
    return {publish.value: publish for publish in acked if held.get(publish.seq) != publish.value}


def _losses(acked: list[Publish], lost_on: dict[str, dict[str, Publish]], last_seq: dict[str, Seq]) -> list[str]:
    """Return what is lost everywhere, by client and place, and what single servers lack before their last sequence.

    What lies behind a server's last sequence may still come: that is L2's.
    """
    findings: list[str] = []
    missing = list(lost_on.values())
    everywhere = (
        {value: lost for value, lost in missing[0].items() if all(value in m for m in missing)} if missing else {}
    )
    by_client: dict[str, list[Publish]] = {}
    for publish in acked if everywhere else []:
        by_client.setdefault(publish.client, []).append(publish)
    for client, publishes in by_client.items():
        findings += _placed(client, publishes, everywhere)
    for server, lost in lost_on.items():
        behind = last_seq[server]
        alone = [publish for value, publish in lost.items() if value not in everywhere and publish.seq <= behind]
        if alone:
            findings.append(f"{server} alone lacks {len(alone)} acknowledged publishes, first {alone[0]}")
    return findings


def _placed(client: str, publishes: list[Publish], lost: dict[str, Publish]) -> list[str]:
    """Return one client's losses as prefix, middle and postfix of what it published."""
    found = [index for index, publish in enumerate(publishes) if publish.value not in lost]
    first, last = (found[0], found[-1]) if found else (len(publishes), len(publishes))
    places: dict[str, list[Publish]] = {}
    for index, publish in enumerate(publishes):
        if publish.value in lost:
            place = "prefix" if index < first else "postfix" if index > last else "middle"
            places.setdefault(place, []).append(publish)
    return [
        f"{len(group)} acknowledged publishes of {client} are lost on every server ({place}), first {group[0]}"
        for place, group in places.items()
    ]


def _up_at_the_end(evidence: Evidence) -> list[str]:
    down: set[str] = set()
    for mark in evidence.marks:
        if mark.mark in {Mark.KILLED, Mark.POWER_FAILED}:
            down.add(mark.server)
        elif mark.mark is Mark.STARTED:
            down.discard(mark.server)
    return [server for server in evidence.servers if server not in down]


def _difference(one: Observed, other: Observed) -> str:
    """Say where two logs of equal length part."""
    for (seq, mine), (_, theirs) in zip(one.messages, other.messages, strict=False):
        if mine != theirs:
            return f"{one.server} and {other.server} part at sequence {seq} of {one.stream}: {mine} and {theirs}"
    return f"{one.server} and {other.server} differ in their state of {one.stream}, with the same messages"
