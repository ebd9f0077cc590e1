"""Profiles: which release's behaviour is shown, as data (docs/decisions/0006, docs/spec/profiles.md).

A profile is a named release; where releases differ on purpose, a field says how this one behaves, and the code asks
the field.  Nothing compares version numbers elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, final

from refjs.types.digits import read_u64

Version: TypeAlias = tuple[int, int, int]


@final
@dataclass(frozen=True, slots=True)
class Profile:
    """How one release behaves."""

    release: str
    api_level: int
    """What ``api.level`` says; 0 where the release does not say it."""
    info_api_level: int
    """What INFO says as ``api_lvl`` (PRO-INF-003); 0 where it does not."""
    strict_json: bool
    """Unknown fields of a request are refused (STR-API-006)."""
    invalid_json_reason: bool
    """The refusal of broken JSON says what is wrong with it (ERR-GEN-008)."""
    checks_required_api_level: bool
    """``Nats-Required-Api-Level`` is obeyed (STR-API-011)."""
    no_responders_subject: bool
    """The 503 status names the subject (PRO-DLV-008)."""
    pub_ack_space: bool
    """A pub ack has a space behind its first comma (STR-PUB-002)."""
    dup_before_expected: bool
    """Duplicates are found before expected sequences are compared (STR-PUB-009)."""
    expected_subject_needs_sequence: bool
    """``Nats-Expected-Last-Subject-Sequence-Subject`` alone is refused (STR-EXP-004)."""
    purge_seq_1_purges_all: bool
    """A purge of a file stream with ``seq`` 1 is one without (STR-PRG-004)."""
    rollup_passes_discard_new: bool
    """A rollup is let in where its subject is full (STR-LIM-007)."""
    no_wait_partial_404: bool
    """A no-wait pull that got some messages ends with 404, not 408 (CON-PUL-007)."""
    max_waiting_heartbeat_silent: bool
    """A pull with a heartbeat beyond ``max_waiting`` is dropped without an answer (CON-PUL-011)."""
    direct_get_no_hdr: bool
    """``no_hdr`` of a direct get is obeyed (STR-DIR-005)."""
    default_max_consumers: int
    """How many consumers a stream has at most that does not say it (STR-CFG-007); 0: no limit."""
    strips_status: bool
    """The status line of published headers is not stored (STR-PUB-004)."""
    per_message_ttl: bool
    """``allow_msg_ttl`` and ``Nats-TTL`` exist (STR-TTL)."""
    versioned_assets: bool
    """Streams and consumers carry the metadata ``_nats.*`` (STR-CFG-037)."""
    corrects_negative_limits: bool
    """Limits below -1 become -1, or none, instead of being kept (STR-CFG-008)."""
    refuses_negative_waits: bool
    """A negative ``ack_wait`` or ``backoff`` is refused (CON-CFG-007, CON-CFG-009)."""

    def refuses_api_level(self, demanded: bytes) -> bool:
        """Tell whether a client that demands ``demanded`` gets nothing from this release (STR-API-011)."""
        if not self.checks_required_api_level:
            return False
        level = read_u64(demanded)
        return level is None or level > self.api_level


RELEASES: Final[tuple[str, ...]] = (
    *(f"2.10.{patch}" for patch in (25, 26)),
    *(f"2.11.{patch}" for patch in range(12)),
    *(f"2.12.{patch}" for patch in range(9)),
    *(f"2.14.{patch}" for patch in range(7)),
    "2.15.0",
    "2.15.1",
)
"""The releases that were measured, oldest first."""


def profile(release: str) -> Profile:
    """Return the profile of ``release``; raise ``ValueError`` with one sentence where it was never measured."""
    if release not in RELEASES:
        raise ValueError(f"no profile for release {release!r}: known are {RELEASES[0]} to {RELEASES[-1]}")
    major, minor, patch = (int(part) for part in release.split("."))
    version = (major, minor, patch)
    level = _api_level(version)
    return Profile(
        release=release,
        api_level=level,
        info_api_level=level if version >= (2, 12, 0) else 0,
        strict_json=version >= (2, 12, 0),
        invalid_json_reason=version >= (2, 11, 0),
        checks_required_api_level=version >= (2, 12, 0),
        no_responders_subject=version >= (2, 12, 0),
        pub_ack_space=version < (2, 12, 0),
        dup_before_expected=version < (2, 12, 0),
        expected_subject_needs_sequence=version >= (2, 12, 0),
        purge_seq_1_purges_all=version < (2, 14, 6),
        rollup_passes_discard_new=version >= (2, 14, 0),
        no_wait_partial_404=version >= (2, 12, 2) or (2, 11, 11) <= version < (2, 12, 0),
        max_waiting_heartbeat_silent=version >= (2, 11, 5),
        direct_get_no_hdr=version >= (2, 12, 0),
        default_max_consumers=1000 if version >= (2, 15, 1) else 0,
        strips_status=version >= (2, 12, 6),
        per_message_ttl=version >= (2, 11, 0),
        versioned_assets=version >= (2, 11, 0),
        corrects_negative_limits=version >= (2, 12, 0),
        refuses_negative_waits=version >= (2, 12, 0),
    )


def _api_level(version: Version) -> int:
    levels = [((2, 15, 0), 5), ((2, 14, 0), 4), ((2, 12, 5), 3), ((2, 12, 0), 2), ((2, 11, 0), 1)]
    return next((level for since, level in levels if version >= since), 0)


DEFAULT: Final = profile("2.15.1")
"""The release that refjs announces and shows unless told otherwise."""
