"""Distinct people of verticals and of the fleet: somebody who talks in five rooms counts once."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, func, literal, select
from sqlmodel import Session

from bot import database
from bot.insights import summing
from bot.models import AudienceWeek, DigestScope, MemberWeek, Rolled, Room
from bot.times import DAY

MEMBERS, ROOMS = database.table(MemberWeek).c, database.table(Room).c
WHOLE_WEEK = 0b111_1111


@dataclass(frozen=True, slots=True)
class Audience:
    """People who spoke: on each of the week's days added up, in its 7 and in its last 28 days."""

    person_days: int = 0
    weekly: int = 0
    monthly: int = 0


Audiences = dict[tuple[DigestScope, str], Audience]


def of_week(session: Session, week: dt.date) -> Audiences:
    """The audience of the fleet, (FLEET, ""), and of every vertical in the week of a Monday, as
    far as roll-ups were made; counted on the spot where something changed since.
    """
    table = database.table(AudienceWeek)
    rows = session.connection().execute(select(table).where(table.c.week == week))
    found = {
        (row.scope, row.target): Audience(row.person_days, row.weekly, row.monthly) for row in rows
    }
    return found or _of_week(session, week)


def forget(session: Session, since: dt.date) -> None:
    """Drop what no longer holds: who spoke in a week counts in the months to come, too."""
    table = database.table(AudienceWeek)
    session.connection().execute(delete(table).where(table.c.week >= since))


def missing(session: Session) -> list[dt.date]:
    """The weeks of the roll-ups whose people have to be counted."""
    rolled = database.table(Rolled).c
    first, until = (
        session.connection()
        .execute(select(func.min(rolled.first_day), func.max(rolled.until)))
        .one()
    )
    if first is None:
        return []
    standing = counted(session)
    return [week for week in summing.mondays(first, until) if week not in standing]


def counted(session: Session) -> set[dt.date]:
    """The weeks whose people were counted."""
    weeks = select(database.table(AudienceWeek).c.week).distinct()
    return set(session.connection().scalars(weeks))


def count(session: Session, week: dt.date) -> None:
    """Count the people of a week again. Safe to repeat."""
    found = _of_week(session, week)
    table = database.table(AudienceWeek)
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


def _of_week(session: Session, week: dt.date) -> Audiences:
    until = session.connection().scalar(select(func.max(database.table(Rolled).c.until)))
    end = min(week + summing.WEEK, until or week)
    # The fleet has a row even where nobody spoke: the week was counted.
    found: Audiences = {(DigestScope.FLEET, ""): Audience()}
    for scope in (DigestScope.FLEET, DigestScope.VERTICAL):
        for target, *numbers in _counted(session, scope, week, end):
            found[scope, target] = Audience(*numbers)
    return found


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
