"""A stretch of the log, its orders and its people, as the columns that estimators read.

A constant number of statements; memory grows with the mentions of the stretch (some 40 bytes each).
"""

import datetime as dt
from typing import Any

import numpy as np
from sqlalchemy import CTE, ColumnElement, Date, ScalarSelect, Select, case, exists, func, select
from sqlmodel import Session

from bot import bulk, database
from bot.insights import arrays, buying, posts
from bot.insights.arrays import Ints, Lines, Log, Record, Talk
from bot.insights.buying import Buyers
from bot.insights.sights import AROUND
from bot.models import DailyCount, Mention, Message, Room

MENTION, MESSAGE, COUNT, ROOM = database.tables(Mention, Message, DailyCount, Room)
# What is estimated of a line reads so far to both sides of it.
MARGIN = dt.timedelta(seconds=AROUND)
# A room that was silent for so long at the end may have ceased to be heard.
SILENT = dt.timedelta(days=3)
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def gather(session: Session, since: dt.datetime | None, until: dt.datetime | None) -> Record:
    """The record of the lines paid in `[since, until)` that count, and what was said near them."""
    bought, buyers = buying.gather(session, buying.paid_in(since, until))
    counted = ~bought.out & ~bought.ours
    lines = Lines(
        product=bought.product[counted],
        at=bought.at[counted],
        buyer=bought.person[counted],
        marked=bought.marked[counted],
    )
    if not len(lines.at):
        return Record(
            Talk(*(_none() for _ in range(5))), lines, buyers.stays, Log(_none(), _none())
        )
    first, last = (
        dt.datetime.fromtimestamp(int(each), dt.UTC) for each in (lines.at.min(), lines.at.max())
    )
    first = max(first, EVER + MARGIN) - MARGIN
    talk = _heard(session, buyers, first, last + MARGIN)
    rooms = 1 + max(buyers.stays.room.max(initial=0), talk.room.max(initial=0))
    return Record(talk, lines, buyers.stays, _log(session, rooms))


def _heard(session: Session, buyers: Buyers, since: dt.datetime, until: dt.datetime) -> Talk:
    code = case({touch: place for place, touch in enumerate(arrays.TOUCHES)}, value=MENTION.c.touch)
    told = select(
        *(MENTION.c.room_id, MENTION.c.product_id),
        *(database.seconds(MENTION.c.at, session).label("at"), MENTION.c.contact_id),
        code.label("touch"),
    ).where(
        MENTION.c.day >= since.date(),
        MENTION.c.day <= until.date(),
        MENTION.c.touch.is_not(None),
    )
    room, product, at, contact, touch = bulk.columns(session, told)
    person = buyers.persons_of(contact)
    speaker = np.where(person == arrays.UNKNOWN, -2 - contact, person)
    sent = posts.promotions(session, since, until)
    ours = np.full(len(sent.at), -2), np.full(len(sent.at), arrays.PROMO)
    columns = (
        *((room, sent.room), (product, sent.product), (at, sent.at)),
        *((speaker, ours[0]), (touch, ours[1])),
    )
    room, product, at, speaker, touch = (np.concatenate(each) for each in columns)
    order = np.lexsort((at, product, room))
    return Talk(room[order], product[order], at[order], speaker[order], touch[order])


def _log(session: Session, rooms: int) -> Log:
    """The stretch that each room's log covers; nothing where it was never heard."""
    connection = session.connection()
    # One after the other: asked for both at once, SQLite reads every day.
    ends = [connection.scalar(select(which(MESSAGE.c.day))) for which in (func.min, func.max)]
    first_day = connection.scalar(select(func.min(COUNT.c.day)))
    since, until = np.full(rooms, arrays.FOREVER), np.zeros(rooms, np.int64)
    if ends[0] is None or first_day is None:
        return Log(since, until)
    first_at, last_at = (
        connection.scalar(select(which(MESSAGE.c.at)).where(MESSAGE.c.day == day))
        for which, day in ((func.min, ends[0]), (func.max, ends[1]))
    )
    # Text may be gone while its counters stand.
    first = min(_seconds(first_at), _midnight(first_day + dt.timedelta(days=1)))
    counted = connection.execute(_days_of_rooms(first_day, ends[1] - SILENT))
    for room, begins, ended in counted:
        if room >= rooms or begins is None:
            continue
        whole = begins == first_day
        since[room] = first if whole else _midnight(begins + dt.timedelta(days=1))
        until[room] = _seconds(last_at) if ended >= ends[1] - SILENT else _midnight(ended)
    return Log(since, until)


def _days_of_rooms(first: dt.date, lately: dt.date) -> Select[Any]:
    """The first and the last day of each room's counters, NULL where it has none.

    Counters lead with the day, and a room has many a day: most rooms were there on the `first` day
    and since `lately`, which a look or two tell each; only the others are looked for on every day.
    """
    every = _days()
    told = COUNT.c.day == every.c.day, COUNT.c.room_id == ROOM.c.id
    counted = exists().where(*told).correlate(every, ROOM)

    def found(end: ColumnElement[Any], *near: ColumnElement[bool]) -> ScalarSelect[Any]:
        return select(end).where(counted, *near).correlate(ROOM).scalar_subquery()

    begins, ended = func.min(every.c.day), func.max(every.c.day)
    return select(
        ROOM.c.id,
        func.coalesce(found(begins, every.c.day == first), found(begins), type_=Date()),
        func.coalesce(found(ended, every.c.day >= lately), found(ended), type_=Date()),
    )


def _days() -> CTE:
    """The days that have counters, each found from the one before: one look a day. The last is
    NULL.
    """
    day = select(func.min(COUNT.c.day, type_=Date()).label("day")).cte("days", recursive=True)
    following = select(func.min(COUNT.c.day, type_=Date())).where(COUNT.c.day > day.c.day)
    return day.union_all(select(following.scalar_subquery()).where(day.c.day.is_not(None)))


def _midnight(day: dt.date) -> int:
    return _seconds(dt.datetime.combine(day, dt.time(), dt.UTC))


def _seconds(at: Any) -> int:
    return int(at.timestamp())


def _none() -> Ints:
    return np.zeros(0, np.int64)
