"""House rules that no off-the-shelf linter states, each as a function from a source to its complaints.

The reasons stand in docs/contributing.md.  ``tests/test_tidy.py`` applies the rules to the repository, and to samples
that break them.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
CORE_ROOMS: Final = (
    "types",
    "subject",
    "errors",
    "wire",
    "storage",
    "stream",
    "consumer",
    "raft",
    "account",
    "api",
    "broker",
    "cluster",
)
FUNCTION_LINES_MAX: Final = 60
FILE_LINES_MAX: Final = 500

# mypyc rejects these, or accepts them and does something else.
HOSTILE_NAMES: Final = frozenset({"cached_property", "runtime_checkable", "total_ordering", "deepcopy"})
HOSTILE_MODULES: Final = frozenset({"copy", "pickle", "weakref"})
CLASS_DECORATORS: Final = frozenset({"dataclass", "final", "unique", "mypyc_attr", "trait"})
BASES_OF_EXCEPTIONS: Final = frozenset({"Exception", "ValueError", "IndexError", "LookupError", "UserWarning"})
MARKER_BASES: Final = frozenset({"ABC", "Generic", "Protocol"})

# I/O, the order of hashes, and reflection: none of them is a function of (state, event, now).
IMPURE_CALLS: Final = frozenset(
    {"open", "print", "input", "eval", "exec", "hash", "id", "globals", "vars", "__import__"}
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its name from the repository's root, and its text."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree."""
        return list(ast.walk(self.tree))

    @property
    def is_core(self) -> bool:
        """Whether the file belongs to the deterministic core."""
        return any(self.name.startswith(f"refjs/{room}/") for room in CORE_ROOMS)

    def complaint(self, node: ast.AST, text: str) -> str:
        """Return ``text`` with the place of ``node``, as editors understand it."""
        return f"{self.name}:{getattr(node, 'lineno', 1)}: {text}"


def sources(*folders: str) -> list[Source]:
    """Return the Python files under ``folders``, sorted by name."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text()) for path in paths]


def _name(node: ast.expr) -> str:
    """Return the last name of ``a.b.c``, ``c[...]`` or ``c(...)``."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Subscript():
            return _name(node.value)
        case ast.Call():
            return _name(node.func)
        case _:
            return ""


def _classes(source: Source) -> list[ast.ClassDef]:
    return [node for node in source.nodes if isinstance(node, ast.ClassDef)]


def _functions(source: Source) -> list[Function]:
    return [node for node in source.nodes if isinstance(node, Function)]


# --- every file ------------------------------------------------------------------------------------------------


def code_lines(node: Function) -> int:
    """Return the length of a function, its docstring not counted."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or 0) - first.lineno + 1


def size(source: Source) -> Iterator[str]:
    """A function fits a screen, a file fits a sitting."""
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield source.complaint(source.tree, f"{lines} lines, at most {FILE_LINES_MAX}")
    for function in _functions(source):
        if code_lines(function) > FUNCTION_LINES_MAX:
            yield source.complaint(function, f"{function.name}: {code_lines(function)} lines of code")


def module_docstring(source: Source) -> Iterator[str]:
    """A module says what it is and why; an empty file needs no words."""
    if source.tree.body and not ast.get_docstring(source.tree):
        yield source.complaint(source.tree, "the module says nothing about itself")


def test_docstring(source: Source) -> Iterator[str]:
    """A test states its property in a sentence."""
    for function in _functions(source):
        if function.name.startswith("test_") and not (ast.get_docstring(function) or "").partition("\n")[0].strip():
            yield source.complaint(function, f"{function.name} does not state its property")


# --- the public face of refjs, sim and models --------------------------------------------------------------------


class Contracts:
    """Which methods of which classes have a docstring: an override inherits the contract of its base."""

    def __init__(self, everything: list[Source]) -> None:
        self._bases: dict[str, list[str]] = {}
        self._documented: dict[str, set[str]] = {}
        for source in everything:
            for node in _classes(source):
                self._bases.setdefault(node.name, []).extend(_name(base) for base in node.bases)
                methods = {f.name for f in node.body if isinstance(f, Function) and ast.get_docstring(f)}
                self._documented.setdefault(node.name, set()).update(methods)

    def inherited(self, bases: list[str], method: str) -> bool:
        """Tell whether one of ``bases``, or of theirs, documents ``method``."""
        return any(
            method in self._documented.get(base, set()) or self.inherited(self._bases.get(base, []), method)
            for base in bases
        )

    def missing(self, source: Source) -> Iterator[str]:
        """Every public class and function has a sentence of contract."""
        yield from self._missing(source, source.tree.body, [])

    def _missing(self, source: Source, body: list[ast.stmt], bases: list[str]) -> Iterator[str]:
        for node in body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            if {"overload", "override", "setter"} & {_name(d) for d in node.decorator_list}:
                continue
            if not ast.get_docstring(node) and not self.inherited(bases, node.name):
                yield source.complaint(node, f"{node.name} has no docstring")
            if isinstance(node, ast.ClassDef):
                yield from self._missing(source, node.body, [_name(base) for base in node.bases])


# --- the core ----------------------------------------------------------------------------------------------------


def floats(source: Source) -> Iterator[str]:
    """Time is integer nanoseconds and sizes are integers; a float would round differently under load."""
    for node in source.nodes:
        match node:
            case ast.Constant(value=float()) | ast.Name(id="float"):
                yield source.complaint(node, "a float in the core")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield source.complaint(node, "true division makes floats: use //")
            case _:
                pass


def impurity(source: Source) -> Iterator[str]:
    """A step is a function of state, event and time alone, and types say all there is to say."""
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield source.complaint(node, f"{name}() in the core")
            case ast.Global() | ast.AsyncFunctionDef() | ast.Await():
                yield source.complaint(node, f"{type(node).__name__} in the core")
            case ast.For(iter=found) | ast.comprehension(iter=found) if _is_set(found):
                yield source.complaint(found, "the order of a set is no order: sort it")
            case ast.ImportFrom(module="typing", names=names):
                for alias in names:
                    if alias.name in {"Any", "cast"}:
                        yield source.complaint(node, f"{alias.name} in the core")
            case _:
                pass
    for number, line in enumerate(source.text.splitlines(), start=1):
        if "# type: " + "ignore" in line:
            yield f"{source.name}:{number}: an ignored type in the core"


def _is_set(node: ast.expr) -> bool:
    calls_set = isinstance(node, ast.Call) and _name(node) in {"set", "frozenset"}
    return calls_set or isinstance(node, ast.Set | ast.SetComp)


def hostility(source: Source) -> Iterator[str]:
    """Nothing that mypyc rejects, or accepts and changes."""
    for node in source.nodes:
        match node:
            case ast.Name(id=name) | ast.alias(name=name) if name in HOSTILE_NAMES:
                yield source.complaint(node, f"mypyc does not take {name}")
            case ast.Import(names=[ast.alias(name=name)]) | ast.ImportFrom(module=name) if name in HOSTILE_MODULES:
                yield source.complaint(node, f"mypyc does not take {name}")
            case ast.TryStar():
                yield source.complaint(node, "mypyc does not take except*")
            case ast.ClassDef():
                yield from (source.complaint(node, f"{node.name}: {text}") for text in _hostile_class(node))
                if node not in source.tree.body:
                    yield source.complaint(node, f"{node.name}: classes live at module level")
            case _:
                pass


def _hostile_class(node: ast.ClassDef) -> Iterator[str]:
    bases = [_name(base) for base in node.bases]
    decorators = [_name(decorator) for decorator in node.decorator_list]
    if len([base for base in bases if base not in MARKER_BASES]) > 1:
        yield "multiple inheritance"
    if "dataclass" in decorators and "Generic" in bases:
        yield "a generic dataclass"
    if set(decorators) - CLASS_DECORATORS:
        yield f"decorated with {sorted(set(decorators) - CLASS_DECORATORS)}"
    if any(hasattr(builtins, base) and base not in BASES_OF_EXCEPTIONS for base in bases if base.endswith("Error")):
        yield f"a built-in exception that mypyc does not subclass: {bases}"
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name="__init__") if any("Enum" in base for base in bases):
                yield "an enum with its own __init__"
            case ast.AnnAssign() if "dataclass" in decorators and _name(statement.annotation) == "Final":
                yield "a Final field of a dataclass"
            case _:
                pass
