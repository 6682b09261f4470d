"""Sealed room-days: what is derived from them stands, whatever comes late.

Retention and forgetting seal days before their text goes (`bot/retention.py`). Nothing derives in a
sealed day again; what comes for one is logged and listed. `verify` tells whether the rows derived
from sealed days are still those that were sealed.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    func,
    literal,
    select,
)
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database
from bot.models import (
    DailyCount,
    DroppedDay,
    LateEvent,
    LateKind,
    Mention,
    Message,
    MessageIdentity,
    SealedDay,
    Signal,
)
from bot.times import DAY, Interval, Stretch, inside, utc_days

SEALED, LATE, DROPPED = database.tables(SealedDay, LateEvent, DroppedDay)
# A local day ends at most this long after the midnight with which its date begins in UTC.
LATEST_END = 2 * DAY

RoomDay = tuple[int, dt.date]


class Came(NamedTuple):
    """Something that came for a message said in a room at some time."""

    kind: LateKind
    message_id: int
    room_id: int
    at: dt.datetime


def intervals(session: Session, stretches: Collection[Stretch]) -> dict[int, list[Interval]]:
    """By room id, in order: the sealed parts of its time that these stretches touch.

    One look at one row where the stretches are later than everything sealed, as live ones are.
    """
    found: dict[int, list[Interval]] = defaultdict(list)
    if not stretches or not _reaches(session, min(one.since for one in stretches)):
        return found
    given = database.given(
        session,
        {"room_id": Integer(), "since": UTCDateTime(), "until": UTCDateTime()},
        [(one.room_id, one.since, one.until) for one in stretches],
    )
    rows = session.connection().execute(
        select(SEALED.c.room_id, SEALED.c.since_at, SEALED.c.until_at)
        .where(SEALED.c.room_id == given.c.room_id)
        .where(SEALED.c.since_at < given.c.until, SEALED.c.until_at > given.c.since)
        .distinct()
        .order_by(SEALED.c.room_id, SEALED.c.since_at)
    )
    for room, since, until in rows:
        found[room].append((since, until))
    return found


def sealed(session: Session, days: Collection[RoomDay]) -> set[RoomDay]:
    """Those of these room-local days that are sealed."""
    if not days:
        return set()
    latest = session.connection().scalar(select(func.max(SEALED.c.day)))
    if latest is None or min(day for _, day in days) > latest:
        return set()
    given = database.given(
        session, {"day": Date(), "room_id": Integer()}, sorted((day, room) for room, day in days)
    )
    rows = session.connection().execute(
        select(SEALED.c.room_id, SEALED.c.day).where(
            SEALED.c.day == given.c.day, SEALED.c.room_id == given.c.room_id
        )
    )
    return {(row[0], row[1]) for row in rows}


def is_open(derived: FromClause, day: dt.date) -> ColumnElement[bool]:
    """Whether a row of a derived table (room_id, at) of a UTC day lies in no sealed day."""
    return ~(
        select(literal(1))
        # A local day begins and ends within a day of its date in every zone.
        .where(SEALED.c.day >= day - DAY, SEALED.c.day <= day + DAY)
        .where(SEALED.c.room_id == derived.c.room_id)
        .where(SEALED.c.since_at <= derived.c.at, SEALED.c.until_at > derived.c.at)
        .correlate(derived)
        .exists()
    )


def rooms_sealed_on(day: dt.date) -> Select[tuple[int]]:
    """The ids of the rooms whose local day is sealed."""
    return select(SEALED.c.room_id).where(SEALED.c.day == day)


def late(session: Session, came: Sequence[Came]) -> set[int]:
    """Note what came for sealed days; returns the ids of the messages it came for.

    Safe to repeat.
    """
    if not came or not _reaches(session, min(one.at for one in came)):
        return set()
    moment = dt.timedelta(microseconds=1)
    taken = intervals(session, [Stretch(one.room_id, one.at, one.at + moment) for one in came])
    hit = [one for one in came if inside(one.at, taken.get(one.room_id, ()))]
    if not hit:
        return set()
    given = database.given(
        session,
        {"message_id": Integer(), "room_id": Integer(), "at": UTCDateTime()},
        [(one.message_id, one.room_id, one.at) for one in hit],
    )
    days = {
        row.message_id: row.day
        for row in session.connection().execute(
            select(given.c.message_id, SEALED.c.day).where(
                SEALED.c.room_id == given.c.room_id,
                SEALED.c.since_at <= given.c.at,
                SEALED.c.until_at > given.c.at,
            )
        )
    }
    rows = [
        {
            "message_id": one.message_id,
            "kind": one.kind,
            "room_id": one.room_id,
            "day": days[one.message_id],
            "at": one.at,
        }
        for one in hit
    ]
    database.insert_rows(session, LateEvent, rows, skip_existing=True)
    return {one.message_id for one in hit}


def late_recalls(session: Session, recalled: Sequence[tuple[int, str]]) -> None:
    """Note recalls, as (room id, platform id), of messages whose text was dropped before."""
    latest = session.connection().scalar(select(func.max(DROPPED.c.day)))
    if latest is None or not recalled:
        return
    message, named = database.tables(Message, MessageIdentity)
    given = database.given(
        session, {"room_id": Integer(), "name": named.c.platform_id.type}, recalled
    )
    rows = session.connection().execute(
        select(named.c.id, named.c.room_id, named.c.day)
        .join(given, and_(named.c.room_id == given.c.room_id, named.c.platform_id == given.c.name))
        .join(DROPPED, DROPPED.c.day == named.c.day)
        .outerjoin(
            message,
            and_(
                message.c.day == named.c.day,
                message.c.room_id == named.c.room_id,
                message.c.id == named.c.id,
            ),
        )
        .where(message.c.id.is_(None))
    )
    noted = [
        {
            "message_id": id,
            "kind": LateKind.RECALL,
            "room_id": room,
            "day": day,
            "at": dt.datetime.combine(day, dt.time(), dt.UTC),
        }
        for id, room, day in rows
    ]
    database.insert_rows(session, LateEvent, noted, skip_existing=True)


def dropped_until(session: Session) -> dt.date | None:
    """The first UTC day whose messages are still there; None where none was ever dropped."""
    latest = session.connection().scalar(select(func.max(DROPPED.c.day)))
    return None if latest is None else latest + DAY


def checksums(session: Session, days: Sequence[Any]) -> dict[RoomDay, str]:
    """What is derived from these days (rows with day, room_id, since_at, until_at), each as 64
    hexadecimal digits. A fixed number of queries.
    """
    digests = {(one.room_id, one.day): hashlib.sha256() for one in days}
    for row in _derived(session, days):
        digests[row[1], row[0]].update(repr(tuple(row)[2:]).encode())
    return {key: digest.hexdigest() for key, digest in digests.items()}


def messages(session: Session, days: Sequence[Any]) -> dict[RoomDay, int]:
    """How many messages the log holds of these days (rows as for `checksums`)."""
    message = database.table(Message)
    parts = _parts(session, days)
    rows = session.connection().execute(
        select(parts.c.room_id, parts.c.local_day, func.count())
        .where(message.c.day == parts.c.day, message.c.room_id == parts.c.room_id)
        .where(message.c.at >= parts.c.since, message.c.at < parts.c.until)
        .group_by(parts.c.room_id, parts.c.local_day)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def hours(session: Session, stretches: Collection[Stretch]) -> list[tuple[int, dt.date, list[int]]]:
    """(room, local day, messages by hour) of the sealed days that these stretches touch."""
    given = database.given(
        session,
        {"room_id": Integer(), "since": UTCDateTime(), "until": UTCDateTime()},
        [(one.room_id, one.since, one.until) for one in stretches],
    )
    rows = session.connection().execute(
        select(SEALED.c.room_id, SEALED.c.day, SEALED.c.hours)
        .where(SEALED.c.room_id == given.c.room_id)
        .where(SEALED.c.since_at < given.c.until, SEALED.c.until_at > given.c.since)
    )
    return [(room, day, counted) for room, day, counted in rows]


def counted(session: Session) -> int:
    """How many sealed days have counters."""
    counts = database.table(DailyCount)
    has = select(literal(1)).where(
        counts.c.day == SEALED.c.day, counts.c.room_id == SEALED.c.room_id
    )
    found = select(func.count()).select_from(SEALED).where(has.exists())
    return session.connection().scalar(found) or 0


def sealed_rows(derived: Table) -> Select[Any]:
    """The rows of a derived table that belong to sealed days: facts by now."""
    if "at" not in derived.c:
        return select(derived).join(
            SEALED, and_(SEALED.c.day == derived.c.day, SEALED.c.room_id == derived.c.room_id)
        )
    return select(derived).where(
        select(literal(1))
        .where(SEALED.c.room_id == derived.c.room_id)
        .where(SEALED.c.since_at <= derived.c.at, SEALED.c.until_at > derived.c.at)
        .correlate(derived)
        .exists()
    )


def verify(session: Session, chunk: int = 500) -> tuple[int, list[RoomDay]]:
    """How many room-days are sealed, and those whose derived rows are not what was sealed."""
    wrong: list[RoomDay] = []
    rows = session.connection().execute(select(SEALED).order_by(SEALED.c.day, SEALED.c.room_id))
    every = rows.all()
    for start in range(0, len(every), chunk):
        part = every[start : start + chunk]
        found = checksums(session, part)
        wrong += [
            (row.room_id, row.day) for row in part if found[row.room_id, row.day] != row.checksum
        ]
    return len(every), wrong


def _reaches(session: Session, since: dt.datetime) -> bool:
    latest = session.connection().scalar(select(func.max(SEALED.c.day)))
    if latest is None:
        return False
    return since < dt.datetime.combine(latest, dt.time(), dt.UTC) + LATEST_END


def _derived(session: Session, days: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Rows as (day, room id, table, …), those of one room-day always in the same order."""
    counts, signal, mention = database.tables(DailyCount, Signal, Mention)
    connection = session.connection()
    given = database.given(
        session, {"day": Date(), "room_id": Integer()}, [(one.day, one.room_id) for one in days]
    )
    counted = connection.execute(
        select(counts)
        .join(given, and_(counts.c.day == given.c.day, counts.c.room_id == given.c.room_id))
        .order_by(counts.c.day, counts.c.room_id, counts.c.contact_id)
    )
    yield from ((row[0], row[1], "count", *row[2:]) for row in counted)
    parts = _parts(session, days)
    for table, name, last in ((signal, "signal", "kind"), (mention, "mention", "product_id")):
        # `attribute` fills the touch of a mention later.
        columns = [
            one for one in table.c if one.name not in ("day", "room_id", "touch", "text_key")
        ]
        rows = connection.execute(
            select(parts.c.local_day, parts.c.room_id, *columns)
            .where(table.c.day == parts.c.day, table.c.room_id == parts.c.room_id)
            .where(table.c.at >= parts.c.since, table.c.at < parts.c.until)
            .order_by(parts.c.local_day, parts.c.room_id, table.c.message_id, table.c[last])
        )
        yield from ((row[0], row[1], name, *map(str, row[2:])) for row in rows)


def _parts(session: Session, days: Sequence[Any]) -> FromClause:
    """The UTC days that local days touch, since the big tables lead with them."""
    return database.given(
        session,
        {
            "local_day": Date(),
            "room_id": Integer(),
            "day": Date(),
            "since": UTCDateTime(),
            "until": UTCDateTime(),
        },
        [
            (one.day, one.room_id, utc, one.since_at, one.until_at)
            for one in days
            for utc in utc_days(one.since_at, one.until_at)
        ],
    )
