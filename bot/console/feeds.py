"""Calendar feeds: unguessable links for calendar programs, revocable; only hashes are kept."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, select, true, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from bot import database
from bot.console import auditing, credentials, reach, roles
from bot.errors import Fault, InvalidInput
from bot.models import CalendarFeed, Operator, Room, RoomTag
from bot.settings import Settings
from content_calendar import definition, holidays, ics

FEED, OPERATOR, ROOM, TAG = database.tables(CalendarFeed, Operator, Room, RoomTag)
FRESH = dt.timedelta(minutes=5)
BEHIND, AHEAD = dt.timedelta(days=31), dt.timedelta(days=184)
LONGEST = 60


def add(
    session: Session,
    operator: Operator,
    name: str,
    now: dt.datetime,
    *,
    vertical: str = "",
    tag: str = "",
    room: str = "",
) -> str:
    """A new feed of an operator; returns its token, shown this once. Raises InvalidInput."""
    if not name.strip():
        raise _refuse("name", "没有写给谁用", "写上谁订阅，以后好认、好收回")
    room_id = _room(session, operator, room.strip()) if room.strip() else None
    token = credentials.new_token()
    row = CalendarFeed(
        operator_id=operator.id or 0,
        name=name.strip()[:LONGEST],
        hash=credentials.digest(token),
        vertical=vertical.strip() or None,
        tag=tag.strip() or None,
        room_id=room_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    after = {"name": row.name, "vertical": row.vertical, "tag": row.tag, "room": room.strip()}
    auditing.note(session, now, operator.name, "feed.add", f"feed:{row.id}", None, after)
    return token


def listed(session: Session, operator: Operator) -> Sequence[Row[Any]]:
    """The feeds that work: one's own; an admin sees everybody's."""
    query = (
        select(FEED, OPERATOR.c.name.label("owner"), ROOM.c.topic.label("room"))
        .join(OPERATOR, OPERATOR.c.id == FEED.c.operator_id)
        .outerjoin(ROOM, ROOM.c.id == FEED.c.room_id)
        .where(FEED.c.revoked_at.is_(None))
        .order_by(FEED.c.id.desc())
    )
    if not roles.allows(operator.role, roles.ADMIN):
        query = query.where(FEED.c.operator_id == operator.id)
    return session.connection().execute(query).all()


def revoke(session: Session, operator: Operator, feed_id: int, now: dt.datetime) -> bool:
    """End a feed of one's own, or as an admin anybody's; False where there is none."""
    mine = (
        true() if roles.allows(operator.role, roles.ADMIN)
        else FEED.c.operator_id == operator.id
    )  # fmt: skip
    name = session.connection().scalar(
        update(FEED)
        .where(FEED.c.id == feed_id, FEED.c.revoked_at.is_(None), mine)
        .values(revoked_at=now)
        .returning(FEED.c.name)
    )
    if name is None:
        return False
    auditing.note(session, now, operator.name, "feed.revoke", f"feed:{feed_id}", {"name": name})
    return True


def find(session: Session, token: str) -> tuple[CalendarFeed, Operator] | None:
    """The feed of a token; None where it is unknown, revoked, or its operator disabled."""
    found = session.exec(
        select_rows(CalendarFeed, Operator)
        .join(Operator, col(Operator.id) == col(CalendarFeed.operator_id))
        .where(
            col(CalendarFeed.hash) == credentials.digest(token),
            col(CalendarFeed.revoked_at).is_(None),
            col(Operator.disabled_at).is_(None),
        )
    ).first()
    if found is None:
        return None
    feed, operator = found
    session.expunge_all()
    return feed, operator


def render(
    session: Session, feed: CalendarFeed, operator: Operator, settings: Settings, now: dt.datetime
) -> bytes:
    """The series that reach a room of the feed, from a month back to half a year ahead."""
    today = now.astimezone(settings.zone).date()
    every = definition.stored(session)
    reached = reach.counts(
        session, operator, (each.definition.audience for each in every), today, _asked(feed)
    )
    shown = [
        (each.definition, each.state) for each in every
        if reached[each.definition.audience].wanted
    ]  # fmt: skip
    days = holidays.load(session)
    return ics.render(shown, settings.zone, days, today - BEHIND, today + AHEAD, stamp=now)


def see(session: Session, feed_id: int, now: dt.datetime) -> None:
    """Note when a feed was last read."""
    session.connection().execute(update(FEED).where(FEED.c.id == feed_id).values(used_at=now))


def _asked(feed: CalendarFeed) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if feed.vertical is not None:
        conditions.append(ROOM.c.vertical == feed.vertical)
    if feed.tag is not None:
        conditions.append(ROOM.c.id.in_(select(TAG.c.room_id).where(TAG.c.tag == feed.tag)))
    if feed.room_id is not None:
        conditions.append(ROOM.c.id == feed.room_id)
    return and_(true(), *conditions)


def _room(session: Session, operator: Operator, platform_id: str) -> int:
    found = session.connection().scalar(
        select(ROOM.c.id).where(ROOM.c.platform_id == platform_id, roles.in_scope(operator, ROOM))
    )
    if found is None:
        raise _refuse("room", "没有这个群", "从群详情里复制群的编号")
    return int(found)


def _refuse(field: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("feed", 0, field, problem, remedy))
