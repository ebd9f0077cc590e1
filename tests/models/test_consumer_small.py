"""The shipped consumer, every state of it in small scopes, and brokers that the same exploration must find out."""

from __future__ import annotations

from typing import Final

import pytest

from models.consumer_small import LARGE_SCOPES, MUTANTS, PROPERTY_IDS, SCOPES, ConsumerModel, Scope
from models.explorer import Exploration, explore

# States, transitions, depth.  A change here means that the transition functions changed: look before updating.
EXPECTED: Final = {
    "explicit": (1_382, 5_150, 10),
    "room": (1_317, 4_830, 9),
    "give up": (1_312, 7_579, 10),
    "once": (1_110, 3_459, 10),
    "in progress": (589, 2_066, 10),
    "ack all": (2_316, 7_056, 10),
    "deletions": (3_509, 10_614, 10),
    "work queue": (1_312, 7_579, 10),
    "interest": (289, 1_258, 8),
}


def seen(scope: Scope) -> Exploration:
    return explore(ConsumerModel(scope), states_max=100_000)


@pytest.mark.req("CON-ACK-010", "CON-ACK-012", "CON-DLV-003", "CON-DLV-007", "CON-POS-011")
@pytest.mark.req("STR-RET-001", "STR-RET-005")
@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name.partition(":")[0])
def test_no_reachable_state_loses_a_message(scope: Scope) -> None:
    """In every reachable state of a scope each property of consumers holds, and there are exactly so many states."""
    expected = EXPECTED[scope.name.partition(":")[0]]
    assert seen(scope) == Exploration(*expected, complete=True, violation=None)


@pytest.mark.slow
@pytest.mark.parametrize("scope", LARGE_SCOPES, ids=lambda scope: scope.name)
def test_no_state_of_a_large_scope_loses_a_message(scope: Scope) -> None:
    """In every reachable state of a large scope every property of consumers holds."""
    found = seen(scope)
    assert (found.complete, found.violation) == (True, None)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broker_that_loses_a_message_is_found_out(mutant: Scope) -> None:
    """A broker that settles, or gives up, what was merely not acknowledged in time breaks C4 in three steps."""
    violation = seen(mutant).violation
    assert violation is not None
    assert violation.property_id == "C4"
    assert violation.steps == ("c is sent [1]", "time reaches 1", "time reaches 2")


def test_the_scopes_claim_properties_of_consumers() -> None:
    """Every property that is judged here is one of consumers or retention."""
    assert {name[0] for name in PROPERTY_IDS} == {"C", "W"}
