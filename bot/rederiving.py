"""Signals, mentions and counters derived again from the whole log, by the function that derives
them when a message comes. `rebuilding` goes on with what stands on them.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Engine, Integer, Table, delete, select
from sqlmodel import Session

from bot import counting, database, deriving, sealing
from bot.deriving import Rules
from bot.models import DailyCount, Mention, Message, Signal
from bot.times import DAY, Stretch


def from_log(engine: Engine, rules: Rules) -> int:
    """Derive everything again from the log, a UTC day at a time in short transactions.

    Returns the number of messages judged.
    """
    message = database.table(Message)
    with database.reading(engine) as session:
        days = session.connection().scalars(select(message.c.day).distinct()).all()
    for derived in (Signal, Mention):
        _drop_other_days(engine, database.table(derived), days)
    judged = 0
    counted: dict[dt.date, set[int]] = defaultdict(set)
    for day in sorted(days):
        with database.transaction(engine) as session:
            stretches = _drop_day(session, day)
            judged += deriving.derive(session, stretches, rules)
            for room, local in counting.touched(session, stretches, rules.zone):
                counted[local].add(room)
    _drop_other_counts(engine, counted)
    return judged


def _drop_day(session: Session, day: dt.date) -> list[Stretch]:
    """Drop what was derived from a UTC day; returns what is to be judged again."""
    message = database.table(Message)
    since = dt.datetime.combine(day, dt.time(), dt.UTC)
    rooms = session.connection().scalars(
        select(message.c.room_id).where(message.c.day == day).distinct()
    )
    stretches = [Stretch(room, since, since + DAY) for room in rooms]
    deriving.lock_rooms(session, [stretch.room_id for stretch in stretches])
    for derived in (Signal, Mention):
        stale = database.table(derived)
        session.connection().execute(
            delete(stale).where(stale.c.day == day, sealing.is_open(stale, day))
        )
    return stretches


def _drop_other_days(engine: Engine, derived: Table, days: Collection[dt.date]) -> None:
    """Drop what was derived from UTC days without a message, unless it is sealed."""
    with database.reading(engine) as session:
        found = session.connection().scalars(select(derived.c.day).distinct()).all()
    for day in sorted(set(found) - set(days)):
        with database.transaction(engine) as session:
            session.connection().execute(
                delete(derived).where(derived.c.day == day, sealing.is_open(derived, day))
            )


def _drop_other_counts(engine: Engine, counted: Mapping[dt.date, Collection[int]]) -> None:
    """Drop counters of unsealed room-days that hold no message, as the rooms' zones are now."""
    counts = database.table(DailyCount)
    with database.reading(engine) as session:
        days = session.connection().scalars(select(counts.c.day).distinct()).all()
    for day in days:
        with database.transaction(engine) as session:
            kept = database.given(
                session, {"room_id": Integer()}, [(room,) for room in sorted(counted.get(day, ()))]
            )
            session.connection().execute(
                delete(counts).where(
                    counts.c.day == day,
                    counts.c.room_id.not_in(select(kept.c.room_id)),
                    counts.c.room_id.not_in(sealing.rooms_sealed_on(day)),
                )
            )
