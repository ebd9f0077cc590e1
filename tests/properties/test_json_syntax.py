"""The JSON reader agrees with the standard library on what is JSON, and with nothing but words on what is not."""

from __future__ import annotations

import json
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from refjs.api.json_syntax import Json, JsonSyntaxError, read_value, read_values
from refjs.types.json_text import quote

Plain: TypeAlias = dict[str, "Plain"] | list["Plain"] | str | int | float | bool | None

scalars = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)
)


def plain(node: Json) -> Plain:
    """Return a node as the standard library would."""
    match node.kind:
        case "object":
            return {key: plain(item) for key, item in zip(node.keys, node.items, strict=True)}
        case "array":
            return [plain(item) for item in node.items]
        case "string":
            return node.text
        case "number":
            return int(node.text)
        case "bool":
            return node.text == "true"
        case _:
            return None


@given(value=values, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_json_is_read_as_it_was_written(value: Plain, indent: int | None, *, ascii_only: bool) -> None:
    """Whatever the standard library writes, with blanks and escapes or without, is read as the same value."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    node = read_value(text)
    assert plain(node) == value
    assert node.raw == text


@given(st.lists(values, max_size=4))
def test_a_body_is_a_sequence_of_values(several: list[Plain]) -> None:
    """Values follow one another with blanks between them."""
    nodes, fault = read_values(" \n".join(json.dumps(value) for value in several).encode())
    assert [plain(node) for node in nodes] == several
    assert fault == ""


def fault_of(body: bytes) -> str | None:
    """Return what is wrong with ``body``, or None."""
    try:
        read_value(body)
    except JsonSyntaxError as error:
        return str(error)
    return None


def is_json(text: str) -> bool:
    """Ask the standard library, without its NaN and Infinity."""
    try:
        json.loads(text, parse_constant=int)
    except ValueError:
        return False
    return True


@given(st.binary(max_size=60) | st.text('{}[]",:\\u09aeE+-. \ntrfalsn', max_size=30).map(str.encode))
def test_any_bytes_are_json_or_refused_in_words(body: bytes) -> None:
    """No bytes break the reader, and it refuses what the standard library refuses."""
    fault = fault_of(body)
    assert fault != ""
    assert (fault is None) == is_json(body.decode(errors="replace"))


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_quoted_reads_back(text: str) -> None:
    """A quoted text is a JSON string of the same text, without a character that HTML or JavaScript might mistake."""
    quoted = quote(text)
    assert json.loads(quoted) == text
    assert not set("<>&\u2028\u2029") & set(quoted)
