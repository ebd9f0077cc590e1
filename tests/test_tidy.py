"""The repository keeps its house rules, and the rules notice what breaks them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests import tidy
from tests.tidy import CORE_ROOMS, ROOT, Contracts, Source, sources

SHIPPED: Final = sources("refjs", "sim", "models")
CORE: Final = [source for source in SHIPPED if source.is_core]
ALL: Final = [*SHIPPED, *sources("tests", "benchmarks")]
TEXTS: Final = ("*.py", "*.md", "*.toml", "*.txt", "*.json", "*.ipynb", "Makefile", "run")
BUILT: Final = frozenset({".venv", ".git", "build", "demo", ".hypothesis", ".mypy_cache", ".ruff_cache"})
OF_ONE_MACHINE: Final = re.compile(r"(?<![\w.~])/(?:work|root|home|Users)/\w")

Rule = Callable[[Source], Iterator[str]]


def broken(rule: Rule, files: list[Source]) -> str:
    """Return what ``rule`` complains about, a line each."""
    return "\n".join(complaint for source in files for complaint in rule(source))


@pytest.mark.parametrize("rule", [tidy.size, tidy.module_docstring], ids=lambda rule: rule.__name__)
def test_every_file(rule: Rule) -> None:
    """Files and functions are short, and every module says what it is."""
    assert broken(rule, ALL) == ""


@pytest.mark.parametrize("rule", [tidy.floats, tidy.impurity, tidy.hostility], ids=lambda rule: rule.__name__)
def test_the_core(rule: Rule) -> None:
    """The core has integers only, is a function of its arguments, and stays compilable."""
    assert broken(rule, CORE) == ""


def test_public_names_have_a_contract() -> None:
    """Every public class and function of refjs, sim and models has a docstring, its own or its base's."""
    assert broken(Contracts(SHIPPED).missing, SHIPPED) == ""


def test_tests_state_their_property() -> None:
    """Every test says in a sentence what holds."""
    assert broken(tidy.test_docstring, sources("tests")) == ""


def test_nothing_points_into_one_machine() -> None:
    """No text names a path that exists on its author's machine only."""
    paths = [path for pattern in TEXTS for path in ROOT.rglob(pattern) if not BUILT & set(path.relative_to(ROOT).parts)]
    found = [str(path.relative_to(ROOT)) for path in paths if OF_ONE_MACHINE.search(path.read_text())]
    assert found == []


def test_configuration_lists_the_rooms_of_the_core() -> None:
    """The lists of core rooms in pyproject.toml agree with one another and with the folders."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    contracts = {contract["id"]: contract for contract in config["importlinter"]["contracts"]}
    rooms = [f"refjs.{room}" for room in CORE_ROOMS]
    assert contracts["sans-io"]["source_modules"] == rooms
    assert contracts["upstairs"]["source_modules"] == [*rooms, "refjs.server", "refjs.conform", "refjs.testing"]
    assert config["mypy"]["overrides"][0]["module"] == [*(f"{room}.*" for room in rooms), "models.*"]
    banned = config["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert sorted(banned) == sorted(set(contracts["sans-io"]["forbidden_modules"]) - {"simpy"})
    assert [room for room in CORE_ROOMS if not (ROOT / "refjs" / room / "__init__.py").is_file()] == []


# --- the rules themselves --------------------------------------------------------------------------------------

SAMPLES: Final = [
    (tidy.size, "def f() -> None:\n" + "    pass\n" * 61, "61 lines of code"),
    (tidy.size, "\n" * 501, "501 lines"),
    (tidy.module_docstring, "x = 1\n", "says nothing"),
    (tidy.test_docstring, "def test_it() -> None:\n    pass\n", "does not state"),
    (tidy.floats, "x = 1.5", "a float"),
    (tidy.floats, "def f(x: float) -> None: ...", "a float"),
    (tidy.floats, "x = a / b", "true division"),
    (tidy.floats, "x /= b", "true division"),
    (tidy.impurity, "x = open('f')", "open()"),
    (tidy.impurity, "x = hash(y)", "hash()"),
    (tidy.impurity, "async def f() -> None: ...", "AsyncFunctionDef"),
    (tidy.impurity, "def f() -> None:\n    global x", "Global"),
    (tidy.impurity, "for x in set(y): pass", "order of a set"),
    (tidy.impurity, "z = [x for x in {1, 2}]", "order of a set"),
    (tidy.impurity, "from typing import Any", "Any"),
    (tidy.impurity, "x = y  # type: " + "ignore[misc]", "ignored type"),
    (tidy.hostility, "from functools import cached_property", "cached_property"),
    (tidy.hostility, "import pickle", "pickle"),
    (tidy.hostility, "try: pass\nexcept* ValueError: pass", "except*"),
    (tidy.hostility, "class A:\n    class B: ...", "module level"),
    (tidy.hostility, "class A(B, C): ...", "multiple inheritance"),
    (tidy.hostility, "@dataclass(slots=True)\nclass A(Generic[T]): ...", "generic dataclass"),
    (tidy.hostility, "@record\nclass A: ...", "record"),
    (tidy.hostility, "class A(RuntimeError): ...", "RuntimeError"),
    (tidy.hostility, "class A(Enum):\n    def __init__(self) -> None: ...", "enum with its own"),
    (tidy.hostility, "@dataclass\nclass A:\n    x: Final[int]", "Final field"),
    (Contracts([]).missing, "def f() -> None: ...", "f has no docstring"),
    (Contracts([]).missing, "class A:\n    '''A.'''\n    def f(self) -> None: ...", "f has no docstring"),
]


@pytest.mark.parametrize(("rule", "text", "complaint"), SAMPLES, ids=[f"{n}-{s[2]}" for n, s in enumerate(SAMPLES)])
def test_a_rule_notices_what_breaks_it(rule: Rule, text: str, complaint: str) -> None:
    """Every rule complains about a sample that breaks it."""
    assert complaint in broken(rule, [Source("refjs/types/sample.py", text)])


def test_a_rule_leaves_good_code_alone() -> None:
    """No rule complains about code that keeps them all, an override without a docstring of its own among it."""
    good = Source(
        "refjs/types/sample.py",
        "'''A module.'''\n"
        "class Base(ABC):\n    '''A seam.'''\n    def f(self) -> int:\n        '''Return it.'''\n"
        "@final\nclass Derived(Base):\n    '''Ours.'''\n    def f(self) -> int:\n        return 7 // 2\n"
        "    def _g(self) -> list[int]:\n        return sorted({1, 2})\n"
        "class Refusal(ValueError):\n    '''A refusal.'''\n",
    )
    rules: list[Rule] = [tidy.size, tidy.module_docstring, tidy.floats, tidy.impurity, tidy.hostility]
    assert [broken(rule, [good]) for rule in [*rules, Contracts([good]).missing]] == [""] * 6


def test_the_core_is_there() -> None:
    """The rules above look at files: an empty list would keep every rule."""
    assert {Path(source.name).parts[1] for source in CORE} == set(CORE_ROOMS)
