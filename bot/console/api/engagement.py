"""/api/v1/engagement: what members did, by room and local day."""

import datetime as dt
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import and_, or_, select

from bot import database
from bot.console import roles
from bot.console.api import given
from bot.console.page import ApiReader
from bot.console.roles import OPERATOR
from bot.console.routes import Route
from bot.insights import engagement
from bot.models import Contact, DailyCount, Room

COUNT, ROOM, CONTACT = database.tables(DailyCount, Room, Contact)
LATELY = dt.timedelta(days=7)


class EngagementTold(BaseModel):
    """What one member did in one room on one of its local days. `room` and `sender` are platform
    ids; who asked to be forgotten has a random one.
    """

    day: dt.date
    room_id: int
    room: str
    sender: str
    messages: int
    effective_messages: int
    questions: int
    answers: int
    shares: int
    product_mentions: int
    rule_version: int


class Wanted(BaseModel):
    """Narrows the list to `[since, until)`; `since` is seven days back where it is left out."""

    since: given.Day | None = None
    until: given.Day | None = None
    room_id: Annotated[int | None, Query(ge=1, le=given.LARGEST)] = None


def listed(
    page: ApiReader,
    wanted: Annotated[Wanted, Depends()],
    limit: given.Limit = 50,
    cursor: given.Cursor = "",
) -> given.Listing[EngagementTold]:
    """Counted acts of members by day, room and member; operators, bots and recalled messages are
    left out.
    """
    today = page.now.astimezone(page.settings.zone).date()
    counted = [COUNT.c[name] for name in EngagementTold.model_fields if name in COUNT.c]
    query = (
        select(*counted, COUNT.c.contact_id, ROOM.c.platform_id.label("room"),
               CONTACT.c.platform_id.label("sender"))
        .join(ROOM, ROOM.c.id == COUNT.c.room_id)
        .join(CONTACT, CONTACT.c.id == COUNT.c.contact_id)
        .where(COUNT.c.day >= (wanted.since or today - LATELY))
        .where(engagement.by_member(COUNT.c.room_id, COUNT.c.contact_id))
    )  # fmt: skip
    if wanted.until is not None:
        query = query.where(COUNT.c.day < wanted.until)
    if wanted.room_id is not None:
        query = query.where(COUNT.c.room_id == wanted.room_id)
    if not roles.sees_all(page.someone):
        query = query.where(page.in_scope(ROOM))
    if place := given.unpack(cursor, str, int, int):
        day, room, contact = given.day(place[0]), place[1], place[2]
        within = and_(COUNT.c.room_id == room, COUNT.c.contact_id > contact)
        later = or_(COUNT.c.day > day, COUNT.c.room_id > room, within)
        query = query.where(COUNT.c.day >= day, later)
    query = query.order_by(COUNT.c.day, COUNT.c.room_id, COUNT.c.contact_id)
    found = page.session.connection().execute(query.limit(limit + 1)).all()
    shown, following = found[:limit], None
    if len(found) > limit:
        last = shown[-1]
        following = given.pack(last.day.isoformat(), last.room_id, last.contact_id)
    return given.Listing(items=[EngagementTold(**row._mapping) for row in shown], next=following)


ROUTES = (Route("GET", "/api/v1/engagement", listed, OPERATOR, api=True),)
