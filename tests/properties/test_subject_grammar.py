"""The laws of subjects: the definitions against a regular expression and against each other."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refjs.subject.grammar import (
    collides,
    has_wildcards,
    is_subset,
    is_valid_config_subject,
    is_valid_literal,
    is_valid_pattern,
    matches,
    tokens,
)
from tests.properties.subjects import literals, patterns, wild_literals

# Every literal of up to five tokens over an alphabet that has one letter no pattern mentions.
_UNIVERSE = [b".".join(parts) for size in range(1, 6) for parts in itertools.product([b"a", b"b", b"z"], repeat=size)]
_small_patterns = patterns.filter(lambda p: set(tokens(p)) <= {b"a", b"b", b"*", b">"})


def as_regex(pattern: bytes) -> re.Pattern[bytes]:
    """Return a regular expression that matches what ``pattern`` does."""
    special = {b"*": rb"[^.]+", b">": rb"[^.]+(?:\.[^.]+)*"}
    return re.compile(rb"\.".join(special.get(t, re.escape(t)) for t in pattern.split(b".")), re.DOTALL)


@pytest.mark.req("PRO-SUB-001", "PRO-SUB-003")
@given(patterns, wild_literals)
def test_matches_is_the_regular_expression(pattern: bytes, literal: bytes) -> None:
    """A pattern matches exactly the subjects that its regular expression matches."""
    assert matches(pattern, literal) == (as_regex(pattern).fullmatch(literal) is not None)


@pytest.mark.req("PRO-SUB-001", "PRO-SUB-002", "PRO-SUB-003")
@given(st.one_of(wild_literals, patterns, st.binary(max_size=6)))
@example(b"")
@example(b".")
@example(b">.a")
def test_kinds_of_subjects(subject: bytes) -> None:
    """A literal is a pattern without wildcards; a pattern has neither an empty token nor a ``>`` before the last."""
    assert is_valid_literal(subject) == (is_valid_pattern(subject) and not has_wildcards(subject))
    parts = subject.split(b".")
    assert is_valid_pattern(subject) == (all(parts) and b">" not in parts[:-1])


@given(literals)
def test_a_literal_matches_itself_alone(literal: bytes) -> None:
    """A literal subject, read as a pattern, matches itself."""
    assert is_valid_literal(literal)
    assert matches(literal, literal)


@pytest.mark.req("PRO-SUB-009")
@given(_small_patterns, _small_patterns)
def test_collides_means_a_common_literal(first: bytes, second: bytes) -> None:
    """Two patterns collide exactly if one of all short literals matches both, whichever is named first."""
    common = any(matches(first, literal) and matches(second, literal) for literal in _UNIVERSE)
    assert collides(first, second) == common
    assert collides(second, first) == common


@given(_small_patterns, _small_patterns)
def test_subset_means_no_literal_outside(inner: bytes, outer: bytes) -> None:
    """A pattern is within another exactly if none of all short literals matches the first alone."""
    outside = any(matches(inner, literal) and not matches(outer, literal) for literal in _UNIVERSE)
    assert is_subset(inner, outer) == (not outside)


@given(patterns, patterns, patterns)
def test_order_of_subsets(first: bytes, second: bytes, third: bytes) -> None:
    """Being a subset is reflexive and transitive, and implies a collision."""
    assert is_subset(first, first)
    if is_subset(first, second):
        assert collides(first, second)
        if is_subset(second, third):
            assert is_subset(first, third)


@pytest.mark.req("PRO-SUB-004")
@pytest.mark.parametrize(
    ("subject", "valid"),
    [
        (b"a.b.*.>", True),
        ("größe.ß".encode(), True),
        (b"\xe2\x80\x80", True),
        (b"a b", False),
        (b"a\tb", False),
        (b"a\fb", False),
        (b"a\x00b", True),
        (b"a\x0bb", True),
        (b"a\xff", True),
        (b"a..b", False),
        (b">.a", False),
        (b"", False),
    ],
)
def test_configured_subjects(subject: bytes, valid: bool) -> None:  # noqa: FBT001
    """A configuration takes patterns without blanks, and leaves the other control bytes alone."""
    assert is_valid_config_subject(subject) == valid
