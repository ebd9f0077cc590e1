"""The scopes in which Raft is explored, and the mutants that an exploration must find.

``SCOPES`` are small enough for every test run, ``LARGE_SCOPES`` for a nightly one.  What no scope contains: clocks,
compaction and snapshots, membership changes, transfers of leadership; those are left to the random runs of the tests
and the simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from models.raft_small import Scope
from refjs.raft.config import RaftRules

SCOPES: Final = (
    Scope("log: two terms, two entries", crash=False),
    Scope("crash: two terms, one entry, power fails at any time", log_max=1),
    Scope("disk: one term, two entries, syncs take time", terms_max=1, slow_sync=True),
    Scope("pre-vote: one term, two entries", terms_max=1, crash=False, prevote=True),
    Scope("damage: a, then b campaigns; a log is lost", log_max=1, crash=False, damage=True, candidates="ab"),
)
LARGE_SCOPES: Final = (
    Scope("three terms, two entries; a, b, then a campaigns", terms_max=3, crash=False, candidates="aba"),
    Scope("two terms, one entry, a log is lost", log_max=1, crash=False, damage=True),
)


@final
@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule that is broken on purpose, where to look for it, and which property then fails."""

    scope: Scope
    property_id: str


MUTANTS: Final = (
    Mutant(Scope("double vote in a term", rules=RaftRules(double_vote=True)), "R6"),
    Mutant(Scope("vote told before it is durable", rules=RaftRules(vote_before_sync=True)), "R6"),
    Mutant(Scope("entry acknowledged before it is durable (NRG D1)", rules=RaftRules(ack_before_sync=True)), "R4"),
    Mutant(Scope("vote without comparing logs", rules=RaftRules(blind_vote=True)), "R4"),
    Mutant(Scope("vote with a hole in the log (NRG D7)", damage=True, rules=RaftRules(vote_with_hole=True)), "R4"),
    Mutant(
        Scope(
            "old terms committed by counting (Figure 8)",
            terms_max=4,
            log_max=1,
            batch=1,
            crash=False,
            candidates="abab",
            rules=RaftRules(count_old_terms=True),
        ),
        "R4",
    ),
)
