"""What a subject is, what a pattern is, and when the one matches the other: the definitions.

Everything here is the obvious reading of the rules, on bytes.  ``subject.interest`` and ``subject.index`` answer the
same questions faster; their tests hold them to these definitions.

A subject is a list of tokens joined by dots.  The token ``*`` stands for exactly one token, a last token ``>`` for
one or more (PRO-SUB-001); ``a*`` and ``>x`` are ordinary tokens.  No byte but the dot has a meaning (PRO-SUB-004).
"""

from __future__ import annotations

from typing import Final

from refjs.types.units import Subject

DOT: Final = b"."
ANY_TOKEN: Final = b"*"
ANY_REST: Final = b">"

# The same as numbers: to look for a byte in bytes is far faster than to look for bytes.
_DOT: Final = 46
_STAR: Final = 42
_ANGLE: Final = 62

_BLANKS: Final = (b" ", b"\t", b"\r", b"\n", b"\f")


def tokens(subject: Subject) -> list[bytes]:
    """Return the tokens of ``subject``; they are empty where dots have nothing between them."""
    return subject.split(DOT)


def has_wildcards(subject: Subject) -> bool:
    """Tell whether a token of ``subject`` is ``*`` or its last token is ``>`` (PRO-SUB-001)."""
    if _STAR not in subject and _ANGLE not in subject:
        return False
    parts = subject.split(DOT)
    return ANY_TOKEN in parts or parts[-1] == ANY_REST


def is_valid_pattern(subject: Subject) -> bool:
    """Tell whether one may subscribe to ``subject``: no empty token, ``>`` nowhere but last (PRO-SUB-002)."""
    parts = subject.split(DOT)
    return b"" not in parts and ANY_REST not in parts[:-1]


def is_valid_literal(subject: Subject) -> bool:
    """Tell whether ``subject`` names exactly one subject: no empty token, no wildcard token (PRO-SUB-003)."""
    if _STAR not in subject and _ANGLE not in subject:
        return subject != b"" and subject[0] != _DOT and subject[-1] != _DOT and subject.find(b"..") < 0
    parts = subject.split(DOT)
    return b"" not in parts and ANY_TOKEN not in parts and ANY_REST not in parts


def is_valid_config_subject(subject: Subject) -> bool:
    """Tell whether a JetStream configuration may name ``subject``: a pattern without a blank (PRO-SUB-004)."""
    return is_valid_pattern(subject) and not any(blank in subject for blank in _BLANKS)


def matches(pattern: Subject, literal: Subject) -> bool:
    """Tell whether ``pattern`` matches ``literal`` (PRO-SUB-001).

    Tokens ``*`` and ``>`` of ``literal`` are ordinary ones here; with an empty token it matches nothing (PRO-SUB-003).
    """
    wanted, given = pattern.split(DOT), literal.split(DOT)
    if b"" in given:
        return False
    if wanted[-1] == ANY_REST:
        if len(given) < len(wanted):
            return False
        wanted.pop()
    elif len(given) != len(wanted):
        return False
    return all(token in (given[index], ANY_TOKEN) for index, token in enumerate(wanted))


def collides(first: Subject, second: Subject) -> bool:
    """Tell whether some literal subject matches both patterns (PRO-SUB-009)."""
    left, right = first.split(DOT), second.split(DOT)
    if not _lengths_meet(left, right):
        return False
    for one, other in zip(left, right, strict=False):
        if ANY_REST in (one, other):
            return True
        if one != other and ANY_TOKEN not in (one, other):
            return False
    return True


def is_subset(inner: Subject, outer: Subject) -> bool:
    """Tell whether every literal subject that matches ``inner`` matches ``outer``."""
    narrow, wide = inner.split(DOT), outer.split(DOT)
    for index, token in enumerate(wide):
        if index == len(narrow):
            return False
        if token == ANY_REST:
            return True
        if narrow[index] == ANY_REST or token not in (narrow[index], ANY_TOKEN):
            return False
    return len(narrow) == len(wide)


def _lengths_meet(left: list[bytes], right: list[bytes]) -> bool:
    """Tell whether two patterns can match subjects of the same number of tokens."""
    if left[-1] == ANY_REST:
        return right[-1] == ANY_REST or len(right) >= len(left)
    if right[-1] == ANY_REST:
        return len(left) >= len(right)
    return len(left) == len(right)
