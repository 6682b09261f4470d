"""Distinct people of verticals and of the fleet: somebody who talks in five rooms counts once."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, func, literal, select
from sqlmodel import Session

from bot import database
from bot.counting import DAY
from bot.insights import summing
from bot.models import AudienceWeek, DigestScope, MemberWeek, Room

MEMBERS, ROOMS = database.table(MemberWeek).c, database.table(Room).c
WHOLE_WEEK = 0b111_1111


@dataclass(frozen=True, slots=True)
class Audience:
    """People who spoke: on each of the week's days added up, in its 7 and in its last 28 days."""

    person_days: int = 0
    weekly: int = 0
    monthly: int = 0


def of_week(session: Session, week: dt.date) -> dict[tuple[DigestScope, str], Audience]:
    """The audience of the fleet, (FLEET, ""), and of every vertical in the week of a Monday."""
    table = database.table(AudienceWeek)
    rows = session.connection().execute(select(table).where(table.c.week == week))
    return {
        (row.scope, row.target): Audience(row.person_days, row.weekly, row.monthly) for row in rows
    }


def count(session: Session, week: dt.date, until: dt.date) -> None:
    """Count the people of a week again, as far as it lies before `until`."""
    end = min(week + summing.WEEK, until)
    table = database.table(AudienceWeek)
    found = {
        (scope, target): Audience(*numbers)
        for scope in (DigestScope.FLEET, DigestScope.VERTICAL)
        for target, *numbers in _counted(session, scope, week, end)
    }
    session.connection().execute(delete(table).where(table.c.week == week))
    rows = [
        {
            "week": week,
            "scope": scope,
            "target": target,
            "person_days": one.person_days,
            "weekly": one.weekly,
            "monthly": one.monthly,
        }
        for (scope, target), one in sorted(found.items())
    ]
    database.insert_rows(session, AudienceWeek, rows)


def _counted(
    session: Session, scope: DigestScope, week: dt.date, end: dt.date
) -> Iterable[tuple[str, int, int, int]]:
    target: ColumnElement[str] = (
        literal("") if scope is DigestScope.FLEET else ROOMS.vertical
    ).label("target")
    person = _person(target, week, end).subquery()
    days = sum((person.c[f"day_{n}"] for n in range(7)), literal(0))
    weekly = case((days > 0, 1), else_=0)
    rows = session.connection().execute(
        select(person.c.target, func.sum(days), func.sum(weekly), func.count())
        .group_by(person.c.target)
        .order_by(person.c.target)
    )
    return [(name, *(int(number) for number in numbers)) for name, *numbers in rows]


def _person(target: ColumnElement[str], week: dt.date, end: dt.date) -> Select[Any]:
    """One row a person of the month to `end`: on which days of the week they spoke, 1 or 0."""
    since = end - summing.MONTH
    first = summing.monday(since)
    early = WHOLE_WEEK << (since - first).days & WHOLE_WEEK
    spoke_late = (MEMBERS.week > first) | (MEMBERS.days.op("&")(early) != 0)
    of_days = [func.max(_bit(MEMBERS.week == week, n)).label(f"day_{n}") for n in range(7)]
    return (
        select(target, MEMBERS.contact_id, *of_days)
        .where(ROOMS.id == MEMBERS.room_id, spoke_late)
        .where(MEMBERS.week.in_(summing.mondays(first, week + DAY)))
        .group_by(target, MEMBERS.contact_id)
    )


def _bit(holds: ColumnElement[bool], n: int) -> ColumnElement[int]:
    return case((holds & (MEMBERS.days.op("&")(1 << n) != 0), 1), else_=0)
