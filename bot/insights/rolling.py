"""Keep roll-ups in step with what they are added up from, and read them where they hold.

A room's roll-ups are made up to a local midnight (`Rolled.until`) from what was known by then;
later changes mark them (`bot/staleness.py`), and `catch_up` makes them again from there, a few
rooms at a time in short transactions. Who reads gets the stored rows where they hold, and the
same numbers added up on the spot where they do not: reading is always right and mostly quick.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Engine, Integer, Row, delete, select
from sqlmodel import Session, SQLModel

from bot import database, deriving
from bot.counting import DAY
from bot.insights import audience, engagement, histories, summing
from bot.insights.engagement import RoomView
from bot.insights.histories import Roles, Span
from bot.insights.history import Day, Member, Sums, Week
from bot.models import EngagementWeek, MemberWeek, Rolled, RoomDay
from bot.text import signals

# Raised with every change of what a roll-up holds.
RULE_VERSION = signals.RULE_VERSION
# Rooms a transaction: others wait for it about as long as for a batch of messages.
ROOMS_AT_ONCE = 20

Kept = TypeVar("Kept", Day, Week)


@dataclass(frozen=True, slots=True)
class RollUps:
    """Rooms' days and weeks, by room id and first day; absent before anything was recorded."""

    days: dict[int, dict[dt.date, Day]] = field(default_factory=lambda: defaultdict(dict))
    weeks: dict[int, dict[dt.date, Week]] = field(default_factory=lambda: defaultdict(dict))


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
        standing = _standing(session, views)
        spans = standing.behind(until)
    changed: set[dt.date] = set()
    for rooms in _parts(sorted(spans)):
        with database.transaction(engine) as session:
            deriving.lock_rooms(session, rooms)
            changed |= _roll(session, standing, rooms, until)
        yield len(rooms)
    if changed:
        # Who spoke in a week counts among the people of the months to come.
        for week in summing.mondays(min(changed), max(until.values())):
            with database.transaction(engine) as session:
                audience.count(session, week, max(until.values()))
            yield 0


def read(
    session: Session,
    views: Mapping[int, RoomView],
    until: dt.date,
    *,
    days: int = 28,
    weeks: int = 24,
) -> RollUps:
    """The `days` days before `until`, the week in which they end, and `weeks` weeks before it.

    The earlier weeks are without `speech` and `asked`. A fixed number of queries.
    """
    last = summing.monday(until - DAY)
    standing = _standing(session, views)
    spans = {
        room: replace(span, answered_until=until + DAY)
        for room, span in standing.behind(
            dict.fromkeys(views, until), exactly=until != last + summing.WEEK
        ).items()
    }
    found = RollUps()
    first = until - DAY * days
    _read_days(session, views, (first, until), found)
    _read_weeks(session, views, (last - summing.WEEK * weeks, last), found, light=True)
    _read_weeks(session, views, (last, last + summing.WEEK), found, light=False)
    for room, span in spans.items():
        _forget(found, room, span.since)
    for rooms in _parts(sorted(spans)):
        part = {room: spans[room] for room in rooms}
        for history in histories.gather(session, part, standing.roles):
            sums = summing.add_up(history)
            found.days[history.room_id] |= {one.day: one for one in sums.days if one.day >= first}
            found.weeks[history.room_id] |= {one.week: one for one in sums.weeks}
    return RollUps(_filled(found.days), _filled(found.weeks))


def holding(session: Session, zone: ZoneInfo) -> tuple[dict[int, dt.date], set[int]]:
    """How far the roll-ups of each room were made, and the rooms where they do not hold."""
    standing = _standing(session, engagement.rooms(session, zone))
    until = {room: row.until for room, row in standing.rolled.items()}
    behind = _Standing(
        {room: standing.views[room] for room in until},
        standing.roles,
        standing.rolled,
        standing.inputs,
        standing.firsts,
    ).behind(until)
    return until, set(behind)


def _today(view: RoomView, now: dt.datetime) -> dt.date:
    return now.astimezone(view.zone).date()


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far roll-ups reach, and what they have to stand on now."""

    views: Mapping[int, RoomView]
    roles: Roles
    rolled: Mapping[int, Row[Any]]
    inputs: Mapping[int, str]
    firsts: Mapping[int, dt.date]

    def behind(self, until: Mapping[int, dt.date], *, exactly: bool = False) -> dict[int, Span]:
        """What has to be added up so that every room's roll-ups hold up to `until`.

        `exactly`: also of rooms whose roll-ups go further, since their last week ends elsewhere.
        """
        spans = {}
        for room, view in self.views.items():
            since = self._since(room, until[room], exactly=exactly)
            if since is not None:
                spans[room] = self._span(room, view.zone, since, until[room])
        return spans

    def _since(self, room: int, until: dt.date, *, exactly: bool) -> dt.date | None:
        rolled = self.rolled.get(room)
        if rolled is None:
            return self.firsts.get(room, until - DAY)
        if rolled.inputs != self.inputs[room]:
            first: dt.date | None = rolled.first_day
            return first or until - DAY
        reach: dt.date = rolled.until
        if rolled.since is not None:
            reach = min(reach, rolled.since)
        if reach < until:
            # Answers to the questions of the day before came on that day.
            return reach - DAY
        return until - DAY if exactly and rolled.until != until else None

    def _span(self, room: int, zone: ZoneInfo, since: dt.date, until: dt.date) -> Span:
        monday = summing.monday(min(since, until - DAY))
        rolled = self.rolled.get(room)
        first = rolled.first_day if rolled is not None else None
        return Span(
            zone, monday, until, until, first if first is not None and first < monday else None
        )


def _standing(session: Session, views: Mapping[int, RoomView]) -> _Standing:
    roles = engagement.roles(session)
    left_out: dict[int, list[str]] = defaultdict(list)
    for (room, contact), role in sorted(roles.items()):
        left_out[room].append(f"{contact} {role}")
    inputs = {
        id: hashlib.sha256(
            "\n".join([view.zone.key, view.vertical, *left_out[id]]).encode()
        ).hexdigest()
        for id, view in views.items()
    }
    table = database.table(Rolled)
    rolled = {row.room_id: row for row in session.connection().execute(select(table))}
    missing = views.keys() - rolled.keys()
    firsts = histories.first_days(session, missing) if missing else {}
    return _Standing(views, roles, rolled, inputs, firsts)


def _roll(
    session: Session, planned: _Standing, rooms: Collection[int], until: Mapping[int, dt.date]
) -> set[dt.date]:
    """Make these rooms' roll-ups again from where they stopped to hold; returns from when on."""
    table = database.table(Rolled)
    rows = session.connection().execute(select(table).where(table.c.room_id.in_(rooms)))
    standing = _Standing(
        {room: planned.views[room] for room in rooms},
        planned.roles,
        # As it is now that nobody else can mark it.
        {row.room_id: row for row in rows},
        planned.inputs,
        planned.firsts,
    )
    spans = standing.behind(until)
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
    return {span.since for span in spans.values()}


def _write(session: Session, spans: Mapping[int, Span], sums: Sequence[Sums]) -> None:
    given = database.given(
        session,
        {"room_id": Integer(), "since": Date()},
        [(room, span.since) for room, span in sorted(spans.items())],
    )
    kinds: tuple[tuple[type[SQLModel], type[Day | Member | Week], str, Iterable[object]], ...] = (
        (RoomDay, Day, "day", (row for one in sums for row in one.days)),
        (MemberWeek, Member, "week", (row for one in sums for row in one.members)),
        (EngagementWeek, Week, "week", (row for one in sums for row in one.weeks)),
    )
    for model, kind, day, rows in kinds:
        table = database.table(model)
        since = select(given.c.since).where(given.c.room_id == table.c.room_id).scalar_subquery()
        session.connection().execute(
            delete(table)
            .where(table.c.room_id.in_(list(spans)))
            .where(table.c[day] >= min(span.since for span in spans.values()))
            .where(table.c[day] >= since)
        )
        names = [one.name for one in fields(kind)]
        made = [
            {name: getattr(row, name) for name in names} | {"rule_version": RULE_VERSION}
            for row in rows
        ]
        database.insert_rows(session, model, made)


def _read_days(
    session: Session,
    views: Mapping[int, RoomView],
    bounds: tuple[dt.date, dt.date],
    found: RollUps,
) -> None:
    table = database.table(RoomDay)
    columns = [table.c[one.name] for one in fields(Day)]
    rows = session.connection().execute(
        select(*columns).where(table.c.day >= bounds[0], table.c.day < bounds[1])
    )
    for row in rows:
        if row.room_id in views:
            found.days[row.room_id][row.day] = Day(*row)


def _read_weeks(
    session: Session,
    views: Mapping[int, RoomView],
    bounds: tuple[dt.date, dt.date],
    found: RollUps,
    *,
    light: bool,
) -> None:
    table = database.table(EngagementWeek)
    names = [one.name for one in fields(Week)]
    columns = [table.c[name] for name in (names[:-2] if light else names)]
    rows = session.connection().execute(
        select(*columns).where(table.c.week >= bounds[0], table.c.week < bounds[1])
    )
    for row in rows:
        if row.room_id in views:
            found.weeks[row.room_id][row.week] = Week(*row, *(({}, []) if light else ()))


def _forget(found: RollUps, room: int, since: dt.date) -> None:
    """Drop what was read of a room from `since` on: it does not hold."""
    found.days[room] = {day: one for day, one in found.days[room].items() if day < since}
    found.weeks[room] = {week: one for week, one in found.weeks[room].items() if week < since}


def _filled(by_room: Mapping[int, dict[dt.date, Kept]]) -> dict[int, dict[dt.date, Kept]]:
    return {room: rows for room, rows in by_room.items() if rows}


def _parts(rooms: Sequence[int]) -> Iterable[Sequence[int]]:
    return (rooms[n : n + ROOMS_AT_ONCE] for n in range(0, len(rooms), ROOMS_AT_ONCE))
