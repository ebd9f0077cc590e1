"""The catalogue reads as data, and the matrix of what covers it tells the truth."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from refjs.conform import catalogue
from refjs.conform.catalogue import CatalogueError
from tests import matrix
from tests.matrix import ROOT, MatrixError

SPEC = ROOT / "docs" / "spec"

SPEC_TEXT = """# Streams

- **STR-DUP-001** A second publish with the same ID is refused. [observed 2.15.1] — source: stream.go, ADR-1
- **STR-DUP-002** Since 2.12 the window (2.11 had none) slides. — source: experiment

## Newer functions (2.14)

- **STR-FST-001** Fast batches exist.
"""

PROPERTIES_TEXT = """# Properties

| ID | judged | property | requirements |
|---|---|---|---|
| P6 | always | One message ID is stored once. | STR-DUP-001 |
| P7 | end | One wins. | STR-DUP-002, STR-FST-001 |
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three rules, a test, a vector and a property, each of which covers the first rule."""
    for folder in ("docs/spec", "tests", "refjs/conform/vectors", "models", "sim"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs/spec/streams.md").write_text(SPEC_TEXT)
    (tmp_path / "tests/test_a.py").write_text('@pytest.mark.req("STR-DUP-001")\ndef test_x(): ...\n')
    vector = {"id": "STR-DUP-001/1", "requirements": ["STR-DUP-001"], "since": "2.11"}
    (tmp_path / "refjs/conform/vectors/dup.json").write_text(json.dumps(vector))
    (tmp_path / "docs/spec/properties.md").write_text(PROPERTIES_TEXT)
    (tmp_path / "models/dedup.py").write_text('PROPERTY_IDS: Final = {"P6": one_is_stored}\n')
    return tmp_path


def test_a_rule_is_read_in_its_parts() -> None:
    """A rule has its words, its source, the releases it or its heading names, and what was observed."""
    first, second, third = catalogue.parse(SPEC_TEXT, "streams.md")
    assert (first.id, first.group, first.file) == ("STR-DUP-001", "STR-DUP", "streams.md")
    assert first.text == "A second publish with the same ID is refused."
    assert (first.source, first.observed, first.releases) == ("stream.go, ADR-1", "2.15.1", ())
    assert (second.releases, second.observed, second.source) == (("2.11", "2.12"), "", "experiment")
    assert (third.releases, third.source) == (("2.14",), "")


def test_an_error_is_read_from_its_row() -> None:
    """A row of the error table is a rule: code, text and occasion."""
    rule = catalogue.load(SPEC)["ERR-10025"]
    assert rule.text.startswith("400/10025 `invalid JSON: {err}`: ")
    assert rule.file == "errors.md"


@pytest.mark.parametrize("file", sorted(path.name for path in SPEC.glob("*.md")))
def test_every_rule_of_the_catalogue_is_read(file: str) -> None:
    """Each line that looks like a rule is one: an ID that does not fit the pattern would be lost without a word."""
    text = (SPEC / file).read_text()
    looking_so = [line for line in text.splitlines() if line.startswith(("- **", "| ERR-"))]
    assert len(catalogue.parse(text, file)) == len(looking_so)


def test_the_catalogue_is_found_from_below(tmp_path: Path) -> None:
    """From any place in the repository the catalogue is found; outside one sentence says that it is not there."""
    assert catalogue.find(Path(__file__)) == SPEC
    with pytest.raises(CatalogueError, match="comes with the repository"):
        catalogue.find(tmp_path)


def test_an_id_stands_once(tmp_path: Path) -> None:
    """A catalogue that gives one ID twice, or holds no rule, is refused in a sentence."""
    with pytest.raises(CatalogueError, match="no rules"):
        catalogue.load(tmp_path)
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("- **STR-DUP-001** A rule.\n")
    with pytest.raises(CatalogueError, match=r"STR-DUP-001 stands in a\.md and again in b\.md"):
        catalogue.load(tmp_path)


def test_a_property_is_read_from_its_row(repository: Path) -> None:
    """A property has its ID, when it is judged, its words and the requirements that stand on it, and stands once."""
    known = catalogue.load_properties(repository / "docs/spec")
    assert list(known) == ["P6", "P7"]
    assert (known["P7"].judged, known["P7"].text) == ("end", "One wins.")
    assert known["P7"].requirements == ("STR-DUP-002", "STR-FST-001")
    (repository / "docs/spec/properties.md").write_text(PROPERTIES_TEXT.replace("P7", "P6"))
    with pytest.raises(CatalogueError, match="P6 stands twice"):
        catalogue.load_properties(repository / "docs/spec")


def test_a_property_names_rules_that_exist(repository: Path) -> None:
    """A property that stands on a rule which the catalogue does not have is refused."""
    (repository / "docs/spec/properties.md").write_text(PROPERTIES_TEXT.replace("STR-FST-001", "STR-FST-002"))
    with pytest.raises(CatalogueError, match="P7 names STR-FST-002"):
        matrix.read(repository)


def test_everything_cited_here_exists() -> None:
    """No test, vector or property of this repository cites a requirement that the catalogue does not have."""
    known = matrix.read(ROOT)
    built = matrix.build(known, matrix.citations(ROOT))
    assert [row.rule.id for row in built.rows] == list(known.rules)


def test_the_matrix_finds_test_vector_and_property(repository: Path) -> None:
    """A rule is covered by what cites it, under the citing thing's name, and by nothing else."""
    built = matrix.build(matrix.read(repository), matrix.citations(repository))
    first, second, third = built.rows
    assert first.names == {"test": ["test_a.py::test_x"], "vector": ["STR-DUP-001/1"], "property": ["P6"]}
    assert [files for _, files in built.properties] == [["models/dedup.py"], []]
    assert (first.covered, second.covered, third.covered) == (True, False, False)
    assert (first.profile, second.profile) == ("2.11", "2.11, 2.12")


def test_marks_are_found_wherever_pytest_takes_them() -> None:
    """A mark counts on a module, a class, a function, an asynchronous one, and on one case of a parametrised test."""
    text = """
pytestmark = pytest.mark.req("A-001")
@pytest.mark.req("A-002", "A-003")
class TestB:
    @pytest.mark.slow
    @pytest.mark.req("A-004")
    async def test_c(self): ...
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.req("A-005"))])
def test_d(x): ...
"""
    found = {citation.cited: citation.name for citation in matrix.of_tests(text, "tests/unit/test_a.py")}
    assert found == {
        "A-001": "unit/test_a.py",
        "A-002": "unit/test_a.py::TestB",
        "A-003": "unit/test_a.py::TestB",
        "A-004": "unit/test_a.py::TestB::test_c",
        "A-005": "unit/test_a.py::test_d",
    }


@pytest.mark.parametrize("mark", ["pytest.mark.req(ID)", "pytest.mark.req()", "pytest.mark.req(*IDS)"])
def test_an_id_that_cannot_be_read_is_refused(mark: str) -> None:
    """IDs are literals: anything else could hide a rule that does not exist."""
    with pytest.raises(MatrixError, match="literal strings"):
        list(matrix.of_tests(f"@{mark}\ndef test_x(): ...", "tests/test_a.py"))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tests/test_b.py", '@pytest.mark.req("STR-DUP-999")\ndef test_x(): ...'),
        ("refjs/conform/vectors/b.json", '{"id": "b", "requirements": ["STR-DUP-999"]}'),
    ],
)
def test_an_unknown_id_fails(repository: Path, capsys: pytest.CaptureFixture[str], file: str, text: str) -> None:
    """One sentence names the place of an ID that does not exist, whoever cites it, and the exit code is not 0."""
    assert matrix.main([], repository) == 0
    (repository / file).write_text(text)
    assert matrix.main([], repository) == 1
    assert re.fullmatch(rf"{file}(:\d+)?: STR-DUP-999 is not a requirement of docs/spec\n", capsys.readouterr().err)


def test_an_unknown_property_fails(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A module that claims to check a property which is not listed is named."""
    (repository / "sim/b.py").write_text('PROPERTY_IDS = {"P6": a, "P99": b}')
    assert matrix.main([], repository) == 1
    assert capsys.readouterr().err == "sim/b.py:1: P99 is not a property of docs/spec\n"


def test_drift_fails(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` accepts the matrix that was just written and refuses one that is no longer true."""
    assert matrix.main(["--check"], repository) == 1
    assert matrix.main([], repository) == 0
    assert matrix.main(["--check"], repository) == 0
    (repository / "models/dedup.py").write_text("")
    assert matrix.main(["--check"], repository) == 1
    assert "run `make matrix`" in capsys.readouterr().err


def test_the_matrix_shows_what_is_uncovered(repository: Path) -> None:
    """The written matrix counts by file, shows what covers a rule, and lists the rules that nothing covers."""
    matrix.main([], repository)
    text = (repository / "docs/matrix.md").read_text()
    assert "| [streams.md](spec/streams.md) | 3 | 1 | 1 | 1 | 1 | 2 |" in text
    assert "| `test_a.py::test_x` | `STR-DUP-001/1` | `P6` | 2.11 |" in text
    assert "- STR-DUP: 002\n- STR-FST: 001\n" in text
