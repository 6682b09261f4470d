"""Keep roll-ups in step with what they are added up from.

A room's roll-ups are made up to a local midnight (`Rolled.until`) from what was known by then;
later changes mark them (`bot/staleness.py`), and `catch_up` makes them again from there, a few
rooms at a time in short transactions. `rolled` reads them.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Engine, Integer, delete, select
from sqlmodel import Session, SQLModel

from bot import database, deriving
from bot.insights import audience, engagement, histories, reach, summing
from bot.insights.engagement import RoomView
from bot.insights.histories import Span
from bot.insights.history import Day, Member, Sums, Week
from bot.insights.reach import Standing
from bot.models import EngagementWeek, MemberWeek, Rolled, RoomDay
from bot.text import signals

# Raised with every change of what a roll-up holds.
RULE_VERSION = signals.RULE_VERSION


def catch_up(engine: Engine, zone: ZoneInfo, now: dt.datetime) -> int:
    """Bring every room's roll-ups to its last midnight; returns how many rooms were behind."""
    return sum(steps(engine, zone, now))


def steps(engine: Engine, zone: ZoneInfo, now: dt.datetime) -> Iterator[int]:
    """The same, a short transaction at a time: tells how many rooms each brought up to date.

    Safe to repeat, by any process, and to stop anywhere.
    """
    with database.reading(engine) as session:
        views = engagement.rooms(session, zone)
    return steps_to(engine, views, {id: _today(view, now) for id, view in views.items()})


def steps_to(
    engine: Engine, views: Mapping[int, RoomView], until: Mapping[int, dt.date]
) -> Iterator[int]:
    """The same up to days of one's own choice."""
    with database.reading(engine) as session:
        standing = reach.standing(session, views)
        spans = standing.behind(until)
    for rooms in reach.parts(sorted(spans)):
        with database.transaction(engine) as session:
            deriving.lock_rooms(session, rooms)
            _roll(session, standing, rooms, until)
        yield len(rooms)
    with database.reading(engine) as session:
        missing = audience.missing(session)
    for week in missing:
        with database.transaction(engine) as session:
            audience.count(session, week)
        yield 0


def holding(session: Session, zone: ZoneInfo) -> tuple[dict[int, dt.date], set[int]]:
    """How far the roll-ups of each room were made, and the rooms where they do not hold."""
    standing = reach.standing(session, engagement.rooms(session, zone))
    until = {room: row.until for room, row in standing.rolled.items()}
    behind = Standing(
        {room: standing.views[room] for room in until},
        standing.roles,
        standing.rolled,
        standing.inputs,
        standing.firsts,
    ).behind(until)
    return until, set(behind)


def _today(view: RoomView, now: dt.datetime) -> dt.date:
    return now.astimezone(view.zone).date()


def _roll(
    session: Session, planned: Standing, rooms: Collection[int], until: Mapping[int, dt.date]
) -> None:
    """Make these rooms' roll-ups again from where they stopped to hold."""
    table = database.table(Rolled)
    rows = session.connection().execute(select(table).where(table.c.room_id.in_(rooms)))
    standing = Standing(
        {room: planned.views[room] for room in rooms},
        planned.roles,
        # As it is now that nobody else can mark it.
        {row.room_id: row for row in rows},
        planned.inputs,
        planned.firsts,
    )
    spans = standing.behind(until)
    if not spans:
        return
    found = histories.gather(session, spans, standing.roles)
    _write(session, spans, [summing.add_up(history) for history in found])
    reached = [
        {
            "room_id": history.room_id,
            "until": history.until,
            "since": None,
            "first_day": history.first_day,
            "inputs": standing.inputs[history.room_id],
        }
        for history in found
    ]
    names = ("until", "since", "first_day", "inputs")
    database.insert_rows(session, Rolled, reached, replace=names)
    audience.forget(session, min(span.since for span in spans.values()))


def _write(session: Session, spans: Mapping[int, Span], sums: Sequence[Sums]) -> None:
    given = database.given(
        session,
        {"room_id": Integer(), "since": Date()},
        [(room, span.since) for room, span in sorted(spans.items())],
    )
    kinds: tuple[tuple[type[SQLModel], str, Iterable[Day | Member | Week]], ...] = (
        (RoomDay, "day", (row for one in sums for row in one.days)),
        (MemberWeek, "week", (row for one in sums for row in one.members)),
        (EngagementWeek, "week", (row for one in sums for row in one.weeks)),
    )
    for model, day, rows in kinds:
        table = database.table(model)
        since = select(given.c.since).where(given.c.room_id == table.c.room_id).scalar_subquery()
        session.connection().execute(
            delete(table)
            .where(table.c.room_id.in_(list(spans)))
            .where(table.c[day] >= min(span.since for span in spans.values()))
            .where(table.c[day] >= since)
        )
        version = {"rule_version": RULE_VERSION}
        database.insert_rows(session, model, [row._asdict() | version for row in rows])
