"""Vector files: all of ours fit the published schema, and a misfit is named in one sentence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from refjs.conform import catalogue, corpus
from refjs.conform.matching import PatternError
from refjs.conform.vector import SCHEMA, STEPS, Message, Vector, VectorError, load, parse

PATHS = sorted(corpus.VECTORS.rglob("*.json"))
GOOD: dict[str, Any] = {
    "id": "STR-DUP-001/1",
    "title": "A duplicate is answered as such",
    "requirements": ["STR-DUP-001"],
    "steps": [{"op": "connect"}],
}


def test_the_schema_is_a_schema() -> None:
    """The published schema itself is valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_shipped_vector_fits_the_schema(path: Path) -> None:
    """Every vector that comes with refjs fits the published schema and loads."""
    load(path)


def test_ids_are_unique_and_name_rules_of_the_catalogue() -> None:
    """No two vectors share an id, and every requirement they name stands in the catalogue."""
    rules = catalogue.load(catalogue.find(Path(__file__).parent))
    named = {rule for entry in corpus.read() for rule in entry.vector.requirements}
    assert sorted(named - set(rules)) == []


def test_records_have_the_members_of_the_schema() -> None:
    """The records that vectors are read into have exactly the members that the schema lists."""
    definitions: Any = SCHEMA["$defs"]
    for name, record in STEPS.items():
        members = {field.name for field in dataclasses.fields(record)}  # type: ignore[arg-type]
        assert members == set(definitions[name]["properties"]) - {"op"}, name
    assert {field.name for field in dataclasses.fields(Message)} == set(definitions["message"]["properties"])
    properties: Any = SCHEMA["properties"]
    assert {field.name for field in dataclasses.fields(Vector)} == set(properties) - {"$schema"}


MISFITS = [
    ({"title": "short"}, "$.title"),
    ({"id": "1"}, '$.id: "1" has not the form'),
    ({"requirements": ["STR-DUP-002"]}, "$.requirements: the requirement in the id is not among them"),
    ({"stpes": []}, "'stpes' was unexpected"),
    ({"steps": []}, "$.steps"),
    ({"steps": [{"op": "zz"}]}, "$.steps[0].op: 'zz' is not one of"),
    ({"steps": [{"op": "wait", "time": "3"}]}, "$.steps[0].time"),
    ({"steps": [{"op": "recv"}]}, "$.steps[0]: one spelling of the bytes is wanted, given are none"),
    ({"steps": [{"op": "send", "text": "a", "base64": "YQ=="}]}, "given are text, base64"),
    ({"steps": [{"op": "open", "info": {"a": {"$tpye": "int"}}}]}, "$.steps[0].info.a.$tpye: unknown matcher"),
    ({"steps": [{"op": "open", "info": {"$type": "float"}}]}, 'unknown type "float"'),
    ({"steps": [{"op": "open", "info": {"$range": [1]}}]}, "takes an array of two"),
    ({"steps": [{"op": "open", "info": {"$regex": "("}}]}, "no regular expression"),
    (
        {"steps": [{"op": "repeat", "times": 2, "steps": [{"op": "request", "subject": "a", "expect": {"jsn": 1}}]}]},
        "$.steps[0].steps[0].expect",
    ),
]


@pytest.mark.parametrize(("change", "complaint"), MISFITS, ids=lambda value: str(value)[:40])
def test_a_misfit_is_named_with_its_place(change: dict[str, Any], complaint: str) -> None:
    """A vector that does not fit is refused with a sentence that names the place."""
    with pytest.raises(PatternError) as refused:
        parse(json.dumps({**GOOD, **change}).encode())
    assert complaint in str(refused.value)


@pytest.mark.parametrize("text", [b"{", b"\xff", b""], ids=repr)
def test_what_is_no_json_is_refused_by_name(tmp_path: Path, text: bytes) -> None:
    """A file that is no JSON is refused with its name."""
    path = tmp_path / "broken.json"
    path.write_bytes(text)
    with pytest.raises(VectorError, match=r"broken\.json"):
        load(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """A file that is not there is refused with its name."""
    with pytest.raises(VectorError, match=r"nowhere\.json: cannot be read"):
        load(tmp_path / "nowhere.json")
