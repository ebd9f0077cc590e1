"""The check of the README's commands does what a reader would do, and notices what a reader would notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.readme_commands import check, commands

README = """
```console
$ git clone https://example.org/refjs.git
$ cd refjs
Cloning is fast.
$ test -f pyproject.toml && \\
    X=1
```

```text
$ exit 9
```
"""


def test_commands_are_what_a_reader_types() -> None:
    """Commands are the lines behind a dollar in console blocks, continuation lines joined; nothing else runs."""
    assert list(commands(README)) == [
        "git clone https://example.org/refjs.git",
        "cd refjs",
        "test -f pyproject.toml &&      X=1",
    ]


def test_one_shell_runs_them_all(tmp_path: Path) -> None:
    """The clone is of this repository, and a directory entered or a variable set stays for the next command."""
    more = "```console\n$ test $X = 1 && test -d refjs\n$ sleep 100 &\n```\n"
    assert check(README + more, tmp_path) == (5, 0)


@pytest.mark.parametrize(
    ("command", "seconds", "complaint"),
    [("false", 60, "exit code 1: false"), ("exit 3", 60, "FAILED"), ("sleep 100", 1, "no end after 1 s: sleep 100")],
)
def test_a_command_that_fails_or_hangs_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, seconds: int, complaint: str
) -> None:
    """What does not succeed in time fails the check, is named, and ends it; what was read before it has passed."""
    assert check(f"```console\n$ cat\n$ {command}\n$ true\n```\n", tmp_path, seconds) == (1, 1)
    assert complaint in capsys.readouterr().out
