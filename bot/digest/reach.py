"""How many people spoke in a week, each counted once however many rooms they are in."""

import datetime as dt

from sqlalchemy import ColumnElement, func, literal, select
from sqlmodel import Session

from bot import database
from bot.insights import engagement
from bot.insights.engagement import Days
from bot.models import DailyCount, DigestScope, MemberWeek, Room

People = dict[tuple[DigestScope, str], int]

COUNTS, MEMBERS = database.table(DailyCount).c, database.table(MemberWeek).c
ROOMS = database.table(Room).c


def people(session: Session, days: Days, *, held: bool) -> People:
    """People who spoke in these days of a week, by scope and target but for single rooms.

    `held`: the roll-ups hold, and so does their list of who spoke; else counters are read.
    """
    scopes: dict[DigestScope, ColumnElement[str]] = {
        DigestScope.FLEET: literal(""),
        DigestScope.VERTICAL: ROOMS.vertical,
        DigestScope.OWNER: ROOMS.owner,
    }
    found: People = {(DigestScope.FLEET, ""): 0}
    for scope, target in scopes.items():
        count = _rolled(session, target, days.since) if held else _counted(session, target, days)
        found |= {(scope, name): spoke for name, spoke in count.items()}
    return found


def _rolled(session: Session, target: ColumnElement[str], monday: dt.date) -> dict[str, int]:
    rows = session.connection().execute(
        select(target, func.count(MEMBERS.contact_id.distinct()))
        .where(MEMBERS.week == monday, ROOMS.id == MEMBERS.room_id)
        .group_by(target)
    )
    return dict(rows.all())


def _counted(session: Session, target: ColumnElement[str], days: Days) -> dict[str, int]:
    rows = session.connection().execute(
        select(target, func.count(COUNTS.contact_id.distinct()))
        .where(COUNTS.day >= days.since, COUNTS.day < days.until, COUNTS.messages > 0)
        .where(ROOMS.id == COUNTS.room_id)
        .where(engagement.by_member(COUNTS.room_id, COUNTS.contact_id))
        .group_by(target)
    )
    return dict(rows.all())
