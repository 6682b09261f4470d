"""A room's week so far, for an operator who asks in the room."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, select
from sqlmodel import Session

from bot import counting, database, times
from bot.insights import engagement
from bot.models import DailyCount, Membership, Role, Signal, SignalKind

COUNT, SIGNAL, STAY = database.tables(DailyCount, Signal, Membership)


@dataclass(frozen=True, slots=True)
class Week:
    """What a room's members did since Monday, operators and bots left out.

    `answered` are the questions that anybody human answered.
    """

    monday: dt.date
    messages: int
    speakers: int
    questions: int
    answered: int
    shares: int


def week(session: Session, room_id: int, now: dt.datetime, zone: ZoneInfo) -> Week:
    """What was said from Monday of the room-local week to `now`."""
    today = now.astimezone(zone).date()
    monday = today - dt.timedelta(days=today.weekday())
    row = (
        session.connection()
        .execute(
            select(
                func.coalesce(func.sum(COUNT.c.messages), 0),
                func.count(COUNT.c.contact_id.distinct()),
                func.coalesce(func.sum(COUNT.c.questions), 0),
                func.coalesce(func.sum(COUNT.c.shares), 0),
            )
            .where(COUNT.c.room_id == room_id, COUNT.c.day >= monday, COUNT.c.day <= today)
            .where(COUNT.c.messages > 0, engagement.by_member(COUNT.c.room_id, COUNT.c.contact_id))
        )
        .one()
    )
    messages, speakers, questions, shares = (int(amount) for amount in row)
    since, _ = counting.local_day(monday, zone)
    answered = _answered(session, room_id, since, now)
    return Week(monday, messages, speakers, questions, answered, shares)


def _answered(session: Session, room_id: int, since: dt.datetime, now: dt.datetime) -> int:
    answer, stay = SIGNAL.alias("answer"), STAY.alias("bot")
    days = times.utc_days(since, now + dt.timedelta(seconds=1))
    by_bot = exists().where(
        stay.c.room_id == room_id,
        stay.c.contact_id == answer.c.contact_id,
        stay.c.role == Role.BOT,
    )
    by_somebody = exists().where(
        answer.c.day.in_(days),
        answer.c.room_id == room_id,
        answer.c.kind == SignalKind.ANSWER,
        answer.c.target_id == SIGNAL.c.message_id,
        ~by_bot,
    )
    return (
        session.connection()
        .execute(
            select(func.count()).where(
                SIGNAL.c.day.in_(days),
                SIGNAL.c.room_id == room_id,
                SIGNAL.c.kind == SignalKind.QUESTION,
                SIGNAL.c.at >= since,
                engagement.by_member(SIGNAL.c.room_id, SIGNAL.c.contact_id),
                by_somebody,
            )
        )
        .scalar_one()
    )
