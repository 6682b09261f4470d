"""Text is kept for so many days; before it goes, the room-days that stand on it are sealed.

    seal every room-day that begins before (now − days + look-back) → drop every UTC day that
    ended before (now − days)

What is judged looks back a day, so a day is sealed a day before its text goes, and an unsealed one
always finds the text that it stands on. Ids of messages stay, so that a replay inserts nothing.
"""

import datetime as dt
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from bot import counting, database, deriving, memory, partitions, sealing, unnamed
from bot.insights import attributing, engagement, histories
from bot.models import (
    DroppedDay,
    Message,
    MessageVersion,
    Overheard,
    SealedDay,
    SealedFor,
)
from bot.orders import short_links
from bot.sealing import RoomDay
from bot.text import judging, signals
from bot.times import DAY, Interval

log = logging.getLogger(__name__)
MESSAGE, VERSION, OVERHEARD = database.tables(Message, MessageVersion, Overheard)
ROOMS_AT_ONCE = 100


def steps(engine: Engine, zone: ZoneInfo, days: int, now: dt.datetime) -> Iterator[int]:
    """Seal and drop what is due, a short transaction at a time: tells how many messages went.

    Safe to repeat, by any process, and to stop anywhere.
    """
    keep_since = now - dt.timedelta(days=days)
    sealed_until = keep_since + judging.LOOK_BACK
    for day, rooms in _days_of_messages(engine, sealed_until.date()):
        with database.transaction(engine) as session:
            seal_utc_day(session, day, rooms, zone, sealed_until, SealedFor.RETENTION, now)
        yield 0
    whole = partitions.existing(engine)
    for day in sorted(each for each in whole if each < keep_since.date()):
        yield _drop_partition(engine, day, zone, sealed_until, now)
    for day, rooms in _days_of_messages(engine, keep_since.date() - DAY):
        if day not in whole:
            with database.transaction(engine) as session:
                # What came since is sealed with the rest before it goes.
                seal_utc_day(session, day, rooms, zone, sealed_until, SealedFor.RETENTION, now)
                dropped = _drop(session, day, rooms, now)
            yield dropped
    with database.transaction(engine) as session:
        session.connection().execute(delete(OVERHEARD).where(OVERHEARD.c.at < keep_since))
        short_links.forget_clicks(session, keep_since)
        unnamed.drop_forgotten(session, keep_since)
        _seal_attribution(session)
    yield 0


def _seal_attribution(session: Session) -> None:
    """Orders whose look-back reaches into what was dropped stay as they were attributed."""
    dropped_until = sealing.dropped_until(session)
    if dropped_until is not None:
        midnight = dt.datetime.combine(dropped_until, dt.time(), dt.UTC)
        attributing.seal(session, midnight + attributing.LOOK_BACK)


def seal_utc_day(
    session: Session,
    day: dt.date,
    rooms: Collection[int],
    zone: ZoneInfo,
    until: dt.datetime,
    why: SealedFor,
    now: dt.datetime,
) -> int:
    """Seal the local days of these rooms that touch a UTC day and begin before `until`."""
    zones = counting.zones(session, set(rooms), zone)
    touched = {
        (room, local): counting.local_day(local, zones[room])
        for room in rooms
        for local in (day - DAY, day, day + DAY)
    }
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    due = {
        key: bounds
        for key, bounds in touched.items()
        if bounds[0] < min(until, midnight + DAY) and bounds[1] > midnight
    }
    return seal(session, due, zones, why, now)


def seal(
    session: Session,
    days: Mapping[RoomDay, Interval],
    zones: Mapping[int, ZoneInfo],
    why: SealedFor,
    now: dt.datetime,
) -> int:
    """Seal these room-days, given with their instants; returns how many were not sealed yet."""
    deriving.lock_rooms(session, {room for room, _ in days})
    standing = sealing.sealed(session, days.keys())
    rows = [
        SealedDay(
            day=day, room_id=room, since_at=since, until_at=until, messages=0, hours=[],
            rule_version=signals.RULE_VERSION, checksum="", why=why, sealed_at=now,
        )
        for (room, day), (since, until) in sorted(days.items())
        if (room, day) not in standing
    ]  # fmt: skip
    told = sealing.checksums(session, rows)
    counted = sealing.messages(session, rows)
    hours = _hours(session, rows, zones)
    database.insert_rows(
        session,
        SealedDay,
        [
            row.model_dump()
            | {
                "checksum": told[row.room_id, row.day],
                "hours": hours[row.room_id, row.day],
                "messages": counted.get((row.room_id, row.day), 0),
            }
            for row in rows
        ],
        skip_existing=True,
    )
    return len(rows)


def _hours(
    session: Session, rows: Sequence[SealedDay], zones: Mapping[int, ZoneInfo]
) -> dict[RoomDay, list[int]]:
    """Messages of members by hour of the wall clock, for each of these days."""
    found = {(row.room_id, row.day): [0] * 24 for row in rows}
    bounds: dict[int, Interval] = {}
    for row in rows:
        since, until = bounds.get(row.room_id, (row.since_at, row.until_at))
        bounds[row.room_id] = min(since, row.since_at), max(until, row.until_at)
    for room, at in histories.moments(session, bounds, engagement.roles(session)):
        local = at.astimezone(zones[room])
        if (room, local.date()) in found:
            found[room, local.date()][local.hour] += 1
    return found


def _days_of_messages(engine: Engine, last: dt.date) -> Iterator[tuple[dt.date, Sequence[int]]]:
    """(UTC day, rooms) with messages up to a day, a transaction's worth of rooms at a time."""
    with database.reading(engine) as session:
        days = session.connection().scalars(
            select(MESSAGE.c.day).where(MESSAGE.c.day <= last).distinct().order_by(MESSAGE.c.day)
        )
        every = days.all()
    for day in every:
        with database.reading(engine) as session:
            found = session.connection().scalars(
                select(MESSAGE.c.room_id).where(MESSAGE.c.day == day).distinct()
            )
            rooms = sorted(found)
        for start in range(0, len(rooms), ROOMS_AT_ONCE):
            yield day, rooms[start : start + ROOMS_AT_ONCE]


def _drop_partition(
    engine: Engine, day: dt.date, zone: ZoneInfo, sealed_until: dt.datetime, now: dt.datetime
) -> int:
    """Drop a UTC day at once; nothing where others hold the table, until the next hour."""
    try:
        with database.transaction(engine) as session:
            rooms = select(MESSAGE.c.room_id).where(MESSAGE.c.day == day).distinct()
            came = session.connection().scalars(rooms).all()
            seal_utc_day(session, day, came, zone, sealed_until, SealedFor.RETENTION, now)
            ids = select(MESSAGE.c.id).where(MESSAGE.c.day == day)
            session.connection().execute(delete(VERSION).where(VERSION.c.message_id.in_(ids)))
            count = session.connection().scalar(select(func.count()).select_from(ids.subquery()))
            partitions.drop(session, day)
            _note(session, day, count or 0, now)
    except OperationalError as error:
        if not partitions.is_in_use(error):
            raise
        log.info("the partition of %s is in use and stays until the next hour", day)
        return 0
    return count or 0


def _drop(session: Session, day: dt.date, rooms: Sequence[int], now: dt.datetime) -> int:
    """Drop the messages that these rooms said on a UTC day, and what was kept aside of them."""
    chosen = (MESSAGE.c.day == day) & MESSAGE.c.room_id.in_(rooms)
    ids = select(MESSAGE.c.id).where(chosen)
    connection = session.connection()
    connection.execute(delete(VERSION).where(VERSION.c.message_id.in_(ids)))
    count = connection.scalar(select(func.count()).select_from(MESSAGE).where(chosen)) or 0
    connection.execute(delete(MESSAGE).where(chosen))
    memory.disturb(session, rooms)
    _note(session, day, count, now)
    return count


def _note(session: Session, day: dt.date, count: int, now: dt.datetime) -> None:
    dropped = database.table(DroppedDay).c
    already = select(dropped.messages).where(dropped.day == day)
    before = session.connection().scalar(already) or 0
    row = {"day": day, "messages": before + count, "dropped_at": now}
    database.insert_rows(session, DroppedDay, [row], replace=("messages", "dropped_at"))
