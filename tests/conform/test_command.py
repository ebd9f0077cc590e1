"""The command ``refjs conform``: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

from refjs.cli.main import main
from refjs.conform.command import MET, NOT_MET, UNREACHABLE, WRONG_USAGE

GOOD: Final = "protocol/ping_before_connect"
FAILING: Final[dict[str, Any]] = {
    "id": "PRO-OPS-008/9",
    "title": "PING is answered with PUNG",
    "requirements": ["PRO-OPS-008"],
    "steps": [{"op": "open"}, {"op": "send", "text": "PING\r\n"}, {"op": "recv", "text": "PUNG\r\n"}],
}


@pytest.fixture(name="failing")
def failing_vector(tmp_path: Path) -> Path:
    """A vector that no server meets."""
    path = tmp_path / "failing.json"
    path.write_text(json.dumps(FAILING))
    return path


def test_vectors_that_are_met_end_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose vectors are all met prints the table and ends with 0."""
    assert main(["conform", "run", "in-process", "--vector", GOOD]) == MET
    assert "protocol" in capsys.readouterr().out


def test_a_failure_is_shown_with_rule_step_and_difference(failing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A vector that is not met is shown with the words of its rule, the step, what was expected and what came."""
    assert main(["conform", "run", "in-process", "--file", str(failing)]) == NOT_MET
    shown = capsys.readouterr().out
    assert "PRO-OPS-008: PING → PONG any time" in shown
    assert "steps[2] (recv)" in shown
    assert '"PUNG\\r\\n"' in shown
    assert '"PONG\\r\\n"' in shown


def test_verdicts_are_written_as_json_and_junit(failing: Path, tmp_path: Path) -> None:
    """JSON and JUnit carry the verdict, the difference and the conversation."""
    told, suites = tmp_path / "v.json", tmp_path / "v.xml"
    arguments = ["--file", str(failing), "--json", str(told), "--junit", str(suites)]
    assert main(["conform", "run", "in-process", *arguments]) == NOT_MET
    [vector] = json.loads(told.read_text())["vectors"]
    assert vector["verdict"] == "failed"
    assert vector["failure"]["place"] == "steps[2]"
    assert vector["transcript"][-1] == "c > PONG\\r\\n"
    case = ET.parse(suites).find("testsuite/testcase")
    assert case is not None
    assert case.find("failure") is not None


def test_a_baseline_excuses_what_it_names(failing: Path, tmp_path: Path) -> None:
    """A failure that the baseline names fails no run."""
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"PRO-OPS-008/9": "nobody says PUNG"}')
    assert main(["conform", "run", "in-process", "--file", str(failing), "--baseline", str(baseline)]) == MET


def test_what_is_no_must_fails_no_run(tmp_path: Path) -> None:
    """A SHOULD that is not met deviates and fails no run."""
    path = tmp_path / "should.json"
    path.write_text(json.dumps({**FAILING, "level": "SHOULD"}))
    assert main(["conform", "run", "in-process", "--file", str(path)]) == MET


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "in-process", "--vector", "nothing/*"],
        ["run", "in-process", "--requirement", "XXX-000"],
        ["run", "in-process", "--baseline", "nowhere.json"],
        ["run", "in-process", "--file", "nowhere.json"],
        ["run", "in-process", "--verctor", "x"],
        ["validate", "nowhere.json"],
        ["compare"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage gets a sentence and ends with 2."""
    assert main(["conform", *arguments]) == WRONG_USAGE
    assert capsys.readouterr().err.strip()


def test_a_release_may_be_chosen_in_process(capsys: pytest.CaptureFixture[str]) -> None:
    """Refjs is judged as an older release where one is named, and an unknown one is refused."""
    assert main(["conform", "run", "in-process:2.10.25", "--vector", "streams/publish_ack*"]) == MET
    assert "version 2.10.25" in capsys.readouterr().out
    assert main(["conform", "run", "in-process:1.0.0"]) == UNREACHABLE
    assert "no profile" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nats://", "nats://127.0.0.1:x"])
def test_what_is_no_address_ends_with_three(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A URL that is no address of a NATS server gets a sentence and ends with 3."""
    assert main(["conform", "run", url]) == UNREACHABLE
    assert "address" in capsys.readouterr().err


def test_nobody_there_ends_with_three(capsys: pytest.CaptureFixture[str]) -> None:
    """A port on which nobody listens gets a sentence and ends with 3."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody can be there
        port = taken.getsockname()[1]
        assert main(["conform", "run", f"nats://127.0.0.1:{port}"]) == UNREACHABLE
    assert "Nobody answers" in capsys.readouterr().err


def test_a_list_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A list names the chosen vectors and needs no server."""
    assert main(["conform", "run", "--list", "--requirement", "STR-DUP-003"]) == MET
    assert capsys.readouterr().out.splitlines()[0].startswith("STR-DUP-003/1")


def test_targets_are_compared_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    """A comparison has a column for each target, under the name it was given."""
    assert main(["conform", "compare", "one=in-process", "in-process", "--vector", GOOD]) == MET
    shown = capsys.readouterr().out
    assert "one" in shown
    assert shown.count("1 of 1") == 4


def test_files_that_fit_are_counted(failing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Validation counts the files that fit and names the others."""
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    assert main(["conform", "validate", str(failing)]) == MET
    assert main(["conform", "validate", str(failing), str(bad)]) == WRONG_USAGE
    captured = capsys.readouterr()
    assert "1 of 2 files fit" in captured.out
    assert "bad.json" in captured.err
