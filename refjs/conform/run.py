"""Running vectors against a target: the profile first, then one conversation for each, and the verdicts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final, TypeAlias, final

from refjs.conform.corpus import Entry, Profile, profile_of, reason_to_skip
from refjs.conform.engine import Conversation, Failure
from refjs.conform.link import Link, TargetError
from refjs.conform.matching import PatternError
from refjs.conform.vector import Vector, VectorError
from refjs.types.units import Nanos

TOKEN_LENGTH: Final = 8
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

LinkFactory: TypeAlias = Callable[[], Link]


@unique
class Verdict(StrEnum):
    """How a vector ended."""

    PASSED = "passed"
    FAILED = "failed"
    DEVIATES = "deviates"  # a SHOULD or MAY that is not met
    EXPECTED = "expected"  # failed, as the baseline says
    SKIPPED = "skipped"


@final
@dataclass(slots=True)
class Outcome:
    """One vector's verdict; ``reason`` says why it was skipped or was expected to fail."""

    entry: Entry
    verdict: Verdict
    reason: str = ""
    failure: Failure | None = None
    transcript: list[str] = field(default_factory=list)
    elapsed: Nanos = 0


@final
@dataclass(slots=True)
class Report:
    """All verdicts on one target."""

    target: str
    profile: Profile
    outcomes: list[Outcome]

    def count(self, *verdicts: Verdict) -> int:
        """Return how many vectors ended with one of ``verdicts``."""
        return sum(outcome.verdict in verdicts for outcome in self.outcomes)


def token_of(text: str) -> str:
    """Return the eight characters that ``{{u}}`` stands for in a run known by ``text``."""
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:TOKEN_LENGTH])


def probe(connect: LinkFactory) -> Profile:
    """Return the profile of a target; raise ``TargetError`` where it cannot be reached or is no NATS server."""
    link = connect()
    try:
        return profile_of(Conversation(link, {}).ask_info())
    finally:
        _close(link)


def run(
    target: str,
    connect: LinkFactory,
    entries: list[Entry],
    *,
    salt: str,
    jobs: int = 1,
    baseline: Mapping[str, str] | None = None,
) -> Report:
    """Run every entry on a link of its own and return the verdicts in the order of the entries.

    ``salt`` makes the names of this run its own; ``baseline`` maps ids that may fail to the reason.  Raises
    ``TargetError`` where there is no server, ``VectorError`` where a vector uses a name that it never saved.
    """
    profile = probe(connect)
    expected = baseline or {}

    def judge(entry: Entry) -> Outcome:
        return _judge(entry, connect, profile, f"{salt} {entry.vector.id}", expected)

    if jobs == 1:
        return Report(target, profile, [judge(entry) for entry in entries])
    with ThreadPoolExecutor(jobs) as pool:
        return Report(target, profile, list(pool.map(judge, entries)))


def _judge(entry: Entry, connect: LinkFactory, profile: Profile, salt: str, expected: Mapping[str, str]) -> Outcome:
    reason = reason_to_skip(entry.vector, profile)
    if reason:
        return Outcome(entry, Verdict.SKIPPED, reason)
    link = connect()
    conversation = Conversation(link, {"u": token_of(salt)})
    start = link.now()
    try:
        failure = conversation.run(entry.vector)
        elapsed = link.now() - start
    except PatternError as error:
        raise VectorError(f"{entry.path}.json: {error}.") from error
    finally:
        _close(link)
    verdict, reason = _verdict(entry.vector, failure, expected)
    return Outcome(entry, verdict, reason, failure, conversation.transcript, elapsed)


def _close(link: Link) -> None:
    with suppress(TargetError):  # a server that failed has had its verdict
        link.close_all()


def _verdict(vector: Vector, failure: Failure | None, expected: Mapping[str, str]) -> tuple[Verdict, str]:
    if failure is None:
        return Verdict.PASSED, ""
    if vector.id in expected:
        return Verdict.EXPECTED, expected[vector.id]
    return (Verdict.FAILED if vector.level == "MUST" else Verdict.DEVIATES), ""
