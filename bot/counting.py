"""Daily counters: every room-local day added up in SQL from the log and what is derived from it.

`deriving` asks for the days that it touched, so incremental and rebuilt counters come from one
statement.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database, sealing, staleness
from bot.models import INEFFECTIVE, DailyCount, Mention, Message, Room, Signal, SignalKind
from bot.text import judging, signals
from bot.times import DAY, Stretch, utc_days


def recount(session: Session, stretches: Sequence[Stretch], zone: ZoneInfo) -> None:
    """Add up every room-local day that the stretches touch and that is not sealed, replacing what
    stood for it.
    """
    of_room = zones(session, {stretch.room_id for stretch in stretches}, zone)
    days = _room_days(stretches, of_room)
    days -= sealing.sealed(session, days)
    if not days:
        return
    staleness.mark(session, days)
    counts = database.table(DailyCount)
    chosen = database.given(
        session, {"day": Date(), "room_id": Integer()}, sorted((day, room) for room, day in days)
    )
    session.connection().execute(
        delete(counts).where(
            tuple_(counts.c.day, counts.c.room_id).in_(select(chosen.c.day, chosen.c.room_id))
        )
    )
    parts = database.given(
        session,
        {
            "local_day": Date(),
            "room_id": Integer(),
            "day": Date(),
            "since": UTCDateTime(),
            "until": UTCDateTime(),
        },
        sorted(part for room, day in days for part in _utc_parts(room, day, of_room[room])),
    )
    session.connection().execute(
        insert(counts).from_select([column.name for column in counts.c], _sums(parts))
    )


def touched(
    session: Session, stretches: Sequence[Stretch], zone: ZoneInfo
) -> set[tuple[int, dt.date]]:
    """The room-local days that the stretches touch, as (room id, day)."""
    return _room_days(stretches, zones(session, {one.room_id for one in stretches}, zone))


def local_day(day: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """The UTC instants `[since, until)` of a local day; 23 to 25 hours where clocks change."""
    since, until = (
        dt.datetime.combine(at, dt.time(), zone).astimezone(dt.UTC) for at in (day, day + DAY)
    )
    return since, until


def _sums(parts: FromClause) -> Select[*tuple[Any, ...]]:
    """One DailyCount row per (local day, room, contact) of `parts`."""
    message, signal, mention = database.tables(Message, Signal, Mention)

    def within(rows: FromClause) -> ColumnElement[bool]:
        return and_(
            rows.c.day == parts.c.day,
            rows.c.room_id == parts.c.room_id,
            rows.c.at >= parts.c.since,
            rows.c.at < parts.c.until,
        )

    def signalled(*kinds: SignalKind) -> ColumnElement[int]:
        return case((signal.c.kind.in_(kinds), 1), else_=0)

    zero, one = literal(0), literal(1)
    counted = and_(~message.c.own, message.c.type.not_in(judging.UNCOUNTED_TYPES))
    acts = union_all(
        select(
            parts.c.local_day,
            message.c.room_id,
            message.c.contact_id,
            one.label("messages"),
            one.label("effective"),
            zero.label("questions"),
            zero.label("answers"),
            zero.label("shares"),
            zero.label("mentions"),
        )
        .join_from(parts, message, within(message))
        .where(counted),
        select(
            parts.c.local_day,
            signal.c.room_id,
            signal.c.contact_id,
            -signalled(SignalKind.RECALLED),
            -signalled(SignalKind.RECALLED, *INEFFECTIVE),
            signalled(SignalKind.QUESTION),
            signalled(SignalKind.ANSWER),
            signalled(SignalKind.SHARE),
            zero,
        ).join_from(parts, signal, within(signal)),
        select(
            parts.c.local_day,
            mention.c.room_id,
            mention.c.contact_id,
            zero,
            zero,
            zero,
            zero,
            zero,
            one,
        )
        .join_from(parts, mention, within(mention))
        .join(
            message,
            and_(
                message.c.day == mention.c.day,
                message.c.room_id == mention.c.room_id,
                message.c.id == mention.c.message_id,
            ),
        )
        .where(counted),
    ).subquery("acts")
    keys = (acts.c.local_day, acts.c.room_id, acts.c.contact_id)
    sums = [
        func.sum(acts.c[name])
        for name in ("messages", "effective", "questions", "answers", "shares", "mentions")
    ]
    return (
        select(*keys, *sums, literal(signals.RULE_VERSION))
        .group_by(*keys)
        .having(func.sum(acts.c.messages) > 0)
    )


def zones(session: Session, rooms: set[int], default: ZoneInfo) -> dict[int, ZoneInfo]:
    """The zone of each of these rooms; `default` where it names none."""
    room = database.table(Room)
    named = session.connection().execute(
        select(room.c.id, room.c.zone).where(room.c.zone.is_not(None))
    )
    own = {row.id: ZoneInfo(row.zone) for row in named}
    return {room_id: own.get(room_id, default) for room_id in rooms}


def _room_days(
    stretches: Sequence[Stretch], zones: dict[int, ZoneInfo]
) -> set[tuple[int, dt.date]]:
    return {
        (stretch.room_id, day)
        for stretch in stretches
        for day in _local_days(stretch, zones[stretch.room_id])
    }


def _local_days(stretch: Stretch, zone: ZoneInfo) -> list[dt.date]:
    last = stretch.until - dt.timedelta(microseconds=1)
    first_day, last_day = stretch.since.astimezone(zone).date(), last.astimezone(zone).date()
    return [first_day + DAY * shift for shift in range((last_day - first_day).days + 1)]


def _utc_parts(
    room: int, day: dt.date, zone: ZoneInfo
) -> list[tuple[dt.date, int, dt.date, dt.datetime, dt.datetime]]:
    since, until = local_day(day, zone)
    return [(day, room, utc, since, until) for utc in utc_days(since, until)]
