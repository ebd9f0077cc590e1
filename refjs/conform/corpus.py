"""The vectors that come with refjs, and the choice of those that concern a server."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeAlias, final

from refjs.conform.vector import Vector, VectorError, load

VECTORS: Final = Path(__file__).parent / "vectors"
_DIGITS: Final = re.compile(r"\d+")

Release: TypeAlias = tuple[int, int, int]


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A vector with its place: ``area`` is its directory, ``name`` its file name without the suffix."""

    area: str
    name: str
    vector: Vector

    @property
    def path(self) -> str:
        """The place inside the corpus, such as ``streams/dedup``."""
        return f"{self.area}/{self.name}"


@final
@dataclass(frozen=True, slots=True)
class Profile:
    """What INFO says about a server, as far as vectors depend on it."""

    version: str
    release: Release
    features: frozenset[str]


def read(files: Iterable[Path] | None = None) -> list[Entry]:
    """Return the vectors in ``files`` (default: all that come with refjs); raise ``VectorError``."""
    ours = files is None
    paths = sorted(VECTORS.glob("*/*.json")) if files is None else list(files)
    entries = [Entry(path.resolve().parent.name, path.stem, load(path, trusted=ours)) for path in paths]
    _check_unique(entries)
    return entries


def _check_unique(entries: list[Entry]) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.vector.id in seen:
            raise VectorError(f"{entry.path}.json: the id {entry.vector.id} is that of {seen[entry.vector.id]}.json.")
        seen[entry.vector.id] = entry.path


def choose(entries: list[Entry], globs: list[str], requirements: list[str]) -> list[Entry]:
    """Return the entries whose id or path matches any glob and which name any of the requirements (empty: all)."""
    return [
        entry
        for entry in entries
        if (not globs or any(fnmatchcase(entry.vector.id, glob) or fnmatchcase(entry.path, glob) for glob in globs))
        and (not requirements or not set(requirements).isdisjoint(entry.vector.requirements))
    ]


def release_of(version: str) -> Release:
    """Return the numbers of a release name: ``2.12`` is ``(2, 12, 0)``, ``2.15.0-dev`` is ``(2, 15, 0)``."""
    numbers = [int(digits) for digits in _DIGITS.findall(version.partition("-")[0])[:3]]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major, minor, patch


def profile_of(info: dict[str, object]) -> Profile:
    """Return the profile that an INFO object shows."""
    version = str(info.get("version", "0"))
    return Profile(version, release_of(version), frozenset(name for name in ("headers", "jetstream") if info.get(name)))


def reason_to_skip(vector: Vector, profile: Profile) -> str:
    """Return why a vector does not concern the server; empty where it does."""
    missing = sorted(set(vector.features) - profile.features)
    if missing:
        return f"the server has no {', '.join(missing)}"
    if vector.since is not None and profile.release < release_of(vector.since):
        return f"since {vector.since}"
    if vector.until is not None and profile.release >= release_of(vector.until):
        return f"until {vector.until}"
    return ""
