"""``make readme-check``: a newcomer's first hour, typed from README.md into an empty directory.

Every line ``$ command`` of a fenced block ``console`` runs, in order, in one shell, as a reader would type it: a
directory entered stays entered, a server started with ``&`` stays up, until the end.  Where the first command is
``git clone``, its address stands for this repository and the shell starts in an empty directory; otherwise it starts in
a fresh clone.  A command fails when its exit code is not 0 or when it takes longer than ``COMMAND_SECONDS``.  Blocks
that are not meant to be run have another name (``text``, ``sh``).
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parents[1]
COMMAND_SECONDS: Final = 600
_BLOCK: Final = re.compile(r"^```console[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CLONE: Final = re.compile(r"^git clone (\S+)")
_DONE: Final = "--- done:"
# What a developer's shell and this virtual environment would lend a newcomer who has neither.
_NOT_PASSED: Final = ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTEST_ADDOPTS")


class StuckError(Exception):
    """A command did not end in time."""


def commands(readme: str) -> Iterator[str]:
    """Yield the commands of ``readme`` in order; a line that ends in a backslash goes on in the next."""
    for block in _BLOCK.findall(readme):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                yield line.removeprefix("$ ").strip()


class Shell:
    """One bash, fed a command at a time, whose output goes to ours."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )

    def run(self, command: str, seconds: float) -> int:
        """Run ``command`` with no input and return its exit code; raise ``StuckError`` when the time is over."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(f"{{ {command}\n}} </dev/null; printf '\\n{_DONE}%d\\n' $?\n".encode())
        stdin.flush()
        return self._await(time.monotonic() + seconds)

    def close(self) -> None:
        """End the shell and whatever it left running."""
        os.killpg(self._process.pid, signal.SIGKILL)
        with self._process:  # closes the pipes and waits
            pass

    def _await(self, deadline: float) -> int:
        stdout = self._process.stdout
        assert stdout is not None
        seen = ""
        for text in _arriving(stdout, deadline):
            sys.stdout.write(text)
            sys.stdout.flush()
            seen = (seen + text)[-1000:]
            if found := re.search(rf"\n{_DONE}(\d+)\n", seen):
                return int(found[1])
        return -1  # the shell itself is gone


def _arriving(stream: IO[bytes], deadline: float) -> Iterator[str]:
    """Yield what arrives on ``stream`` until it ends; raise ``StuckError`` at the deadline."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise StuckError
            data = os.read(stream.fileno(), 65536)
            if not data:
                return
            yield data.decode(errors="replace")


def _environment(clone_address: str) -> dict[str, str]:
    """Return our environment without our virtual environment; ``clone_address``, if any, stands for ``ROOT``."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED}
    here = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join(
        folder for folder in environment.get("PATH", os.defpath).split(os.pathsep) if folder != here
    )
    if clone_address:
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
            "GIT_CONFIG_VALUE_0": clone_address,
        }
    return environment


def check(readme: str, folder: Path, seconds: float = COMMAND_SECONDS) -> tuple[int, int]:
    """Run the commands of ``readme`` in ``folder``, up to the first that fails; return how many passed and failed."""
    typed = list(commands(readme))
    clone = _CLONE.match(typed[0]) if typed else None
    if clone is None:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "refjs")], check=True)
        folder /= "refjs"
    shell = Shell(folder, _environment("" if clone is None else clone[1]))
    try:
        for passed, command in enumerate(typed):
            print(f"$ {command}", flush=True)
            try:
                code = shell.run(command, seconds)
            except StuckError:
                print(f"\nFAILED: no end after {seconds:.0f} s: {command}")
                return passed, 1
            if code:
                print(f"\nFAILED with exit code {code}: {command}")
                return passed, 1
    finally:
        shell.close()
    return len(typed), 0


def main() -> int:
    """Check README.md; return the exit code."""
    if not (ROOT / "README.md").is_file():
        print("there is no README.md to try", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="refjs-readme-") as folder:
        passed, failed = check((ROOT / "README.md").read_text(encoding="utf-8"), Path(folder))
    print(f"README commands: {passed} passed, {failed} failed")
    return failed or int(passed == 0)


if __name__ == "__main__":
    sys.exit(main())
