"""Days of the log that must be read again: what is derived a UTC day at a time, apart from ingest.

A day is read again when its log is another than the one that was read: late messages, recalls,
a new version of the rules. What was read must depend on its own day alone.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import and_, delete, func, literal, select
from sqlmodel import Session

from bot import database, sealing
from bot.models import DayRead, Message, MessageIdentity, Recall

CHUNK = 5_000
READ, MESSAGE, IDENTITY, RECALL = database.tables(DayRead, Message, MessageIdentity, Recall)


@dataclass(frozen=True, slots=True)
class Log:
    """The state of a UTC day's log: how many messages, the newest id, how many recalled."""

    day: dt.date
    messages: int
    newest: int
    recalled: int
    version: int


def stale(session: Session, kind: str, version: int, since: dt.date) -> list[Log]:
    """The UTC days from `since` on that `kind` read another log of, or none.

    Days whose messages were dropped stay as they were read.
    """
    since = max(since, sealing.dropped_until(session) or since)
    rows = session.connection().execute(
        select(READ.c.day, READ.c.messages, READ.c.newest, READ.c.recalled, READ.c.version).where(
            READ.c.kind == kind, READ.c.day >= since
        )
    )
    read = {row.day: Log(*row) for row in rows}
    now = _logs(session, version, since)
    gone = [Log(day, 0, 0, 0, version) for day in read.keys() - {one.day for one in now}]
    return [*gone, *(one for one in now if read.get(one.day) != one)]


def note(session: Session, kind: str, log: Log) -> None:
    """Write down which log of a day was read; nothing of a day without messages."""
    session.connection().execute(delete(READ).where(READ.c.kind == kind, READ.c.day == log.day))
    if log.messages:
        database.insert_rows(session, DayRead, [{"kind": kind} | asdict(log)])


def forget(session: Session, kind: str) -> None:
    """Forget what was read, so that every day is read again."""
    session.connection().execute(delete(READ).where(READ.c.kind == kind))


def read_alike(one: Session, other: Session, kind: str) -> set[dt.date]:
    """The days that two databases read the same log of."""
    query = select(READ).where(READ.c.kind == kind)
    here, there = (
        {tuple(row) for row in each.connection().execute(query)} for each in (one, other)
    )
    return {row[1] for row in here & there}


def texts(session: Session, day: dt.date) -> Iterator[Sequence[Any]]:
    """What members wrote on a UTC day and did not take back, in parts: room_id, id, contact_id,
    at, text.
    """
    recalled = (
        select(literal(1))
        .where(RECALL.c.room_id == IDENTITY.c.room_id, RECALL.c.recalled == IDENTITY.c.platform_id)
        .exists()
    )
    query = (
        select(MESSAGE.c.room_id, MESSAGE.c.id, MESSAGE.c.contact_id, MESSAGE.c.at, MESSAGE.c.text)
        .join(IDENTITY, IDENTITY.c.id == MESSAGE.c.id)
        .where(
            MESSAGE.c.day == day,
            MESSAGE.c.type == "text",
            MESSAGE.c.text.is_not(None),
            MESSAGE.c.own.is_(False),
            ~recalled,
        )
        .execution_options(yield_per=CHUNK)
    )
    return session.connection().execute(query).partitions(CHUNK)


def _logs(session: Session, version: int, since: dt.date) -> list[Log]:
    counted = session.connection().execute(
        select(MESSAGE.c.day, func.count(), func.max(MESSAGE.c.id))
        .where(MESSAGE.c.day >= since)
        .group_by(MESSAGE.c.day)
        .order_by(MESSAGE.c.day)
    )
    recalled = session.connection().execute(
        select(IDENTITY.c.day, func.count())
        .select_from(RECALL)
        .join(
            IDENTITY,
            and_(
                IDENTITY.c.room_id == RECALL.c.room_id, IDENTITY.c.platform_id == RECALL.c.recalled
            ),
        )
        .where(IDENTITY.c.day >= since)
        .group_by(IDENTITY.c.day)
    )
    taken_back: dict[dt.date, int] = {row[0]: row[1] for row in recalled}
    return [
        Log(day, messages, newest, taken_back.get(day, 0), version)
        for day, messages, newest in counted
    ]
