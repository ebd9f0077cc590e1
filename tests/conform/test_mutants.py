"""The oracle notices what is wrong: each known fault fails the vectors about it, and no others."""

from __future__ import annotations

from typing import Final

import pytest

from refjs.conform import corpus
from refjs.conform.run import Report, Verdict, run
from tests.conform import mutants
from tests.conform.mutants import Mutant, misspoken, rewritten

ENTRIES: Final = corpus.read()

MUTANTS: Final = (
    Mutant(
        "forgets message ids",
        (
            "STR-DUP-001/1",
            "STR-DUP-002/1",
            "STR-EXP-006/1",
            "STR-PRG-009/1",
            "STR-PUB-005/3",
            "STR-PUB-007/1",
            "STR-PUB-009/1",
        ),
        inward=rewritten(b"Nats-Msg-Id:", b"Xats-Msg-Id:"),
    ),
    Mutant(
        "never delivers again",
        (
            "CON-ACK-005/1",
            "CON-ACK-005/2",
            "CON-ACK-005/3",
            "CON-ACK-007/1",
            "CON-ACK-010/1",
            "CON-ACK-010/2",
            "CON-ACK-011/1",
            "CON-ACK-012/1",
            "CON-DLV-006/1",
            "CON-POS-010/1",
        ),
        outward=mutants.no_redelivery,
    ),
    Mutant(
        "counts one pending too many",
        (
            "CON-ACK-005/1",
            "CON-ACK-009/1",
            "CON-CFG-010/1",
            "CON-CFG-011/2",
            "CON-DLV-006/1",
            "CON-ORD-001/1",
            "CON-POS-002/1",
            "CON-POS-003/1",
            "CON-POS-004/1",
            "CON-POS-005/1",
            "CON-POS-006/1",
            "CON-POS-007/1",
            "CON-PRG-003/1",
            "CON-PRG-005/1",
            "CON-PSH-001/1",
            "CON-PUL-001/1",
            "STR-MDEL-005/1",
            "STR-ROL-004/1",
        ),
        outward=mutants.one_pending_more,
    ),
    Mutant(
        "says another error code for a missing stream",
        (
            "CON-API-004/1",
            "CON-API-012/1",
            "CON-API-014/1",
            "STR-API-016/1",
            "STR-DEL-001/1",
            "STR-INF-006/1",
            "STR-MDEL-002/1",
            "STR-UPD-001/1",
        ),
        outward=misspoken(b":10059,", b":10058,"),
    ),
    Mutant(
        "takes -NAK for progress",
        ("CON-ACK-005/1", "CON-ACK-005/2", "CON-ACK-005/3", "CON-POS-010/1"),
        inward=rewritten(b"-NAK", b"+WPI"),
    ),
    Mutant(
        "knows no queue groups",
        ("CON-PSH-002/2", "PRO-DLV-002/1"),
        inward=mutants.no_queue_groups,
    ),
    Mutant("echoes always", ("PRO-DLV-003/1",), inward=mutants.always_echo),
    Mutant(
        "never says that nobody responds",
        ("CON-PUL-016/1", "PRO-DLV-008/1", "STR-DEL-001/1", "STR-DIR-001/1", "STR-PUB-003/1", "STR-UPD-006/1"),
        outward=mutants.no_status_503,
    ),
    Mutant(
        "discards the old always",
        ("STR-CFG-014/1", "STR-LIM-004/1", "STR-LIM-005/1", "STR-LIM-006/1", "STR-LIM-007/1"),
        inward=rewritten(b'"discard":"new"', b'"discard":"old"'),
    ),
    Mutant(
        "never expires a pull",
        ("CON-PUL-003/1", "CON-PUL-006/1", "CON-PUL-008/1", "CON-PUL-010/1"),
        inward=rewritten(b'"expires":', b'"exp1res":'),
    ),
    Mutant(
        "delivers once too often",
        ("CON-ACK-010/2", "CON-ACK-012/1"),
        inward=rewritten(b'"max_deliver":2', b'"max_deliver":3'),
    ),
    Mutant(
        "has no bound on pending acks",
        ("CON-DLV-007/1",),
        inward=rewritten(b'"max_ack_pending":2', b'"max_ack_pending":9'),
    ),
    Mutant("lets > stand for one token", ("PRO-SUB-001/1",), inward=mutants.only_first_token),
    Mutant(
        "spells a space into acks",
        ("ERR-GEN-002/1", "STR-DUP-001/1", "STR-PUB-002/1"),
        outward=misspoken(b'","seq":', b'", "seq":'),
    ),
)


def failing(report: Report) -> set[str]:
    """Return the ids of the vectors that are not met."""
    return {each.entry.vector.id for each in report.outcomes if each.verdict is Verdict.FAILED}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_fails_exactly_the_vectors_about_it(mutant: Mutant) -> None:
    """A server with a known fault fails exactly the vectors that the fault concerns."""
    noticed = failing(run("mutant", mutant.link, ENTRIES, salt="mutant"))
    assert noticed == set(mutant.failing)
