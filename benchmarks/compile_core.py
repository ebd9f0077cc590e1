"""``make compiled``: the deterministic core as extension modules that mypyc builds from the very same files.

The tree is copied to ``build/compiled`` and every module of the core's rooms is compiled there, in one group, so that
calls between rooms are calls in C; the source tree stays as it is.  Edges, simulator, models and tests stay
interpreted: they find the compiled rooms under the same names.  With ``--test`` the unit and property tests then run in
the copy.  A second build compiles only when a source has changed.

Everything needed comes with ``.[dev]`` except a C compiler and Python's headers.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.tidy import CORE_ROOMS

ROOT: Final = Path(__file__).resolve().parents[1]
TREE: Final = ROOT / "build" / "compiled"
COPIED: Final = ("refjs", "sim", "models", "benchmarks", "tests", "docs/spec")
STAMP: Final = ".compiled"
TESTED: Final = ("tests/unit", "tests/properties")

LEFT_OUT: Final[dict[str, str]] = {}
"""Modules of the core that stay interpreted, each with the reason."""

_BUILD: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup

modules = mypycify(
    ["--config-file=", "--strict", *sys.argv[1:]], opt_level="3", multi_file=True, target_dir="build/mypyc"
)
setup(
    name="refjs-compiled",
    packages=[],
    ext_modules=modules,
    script_args=["--quiet", "build_ext", "--inplace"],
)
"""


class CannotCompileError(Exception):
    """The core cannot be compiled here; ``str(error)`` is one sentence."""


def core_modules(tree: Path = ROOT) -> list[str]:
    """Return the files to compile, from the root of ``tree``: all of the core but bare package markers."""
    files = (path for room in CORE_ROOMS for path in sorted((tree / "refjs" / room).rglob("*.py")))
    names = (path.relative_to(tree).as_posix() for path in files)
    return [name for name in names if not name.endswith("/__init__.py") and name not in LEFT_OUT]


def build() -> Path:
    """Make ``build/compiled`` current and return it; raise ``CannotCompileError`` where that is impossible."""
    _check_compiler()
    _copy()
    modules = core_modules()
    if _is_current(modules):
        return TREE
    for stale in TREE.joinpath("refjs").rglob("*.so"):
        stale.unlink()  # of a module that is gone, perhaps: it would still be found
    lines = sum((TREE / module).read_text().count("\n") for module in modules)
    print(f"mypyc: {len(modules)} modules, {lines} lines, of {', '.join(CORE_ROOMS)}", flush=True)
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", _BUILD, *modules], cwd=TREE, check=False)
    if done.returncode:
        raise CannotCompileError("mypyc could not compile the core; its complaint stands above")
    (TREE / STAMP).write_text("\n".join(modules))
    print(f"compiled into {TREE.relative_to(ROOT)} in {time.monotonic() - started:.0f} s", flush=True)
    return TREE


def _is_current(modules: list[str]) -> bool:
    """Tell whether the last build was of these modules as they are now."""
    stamp = TREE / STAMP
    if not stamp.exists() or stamp.read_text().split() != modules:
        return False
    return all((TREE / module).stat().st_mtime_ns < stamp.stat().st_mtime_ns for module in modules)


def _check_compiler() -> None:
    compiler = (os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc")).split()[0]
    if shutil.which(compiler) is None:
        raise CannotCompileError(f"no C compiler here ({compiler}): install one first (on Debian: apt install gcc)")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise CannotCompileError("no headers of this Python (on Debian: apt install python3-dev)")


def _copy() -> None:
    """Make the sources in ``TREE`` equal to ours, touching only what differs."""
    wanted = {path.relative_to(ROOT) for name in COPIED for path in _files(ROOT / name)}
    for path in wanted:
        target = TREE / path
        if not target.is_file() or not filecmp.cmp(ROOT / path, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, target)
    for name in COPIED:
        for target in _files(TREE / name):
            if target.relative_to(TREE) not in wanted and target.suffix != ".so":
                target.unlink()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for found in path.rglob("*"):
        if found.is_file() and "__pycache__" not in found.parts:
            yield found


def test(tree: Path) -> int:
    """Run the unit and property tests on the compiled core in ``tree``; return pytest's exit code."""
    folders = [folder for folder in TESTED if (tree / folder).is_dir()]
    configuration = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tree)]
    command = [sys.executable, "-m", "pytest", *configuration, "-n", "2", "-m", "not slow", *folders]
    environment = {**os.environ, "REFJS_COMPILED": "1", "PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    """Build, and with ``--test`` test; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile_core", description="Compile the core.")
    parser.add_argument("--test", action="store_true", help="run the unit and property tests on the compiled core")
    wants_test = parser.parse_args(arguments).test
    try:
        tree = build()
    except CannotCompileError as error:
        print(error, file=sys.stderr)
        return 1
    return test(tree) if wants_test else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
