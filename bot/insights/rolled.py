"""Read rooms' days and weeks: the stored rows where they hold; where they do not, the same numbers
added up on the spot. So reading is always right, and quick where the night did its work.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import orjson
from sqlalchemy import ColumnElement, Table, Text, cast, select, true
from sqlmodel import Session

from bot import database
from bot.insights import histories, reach, summing
from bot.insights.engagement import RoomView
from bot.insights.history import Day, EarlierWeek, Sums, Week
from bot.models import EngagementWeek, RoomDay
from bot.times import DAY

# The last fields of a week are lists.
LISTS = Week._fields.index("speech")
FEW = 100
Kept = TypeVar("Kept", Day, EarlierWeek)


@dataclass(frozen=True, slots=True)
class RollUps:
    """By room id: the last week, and days and earlier weeks by date. Rooms and dates before
    anything was recorded are absent. `held`: every stored row held, none was added up here.
    """

    week: dict[int, Week] = field(default_factory=dict)
    days: dict[int, dict[dt.date, Day]] = field(default_factory=lambda: defaultdict(dict))
    earlier: dict[int, dict[dt.date, EarlierWeek]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    held: bool = True


def read(
    session: Session,
    views: Mapping[int, RoomView],
    until: dt.date,
    *,
    days: int = 28,
    weeks: int = 24,
) -> RollUps:
    """The `days` days before `until`, the week in which they end, and `weeks` weeks before it, of
    the rooms in `views`; of a few of them no other room's rows are read.

    A fixed number of queries where the roll-ups hold.
    """
    last = summing.monday(until - DAY)
    standing = reach.standing(session, views)
    spans = {
        room: replace(span, answered_until=until + DAY)
        for room, span in standing.behind(
            dict.fromkeys(views, until), exactly=until != last + summing.WEEK
        ).items()
    }
    found = RollUps()
    first = until - DAY * days
    _read_days(session, views, first, until, found)
    _read_weeks(session, views, last, weeks, found)
    for room, span in spans.items():
        _forget(found, room, span.since)
    for rooms in reach.parts(sorted(spans)):
        part = {room: spans[room] for room in rooms}
        for history in histories.gather(session, part, standing.roles):
            sums = summing.add_up(history)
            _take(found, history.room_id, sums, (first, last - summing.WEEK * weeks, last))
    return RollUps(found.week, _filled(found.days), _filled(found.earlier), held=not spans)


def _read_days(
    session: Session, views: Mapping[int, RoomView], since: dt.date, until: dt.date, found: RollUps
) -> None:
    table = database.table(RoomDay)
    rows = session.connection().execute(
        select(*(table.c[name] for name in Day._fields)).where(
            table.c.day >= since, table.c.day < until, _of(table, views)
        )
    )
    for row in rows.all():
        if row.room_id in views:
            found.days[row.room_id][row.day] = Day._make(row)


def _read_weeks(
    session: Session, views: Mapping[int, RoomView], week: dt.date, weeks: int, found: RollUps
) -> None:
    table = database.table(EngagementWeek)
    numbers = [table.c[name] for name in Week._fields[:LISTS]]
    # As text, since reading it is quicker here than in the driver.
    lists = [cast(table.c[name], Text) for name in Week._fields[LISTS:]]
    last = session.connection().execute(
        select(*numbers, *lists).where(table.c.week == week, _of(table, views))
    )
    for row in last.all():
        made = Week._make((*row[:LISTS], *map(orjson.loads, row[LISTS:])))
        if made.room_id in views:
            found.week[made.room_id] = made
    earlier = session.connection().execute(
        select(*(table.c[name] for name in EarlierWeek._fields)).where(
            table.c.week >= week - summing.WEEK * weeks, table.c.week < week, _of(table, views)
        )
    )
    for row in earlier.all():
        if row.room_id in views:
            found.earlier[row.room_id][row.week] = EarlierWeek._make(row)


def _of(table: Table, views: Mapping[int, RoomView]) -> ColumnElement[bool]:
    """A page of one room reads its rows alone; for many, reading all of them is quicker."""
    return table.c.room_id.in_(sorted(views)) if len(views) <= FEW else true()


def _forget(found: RollUps, room: int, since: dt.date) -> None:
    """Drop what was read of a room from `since` on: it does not hold."""
    found.days[room] = {day: one for day, one in found.days[room].items() if day < since}
    earlier = found.earlier[room].items()
    found.earlier[room] = {week: one for week, one in earlier if week < since}
    # A span ends in the last week.
    found.week.pop(room, None)


def _take(found: RollUps, room: int, sums: Sums, since: tuple[dt.date, dt.date, dt.date]) -> None:
    first_day, first_week, last_week = since
    found.days[room] |= {one.day: one for one in sums.days if one.day >= first_day}
    for one in sums.weeks:
        if one.week == last_week:
            found.week[room] = one
        elif one.week >= first_week:
            numbers = (getattr(one, name) for name in EarlierWeek._fields)
            found.earlier[room][one.week] = EarlierWeek._make(numbers)


def _filled(by_room: Mapping[int, dict[dt.date, Kept]]) -> dict[int, dict[dt.date, Kept]]:
    return {room: rows for room, rows in by_room.items() if rows}
