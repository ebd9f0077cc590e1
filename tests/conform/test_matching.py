"""Patterns: which values they accept, what they save, and how a difference is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.conform.matching import ABSENT, PatternError, Scope, assign, fill, match

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)

ACCEPTED: list[tuple[Any, Any]] = [
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"$exact": {"a": 1}}, {"a": 1}),
    ({"a": {"$absent": True}}, {"b": 1}),
    ({"$any": True}, None),
    ({"$type": "int"}, 3),
    ({"$type": "string"}, ""),
    ({"$type": "bool"}, False),
    ({"$type": "time"}, "2026-11-23T05:00:00.123456789Z"),
    ({"$type": "nonempty"}, [0]),
    ({"$regex": "[a-c]+"}, "abc"),
    ({"$range": [1, None]}, 1),
    ({"$range": [None, 5]}, 5),
    ({"$approx": [10, 2]}, 12),
    ({"$unordered": [{"$type": "int"}, 1]}, [1, 2]),
    ({"$contains": [2]}, [1, 2, 3]),
    ({"$size": 3}, "abc"),
    ({"$tokens": ["$JS", {"$type": "int"}, "x"]}, "$JS.7.x"),
    ({"$tokens": ["007"]}, "007"),
    ({"$base64": "hi"}, "aGk="),
    ({"$one_of": [1, 2]}, 2),
    ({"$object": {"$KV.x": 1}}, {"$KV.x": 1, "y": 2}),
    ({"$type": "int", "$range": [1, 2]}, 2),
]

REFUSED: list[tuple[Any, Any, str]] = [
    (1, True, "$"),
    (True, 1, "$"),
    ({"a": {"b": 1}}, {"a": {"b": 2}}, "$.a.b"),
    ({"a": 1}, {}, "$.a"),
    ({"a": {"$type": "int"}}, {}, "$.a"),
    ([1, 2], [1], "$"),
    ([1, 2], [1, 3], "$[1]"),
    ({"$exact": {"a": 1}}, {"a": 1, "b": 2}, "$.b"),
    ({"a": {"$absent": True}}, {"a": None}, "$.a"),
    ({"$type": "int"}, True, "$"),
    ({"$type": "time"}, "yesterday", "$"),
    ({"$type": "nonempty"}, {}, "$"),
    ({"$regex": "[a-c]+"}, "abcd", "$"),
    ({"$range": [1, 2]}, "1", "$"),
    ({"$approx": [10, 2]}, 13, "$"),
    ({"$unordered": [1, 1]}, [1, 2], "$"),
    ({"$contains": [4]}, [1, 2, 3], "$"),
    ({"$size": 3}, "ab", "$.length"),
    ({"$tokens": ["a", 1]}, "a.2", "$[1]"),
    ({"$base64": "hi"}, "?", "$"),
    ({"$one_of": [1, 2]}, 3, "$"),
    ({"$type": "int", "$range": [1, 2]}, 3, "$"),
]


@pytest.mark.parametrize(("pattern", "value"), ACCEPTED, ids=repr)
def test_a_pattern_accepts(pattern: Any, value: Any) -> None:  # noqa: ANN401 (any JSON)
    """A pattern accepts what it describes."""
    assert match(pattern, value, {}) is None


@pytest.mark.parametrize(("pattern", "value", "place"), REFUSED, ids=repr)
def test_a_pattern_refuses_and_tells_where(pattern: Any, value: Any, place: str) -> None:  # noqa: ANN401 (any JSON)
    """A pattern refuses what it does not describe and names the place of the difference."""
    difference = match(pattern, value, {})
    assert difference is not None
    assert difference.place == place


@given(JSON)
def test_a_value_matches_itself_and_is_saved_as_it_is(value: Any) -> None:  # noqa: ANN401 (any JSON)
    """Every JSON value matches itself, and ``$as`` saves it unchanged."""
    scope: Scope = {}
    assert match(value, value, scope) is None
    assert match({"$as": "saved"}, value, scope) is None
    assert fill("{{saved}}", scope) == value


def test_names_are_filled_in_everywhere() -> None:
    """A saved value replaces its name in texts, lists, objects and keys, and keeps its type where it stands alone."""
    scope: Scope = {"u": "K7", "n": 5}
    assert fill({"S{{u}}": ["{{n}}", "a{{n}}", 1]}, scope) == {"SK7": [5, "a5", 1]}


def test_a_name_that_was_never_saved_is_an_error() -> None:
    """Using a name that no step saved is a fault of the vector."""
    with pytest.raises(PatternError, match="`later`"):
        fill("{{later}}", {})


def test_nothing_is_saved_of_what_is_absent() -> None:
    """``$as`` accepts no member that is not there."""
    scope: Scope = {}
    assert match({"$as": "saved"}, ABSENT, scope) is not None
    assert scope == {}


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=4))
def test_an_assignment_uses_each_value_once(table: list[list[bool]]) -> None:
    """An assignment gives each pattern a value that fits, none twice, and is found where a search of all finds one."""
    chosen = assign(len(table), 4, lambda pattern, value: table[pattern][value])
    reachable = {frozenset[int]()}
    for row in table:
        reachable = {used | {value} for used in reachable for value in range(4) if row[value] and value not in used}
    assert (chosen is not None) == bool(reachable)
    if chosen is not None:
        assert len(set(chosen)) == len(chosen)
        assert all(table[pattern][value] for pattern, value in enumerate(chosen))
