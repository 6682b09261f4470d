"""Statutory holidays and workdays in China: what is published, under what an operator says.

Nothing is guessed. The arrangement for a year is published in the autumn before it; until then the
year is unknown, unless the special days name all of its statutory festivals. This is the only file
that knows chinese_calendar.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import chinese_calendar
from sqlalchemy import delete, select, update
from sqlmodel import Session

from bot import database
from bot.models import Audit, DayKind, Series, SpecialDay
from content_calendar import festivals

SPECIAL_DAY = database.table(SpecialDay)
STATUTORY = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of each day. `special` goes before what is published; a day without posts
    (blackout) says nothing about holidays.
    """

    special: Mapping[dt.date, DayKind] = field(default_factory=dict)
    _named_years: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note the years that the special days make known."""
        named = {day for day, kind in self.special.items() if kind is DayKind.HOLIDAY}
        complete = {year for year in {day.year for day in named} if _statutory(year) <= named}
        object.__setattr__(self, "_named_years", frozenset(complete))

    def knows(self, year: int) -> bool:
        """Whether the holidays of a year are known."""
        return year in self._named_years or _published(year) is not None

    def is_holiday(self, day: dt.date) -> bool:
        """Whether it is known to be a statutory holiday; a plain weekend is none."""
        kind = self.special.get(day)
        if kind is None or kind is DayKind.BLACKOUT:
            published = _published(day.year)
            return published is not None and day in published.holidays
        return kind is DayKind.HOLIDAY

    def is_workday(self, day: dt.date) -> bool:
        """Whether it is known to be a workday; a weekend that makes up for a holiday is one."""
        kind = self.special.get(day)
        if kind is None or kind is DayKind.BLACKOUT:
            published = _published(day.year)
            if published is None:
                return day.year in self._named_years and day.weekday() < 5
            return day in published.workdays
        return kind is DayKind.WORKDAY

    @property
    def blackout(self) -> frozenset[dt.date]:
        """The days on which nothing is posted."""
        return frozenset(day for day, kind in self.special.items() if kind is DayKind.BLACKOUT)


PUBLISHED = Days({})


def load(session: Session) -> Days:
    """What is published, under the special days that stand."""
    statement = select(SPECIAL_DAY.c.day, SPECIAL_DAY.c.kind)
    return Days({row.day: row.kind for row in session.connection().execute(statement)})


def say(session: Session, day: dt.date, kind: DayKind, note: str, by: str, at: dt.datetime) -> bool:
    """Say what a day is, instead of what was said before; False where it was said already.

    Series look at their dates again.
    """
    before = _said(session, day)
    if before == (kind, note):
        return False
    rows = [{"day": day, "kind": kind, "note": note}]
    database.insert_rows(session, SpecialDay, rows, replace=("kind", "note"))
    _changed(session, day, by, at, before, (kind, note))
    return True


def forget(session: Session, day: dt.date, by: str, at: dt.datetime) -> bool:
    """Take back what was said of a day; False where nothing was."""
    before = _said(session, day)
    if before is None:
        return False
    session.connection().execute(delete(SPECIAL_DAY).where(SPECIAL_DAY.c.day == day))
    _changed(session, day, by, at, before, None)
    return True


def _said(session: Session, day: dt.date) -> tuple[DayKind, str] | None:
    statement = select(SPECIAL_DAY.c.kind, SPECIAL_DAY.c.note).where(SPECIAL_DAY.c.day == day)
    row = session.connection().execute(statement).first()
    return None if row is None else (row.kind, row.note)


def _changed(
    session: Session,
    day: dt.date,
    by: str,
    at: dt.datetime,
    before: tuple[DayKind, str] | None,
    after: tuple[DayKind, str] | None,
) -> None:
    series = database.table(Series)
    session.connection().execute(update(series).values(next_due_at=None))
    row = {"at": at, "by": by, "action": "day", "object": f"day:{day}"}
    states = {
        name: None if state is None else {"kind": state[0].value, "note": state[1]}
        for name, state in (("before", before), ("after", after))
    }
    database.insert_rows(session, Audit, [row | states])


@lru_cache(maxsize=256)
def _statutory(year: int) -> frozenset[dt.date]:
    """The days of the seven statutory festivals themselves, as far as they can be dated."""
    first, end = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    return frozenset(festivals.dates(STATUTORY, first, end))


@dataclass(frozen=True, slots=True)
class _Published:
    holidays: frozenset[dt.date]
    workdays: frozenset[dt.date]


@lru_cache(maxsize=256)
def _published(year: int) -> _Published | None:
    """What the library holds of a year, or None."""
    january = dt.date(year, 1, 1)
    length = (dt.date(year, 12, 31) - january).days + 1
    days = [january + dt.timedelta(days=number) for number in range(length)]
    try:
        return _Published(
            frozenset(day for day in days if _is_statutory(day)),
            frozenset(day for day in days if chinese_calendar.is_workday(day)),
        )
    except NotImplementedError:
        # What the library raises for a year whose holidays nobody has published yet.
        return None


def _is_statutory(day: dt.date) -> bool:
    rests, name = chinese_calendar.get_holiday_detail(day)
    # A plain weekend is a day of rest without a name.
    return bool(rests) and name is not None
