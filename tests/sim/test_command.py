"""``refjs sim`` from the command line: what it prints, what it keeps, and how it refuses bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from refjs.cli.main import main
from sim.history import load
from sim.plan import Kill, Partition, Plan, parse_plan

QUICK = Plan(heal_ms=2_000, end_ms=30_000, faults=(Kill(1_000, 500, "n2"), Partition(1_200, 300, ("leader",))))


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A file with a short plan."""
    path = tmp_path / "plan.json"
    path.write_bytes(QUICK.dump())
    return path


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence with which a command line is refused."""
    assert main(["sim", *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith("refjs sim: ")
    assert told.count("\n") == 1
    return told


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    """``list`` shows each scenario with its question."""
    assert main(["sim", "list"]) == 0
    assert "raft_group" in capsys.readouterr().out


def test_a_run_keeps_its_history_its_plan_and_its_picture(
    tmp_path: Path, quick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run writes what it is asked to, and the history is judged again with the same verdicts."""
    history, picture, plan = tmp_path / "run.jsonl", tmp_path / "run.svg", tmp_path / "again.json"
    options = ["--plan", str(quick), "--history", str(history), "--picture", str(picture), "--save-plan", str(plan)]

    assert main(["sim", "run", "raft_group", "--seed", "4", "--json", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["seed"], told["history"]) == ("ok", 4, load(history).fingerprint())
    assert parse_plan(plan.read_bytes()) == QUICK
    assert "<svg" in picture.read_text()

    assert main(["sim", "judge", str(history), "--json"]) == 0
    again = {verdict["id"]: verdict for verdict in json.loads(capsys.readouterr().out)["properties"]}
    assert [again[verdict["id"]] for verdict in told["properties"]] == told["properties"]


def test_a_bad_history_is_told_by_the_exit_code(tmp_path: Path, quick: Path) -> None:
    """A history from which a stored message was taken out is judged unsafe."""
    path = tmp_path / "run.jsonl"
    main(["sim", "run", "raft_group", "--plan", str(quick), "--history", str(path)])
    lines = path.read_text().splitlines()
    doctored = [line.replace('"p1-3"', '"p9-9"') if '"observed"' in line else line for line in lines]
    path.write_text("\n".join(doctored))

    assert main(["sim", "judge", str(path)]) == 3


def test_a_campaign_reports_each_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """A campaign prints a line for each run, in the order of the seeds, whatever the number of processes."""
    assert main(["sim", "campaign", "raft_group", "--seeds", "3", "--first", "7", "--jobs", "2", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [(row["seed"], row["kind"]) for row in rows] == [(7, "ok"), (8, "ok"), (9, "ok")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "nowhere"], "there is no scenario 'nowhere'; there are "),
        (["campaign", "nowhere"], "there is no scenario 'nowhere'; there are "),
        (["run", "raft_group", "--picture", "run.txt"], "a picture ends in .png, .svg, .pdf, not '.txt'"),
        (["run", "raft_group", "--plan", "/nowhere.json"], "cannot read the plan /nowhere.json: No such file"),
        (["judge", "/nowhere.jsonl"], "/nowhere.jsonl: No such file"),
    ],
)
def test_bad_input_gets_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    """What there is not is refused in one sentence, with exit code 2."""
    assert says in refusal(capsys, *words)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ("{", "is no plan: Input data was truncated"),
        ('{"heal_ms": 5}', "Object missing required field `end_ms`"),
        ('{"heal_ms": 9, "end_ms": 5}', "ends at 5 ms, before it has healed at 9 ms"),
        ('{"heal_ms": 1, "end_ms": 2, "faults": [{"fault": "flood", "at_ms": 1, "lasting_ms": 1}]}', "flood"),
        ('{"heal_ms": 1, "end_ms": 2, "faults": [{"fault": "kill", "at_ms": -1, "lasting_ms": 1}]}', ">= 0"),
        ('{"heal_ms": 1, "end_ms": 2, "faults": [{"fault": "kill", "at_ms": 1, "lasting_ms": 1, "x": 1}]}', "`x`"),
        (
            '{"heal_ms": 1, "end_ms": 2, "faults": [{"fault": "kill", "at_ms": 1, "lasting_ms": 1, "target": "n9"}]}',
            "the plan names the server 'n9'; there are n1, n2, n3",
        ),
    ],
)
def test_a_bad_plan_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], plan: str, says: str) -> None:
    """A plan that does not fit is refused with what is wrong in it."""
    path = tmp_path / "plan.json"
    path.write_text(plan)

    assert says in refusal(capsys, "run", "raft_group", "--plan", str(path))


def test_a_bad_number_of_seeds_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A campaign of no runs, or of a word, is a wrong usage."""
    assert main(["sim", "campaign", "raft_group", "--seeds", "0"]) == 2
    assert main(["sim", "run", "raft_group", "--seed", "many"]) == 2
    assert "0 is not positive" in capsys.readouterr().err
