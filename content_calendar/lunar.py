"""Lunar dates as solar ones: the only file that knows lunardate.

A lunar date of a year with a leap month is in the first of the two months. Lunar years are numbered
by the solar year in which they begin, so that 2026-12-08 is in January 2027.
"""

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache

from lunardate import LunarDate

YEARS = range(1900, 2100)
# New Year's Day of the first lunar year that is known, and New Year's Eve of the last one.
FIRST, LAST = dt.date(1900, 1, 31), dt.date(2100, 2, 8)


def dates(
    days: Iterable[tuple[int, int | None]], first: dt.date, end: dt.date
) -> tuple[dt.date, ...]:
    """The solar dates in `[first, end)` of lunar (month, day), in order; day None is the last one.

    A month that lacks the day is left out, and so is what lies outside `FIRST` to `LAST`.
    """
    wanted = tuple(days)
    years = range(max(first.year - 1, YEARS.start), min(end.year + 1, YEARS.stop))
    found = {day for year in years for day in _in_year(year, wanted)}
    return tuple(day for day in sorted(found) if first <= day < end)


def covers(first: dt.date, last: dt.date) -> bool:
    """Whether every lunar date from `first` to `last`, both included, is known."""
    return first >= FIRST and last <= LAST


def _in_year(year: int, days: tuple[tuple[int, int | None], ...]) -> list[dt.date]:
    months = _months(year)
    found = []
    for month, day in days:
        starts, length = months[month - 1]
        if (day or length) <= length:
            found.append(starts + dt.timedelta(days=(day or length) - 1))
    return found


@lru_cache(maxsize=len(YEARS))
def _months(year: int) -> tuple[tuple[dt.date, int], ...]:
    """The first solar date and the length of each month of a lunar year, without the leap one."""
    found = []
    for month in range(1, 13):
        starts = LunarDate(year, month, 1).to_solar_date()
        try:
            ends = LunarDate(year, month, 30).to_solar_date()
        except ValueError:
            ends = LunarDate(year, month, 29).to_solar_date()
        found.append((starts, (ends - starts).days + 1))
    return tuple(found)
