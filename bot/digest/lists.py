"""The lists behind figures over many days: seats, days with what was held on them, and weeks.

Of rooms whose gateway reads all, as the digest counts them; each list is what its figure's footnote
names, so that silence, lift and bands can be computed again from it.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import func, select
from sqlmodel import Session

from bot import counting, database
from bot.digest import posts
from bot.gateway import Read
from bot.insights import engagement, rising, rolled, summing
from bot.insights.engagement import Days, RoomView
from bot.models import Contact, DailyCount, Membership, RoomWeek
from bot.times import DAY

SEATS = ("room", "sender", "present", "messages")
DAYS = ("room", "day", "messages", "held")
WEEKS = ("room", "week", "days", "messages", "origin")
COUNT, CONTACT, STAY, EARLIER = database.tables(DailyCount, Contact, Membership, RoomWeek)

Rows = Iterator[tuple[object, ...]]


def seats(session: Session, views: Mapping[int, RoomView], days: Days) -> Rows:
    """Every seat of the days: who was in the room as they ended or spoke in them, and how many
    messages they said. Operators and bots have none.
    """
    left_out = engagement.roles(session)
    for rooms in rising.parts(_readable(views)):
        found = {key: (False, said) for key, said in _spoke(session, rooms, days)}
        for key in _present(session, views, rooms, days.until):
            found[key] = (True, found.get(key, (False, 0))[1])
        names = _names(session, rooms)
        for (room, contact), (present, said) in sorted(found.items()):
            if (room, contact) not in left_out:
                yield (views[room].platform_id, names[contact], present, said)


def days(session: Session, views: Mapping[int, RoomView], span: Days) -> Rows:
    """Every recorded day of every room, silent ones too; `held` names the Q&A and sharing days
    held on it, separated by `|`.
    """
    readable = _readable(views)
    counted = rolled.read(session, readable, span.until, days=len(span), weeks=1).days
    held = posts.held(session, views, span)
    for room, by_day in sorted(counted.items()):
        for day, one in sorted(by_day.items()):
            kinds = [kind.value for kind, rooms in held.items() if day in rooms.get(room, ())]
            yield (views[room].platform_id, day, one.messages, "|".join(kinds))


def weeks(session: Session, views: Mapping[int, RoomView], span: Days) -> Rows:
    """Every week of every room that the log or a roll-up from elsewhere holds; `days` of them were
    recorded. `origin` says whose roll-up a week is, empty for the log's own, which stands first.
    """
    first, last = summing.monday(span.since), summing.monday(span.until - DAY)
    readable = _readable(views)
    back = (last - first).days // 7
    rolls = rolled.read(session, readable, span.until, days=1, weeks=max(back, 1))
    brought = _brought(session, Days(first, span.until))
    for room in sorted(readable):
        rows = {
            one.week: (one.room_days, one.messages, "")
            for one in rolls.earlier.get(room, {}).values()
            if one.week >= first
        }
        if this := rolls.week.get(room):
            rows[this.week] = (this.room_days, this.messages, "")
        for week, row in sorted((brought.get(room, {}) | rows).items()):
            yield (views[room].platform_id, week, *row)


def _readable(views: Mapping[int, RoomView]) -> dict[int, RoomView]:
    return {room: view for room, view in views.items() if view.reads is Read.ALL}


def _spoke(
    session: Session, rooms: Sequence[int], days: Days
) -> Iterator[tuple[tuple[int, int], int]]:
    query = (
        select(COUNT.c.room_id, COUNT.c.contact_id, func.sum(COUNT.c.messages))
        .where(COUNT.c.room_id.in_(rooms), COUNT.c.messages > 0)
        .where(COUNT.c.day >= days.since, COUNT.c.day < days.until)
        .group_by(COUNT.c.room_id, COUNT.c.contact_id)
    )
    for room, contact, said in session.connection().execute(query):
        yield (room, contact), int(said)


def _present(
    session: Session, views: Mapping[int, RoomView], rooms: Sequence[int], end: dt.date
) -> Iterator[tuple[int, int]]:
    """(room, contact) of who was there at the midnight with which `end` begins."""
    query = select(STAY.c.room_id, STAY.c.contact_id, STAY.c.joined_at, STAY.c.left_at).where(
        STAY.c.room_id.in_(rooms)
    )
    for room, contact, joined_at, left_at in session.connection().execute(query):
        at = counting.local_day(end, views[room].zone)[0]
        if joined_at < at and (left_at is None or left_at >= at):
            yield room, contact


def _names(session: Session, rooms: Sequence[int]) -> dict[int, str]:
    spoke = select(COUNT.c.contact_id).where(COUNT.c.room_id.in_(rooms))
    there = select(STAY.c.contact_id).where(STAY.c.room_id.in_(rooms))
    query = select(CONTACT.c.id, CONTACT.c.platform_id).where(CONTACT.c.id.in_(spoke.union(there)))
    return dict(session.connection().execute(query).all())


def _brought(session: Session, span: Days) -> dict[int, dict[dt.date, tuple[int, int, str]]]:
    query = select(EARLIER.c.room_id, EARLIER.c.week, EARLIER.c.messages, EARLIER.c.origin).where(
        EARLIER.c.week >= span.since, EARLIER.c.week < span.until
    )
    found: dict[int, dict[dt.date, tuple[int, int, str]]] = {}
    for room, week, messages, origin in session.connection().execute(query):
        found.setdefault(room, {})[week] = (7, messages, origin)
    return found
