"""What roll-ups no longer say rightly: whoever changes counters or stays of a past day marks it."""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Date, Integer, case, func, select, update
from sqlmodel import Session

from bot import database
from bot.models import Rolled

EVER = dt.date(1970, 1, 1)


def mark(session: Session, changed: Iterable[tuple[int, dt.date]]) -> None:
    """Mark rooms' roll-ups from the given days on, as (room id, room-local day or an earlier one).

    Days that no roll-up reached yet, as those of live messages, cost one look at one row.
    """
    earliest: dict[int, dt.date] = {}
    for room, day in changed:
        earliest[room] = min(day, earliest.get(room, day))
    if not earliest:
        return
    rolled = database.table(Rolled)
    reached = session.connection().scalar(select(func.max(rolled.c.until)))
    if reached is None:
        return
    past = sorted((room, day) for room, day in earliest.items() if day < reached)
    if not past:
        return
    given = database.given(session, {"room_id": Integer(), "day": Date()}, past)
    later = rolled.c.since.is_(None) | (rolled.c.since > given.c.day)
    session.connection().execute(
        update(rolled)
        .values(since=case((later, given.c.day), else_=rolled.c.since))
        .where(rolled.c.room_id == given.c.room_id, given.c.day < rolled.c.until)
    )


def mark_all(session: Session) -> None:
    """Mark every roll-up: everything below it is derived again."""
    session.connection().execute(update(database.table(Rolled)).values(since=EVER))


def earliest_day(at: dt.datetime) -> dt.date:
    """The earliest local day that a UTC instant can lie on, whatever the zone."""
    return max(at.date(), EVER + dt.timedelta(days=1)) - dt.timedelta(days=1)
