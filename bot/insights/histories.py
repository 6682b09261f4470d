"""Gather rooms' histories to add up, in a fixed number of queries."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Integer, Row, and_, func, select
from sqlmodel import Session

from bot import database, sealing
from bot.counting import local_day
from bot.insights import summing
from bot.insights.history import Asked, History, Spoken, Stay, Tie
from bot.models import (
    SINCE_EVER,
    DailyCount,
    Membership,
    MemberWeek,
    Message,
    Role,
    Signal,
    SignalKind,
)
from bot.text import judging
from bot.times import DAY, Stretch, inside, utc_days

Roles = Mapping[tuple[int, int], Role]


@dataclass(frozen=True, slots=True)
class Span:
    """The days of one room to add up, `[since, until)`; `since` is a Monday.

    `first_day` is the first recorded one as far as it lies before `since`. Answers count that
    came before the end of the day before `answered_until`.
    """

    zone: ZoneInfo
    since: dt.date
    until: dt.date
    answered_until: dt.date
    first_day: dt.date | None


def gather(session: Session, spans: Mapping[int, Span], roles: Roles) -> list[History]:
    """The histories of these rooms' days. `roles` names, by (room, contact), who is left out.

    What is before the days comes from the roll-ups, which must hold there.
    """
    histories = {
        room: History(room, span.zone, span.since, span.until, span.first_day)
        for room, span in spans.items()
    }
    _add_spoken(session, histories, roles)
    _add_past(session, histories)
    _add_stays(session, histories, roles)
    _add_answers(session, histories, spans, roles)
    _add_moments(session, histories, roles)
    return list(histories.values())


def _add_spoken(session: Session, histories: Mapping[int, History], roles: Roles) -> None:
    counts = database.table(DailyCount).c
    days = [
        (one.since + DAY * n, one.room_id)
        for one in histories.values()
        for n in range((one.until - one.since).days)
    ]
    given = database.given(session, {"day": Date(), "room_id": Integer()}, days)
    rows = session.connection().execute(
        select(
            counts.day,
            counts.room_id,
            counts.contact_id,
            counts.messages,
            counts.effective_messages,
            counts.questions,
            counts.shares,
            counts.product_mentions,
        ).where(counts.day == given.c.day, counts.room_id == given.c.room_id, counts.messages > 0)
    )
    for day, room, contact, *numbers in rows:
        history = histories[room]
        # Operators talk too: the room was recorded that day.
        history.first_day = min(history.first_day or day, day)
        if (room, contact) not in roles:
            history.spoken.append(Spoken(day, contact, *numbers))


def _add_past(session: Session, histories: Mapping[int, History]) -> None:
    member = database.table(MemberWeek).c
    given = database.given(
        session,
        {"room_id": Integer(), "since": Date()},
        [(one.room_id, one.since) for one in histories.values()],
    )
    before = and_(member.room_id == given.c.room_id, member.week < given.c.since)
    firsts = session.connection().execute(
        select(member.room_id, member.contact_id, func.min(member.week))
        .where(before)
        .group_by(member.room_id, member.contact_id)
    )
    for room, contact, week in firsts:
        histories[room].first_weeks[contact] = week
    earliest = min((one.since for one in histories.values()), default=dt.date.max)
    weeks = session.connection().execute(
        select(member.room_id, member.contact_id, member.week, member.days)
        .where(before)
        .where(member.week >= earliest - summing.MONTH)
    )
    for room, contact, week, days in weeks:
        histories[room].past[contact][week] = days


def _add_stays(session: Session, histories: Mapping[int, History], roles: Roles) -> None:
    stay = database.table(Membership).c
    given = database.given(session, {"room_id": Integer()}, [(room,) for room in histories])
    rows = session.connection().execute(
        select(stay.room_id, stay.contact_id, stay.joined_at, stay.left_at)
        .where(stay.room_id == given.c.room_id)
        .order_by(stay.room_id, stay.joined_at, stay.contact_id)
    )
    for room, contact, joined_at, left_at in rows:
        if (room, contact) not in roles:
            seen = None if joined_at <= SINCE_EVER else joined_at
            histories[room].stays.append(Stay(contact, seen, left_at))


def _add_answers(
    session: Session, histories: Mapping[int, History], spans: Mapping[int, Span], roles: Roles
) -> None:
    """Questions with their first answers, and who answered whom."""
    bounds = {
        room: (
            local_day(one.since - summing.MONTH, one.zone)[0],
            local_day(spans[room].answered_until, one.zone)[0],
        )
        for room, one in histories.items()
    }
    rows = _signals(session, bounds)
    askers = {
        row.message_id: row
        for row in rows
        if row.kind == SignalKind.QUESTION and (row.room_id, row.contact_id) not in roles
    }
    answers: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        if row.kind == SignalKind.ANSWER and row.target_id in askers:
            answers[row.target_id].append(row)
    for question in askers.values():
        history = histories[question.room_id]
        first = first_by_member = None
        for row in sorted(answers[question.message_id], key=lambda row: row.at):
            role = roles.get((row.room_id, row.contact_id))
            if role is Role.BOT or row.contact_id == question.contact_id:
                continue
            seconds = int((row.at - question.at).total_seconds())
            first = seconds if first is None else first
            if role is None:
                first_by_member = seconds if first_by_member is None else first_by_member
                history.ties.append(Tie(row.at, row.contact_id, question.contact_id))
        day = question.at.astimezone(history.zone).date()
        if history.since <= day < history.until:
            history.asked.append(Asked(question.at, first, first_by_member))


def _add_moments(session: Session, histories: Mapping[int, History], roles: Roles) -> None:
    bounds = {
        room: (local_day(one.since, one.zone)[0], local_day(one.until, one.zone)[0])
        for room, one in histories.items()
    }
    stretches = [Stretch(room, *span) for room, span in bounds.items()]
    gone = sealing.intervals(session, stretches)
    for room, at in moments(session, bounds, roles):
        if not inside(at, gone.get(room, ())):
            histories[room].moments.append(at)
    if gone:
        # The text of a sealed day may be gone: its hours were counted before.
        for room, day, hours in sealing.hours(session, stretches):
            histories[room].sealed_hours[day] = hours


def moments(
    session: Session, bounds: Mapping[int, tuple[dt.datetime, dt.datetime]], roles: Roles
) -> Iterator[tuple[int, dt.datetime]]:
    """(room, at) of what members said in these rooms' stretches and is counted: nothing of ours,
    no system message, nothing recalled.
    """
    message, signal = database.table(Message).c, database.table(Signal).c
    days = [(day, room) for room, span in bounds.items() for day in utc_days(*span)]
    given = database.given(session, {"day": Date(), "room_id": Integer()}, days)
    recalled = (
        select(signal.message_id)
        .where(
            signal.day == message.day,
            signal.room_id == message.room_id,
            signal.message_id == message.id,
            signal.kind == SignalKind.RECALLED,
        )
        .exists()
    )
    rows = session.connection().execute(
        select(message.room_id, message.contact_id, message.at)
        .where(message.day == given.c.day, message.room_id == given.c.room_id)
        .where(~message.own, message.type.not_in(judging.UNCOUNTED_TYPES), ~recalled)
    )
    for room, contact, at in rows:
        since_at, until_at = bounds[room]
        if since_at <= at < until_at and (room, contact) not in roles:
            yield room, at


def _signals(
    session: Session, bounds: Mapping[int, tuple[dt.datetime, dt.datetime]]
) -> Sequence[Row[Any]]:
    signal = database.table(Signal).c
    days = [
        (day, room) for room, (since, until) in bounds.items() for day in utc_days(since, until)
    ]
    given = database.given(session, {"day": Date(), "room_id": Integer()}, days)
    names = ("room_id", "message_id", "kind", "contact_id", "at", "target_id")
    rows = session.connection().execute(
        select(*(signal[name] for name in names))
        .where(signal.day == given.c.day, signal.room_id == given.c.room_id)
        .where(signal.kind.in_([SignalKind.QUESTION, SignalKind.ANSWER]))
    )
    found: list[Row[Any]] = []
    for row in rows:
        since, until = bounds[row.room_id]
        if since <= row.at < until:
            found.append(row)
    return found


def first_days(session: Session, rooms: Collection[int]) -> dict[int, dt.date]:
    """The first recorded day of these rooms, looked up in every counter there is."""
    counts = database.table(DailyCount).c
    rows = session.connection().execute(
        select(counts.room_id, func.min(counts.day)).group_by(counts.room_id)
    )
    return {room: day for room, day in rows if room in rooms}
