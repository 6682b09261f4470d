"""When a series takes place: pure functions from a schedule to local dates and to instants.

An occurrence is named by its *original* local date for ever. Windows are half-open; `starts` and
`ends` are the days of the first and the last possible occurrence, both included.

    rule or `also`  names the original dates
    `skip`          takes one out, whatever else is said of it
    `move`, `also`  say where one takes place; a holiday changes nothing about that
    `holidays`      says what becomes of every other one that falls on a statutory holiday
"""

import calendar
import datetime as dt
import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil import rrule as dateutil_rrule

from bot.models import HolidayPolicy
from content_calendar import festivals, holidays, lunar
from content_calendar.holidays import Days

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
LONGEST_INTERVAL = 1_000
# An occurrence waits so long for a workday, then it does not take place. National Day takes eight.
LONGEST_WAIT = dt.timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Weekly:
    """Every week on these days; Monday is 0."""

    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Monthly:
    """Every month on this day of the month, where the month has it; None is the last day."""

    day: int | None


@dataclass(frozen=True, slots=True)
class EveryDays:
    """Every so many days, counted from the day the series starts."""

    days: int


@dataclass(frozen=True, slots=True)
class Dates:
    """On these dates and no other."""

    dates: tuple[dt.date, ...]


@dataclass(frozen=True, slots=True)
class Rrule:
    """As an RFC 5545 rule says, counted from the day the series starts."""

    text: str


@dataclass(frozen=True, slots=True)
class Lunar:
    """Every lunar year on these (month, day), where the month has it; None is the last day."""

    days: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Festivals:
    """Every year on the festivals of these names, as festivals.FESTIVALS dates them."""

    names: tuple[str, ...]


Rule = Weekly | Monthly | EveryDays | Dates | Rrule | Lunar | Festivals


@dataclass(frozen=True, slots=True)
class Schedule:
    """The days of a series. `skip` and the keys of `move` are original dates, and so are those of
    `also`, which stand beside the rule.
    """

    rule: Rule
    starts: dt.date
    ends: dt.date
    skip: frozenset[dt.date] = frozenset()
    move: Mapping[dt.date, dt.date] = field(default_factory=dict)
    also: frozenset[dt.date] = frozenset()
    holidays: HolidayPolicy = HolidayPolicy.KEEP


@dataclass(frozen=True, slots=True)
class Timing:
    """One step of every occurrence: so many days after its date, at this wall-clock time."""

    step: str
    days: int
    at: dt.time


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence: its name for ever, and the date on which it takes place."""

    original_date: dt.date
    date: dt.date


@dataclass(frozen=True, slots=True)
class Slot:
    """One step of one occurrence in one zone, with the instant at which it is due."""

    original_date: dt.date
    date: dt.date
    step: str
    due_at: dt.datetime


def slots(
    schedule: Schedule,
    timings: Iterable[Timing],
    zone: ZoneInfo,
    since: dt.datetime,
    until: dt.datetime,
    days: Days = holidays.PUBLISHED,
) -> list[Slot]:
    """The steps that are due in `[since, until)`, in order of time."""
    # One more day on either side: a wall clock that does not exist can fire on the next date.
    first, end = since.astimezone(zone).date() - DAY, until.astimezone(zone).date() + 2 * DAY
    by_shift: dict[dt.timedelta, list[Occurrence]] = {}
    found = []
    for timing in timings:
        shift = dt.timedelta(days=timing.days)
        if shift not in by_shift:
            by_shift[shift] = occurrences(schedule, first - shift, end - shift, days)
        for each in by_shift[shift]:
            due_at = instant(each.date + shift, timing.at, zone)
            if since <= due_at < until:
                found.append(Slot(each.original_date, each.date, timing.step, due_at))
    return sorted(found, key=lambda slot: slot.due_at)


def next_due(
    schedule: Schedule,
    timings: Iterable[Timing],
    zone: ZoneInfo,
    since: dt.datetime,
    days: Days = holidays.PUBLISHED,
) -> dt.datetime | None:
    """The earliest instant at or after `since` at which a step is due; None if there is none."""
    steps = tuple(timings)
    if not steps:
        return None
    shifts = [dt.timedelta(days=step.days) for step in steps]
    # Some days more on either side make up for every zone and every change of its clocks.
    first = min([schedule.starts, *schedule.move.values()]) + min(shifts) - 2 * DAY
    last = max([schedule.ends + LONGEST_WAIT, *schedule.move.values()]) + max(shifts) + 3 * DAY
    begin = max(since, dt.datetime.combine(first, dt.time(), dt.UTC))
    end = dt.datetime.combine(last, dt.time(), dt.UTC)
    # Most series are due within days, and few are looked at for years.
    width = 8 * DAY
    while begin < end:
        until = min(begin + width, end)
        found = slots(schedule, steps, zone, begin, until, days)
        if found:
            return found[0].due_at
        begin, width = until, width * 8
    return None


def occurrences(
    schedule: Schedule, since: dt.date, until: dt.date, days: Days = holidays.PUBLISHED
) -> list[Occurrence]:
    """The occurrences that take place in `[since, until)`, in order of date.

    One that was moved, by hand or by a holiday, and meets another one merges with it: the one at
    home there stands, else the one with the earlier original date.
    """
    held = (
        (original, _held(schedule, original, days))
        for original in _unmoved(schedule, _reaching(schedule, since, days), until)
    )
    moved = (
        (original, date)
        for original, date in schedule.move.items()
        if original not in schedule.skip and since <= date < until and happens(schedule, original)
    )
    found = [
        Occurrence(original, date)
        for original, date in itertools.chain(held, moved)
        if date is not None and since <= date < until
    ]
    found.sort(key=lambda each: (each.date, each.original_date != each.date, each.original_date))
    return [next(meeting) for _, meeting in itertools.groupby(found, key=lambda each: each.date)]


def happens(schedule: Schedule, day: dt.date) -> bool:
    """Whether this is an original date: skips, moves and holidays aside."""
    return next(dates(schedule, day, day + DAY), None) is not None


def dates(schedule: Schedule, since: dt.date, until: dt.date) -> Iterator[dt.date]:
    """The original dates in `[since, until)`: skips, moves and holidays aside, in order."""
    first, end = max(since, schedule.starts), min(until, schedule.ends + DAY)
    ruled = _named(schedule, first, end)
    if not schedule.also:
        return ruled
    both = heapq.merge(ruled, sorted(day for day in schedule.also if first <= day < end))
    return (day for day, _ in itertools.groupby(both))


def unknown_years(schedule: Schedule, since: dt.date, until: dt.date, days: Days) -> list[int]:
    """The years without known holidays on which the occurrences of `[since, until)` depend.

    These do not take place until the year is known. Empty where holidays change nothing.
    """
    if schedule.holidays is HolidayPolicy.KEEP:
        return []
    decisive = (
        _decisive(schedule.holidays, original, days)
        for original in _unmoved(schedule, _reaching(schedule, since, days), until)
        if original not in schedule.also
    )
    return sorted({day.year for day in decisive if day >= since and not days.knows(day.year)})


def _unmoved(schedule: Schedule, since: dt.date, until: dt.date) -> Iterator[dt.date]:
    """The original dates that nobody skipped or moved."""
    for day in dates(schedule, since, until):
        if day not in schedule.skip and day not in schedule.move:
            yield day


def _reaching(schedule: Schedule, since: dt.date, days: Days) -> dt.date:
    """The first original date that can have waited until `since`: only days of rest lie between."""
    first = since
    if schedule.holidays is HolidayPolicy.NEXT_WORKDAY:
        while since - first < LONGEST_WAIT and not days.is_workday(first - DAY):
            first -= DAY
    return first


def _held(schedule: Schedule, original: dt.date, days: Days) -> dt.date | None:
    """The date on which an occurrence that nobody moved takes place, if it does."""
    if schedule.holidays is HolidayPolicy.KEEP or original in schedule.also:
        return original
    day = _decisive(schedule.holidays, original, days)
    if not days.knows(day.year) or days.is_holiday(day):
        return None
    return day if day == original or days.is_workday(day) else None


def _decisive(policy: HolidayPolicy, original: dt.date, days: Days) -> dt.date:
    """The day that decides: its own, or where its walk off a holiday ends.

    A walk ends on the first workday, on the first day of an unknown year, or after LONGEST_WAIT.
    """
    day = original
    if policy is HolidayPolicy.NEXT_WORKDAY and days.is_holiday(original):
        while days.knows(day.year) and not days.is_workday(day) and day - original < LONGEST_WAIT:
            day += DAY
    return day


def _named(schedule: Schedule, first: dt.date, end: dt.date) -> Iterator[dt.date]:
    """The days in `[first, end)` that the rule names, in order."""
    match schedule.rule:
        case Weekly(days):
            yield from _weekly(days, first, end)
        case Monthly(number):
            yield from (day for day in _monthly(number, first, end) if first <= day < end)
        case EveryDays(step):
            # The first multiple of the step at or after the window's first day.
            gone = -(-(first - schedule.starts).days // step) * step
            yield from _every(schedule.starts + dt.timedelta(days=gone), end, step)
        case Dates(chosen):
            yield from (day for day in chosen if first <= day < end)
        case Rrule(text):
            yield from _ruled(text, schedule.starts, first, end)
        case Lunar(named):
            yield from lunar.dates(named, first, end)
        case Festivals(names):
            yield from festivals.dates(names, first, end)


# Hundreds of series share a few times of day.
@lru_cache(maxsize=1 << 14)
def instant(day: dt.date, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """A wall clock as UTC: the first of two, or the next minute that exists."""
    local = dt.datetime.combine(day, at)
    while True:
        found = local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
        if found.astimezone(zone).replace(tzinfo=None) == local:
            return found
        local += MINUTE


def _weekly(weekdays: tuple[int, ...], first: dt.date, end: dt.date) -> Iterator[dt.date]:
    since, until = first.toordinal(), end.toordinal()
    for monday in range(since - first.weekday(), until, 7):
        for weekday in sorted(set(weekdays)):
            if since <= monday + weekday < until:
                yield dt.date.fromordinal(monday + weekday)


def _every(first: dt.date, end: dt.date, step: int) -> Iterator[dt.date]:
    return (first + dt.timedelta(days=n) for n in range(0, (end - first).days, step))


def _monthly(number: int | None, first: dt.date, end: dt.date) -> Iterator[dt.date]:
    for month in range(first.year * 12 + first.month - 1, end.year * 12 + end.month):
        year, index = divmod(month, 12)
        length = calendar.monthrange(year, index + 1)[1]
        if (number or length) <= length:
            yield dt.date(year, index + 1, number or length)


def _ruled(text: str, starts: dt.date, first: dt.date, end: dt.date) -> Iterator[dt.date]:
    if first >= end:
        return iter(())
    midnight = dt.time()
    found = _parsed(text, starts).between(
        dt.datetime.combine(first, midnight), dt.datetime.combine(end - DAY, midnight), inc=True
    )
    return (moment.date() for moment in found)


@lru_cache(maxsize=1024)
def _parsed(text: str, starts: dt.date) -> dateutil_rrule.rrule:
    # The rule keeps the dates it has come to, since it can only be walked from its start.
    rule = dateutil_rrule.rrulestr(text, dtstart=dt.datetime.combine(starts, dt.time()), cache=True)
    if not isinstance(rule, dateutil_rrule.rrule):
        raise ValueError("more than one rule")  # noqa: TRY004  # wrong text, not a wrong type
    return rule


def check_rrule(text: str, starts: dt.date) -> None:
    """Raises ValueError where this is not one RFC 5545 rule of whole days."""
    parts = dict(part.strip().upper().partition("=")[::2] for part in text.split(";"))
    if parts.get("FREQ") not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise ValueError("FREQ 只能是 DAILY、WEEKLY、MONTHLY、YEARLY")
    refused = {"BYHOUR", "BYMINUTE", "BYSECOND", "UNTIL", "DTSTART"} & set(parts)
    if refused or "\n" in text or ":" in text:
        raise ValueError("钟点、UNTIL、DTSTART 请写在 at、ends、starts 里")
    # An interval of zero would be walked for ever.
    interval = parts.get("INTERVAL", "1")
    if not interval.isdecimal() or not 1 <= int(interval) <= LONGEST_INTERVAL:
        raise ValueError(f"INTERVAL 要在 1 到 {LONGEST_INTERVAL} 之间")
    # A position without anything to choose from would be looked for until the year 9999.
    if "BYSETPOS" in parts and not any(
        name.startswith("BY") and name != "BYSETPOS" for name in parts
    ):
        raise ValueError("BYSETPOS 要和 BYDAY 等一起写")
    try:
        first = next(iter(_parsed(text, starts)), None)
    except (LookupError, TypeError) as error:
        raise ValueError(str(error)) from error
    if first is None:
        raise ValueError("这条规则永远不会发生")
