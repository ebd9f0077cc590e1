"""Times and durations survive their text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.types.records import NEVER
from refjs.types.time_text import TimeTextError, format_duration, format_time, parse_duration, parse_time
from refjs.types.units import HOUR, MILLISECOND, MINUTE, SECOND

FIRST, LAST = NEVER, 253_402_300_799_999_999_999


@given(st.integers(FIRST, LAST))
def test_a_time_is_read_as_it_was_written(time: int) -> None:
    """Reading what was written gives the same time, from year 1 to year 9999."""
    assert parse_time(format_time(time)) == time


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_the_calendar_is_that_of_the_standard_library(moment: datetime) -> None:
    """Our date and time of day are the ones the standard library shows."""
    delta = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    ours = format_time((delta.days * 86_400 + delta.seconds) * SECOND)
    assert ours == moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%dT%H:%M:%SZ")


@pytest.mark.req("STR-API-029")
@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("2020-01-01", 'parsing time "2020-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'),
        ("2020-02-30T00:00:00Z", 'parsing time "2020-02-30T00:00:00Z": day out of range'),
        ("2020-02-01T05:00:00Zx", 'parsing time "2020-02-01T05:00:00Zx": extra text: "x"'),
    ],
)
def test_a_text_that_is_no_time_is_refused_in_words(text: str, refusal: str) -> None:
    """What is no time is refused with nats-server's sentence."""
    with pytest.raises(TimeTextError) as caught:
        parse_time(text)
    assert str(caught.value) == refusal


def test_an_offset_is_east_of_utc() -> None:
    """A time with an offset is the same moment in UTC; decimals may follow a comma."""
    assert parse_time("1970-01-01T02:00:00,5+02:00") == SECOND // 2
    assert parse_time("1969-12-31T23:00:00-01:00") == 0


@given(st.integers(-(1 << 63) + 1, (1 << 63) - 1))
def test_a_duration_is_read_as_it_was_written(duration: int) -> None:
    """Reading what was written gives the same duration."""
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("1h2m3.5s", HOUR + 2 * MINUTE + 3_500 * MILLISECOND),
        ("-1.5h", -90 * MINUTE),
        (".5s", SECOND // 2),
        ("0", 0),
        ("", None),
        ("-", None),
        ("1d", None),
        ("5", None),
        ("s", None),
        ("1s ", None),
        ("9999999h", None),
    ],
)
def test_durations_are_those_of_go(text: str, duration: int | None) -> None:
    """A number needs a unit, units may follow one another, and what is too long is no duration."""
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    ("duration", "text"), [(0, "0s"), (1, "1ns"), (1_500, "1.5\u00b5s"), (HOUR, "1h0m0s"), (90 * SECOND, "1m30s")]
)
def test_durations_are_written_as_go_does(duration: int, text: str) -> None:
    """Small durations take a smaller unit, long ones name every unit below hours."""
    assert format_duration(duration) == text
