"""A series as a calendar file defines it, and the rows that hold it."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, delete, or_, select
from sqlmodel import Session

from bot import database
from bot.errors import Fault, InvalidInput
from bot.gateway import Link, MiniProgram
from bot.models import Series, SeriesKind, SeriesState, SeriesStep
from content_calendar import notation
from content_calendar.audience import Audience
from content_calendar.notation import Topic
from content_calendar.recurrence import Schedule, Timing

SERIES = database.table(Series)
STEP = database.table(SeriesStep)

KINDS = {
    "问题解答日": SeriesKind.QA_DAY,
    "用户分享日": SeriesKind.SHARING_DAY,
    "公告": SeriesKind.ANNOUNCEMENT,
    "促销": SeriesKind.PROMO,
    "自定义": SeriesKind.CUSTOM,
}
PRIORITY = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `at` None means the series' own time.

    What a room reads is its own text in `rooms`, else its vertical's in `texts`, else one of
    `text` and `rotate` by turns, or of `text` (arm A) and `ab` by a draw. Image, link and mini
    program follow the text as messages of their own; `text` may be empty where there is one.
    `target` is where the link in a text leads.
    """

    name: str
    text: str = ""
    days: int = 0
    at: dt.time | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    rooms: Mapping[str, str] = field(default_factory=dict)
    rotate: tuple[str, ...] = ()
    ab: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    image: str | None = None
    link: Link | None = None
    mini_program: MiniProgram | None = None
    mention_all: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Every template that some room may read."""
        found = (self.text, *self.texts.values(), *self.rooms.values())
        return tuple(filter(None, (*found, *self.rotate, *self.ab.values())))


@dataclass(frozen=True, slots=True)
class Definition:
    """One series, checked. `zone` None means each room's own, and `default_zone` that of rooms
    which name none; None there means the installation's.
    """

    key: str
    name: str
    kind: SeriesKind
    schedule: Schedule
    at: dt.time
    audience: Audience
    steps: tuple[Step, ...]
    zone: str | None = None
    default_zone: str | None = None
    late_by_minutes: int | None = None
    priority: int = PRIORITY
    topic: Topic | None = None

    @property
    def timings(self) -> tuple[Timing, ...]:
        """When each step fires, relative to the date of an occurrence."""
        return tuple(Timing(step.name, step.days, step.at or self.at) for step in self.steps)

    def step(self, name: str) -> Step:
        """The step of a name that stands."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True, slots=True)
class Stored:
    """A series as it stands in the database."""

    id: int
    state: SeriesState
    version: int
    approved_by: str | None
    approved_at: dt.datetime | None
    seed: int
    changed_by: str
    changed_at: dt.datetime | None
    next_due_at: dt.datetime | None
    definition: Definition


def local_zones(
    wanted: Definition, behind: ZoneInfo, names: Iterable[str | None]
) -> dict[str | None, ZoneInfo]:
    """The wall clock of each zone that rooms name; a series with a zone has one for all.

    `behind` is the installation's, for rooms that name none.
    """
    found = {}
    for name in (wanted.zone,) if wanted.zone is not None else names:
        known = name or wanted.default_zone
        found[name] = ZoneInfo(known) if known else behind
    return found


def stored(
    session: Session,
    *,
    state: SeriesState | None = None,
    keys: Iterable[str] | None = None,
    ids: Iterable[int] | None = None,
    above_priority: int | None = None,
) -> list[Stored]:
    """The series with their steps, by key, in one statement."""
    statement = (
        select(SERIES, *(STEP.c[name].label(f"step_{name}") for name in _STEP_COLUMNS))
        .select_from(SERIES.outerjoin(STEP, STEP.c.series_id == SERIES.c.id))
        .order_by(SERIES.c.key, STEP.c.position)
    )
    if state is not None:
        statement = statement.where(SERIES.c.state == state)
    if ids is not None:
        statement = statement.where(SERIES.c.id.in_(list(ids)))
    if above_priority is not None:
        statement = statement.where(SERIES.c.priority > above_priority)
    if keys is not None:
        statement = statement.where(SERIES.c.key.in_(list(keys)))
    grouped: dict[int, list[Row[Any]]] = {}
    for row in session.connection().execute(statement):
        grouped.setdefault(row.id, []).append(row)
    # Code points decide the order, whatever the database's collation.
    return sorted(map(_from_rows, grouped.values()), key=lambda each: each.definition.key)


def lock_due(session: Session, until: dt.datetime) -> list[int]:
    """The ids of the approved series that may have something due before `until`.

    Nobody edits them and no other planner sees them before this transaction is over.
    """
    next_due = SERIES.c.next_due_at
    statement = (
        select(SERIES.c.id)
        .where(SERIES.c.state == SeriesState.APPROVED)
        .where(or_(next_due.is_(None), next_due < until))
        .order_by(SERIES.c.id)
        .with_for_update()
    )
    return list(session.connection().scalars(statement))


def keys(session: Session) -> list[str]:
    """The keys of all series."""
    return list(session.connection().scalars(select(SERIES.c.key)))


def seeds(session: Session) -> dict[str, int]:
    """The seed of every series, by key."""
    rows = session.connection().execute(select(SERIES.c.key, SERIES.c.seed))
    return {row.key: row.seed for row in rows}


def write(
    session: Session, wanted: Definition, now_stands: Stored | None, by: str, at: dt.datetime
) -> int:
    """Insert a series as a draft, or put a new definition over the one that stands; its id."""
    row = _series_row(wanted) | {"changed_by": by, "changed_at": at, "next_due_at": None}
    if now_stands is None:
        made = session.connection().execute(
            SERIES.insert().returning(SERIES.c.id),
            row | {"state": SeriesState.DRAFT, "version": 1, "seed": _seed(wanted.key, at)},
        )
        series_id = int(made.scalar_one())
    else:
        series_id = now_stands.id
        draft = {"state": SeriesState.DRAFT, "approved_by": None, "approved_at": None}
        written = session.connection().execute(
            SERIES.update().where(SERIES.c.id == series_id, SERIES.c.version == now_stands.version),
            row | draft | {"version": now_stands.version + 1},
        )
        if not written.rowcount:
            problem = f"栏目 {wanted.key} 刚被别人改过"
            raise InvalidInput(Fault("calendar", 0, "version", problem, "再看一次差别,再导入"))
        session.connection().execute(delete(STEP).where(STEP.c.series_id == series_id))
    database.insert_rows(session, SeriesStep, _step_rows(wanted, series_id))
    return series_id


def _seed(key: str, at: dt.datetime) -> int:
    # Drawn once and stored, so that nobody can pick a draw that suits them afterwards.
    drawn = hashlib.sha256(f"{key}|{at.isoformat()}".encode()).digest()
    return int.from_bytes(drawn[:4], "big") >> 1


def _series_row(wanted: Definition) -> dict[str, Any]:
    schedule = wanted.schedule
    return {
        "key": wanted.key,
        "name": wanted.name,
        "kind": wanted.kind,
        "starts": schedule.starts,
        "ends": schedule.ends,
        "recurrence": notation.rule_as_json(schedule.rule),
        "at": wanted.at,
        "zone": wanted.zone,
        "default_zone": wanted.default_zone,
        "holidays": schedule.holidays,
        "audience": notation.audience_as_json(wanted.audience),
        "priority": wanted.priority,
        "topic": notation.topic_as_json(wanted.topic),
        "late_by_minutes": wanted.late_by_minutes,
    } | notation.days_as_json(schedule)


_STEP_COLUMNS = (
    *("name", "text", "days", "at", "texts", "rooms", "rotate", "ab"),
    *("target", "image", "link", "mini_program", "mention_all"),
)


def _step_rows(wanted: Definition, series_id: int) -> list[dict[str, Any]]:
    return [
        {
            "series_id": series_id,
            "position": position,
            "name": step.name,
            "days": step.days,
            "at": step.at,
            "text": step.text,
            "texts": dict(step.texts),
            "rooms": dict(step.rooms),
            "rotate": list(step.rotate),
            "ab": dict(step.ab),
            "target": step.target,
            "image": step.image,
            "link": notation.card_as_json(step.link),
            "mini_program": notation.card_as_json(step.mini_program),
            "mention_all": step.mention_all,
        }
        for position, step in enumerate(wanted.steps)
    ]


def _from_rows(rows: Sequence[Row[Any]]) -> Stored:
    row = rows[0]
    date = dt.date.fromisoformat
    return Stored(
        id=row.id,
        state=row.state,
        version=row.version,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        seed=row.seed,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        next_due_at=row.next_due_at,
        definition=Definition(
            key=row.key,
            name=row.name,
            kind=row.kind,
            schedule=Schedule(
                rule=notation.rule_from_json(row.recurrence),
                starts=row.starts,
                ends=row.ends,
                also=frozenset(map(date, row.also)),
                holidays=row.holidays,
                skip=frozenset(map(date, row.skip)),
                move={date(day): date(moved) for day, moved in row.move.items()},
            ),
            at=row.at,
            audience=notation.audience_from_json(row.audience),
            steps=tuple(_step(each) for each in rows if each.step_name is not None),
            zone=row.zone,
            default_zone=row.default_zone,
            late_by_minutes=row.late_by_minutes,
            priority=row.priority,
            topic=notation.topic_from_json(row.topic),
        ),
    )


def _step(row: Row[Any]) -> Step:
    return Step(
        name=row.step_name,
        text=row.step_text,
        days=row.step_days,
        at=row.step_at,
        texts=row.step_texts,
        rooms=row.step_rooms,
        rotate=tuple(row.step_rotate),
        ab=row.step_ab,
        target=row.step_target,
        image=row.step_image,
        link=None if row.step_link is None else Link(**row.step_link),
        mini_program=None
        if row.step_mini_program is None
        else MiniProgram(**row.step_mini_program),
        mention_all=row.step_mention_all,
    )
