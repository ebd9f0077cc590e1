"""Times and durations as text, in integer arithmetic: RFC 3339 with nanoseconds, and Go's ``1h2m3.5s``.

A time is ns since the Unix epoch and may lie before it; a year has four digits.  The calendar is the proleptic
Gregorian one, reckoned in eras of 400 years that begin on a first of March (so that the leap day is the last of all).
"""

from __future__ import annotations

import re
from typing import Final, final

from refjs.types.digits import read_u64
from refjs.types.units import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, Nanos

_LAYOUT: Final = "2006-01-02T15:04:05Z07:00"
_DAYS_BEFORE_EPOCH: Final = 719_468
"""From 0000-03-01 to 1970-01-01."""
_DAYS_OF_ERA: Final = 146_097
_DAYS_OF_MONTH: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_UNITS: Final[dict[str, Nanos]] = {
    "ns": 1,
    "us": MICROSECOND,
    "\u00b5s": MICROSECOND,
    "\u03bcs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_DURATION_PART: Final = re.compile("([0-9]*)(?:\\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_DURATION_MAX: Final = (1 << 63) - 1
_FRACTION_DIGITS_MAX: Final = 18
"""Decimals behind these are dropped: the hour's last one is 3.6e-6 ns."""


class TimeTextError(ValueError):
    """A text is no time; ``str(error)`` is the sentence nats-server answers (STR-API-029)."""


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date; ``month`` and ``day`` count from 1."""
    year -= month <= 2  # noqa: PLR2004 - January and February belong to the year that began in March
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _DAYS_OF_ERA + day_of_era - _DAYS_BEFORE_EPOCH


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Return the year, month and day that lie ``days`` after 1970-01-01."""
    era, day_of_era = divmod(days + _DAYS_BEFORE_EPOCH, _DAYS_OF_ERA)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = (shifted_month + 2) % 12 + 1
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    return era * 400 + year_of_era + (month <= 2), month, day  # noqa: PLR2004 - as above


def format_time(time: Nanos) -> str:
    """Return ``time`` in UTC, with as many decimals as it needs (none where the second is whole)."""
    seconds, nanos = divmod(time, SECOND)
    days, second_of_day = divmod(seconds, 86_400)
    year, month, day = civil_from_days(days)
    hour, minute_second = divmod(second_of_day, 3_600)
    minute, second = divmod(minute_second, 60)
    decimals = f".{nanos:09}".rstrip("0") if nanos else ""
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{decimals}Z"


def parse_time(text: str) -> Nanos:
    """Return the time that ``text`` states in any zone; raise ``TimeTextError``."""
    reader = _TimeReader(text)
    year = reader.number(4, "2006")
    reader.literal("-")
    month = reader.number(2, "01", within=(1, 12), name="month")
    reader.literal("-")
    day = reader.number(2, "02")
    reader.literal("T")
    hour = reader.number(2, "15", within=(0, 23), name="hour", shorter=True)
    reader.literal(":")
    minute = reader.number(2, "04", within=(0, 59), name="minute")
    reader.literal(":")
    second = reader.number(2, "05", within=(0, 59), name="second")
    nanos = reader.fraction()
    offset = reader.zone()
    reader.end()
    if not 1 <= day <= _days_in(year, month):
        raise reader.out_of_range("day")
    days = days_from_civil(year, month, day)
    return (((days * 24 + hour) * 60 + minute) * 60 + second - offset) * SECOND + nanos


def parse_duration(text: str) -> Nanos | None:
    """Return the duration that ``text`` states as Go writes it, or None where it states none."""
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    total, position = 0, 0
    while position < len(body) or not body:
        part = _DURATION_PART.match(body, position)
        if part is None or not (part[1] or part[2]):
            return None
        unit = _UNITS[part[3]]
        whole = read_u64((part[1] or "0").encode())
        if whole is None:
            return None
        fraction = (part[2] or "")[:_FRACTION_DIGITS_MAX]
        total += whole * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        position = part.end()
    if total > _DURATION_MAX:
        return None
    return -total if text[0] == "-" else total


def format_duration(duration: Nanos) -> str:
    """Return ``duration`` as Go writes it: ``1h2m3.5s``, ``300ms``, ``0s``."""
    if duration < 0:
        return "-" + format_duration(-duration)
    if duration == 0:
        return "0s"
    if duration < MICROSECOND:
        return f"{duration}ns"
    if duration < MILLISECOND:
        return _decimal(duration, MICROSECOND) + "\u00b5s"
    if duration < SECOND:
        return _decimal(duration, MILLISECOND) + "ms"
    minutes, rest = divmod(duration, MINUTE)
    hours, minutes = divmod(minutes, 60)
    seconds = _decimal(rest, SECOND) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(value: int, unit: int) -> str:
    """Return ``value / unit`` exactly, without trailing zeros; ``unit`` is a power of ten."""
    whole, rest = divmod(value, unit)
    return f"{whole}.{str(unit + rest)[1:].rstrip('0')}" if rest else str(whole)


def _days_in(year: int, month: int) -> int:
    """Return the days of a month."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap and month == 2 else _DAYS_OF_MONTH[month - 1]  # noqa: PLR2004 - February


@final
class _TimeReader:
    """Takes the elements of a time off a text, one after the other, and words the refusals."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def number(
        self, width: int, element: str, *, within: tuple[int, int] | None = None, name: str = "", shorter: bool = False
    ) -> int:
        """Take ``width`` digits, or one where ``shorter`` allows; ``within`` is checked at once."""
        digits = self._digits(self.position, width)
        if len(digits) < width and not (shorter and digits):
            raise self._not(element)
        self.position += len(digits)
        value = int(digits)
        if within is not None and not within[0] <= value <= within[1]:
            raise self.out_of_range(name)
        return value

    def literal(self, char: str) -> None:
        """Take ``char``."""
        if self.text[self.position : self.position + 1] != char:
            raise self._not(char)
        self.position += 1

    def fraction(self) -> Nanos:
        """Take decimals of a second, where there are any; those beyond the ninth are dropped."""
        digits = self._digits(self.position + 1, len(self.text))
        if self.text[self.position : self.position + 1] not in (".", ",") or not digits:
            return 0
        self.position += 1 + len(digits)
        return int(digits[:9].ljust(9, "0"))

    def zone(self) -> int:
        """Take ``Z`` or an offset such as ``+02:00``, and return it in seconds east of UTC."""
        start = self.position
        sign = self.text[start : start + 1]
        if sign == "Z":
            self.position += 1
            return 0
        hours, minutes = self._digits(start + 1, 2), self._digits(start + 4, 2)
        if sign not in ("+", "-") or len(hours + minutes) != len("0000") or self.text[start + 3] != ":":
            raise self._not("Z07:00")
        if int(hours) > 24:  # noqa: PLR2004 - so nats-server allows
            raise self.out_of_range("time zone offset hour")
        if int(minutes) > 60:  # noqa: PLR2004 - so nats-server allows
            raise self.out_of_range("time zone offset minute")
        self.position += len("+00:00")
        offset = int(hours) * 3_600 + int(minutes) * 60
        return -offset if sign == "-" else offset

    def end(self) -> None:
        """Refuse what follows the zone."""
        if self.position < len(self.text):
            raise TimeTextError(f'parsing time "{self.text}": extra text: "{self.text[self.position :]}"')

    def out_of_range(self, name: str) -> TimeTextError:
        """Return the refusal of an element whose value is too small or too large."""
        return TimeTextError(f'parsing time "{self.text}": {name} out of range')

    def _digits(self, start: int, width: int) -> str:
        end = start
        while end < min(start + width, len(self.text)) and "0" <= self.text[end] <= "9":
            end += 1
        return self.text[start:end]

    def _not(self, element: str) -> TimeTextError:
        rest = self.text[self.position :]
        return TimeTextError(f'parsing time "{self.text}" as "{_LAYOUT}": cannot parse "{rest}" as "{element}"')
