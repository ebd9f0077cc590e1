"""The requirement catalogue as data: the rules of ``docs/spec``, each with its ID, its words and where it comes from.

A rule is a list item that begins with its ID in bold, or, for the API errors, a row of their table; a property (what
must hold in every run, ``properties.md``) is a row too.  Everything else in those files explains.  ``docs/matrix.md``
is generated from what is read here, reports quote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

ID: Final = re.compile(r"[A-Z]{2,4}(?:-[A-Z0-9]+)?-\d{3,5}")
_ITEM: Final = re.compile(rf"- \*\*({ID.pattern})\*\* +(.*)")
_ROW: Final = re.compile(rf"\| ({ID.pattern}) \|(.*)\|")
_PROPERTY: Final = re.compile(r"\| ([A-Z]\d+) \| (\w+) \| (.*) \| ([^|]*) \|")
_HEADING: Final = re.compile(r"#+ +(.*)")
_SOURCE: Final = re.compile(r" — source: (.*)$")
_OBSERVED: Final = re.compile(r"\[observed ([^\]]*)\]")
_RELEASE: Final = re.compile(r"(?<![\d.])2\.1[0-9](?![0-9])")


class CatalogueError(Exception):
    """The catalogue contradicts itself; ``str(error)`` is one sentence that names the place."""


@final
@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule of what a client can observe.

    ``text`` is the rule without its source and marks; ``releases`` are the lines (``2.12``) the rule, or the heading
    it stands under, names because they differ, none where all behave alike; ``observed`` are the words of the mark
    that says which binary was watched, empty where none was.
    """

    id: str
    text: str
    source: str
    file: str
    section: str
    releases: tuple[str, ...]
    observed: str

    @property
    def group(self) -> str:
        """The ID without its number: ``STR-DUP``, ``ERR``."""
        return self.id.rpartition("-")[0]


@final
@dataclass(frozen=True, slots=True)
class Property:
    """One property of every run: when it is judged, its words, and the requirements that stand on it."""

    id: str
    judged: str
    text: str
    requirements: tuple[str, ...]


def find(start: Path) -> Path:
    """Return the folder ``docs/spec`` of the repository that holds ``start``; raise ``CatalogueError`` without one."""
    for folder in [start, *start.parents]:
        if (folder / "docs" / "spec").is_dir():
            return folder / "docs" / "spec"
    raise CatalogueError(f"no docs/spec above {start}: the catalogue comes with the repository, not with the package")


def load(folder: Path) -> dict[str, Requirement]:
    """Return the rules of every file in ``folder`` by ID, in the order of file names and lines.

    Raises ``CatalogueError`` where an ID stands twice, or where there are no rules at all.
    """
    rules: dict[str, Requirement] = {}
    for path in sorted(folder.glob("*.md")):
        for rule in parse(path.read_text(encoding="utf-8"), path.name):
            if rule.id in rules:
                raise CatalogueError(f"{rule.id} stands in {rules[rule.id].file} and again in {path.name}")
            rules[rule.id] = rule
    if not rules:
        raise CatalogueError(f"no rules in {folder}")
    return rules


def parse(text: str, file: str) -> list[Requirement]:
    """Return the rules of one file, in order."""
    rules: list[Requirement] = []
    section, general_source = "", ""
    for line in text.splitlines():
        if heading := _HEADING.fullmatch(line):
            section = heading[1]
        elif line.startswith("Source: "):
            general_source = line.removeprefix("Source: ").partition(".")[0]
        elif item := _ITEM.fullmatch(line):
            rules.append(_item(item[1], item[2], file, section))
        elif row := _ROW.fullmatch(line):
            rules.append(_row(row[1], row[2], file, section, general_source))
    return rules


def load_properties(folder: Path) -> dict[str, Property]:
    """Return the properties of ``folder/properties.md`` by ID, none where there is no such file.

    Raises ``CatalogueError`` where an ID stands twice.
    """
    path = folder / "properties.md"
    properties: dict[str, Property] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        row = _PROPERTY.fullmatch(line)
        if row is None:
            continue
        if row[1] in properties:
            raise CatalogueError(f"{row[1]} stands twice in {path.name}")
        properties[row[1]] = Property(row[1], row[2], row[3], tuple(ID.findall(row[4])))
    return properties


def _item(identity: str, body: str, file: str, section: str) -> Requirement:
    found = _SOURCE.search(body)
    words = _SOURCE.sub("", body)
    return Requirement(
        id=identity,
        text=_OBSERVED.sub("", words).strip(),
        source="" if found is None else found[1],
        file=file,
        section=section,
        releases=_releases(_OBSERVED.sub("", f"{section} {words}")),
        observed="; ".join(_OBSERVED.findall(words)),
    )


def _row(identity: str, cells: str, file: str, section: str, source: str) -> Requirement:
    err_code, code, _constant, description, when, since = (cell.strip() for cell in cells.split(" | "))
    return Requirement(
        id=identity,
        text=f"{code}/{err_code} `{description}`: {when}",
        source=source,
        file=file,
        section=section,
        releases=_releases(since.replace("<=2.10", "")),
        observed="",
    )


def _releases(text: str) -> tuple[str, ...]:
    return tuple(sorted(set(_RELEASE.findall(text))))
