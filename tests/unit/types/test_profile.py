"""Profiles are data: one for each release, and a clear refusal for every other name."""

from __future__ import annotations

import pytest

from refjs.types.profile import DEFAULT, RELEASES, profile


@pytest.mark.parametrize("release", RELEASES)
def test_each_release_has_a_profile(release: str) -> None:
    """Every measured release has a profile that bears its name."""
    assert profile(release).release == release


def test_the_default_is_the_newest() -> None:
    """Unless told otherwise refjs behaves like 2.15.1."""
    assert profile("2.15.1") == DEFAULT


@pytest.mark.parametrize("release", ["", "2.15", "2.13.0", "2.9.10", "2.15.99", "v2.15.1", "2.15.1 "])
def test_an_unknown_release_is_refused_in_one_sentence(release: str) -> None:
    """A name that is no measured release is refused, and the refusal says which are known."""
    with pytest.raises(ValueError, match=r"known are 2\.10\.25 to 2\.15\.1"):
        profile(release)


@pytest.mark.req("STR-API-011", "STR-API-020")
@pytest.mark.parametrize(
    ("release", "level"), [("2.10.26", 0), ("2.11.0", 1), ("2.12.4", 2), ("2.12.5", 3), ("2.14.0", 4), ("2.15.0", 5)]
)
def test_the_api_level_moves_with_the_features(release: str, level: int) -> None:
    """The API level is the one that the release announces."""
    assert profile(release).api_level == level
