"""Our own posts of a week: what was sent, what was not and why, and which days were special."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlmodel import Session

from bot import database
from bot.insights import engagement
from bot.insights.engagement import Days, RoomView
from bot.models import Delivery, DeliveryState, Occurrence, Series, SeriesKind

POSTS = database.table(Delivery).c
SPECIAL = (SeriesKind.QA_DAY, SeriesKind.SHARING_DAY)


def unsent(
    session: Session, rooms: Mapping[int, RoomView], days: Days
) -> dict[int, Counter[tuple[str, str]]]:
    """Per room: deliveries due in these days that are not sent, by (state, reason)."""
    given = engagement.given_rooms(session, rooms, days)
    rows = session.connection().execute(
        select(POSTS.room_id, POSTS.state, POSTS.reason, func.count())
        .where(POSTS.room_id == given.c.room_id, POSTS.state != DeliveryState.SENT)
        .where(POSTS.due_at >= given.c.since_at, POSTS.due_at < given.c.until_at)
        .group_by(POSTS.room_id, POSTS.state, POSTS.reason)
    )
    found: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    for room, state, reason, count in rows:
        found[room][DeliveryState(state).value, reason or ""] += count
    return dict(found)


def sent(session: Session, rooms: Mapping[int, RoomView], days: Days) -> dict[int, int]:
    """Per room: deliveries due in these days that were sent."""
    given = engagement.given_rooms(session, rooms, days)
    rows = session.connection().execute(
        select(POSTS.room_id, func.count())
        .where(POSTS.room_id == given.c.room_id, POSTS.state == DeliveryState.SENT)
        .where(POSTS.due_at >= given.c.since_at, POSTS.due_at < given.c.until_at)
        .group_by(POSTS.room_id)
    )
    return {row[0]: row[1] for row in rows}


def held(
    session: Session, rooms: Mapping[int, RoomView], days: Days
) -> dict[SeriesKind, dict[int, frozenset[dt.date]]]:
    """Per kind and room: days on which a Q&A or sharing day took place.

    It did where a post of the occurrence was sent on the occurrence's own date: a notice that
    went out the evening before does not make that evening one.
    """
    occurrence, series = database.table(Occurrence).c, database.table(Series).c
    rows = session.connection().execute(
        select(series.kind, POSTS.room_id, occurrence.date, POSTS.sent_at)
        .where(POSTS.occurrence_id == occurrence.id, occurrence.series_id == series.id)
        .where(series.kind.in_(SPECIAL), POSTS.state == DeliveryState.SENT)
        .where(POSTS.sent_at.is_not(None))
        .where(occurrence.date >= days.since, occurrence.date < days.until)
    )
    found: dict[SeriesKind, dict[int, set[dt.date]]] = {kind: defaultdict(set) for kind in SPECIAL}
    for kind, room, day, sent_at in rows:
        if sent_at.astimezone(rooms[room].zone).date() == day:
            found[SeriesKind(kind)][room].add(day)
    return {
        kind: {room: frozenset(on) for room, on in by_room.items()}
        for kind, by_room in found.items()
    }


def first_held(session: Session, rooms: Mapping[int, RoomView]) -> dict[int, dt.date]:
    """Per room: the local day of its first post of a Q&A or sharing day."""
    series = database.table(Series).c
    rows = session.connection().execute(
        select(POSTS.room_id, func.min(POSTS.sent_at))
        .where(POSTS.series_id == series.id, series.kind.in_(SPECIAL))
        .where(POSTS.state == DeliveryState.SENT, POSTS.sent_at.is_not(None))
        .group_by(POSTS.room_id)
    )
    return {room: at.astimezone(rooms[room].zone).date() for room, at in rows}
