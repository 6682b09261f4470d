"""The messages behind a week's figures of one room: what members said, asked, shared.

Counted as the roll-ups count (DESIGN §7), so that a list is as long as the figure says.
"""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select

from bot import database, times
from bot.insights import engagement
from bot.insights.engagement import Days, RoomView
from bot.models import Contact, Membership, Message, MessageIdentity, Role, Signal, SignalKind

MESSAGE, SIGNAL, CONTACT, NAMED = database.tables(Message, Signal, Contact, MessageIdentity)
UNCOUNTED = ("system", "recall")


class What(StrEnum):
    """Which messages."""

    MESSAGES = "messages"
    QUESTIONS = "questions"
    UNANSWERED = "unanswered"
    SHARES = "shares"


KINDS = {
    What.QUESTIONS: SignalKind.QUESTION,
    What.UNANSWERED: SignalKind.QUESTION,
    What.SHARES: SignalKind.SHARE,
}


def messages(room: RoomView, days: Days, what: What, answered_until: dt.datetime) -> Select[Any]:
    """Rows (id, at, type, text, name, platform_id) of members' messages in these local days.

    Questions count as unanswered where no human but the asker answered before `answered_until`.
    """
    since, until = days.instants(room.zone)
    query = (
        select(
            *(MESSAGE.c.id, MESSAGE.c.at, MESSAGE.c.type, MESSAGE.c.text),
            *(CONTACT.c.name, NAMED.c.platform_id),
        )
        .join(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .join(NAMED, NAMED.c.id == MESSAGE.c.id)
        .where(MESSAGE.c.day.in_(times.utc_days(since, until)), MESSAGE.c.room_id == room.id)
        .where(MESSAGE.c.at >= since, MESSAGE.c.at < until)
        .where(counts())
    )
    if what in KINDS:
        query = query.where(_with(KINDS[what]))
    if what is What.UNANSWERED:
        query = query.where(~_answered(times.utc_days(since, answered_until), answered_until))
    return query


def counts() -> ColumnElement[bool]:
    """Whether a message counts: of a member, not taken back, nothing that the system said."""
    return and_(
        *(~MESSAGE.c.own, MESSAGE.c.type.not_in(UNCOUNTED), ~_with(SignalKind.RECALLED)),
        engagement.by_member(MESSAGE.c.room_id, MESSAGE.c.contact_id),
    )


def _with(kind: SignalKind) -> ColumnElement[bool]:
    """Whether the message carries a signal."""
    return (
        select(SIGNAL.c.message_id)
        .where(
            *(SIGNAL.c.day == MESSAGE.c.day, SIGNAL.c.room_id == MESSAGE.c.room_id),
            *(SIGNAL.c.message_id == MESSAGE.c.id, SIGNAL.c.kind == kind),
        )
        .correlate(MESSAGE)
        .exists()
    )


def _answered(days: list[dt.date], until: dt.datetime) -> ColumnElement[bool]:
    """Whether a human other than the asker answered the message in time."""
    answer, stay = SIGNAL.alias("answer"), database.table(Membership).alias("robots")
    bots = select(stay.c.contact_id).where(
        stay.c.room_id == MESSAGE.c.room_id, stay.c.role == Role.BOT
    )
    return (
        select(answer.c.message_id)
        .where(
            and_(answer.c.day.in_(days), answer.c.room_id == MESSAGE.c.room_id),
            and_(answer.c.kind == SignalKind.ANSWER, answer.c.target_id == MESSAGE.c.id),
            and_(answer.c.contact_id != MESSAGE.c.contact_id, answer.c.at < until),
            answer.c.contact_id.not_in(bots.correlate(MESSAGE)),
        )
        .correlate(MESSAGE)
        .exists()
    )
