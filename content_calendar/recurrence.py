"""When a series takes place: pure functions from a schedule to local dates and to instants.

An occurrence is named by its *original* local date for ever. Windows are half-open; `starts` and
`ends` are the days of the first and the last possible occurrence, both included.
"""

import calendar
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil import rrule as dateutil_rrule

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


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


Rule = Weekly | Monthly | EveryDays | Dates | Rrule


@dataclass(frozen=True, slots=True)
class Schedule:
    """The days of a series. `skip` and the keys of `move` are original dates."""

    rule: Rule
    starts: dt.date
    ends: dt.date
    skip: frozenset[dt.date] = frozenset()
    move: Mapping[dt.date, dt.date] = field(default_factory=dict)


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
) -> list[Slot]:
    """The steps that are due in `[since, until)`, in order of time."""
    # One more day on either side: a wall clock that does not exist can fire on the next date.
    first, last = since.astimezone(zone).date() - DAY, until.astimezone(zone).date() + DAY
    found = []
    for timing in timings:
        shift = dt.timedelta(days=timing.days)
        for each in occurrences(schedule, first - shift, last - shift + DAY):
            due_at = instant(each.date + shift, timing.at, zone)
            if since <= due_at < until:
                found.append(Slot(each.original_date, each.date, timing.step, due_at))
    return sorted(found, key=lambda slot: slot.due_at)


def occurrences(schedule: Schedule, since: dt.date, until: dt.date) -> list[Occurrence]:
    """The occurrences that take place in `[since, until)`, in order of date.

    A moved occurrence that meets another one merges with it: the one at home there stands, else
    the one with the earlier original date.
    """
    standing = {
        day: day
        for day in dates(schedule, since, until)
        if day not in schedule.skip and day not in schedule.move
    }
    for original, moved in sorted(schedule.move.items()):
        if since <= moved < until and original not in schedule.skip and happens(schedule, original):
            standing.setdefault(moved, original)
    return [Occurrence(original, day) for day, original in sorted(standing.items())]


def happens(schedule: Schedule, day: dt.date) -> bool:
    """Whether the rule names this day, skips and moves aside."""
    return next(dates(schedule, day, day + DAY), None) is not None


def dates(schedule: Schedule, since: dt.date, until: dt.date) -> Iterator[dt.date]:
    """The days in `[since, until)` that the rule names, skips and moves aside, in order."""
    first, end = max(since, schedule.starts), min(until, schedule.ends + DAY)
    match schedule.rule:
        case Weekly(days):
            return (day for day in _days(first, end) if day.weekday() in days)
        case Monthly(number):
            return (day for day in _monthly(number, first, end) if first <= day < end)
        case EveryDays(step):
            # The first multiple of the step at or after the window's first day.
            gone = -(-(first - schedule.starts).days // step) * step
            return _days(schedule.starts + dt.timedelta(days=gone), end, step)
        case Dates(chosen):
            return (day for day in chosen if first <= day < end)
        case Rrule(text):
            return _ruled(text, schedule.starts, first, end)


def instant(day: dt.date, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """A wall clock as UTC: the first of two, or the next minute that exists."""
    local = dt.datetime.combine(day, at)
    while True:
        found = local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
        if found.astimezone(zone).replace(tzinfo=None) == local:
            return found
        local += MINUTE


def _days(first: dt.date, end: dt.date, step: int = 1) -> Iterator[dt.date]:
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
    if not parts.get("INTERVAL", "1").isdecimal() or int(parts.get("INTERVAL", "1")) < 1:
        raise ValueError("INTERVAL 要是正整数")
    try:
        first = next(iter(_parsed(text, starts)), None)
    except (LookupError, TypeError) as error:
        raise ValueError(str(error)) from error
    if first is None:
        raise ValueError("这条规则永远不会发生")
