"""Patterns of JSON: which values a vector accepts, what it saves of them, and how ``{{name}}`` is filled in.

A pattern is a JSON value.  Scalars and arrays match themselves; an object matches any object that has its members
(others may stand beside them).  An object whose keys all begin with ``$`` is a matcher: every operator in it must hold
(docs/conformance.md lists them), and ``$as`` saves the value under a name.  Pure: knows nothing of servers.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias, final

Json: TypeAlias = object
"""A JSON value: None, bool, int, float, str, list of them, dict of them by str."""

Scope: TypeAlias = dict[str, Json]
"""The values that ``{{name}}`` stands for."""

_VARIABLE: Final = re.compile(r"\{\{([A-Za-z][A-Za-z0-9_]*)\}\}")
_DECIMAL: Final = re.compile("0|[1-9][0-9]*")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_SHOWN: Final = 300


class PatternError(Exception):
    """A pattern is not one; ``str(error)`` says what is wrong and where."""


@final
class Absent:
    """The value of a member that is not there."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = Absent()


class Difference(NamedTuple):
    """The first place where a value is not as expected."""

    place: str
    expected: str
    actual: str


def show(value: object) -> str:
    """Return ``value`` as short JSON for a report."""
    if isinstance(value, Absent):
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def fill(value: Json, scope: Mapping[str, Json]) -> Json:
    """Return ``value`` with every ``{{name}}`` replaced; a string that is nothing but one keeps the saved type."""
    if isinstance(value, str):
        return _fill_string(value, scope)
    if isinstance(value, list):
        return [fill(item, scope) for item in value]
    if isinstance(value, dict):
        return {fill_text(key, scope): fill(item, scope) for key, item in value.items()}
    return value


def fill_text(text: str, scope: Mapping[str, Json]) -> str:
    """Return ``text`` with every ``{{name}}`` replaced; raise ``PatternError`` for a name nobody saved."""
    return _VARIABLE.sub(lambda found: str(_value_of(found[1], scope)), text)


def _fill_string(text: str, scope: Mapping[str, Json]) -> Json:
    whole = _VARIABLE.fullmatch(text)
    return fill_text(text, scope) if whole is None else _value_of(whole[1], scope)


def _value_of(name: str, scope: Mapping[str, Json]) -> Json:
    if name not in scope:
        raise PatternError(f"nothing was saved under the name `{name}`")
    return scope[name]


def match(pattern: Json, actual: object, scope: Scope, place: str = "$") -> Difference | None:
    """Return the first difference of ``actual`` from a filled ``pattern``, saving in ``scope`` what ``$as`` names."""
    if isinstance(pattern, dict):
        if is_matcher(pattern):
            return _match_operators(pattern, actual, scope, place)
        return _match_members(pattern, actual, scope, place)
    if isinstance(pattern, list):
        return _match_items(pattern, actual, scope, place)
    return None if _equal(pattern, actual) else Difference(place, show(pattern), show(actual))


def is_matcher(pattern: Mapping[str, Json]) -> bool:
    """Tell whether an object is a matcher: it has keys and all begin with ``$``."""
    return bool(pattern) and all(key.startswith("$") for key in pattern)


def _equal(pattern: Json, actual: object) -> bool:
    """Equality of JSON scalars: true is not 1."""
    return type(pattern) is type(actual) and pattern == actual


def _match_members(pattern: Mapping[str, Json], actual: object, scope: Scope, place: str) -> Difference | None:
    if not isinstance(actual, dict):
        return Difference(place, "an object", show(actual))
    for key, wanted in pattern.items():
        difference = match(wanted, actual.get(key, ABSENT), scope, f"{place}.{key}")
        if difference is not None:
            return difference
    return None


def _match_items(pattern: list[Json], actual: object, scope: Scope, place: str) -> Difference | None:
    if not isinstance(actual, list):
        return Difference(place, "an array", show(actual))
    if len(pattern) != len(actual):
        return Difference(place, f"{len(pattern)} elements", f"{len(actual)}: {show(actual)}")
    for number, (wanted, item) in enumerate(zip(pattern, actual, strict=True)):
        difference = match(wanted, item, scope, f"{place}[{number}]")
        if difference is not None:
            return difference
    return None


def _match_operators(pattern: Mapping[str, Json], actual: object, scope: Scope, place: str) -> Difference | None:
    if isinstance(actual, Absent) and "$absent" not in pattern:
        return Difference(place, show(pattern), "nothing")
    for name, argument in pattern.items():
        if name != "$as":
            difference = OPERATORS[name](argument, actual, scope, place)
            if difference is not None:
                return difference
    if "$as" in pattern:
        scope[str(pattern["$as"])] = actual
    return None


# ------------------------------------------------------------------------------------------------- the operators


def _any(_argument: Json, _actual: object, _scope: Scope, _place: str) -> Difference | None:
    return None


def _absent(_argument: Json, actual: object, _scope: Scope, place: str) -> Difference | None:
    return None if isinstance(actual, Absent) else Difference(place, "nothing", show(actual))


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: object) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _is_nonempty(value: object) -> bool:
    return isinstance(value, (str, list, dict)) and len(value) > 0


TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "int": _is_int,
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "time": _is_time,
    "nonempty": _is_nonempty,
}


def _type(argument: Json, actual: object, _scope: Scope, place: str) -> Difference | None:
    return None if TYPES[str(argument)](actual) else Difference(place, f"type {argument}", show(actual))


def _regex(argument: Json, actual: object, _scope: Scope, place: str) -> Difference | None:
    if isinstance(actual, str) and re.fullmatch(str(argument), actual, re.DOTALL) is not None:
        return None
    return Difference(place, f"text like {argument}", show(actual))


def _range(argument: Json, actual: object, _scope: Scope, place: str) -> Difference | None:
    assert isinstance(argument, list)
    low, high = argument
    if _is_number(actual) and (low is None or actual >= low) and (high is None or actual <= high):
        return None
    return Difference(place, f"a number from {show(low)} to {show(high)}", show(actual))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _approx(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    assert isinstance(argument, list)
    value, tolerance = argument
    return _range([value - tolerance, value + tolerance], actual, scope, place)


def _exact(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    assert isinstance(argument, dict)
    difference = _match_members(argument, actual, scope, place)
    if difference is not None:
        return difference
    assert isinstance(actual, dict)
    for key, value in actual.items():
        if key not in argument:
            return Difference(f"{place}.{key}", "nothing", show(value))
    return None


def _object(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    assert isinstance(argument, dict)
    return _match_members(argument, actual, scope, place)


def _unordered(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    assert isinstance(argument, list)
    if not isinstance(actual, list) or len(actual) != len(argument):
        return Difference(place, f"an array of {len(argument)} elements", show(actual))
    assigned = assign(len(argument), len(actual), lambda i, j: match(argument[i], actual[j], dict(scope)) is None)
    if assigned is None:
        return Difference(place, f"in any order {show(argument)}", show(actual))
    for number, index in enumerate(assigned):
        match(argument[number], actual[index], scope)
    return None


def _contains(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    assert isinstance(argument, list)
    for wanted in argument:
        if not isinstance(actual, list) or all(match(wanted, item, scope) is not None for item in actual):
            return Difference(place, f"an array with {show(wanted)}", show(actual))
    return None


def _size(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    if not isinstance(actual, (str, list, dict)):
        return Difference(place, "text, an array or an object", show(actual))
    return match(argument, len(actual), scope, f"{place}.length")


def _tokens(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    if not isinstance(actual, str):
        return Difference(place, "a subject", show(actual))
    tokens: list[object] = [int(token) if _is_decimal(token) else token for token in actual.split(".")]
    return match(argument, tokens, scope, place)


def _is_decimal(token: str) -> bool:
    return _DECIMAL.fullmatch(token) is not None


def _base64(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    try:
        decoded = base64.b64decode(str(actual), validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return Difference(place, "base64", show(actual))
    return match(argument, decoded, scope, place)


def _one_of(argument: Json, actual: object, scope: Scope, place: str) -> Difference | None:
    assert isinstance(argument, list)
    if any(match(pattern, actual, scope) is None for pattern in argument):
        return None
    return Difference(place, f"one of {show(argument)}", show(actual))


Operator: TypeAlias = Callable[[Json, object, Scope, str], "Difference | None"]

OPERATORS: Final[Mapping[str, Operator]] = {
    "$any": _any,
    "$absent": _absent,
    "$type": _type,
    "$regex": _regex,
    "$range": _range,
    "$approx": _approx,
    "$exact": _exact,
    "$object": _object,
    "$unordered": _unordered,
    "$contains": _contains,
    "$size": _size,
    "$tokens": _tokens,
    "$base64": _base64,
    "$one_of": _one_of,
}


def assign(patterns: int, values: int, fits: Callable[[int, int], bool]) -> list[int] | None:
    """Return for each pattern the index of a value that fits, none used twice; None where there is no such choice."""
    table = [[value for value in range(values) if fits(pattern, value)] for pattern in range(patterns)]
    return _extend([], table)


def _extend(chosen: list[int], table: list[list[int]]) -> list[int] | None:
    if len(chosen) == len(table):
        return chosen
    for value in table[len(chosen)]:
        if value not in chosen:
            whole = _extend([*chosen, value], table)
            if whole is not None:
                return whole
    return None


# ---------------------------------------------------------------------------------- what a pattern must look like

_OBJECTS: Final = frozenset({"$exact", "$object"})
_LISTS: Final = frozenset({"$unordered", "$contains", "$tokens", "$one_of"})
_PAIRS: Final = frozenset({"$range", "$approx"})


def check_pattern(pattern: object, place: str) -> None:
    """Raise ``PatternError`` where ``pattern`` has an unknown operator or an operator has a wrong argument."""
    if isinstance(pattern, list):
        for number, item in enumerate(pattern):
            check_pattern(item, f"{place}[{number}]")
    elif isinstance(pattern, dict):
        matcher = is_matcher(pattern)
        for key, value in pattern.items():
            if matcher and key != "$as":
                _check_operator(key, value, f"{place}.{key}")
            check_pattern(value, f"{place}.{key}")


def _check_operator(name: str, argument: object, place: str) -> None:
    if name not in OPERATORS:
        raise PatternError(f"at {place}: unknown matcher `{name}`")
    if name == "$type" and argument not in TYPES:
        raise PatternError(f"at {place}: unknown type {show(argument)}")
    if name == "$regex":
        _check_regex(argument, place)
    wanted = _wanted_argument(name)
    if wanted is not None and not isinstance(argument, wanted):
        raise PatternError(f"at {place}: `{name}` takes {'an object' if wanted is dict else 'an array'}")
    if name in _PAIRS and isinstance(argument, list) and len(argument) != len(("low", "high")):
        raise PatternError(f"at {place}: `{name}` takes an array of two")


def _wanted_argument(name: str) -> type | None:
    if name in _OBJECTS:
        return dict
    return list if name in _LISTS or name in _PAIRS else None


def _check_regex(argument: object, place: str) -> None:
    try:
        re.compile(str(argument))
    except re.error as error:
        raise PatternError(f"at {place}: no regular expression: {error}") from error
