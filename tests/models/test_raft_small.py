"""The shipped Raft, every state of it in small scopes, and mutants that the same exploration must find."""

from __future__ import annotations

from typing import Final

import pytest

from models.__main__ import main
from models.explorer import Exploration, explore
from models.raft_scopes import LARGE_SCOPES, MUTANTS, SCOPES, Mutant
from models.raft_small import PROPERTY_IDS, RaftModel, Scope

# States, transitions, depth.  A change here means that the transition functions changed: look before updating.
EXPECTED: Final = {
    "log": (112_567, 1_251_537, 27),
    "crash": (216_121, 2_746_202, 24),
    "disk": (16_978, 129_903, 29),
    "pre-vote": (2_255, 21_815, 18),
    "damage": (43_808, 465_940, 25),
}
EXPECTED_LARGE: Final = {
    "three terms, two entries; a, b, then a campaigns": (1_070_739, 14_143_001, 39),
    "two terms, one entry, a log is lost": (527_631, 6_385_461, 27),
}
STEPS: Final = {"double": 4, "vote told": 5, "entry": 9, "vote without": 8, "vote with": 9, "old terms": 18}


def seen(scope: Scope) -> Exploration:
    return explore(RaftModel(scope), states_max=1_000_000)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name.partition(":")[0])
def test_no_reachable_state_breaks_a_promise(scope: Scope) -> None:
    """In every reachable state of a scope every property of Raft holds, and there are exactly so many of them."""
    expected = EXPECTED[scope.name.partition(":")[0]]
    assert seen(scope) == Exploration(*expected, complete=True, violation=None)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.scope.name)
def test_a_broken_rule_is_found_by_the_shortest_way(mutant: Mutant) -> None:
    """Each deviation from Raft breaks the property it should, after the least number of steps."""
    violation = seen(mutant.scope).violation
    assert violation is not None
    assert violation.property_id == mutant.property_id
    assert len(violation.steps) == next(steps for name, steps in STEPS.items() if mutant.scope.name.startswith(name))


def test_a_trace_reads_as_a_story() -> None:
    """The shortest way to two votes in a term is told in four steps that name servers, messages and terms."""
    assert str(seen(MUTANTS[0].scope).violation).splitlines() == [
        "R6 does not hold after 4 steps:",
        "  1. a campaigns",
        "  2. b receives RequestVote of term 1 from a (log 0/0)",
        "  3. c campaigns",
        "  4. b receives RequestVote of term 1 from c (log 0/0)",
    ]


def test_dropping_stale_messages_and_symmetry_hide_nothing() -> None:
    """With the reductions off there are more states, and still none that breaks a property."""
    reduced = seen(Scope("reduced", terms_max=1, log_max=2))
    whole = seen(Scope("whole", terms_max=1, log_max=2, collect=False, candidates=""))
    assert whole.states > reduced.states
    assert (reduced.complete, reduced.violation) == (whole.complete, whole.violation) == (True, None)


def test_every_property_that_a_mutant_breaks_is_catalogued() -> None:
    """The properties found broken are among those that the model lists with the place of their check."""
    assert {mutant.property_id for mutant in MUTANTS} <= set(PROPERTY_IDS)


def test_the_command_refuses_what_it_does_not_know() -> None:
    """An unknown option ends the command with the exit code for bad usage."""
    with pytest.raises(SystemExit) as ending:
        main(["--no-such-option"])
    assert ending.value.code == 2


@pytest.mark.slow
@pytest.mark.parametrize("scope", LARGE_SCOPES, ids=lambda scope: scope.name)
def test_no_state_of_a_large_scope_breaks_a_promise(scope: Scope) -> None:
    """In scopes of a million states every property of Raft holds, too."""
    exploration = explore(RaftModel(scope), states_max=20_000_000)
    assert (exploration.violation, exploration.complete) == (None, True)
    assert (exploration.states, exploration.transitions, exploration.depth) == EXPECTED_LARGE[scope.name]
