"""What stands behind figures of a digest that count no messages: who came and went, what was heard
as a complaint, what was not sent. Counted as the figures are.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, String, null, select
from sqlmodel import Session

from bot import database, standing
from bot.insights import engagement
from bot.insights.engagement import Days, RoomView
from bot.models import (
    SINCE_EVER,
    Contact,
    Delivery,
    DeliveryState,
    Membership,
    Room,
    Signal,
    SignalKind,
)
from bot.times import DAY

STAY, CONTACT, ROOM, SIGNAL, POST = database.tables(Membership, Contact, Room, Signal, Delivery)


class Listed(StrEnum):
    """What is listed, by the key of its figure."""

    JOINS = "joins"
    LEAVES = "leaves"
    HEARD = "complaints"
    UNSENT = "deliveries_unsent"


def query(session: Session, what: Listed, rooms: Mapping[int, RoomView], days: Days) -> Select[Any]:
    """Rows (id, at, room_id, topic, name, text, state, reason) of these rooms in these days; what a
    kind has not is NULL. `name` and `text` are members' own.
    """
    stretch = engagement.given_rooms(session, rooms, days)
    match what:
        case Listed.JOINS:
            return _stays(stretch, STAY.c.joined_at).where(STAY.c.joined_at > SINCE_EVER)
        case Listed.LEAVES:
            return _stays(stretch, STAY.c.left_at)
        case Listed.HEARD:
            return _heard(stretch, days)
        case Listed.UNSENT:
            return _unsent(stretch)


def _stays(stretch: FromClause, moment: ColumnElement[Any]) -> Select[Any]:
    nothing = null().cast(String())
    return (
        select(
            *(STAY.c.id, moment.label("at"), ROOM.c.id.label("room_id"), ROOM.c.topic),
            *(CONTACT.c.name, nothing.label("text")),
            *(nothing.label("state"), nothing.label("reason")),
        )
        .join(stretch, stretch.c.room_id == STAY.c.room_id)
        .join(ROOM, ROOM.c.id == STAY.c.room_id)
        .join(CONTACT, CONTACT.c.id == STAY.c.contact_id)
        .where(moment >= stretch.c.since_at, moment < stretch.c.until_at)
        .where(engagement.by_member(STAY.c.room_id, STAY.c.contact_id))
    )


def _heard(stretch: FromClause, days: Days) -> Select[Any]:
    nothing = null().cast(String())
    return (
        select(
            *(SIGNAL.c.message_id.label("id"), SIGNAL.c.at, ROOM.c.id.label("room_id")),
            *(ROOM.c.topic, CONTACT.c.name, standing.text(SIGNAL).label("text")),
            *(nothing.label("state"), nothing.label("reason")),
        )
        .join(stretch, stretch.c.room_id == SIGNAL.c.room_id)
        .join(ROOM, ROOM.c.id == SIGNAL.c.room_id)
        .join(CONTACT, CONTACT.c.id == SIGNAL.c.contact_id)
        .where(SIGNAL.c.kind == SignalKind.COMPLAINT)
        .where(SIGNAL.c.day >= days.since - DAY, SIGNAL.c.day < days.until + DAY)
        .where(SIGNAL.c.at >= stretch.c.since_at, SIGNAL.c.at < stretch.c.until_at)
        .where(engagement.by_member(SIGNAL.c.room_id, SIGNAL.c.contact_id))
    )


def _unsent(stretch: FromClause) -> Select[Any]:
    nothing = null().cast(String())
    return (
        select(
            *(POST.c.id, POST.c.due_at.label("at"), ROOM.c.id.label("room_id"), ROOM.c.topic),
            *(nothing.label("name"), nothing.label("text"), POST.c.state, POST.c.reason),
        )
        .join(stretch, stretch.c.room_id == POST.c.room_id)
        .join(ROOM, ROOM.c.id == POST.c.room_id)
        .where(POST.c.state != DeliveryState.SENT)
        .where(POST.c.due_at >= stretch.c.since_at, POST.c.due_at < stretch.c.until_at)
    )
