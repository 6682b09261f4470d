"""What was said in a room right before and right after a message."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlmodel import Session

from bot import database, sampling
from bot.models import Message

MESSAGE = database.table(Message)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in the log: the UTC day, our ids of room and message, when."""

    day: dt.date
    room_id: int
    message_id: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A message that stands; `text` is None where its type has none, `own` where we sent it."""

    message_id: int
    contact_id: int
    name: str
    at: dt.datetime
    text: str | None
    type: str
    own: bool


def before(
    session: Session, place: Place, most: int, *, texts_only: bool = False
) -> tuple[Said, ...]:
    """The last messages before a place, in order."""
    earlier = or_(
        MESSAGE.c.at < place.at,
        and_(MESSAGE.c.at == place.at, MESSAGE.c.id < place.message_id),
    )
    query = _said(place, [place.day, place.day - DAY], earlier, texts_only=texts_only)
    query = query.order_by(MESSAGE.c.at.desc(), MESSAGE.c.id.desc()).limit(most)
    return tuple(reversed(_rows(session, query)))


def after(session: Session, place: Place, most: int) -> tuple[Said, ...]:
    """The first messages after a place, in order."""
    later = or_(
        MESSAGE.c.at > place.at,
        and_(MESSAGE.c.at == place.at, MESSAGE.c.id > place.message_id),
    )
    query = _said(place, [place.day, place.day + DAY], later, texts_only=False)
    return tuple(_rows(session, query.order_by(MESSAGE.c.at, MESSAGE.c.id).limit(most)))


def _said(
    place: Place, days: list[dt.date], when: ColumnElement[bool], *, texts_only: bool
) -> Select[Any]:
    columns = ("id", "contact_id", "name", "at", "text", "type", "own")
    query = select(*(MESSAGE.c[name] for name in columns)).where(
        MESSAGE.c.day.in_(days), MESSAGE.c.room_id == place.room_id, when, ~sampling.RECALLED
    )
    # What is no text, or was dropped, tells little; a recall says only that it is one.
    told = MESSAGE.c.text.is_not(None)
    return query.where(told if texts_only else or_(told, MESSAGE.c.type.not_in(("recall", "text"))))


def _rows(session: Session, query: Select[Any]) -> list[Said]:
    return [
        Said(row.id, row.contact_id, row.name or "", row.at, row.text, row.type, row.own)
        for row in session.connection().execute(query)
    ]
