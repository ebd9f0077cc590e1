"""The error table says what the catalogue says, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from refjs.errors import table
from refjs.errors.table import ApiError

CATALOGUE = Path(__file__).parents[3] / "docs" / "spec" / "errors.md"
ROW = re.compile(
    r"^\| ERR-(\d+) \| (?P<code>\d+) \| (?P<status>\d+) \| (?P<name>\w+) \| (?P<text>.*?) \| ", re.MULTILINE
)
RENAMED = {"CLUSTER_UN_SUPPORT_FEATURE": "CLUSTER_UNSUPPORTED_FEATURE", "STREAM_GENERAL_ERROR": "STREAM_GENERAL"}


def constant_name(nats_name: str) -> str:
    """Return our name for an error that NATS calls, for example, ``JSStreamNotFoundErr``."""
    stem = re.sub(r"(?:Err)?F?$", "", nats_name.removeprefix("JS")) if not nats_name.endswith("FC") else nats_name[2:]
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", stem).upper()
    return RENAMED.get(name, name)


def test_every_row_of_the_catalogue_is_in_the_table() -> None:
    """The constants of the table are exactly the 226 rows of the catalogue."""
    ours = {name: value for name, value in vars(table).items() if isinstance(value, ApiError)}
    rows = list(ROW.finditer(CATALOGUE.read_text(encoding="utf-8")))
    theirs = {
        constant_name(row["name"]): ApiError(int(row["status"]), int(row["code"]), row["text"].replace(r"\\", "\\"))
        for row in rows
    }
    assert len(rows) == len(theirs) == 226
    assert ours == theirs


@pytest.mark.req("ERR-GEN-005")
def test_codes_are_unique() -> None:
    """No two rows share a code, and 10001 is not one of them."""
    codes = [value.code for value in vars(table).values() if isinstance(value, ApiError)]
    assert len(set(codes)) == len(codes)
    assert 10001 not in codes


@pytest.mark.req("ERR-GEN-001")
def test_the_error_object_holds_code_err_code_and_description() -> None:
    """An error is written as an object of its status, code and text, in this order."""
    assert table.STREAM_NOT_FOUND.to_json() == '{"code":404,"err_code":10059,"description":"stream not found"}'


@pytest.mark.req("ERR-10071", "ERR-10042", "ERR-GEN-001")
def test_filling_replaces_the_places_in_order() -> None:
    """Values go into the places of the text from left to right, braces of a value are left alone."""
    assert table.STREAM_WRONG_LAST_SEQUENCE.filled(5).text == "wrong last sequence: 5"
    filled = table.RESTORE_SUBSCRIBE_FAILED.filled("a{x}", "b")
    assert filled.text == "JetStream unable to subscribe to restore snapshot a{x}: b"
    assert filled.is_kind(table.RESTORE_SUBSCRIBE_FAILED)


def test_an_empty_text_is_left_out() -> None:
    """A wrapper filled with nothing has no description."""
    assert table.STREAM_CREATE.filled("").to_json() == '{"code":500,"err_code":10049}'
