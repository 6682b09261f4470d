"""The calendar's days: steps of occurrences by wall clock, holidays, make-up days, festivals."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select, true

from bot import database
from bot.console import labels, reach
from bot.console.page import Page
from bot.models import RoomTag, SeriesKind
from content_calendar import definition, festivals, holidays, recurrence
from content_calendar.audience import ROOM
from content_calendar.definition import Stored
from content_calendar.holidays import Days
from content_calendar.recurrence import DAY

LONGEST = 100 * DAY
LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
WEEKEND = 5


@dataclass(frozen=True, slots=True)
class Filters:
    """What the calendar is narrowed to; empty: everything in scope."""

    vertical: str = ""
    tag: str = ""
    room: str = ""
    series: str = ""
    kind: str = ""

    @property
    def rooms(self) -> ColumnElement[bool] | None:
        """The condition on the room table; None where no room is asked for."""
        conditions: list[ColumnElement[bool]] = []
        if self.vertical:
            conditions.append(ROOM.c.vertical == self.vertical)
        if self.tag:
            tag = database.table(RoomTag)
            conditions.append(ROOM.c.id.in_(select(tag.c.room_id).where(tag.c.tag == self.tag)))
        if self.room:
            like = f"%{self.room.translate(LIKE)}%"
            named = ROOM.c.topic.like(like, escape="\\")
            conditions.append(or_(named, ROOM.c.platform_id == self.room))
        return and_(true(), *conditions) if conditions else None


def shown(page: Page, filters: Filters) -> list[tuple[Stored, int]]:
    """The series of the filters that the operator may see, and how many rooms each reaches."""
    found = [
        each
        for each in definition.stored(page.session)
        if (not filters.series or each.definition.key == filters.series)
        and (not filters.kind or each.definition.kind == _kind(filters.kind))
    ]
    asked = filters.rooms
    reached = reach.counts(
        page.session, page.someone, (each.definition.audience for each in found),
        reach.today(page), asked,
    )  # fmt: skip
    kept = []
    for each in found:
        of = reached[each.definition.audience]
        if of.visible and (asked is None or of.wanted):
            kept.append((each, of.open if asked is None else of.wanted))
    return kept


def events(page: Page, filters: Filters, since: dt.date, until: dt.date) -> list[dict[str, object]]:
    """What FullCalendar draws in `[since, until)`: times are the rooms' own wall clocks."""
    until = min(until, since + LONGEST)
    days = holidays.load(page.session)
    return [
        event
        for series, rooms in shown(page, filters)
        for event in _steps(page, series, rooms, since, until, days)
    ]


def _steps(
    page: Page, series: Stored, rooms: int, since: dt.date, until: dt.date, days: Days
) -> Iterator[dict[str, object]]:
    wanted = series.definition
    state, _ = labels.SERIES[series.state]
    for timing in wanted.timings:
        shift = timing.days * DAY
        for each in recurrence.occurrences(wanted.schedule, since - shift, until - shift, days):
            moved = each.original_date != each.date
            yield {
                "id": f"{wanted.key}|{each.original_date}|{timing.step}",
                "title": f"{wanted.name} · {timing.step}",
                "start": f"{each.date + shift}T{timing.at:%H:%M}:00",
                "extendedProps": {
                    "key": wanted.key,
                    "name": wanted.name,
                    "step": timing.step,
                    "only": len(wanted.timings) == 1,
                    "original": each.original_date.isoformat(),
                    "date": each.date.isoformat(),
                    "version": series.version,
                    "state": series.state.value,
                    "kind": wanted.kind.value,
                    "moved": moved,
                    "said": page.tr(
                        "{name}，{step}，{clock}，{rooms} 个群，{state}", name=wanted.name,
                        step=timing.step, clock=f"{timing.at:%H:%M}", rooms=rooms,
                        state=page.tr(state),
                    ),
                    "rooms": rooms,
                    "reach": page.tr("{n} 个群", n=f"{rooms:,}") + " · " + page.tr(state),
                },
            }  # fmt: skip


def marked(page: Page, since: dt.date, until: dt.date) -> dict[str, dict[str, str]]:
    """What is special about days: holidays (休), make-up workdays (班), days without posts (停),
    festivals by name; days of years nobody has published yet are told apart.
    """
    days = holidays.load(page.session)
    last = min(until, since + LONGEST)
    named = {
        day: name for name in festivals.FESTIVALS for day in festivals.dates([name], since, last)
    }
    found: dict[str, dict[str, str]] = {}
    day = since
    while day < last:
        mark = _mark(page, day, days)
        if mark or day in named:
            kind, word = mark or ("", "")
            found[day.isoformat()] = {"kind": kind, "word": word, "name": named.get(day, "")}
        day += DAY
    return found


def unknown_years(page: Page, since: dt.date, until: dt.date) -> list[int]:
    """The years of a stretch whose holidays nobody knows yet."""
    days = holidays.load(page.session)
    return [year for year in range(since.year, until.year + 1) if not days.knows(year)]


def _mark(page: Page, day: dt.date, days: Days) -> tuple[str, str] | None:
    if day in days.blackout:
        return "blackout", page.tr("停")
    if days.is_holiday(day):
        return "holiday", page.tr("休")
    if day.weekday() >= WEEKEND and days.is_workday(day):
        return "workday", page.tr("班")
    return None


def _kind(text: str) -> SeriesKind | None:
    return next((kind for kind in SeriesKind if kind.value == text), None)
