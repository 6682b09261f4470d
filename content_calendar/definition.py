"""A series as a calendar file defines it, and the rows that hold it."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Row, delete, select
from sqlmodel import Session

from bot import database
from bot.models import HolidayPolicy, Series, SeriesKind, SeriesState, SeriesStep
from content_calendar import recurrence
from content_calendar.audience import Audience
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
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `at` None means the series' own time, `texts` overrides `text` by vertical."""

    name: str
    text: str
    days: int = 0
    at: dt.time | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def text_for(self, vertical: str) -> str:
        """The template for rooms of a vertical."""
        return self.texts.get(vertical, self.text)


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
    holidays: HolidayPolicy = HolidayPolicy.KEEP
    late_by_minutes: int | None = None

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
    definition: Definition


def stored(
    session: Session, *, state: SeriesState | None = None, keys: Iterable[str] | None = None
) -> list[Stored]:
    """The series with their steps, by key, in one statement."""
    statement = (
        select(SERIES, *(STEP.c[name].label(f"step_{name}") for name in _STEP_COLUMNS))
        .select_from(SERIES.outerjoin(STEP, STEP.c.series_id == SERIES.c.id))
        .order_by(SERIES.c.key, STEP.c.position)
    )
    if state is not None:
        statement = statement.where(SERIES.c.state == state)
    if keys is not None:
        statement = statement.where(SERIES.c.key.in_(list(keys)))
    grouped: dict[int, list[Row[Any]]] = {}
    for row in session.connection().execute(statement):
        grouped.setdefault(row.id, []).append(row)
    # Code points decide the order, whatever the database's collation.
    return sorted(map(_from_rows, grouped.values()), key=lambda each: each.definition.key)


def write(session: Session, wanted: Definition, now_stands: Stored | None) -> int:
    """Insert a series as a draft, or put a new definition over the one that stands; its id."""
    row = _series_row(wanted)
    if now_stands is None:
        made = session.connection().execute(
            SERIES.insert().returning(SERIES.c.id),
            row | {"state": SeriesState.DRAFT, "version": 1},
        )
        series_id = int(made.scalar_one())
    else:
        series_id = now_stands.id
        draft = {"state": SeriesState.DRAFT, "approved_by": None, "approved_at": None}
        session.connection().execute(
            SERIES.update().where(SERIES.c.id == series_id),
            row | draft | {"version": now_stands.version + 1},
        )
        session.connection().execute(delete(STEP).where(STEP.c.series_id == series_id))
    database.insert_rows(session, SeriesStep, _step_rows(wanted, series_id))
    return series_id


def rule_as_json(rule: recurrence.Rule) -> dict[str, Any]:
    """A recurrence as the calendar file writes it."""
    match rule:
        case recurrence.Weekly(days):
            return {"weekly": [WEEKDAYS[day] for day in days]}
        case recurrence.Monthly(day):
            return {"monthly": "last" if day is None else day}
        case recurrence.EveryDays(days):
            return {"every_days": days}
        case recurrence.Dates(dates):
            return {"dates": [day.isoformat() for day in dates]}
        case recurrence.Rrule(text):
            return {"rrule": text}


def _rule_from_json(raw: Mapping[str, Any]) -> recurrence.Rule:
    ((kind, value),) = raw.items()
    match kind:
        case "weekly":
            return recurrence.Weekly(tuple(WEEKDAYS.index(day) for day in value))
        case "monthly":
            return recurrence.Monthly(None if value == "last" else int(value))
        case "every_days":
            return recurrence.EveryDays(int(value))
        case "dates":
            return recurrence.Dates(tuple(map(dt.date.fromisoformat, value)))
        case _:
            return recurrence.Rrule(str(value))


def audience_as_json(audience: Audience) -> dict[str, Any]:
    """An audience as the calendar file writes it; what is empty is left out."""
    raw = {name: getattr(audience, name) for name in Audience.__slots__}
    return {
        name: value if name == "all" else list(cast(Sequence[str], value))
        for name, value in raw.items()
        if value
    }


def _audience_from_json(raw: Mapping[str, Any]) -> Audience:
    lists = {name: tuple(value) for name, value in raw.items() if name != "all"}
    return Audience(**lists, all=bool(raw.get("all", False)))


def _series_row(wanted: Definition) -> dict[str, Any]:
    schedule = wanted.schedule
    return {
        "key": wanted.key,
        "name": wanted.name,
        "kind": wanted.kind,
        "starts": schedule.starts,
        "ends": schedule.ends,
        "recurrence": rule_as_json(schedule.rule),
        "at": wanted.at,
        "zone": wanted.zone,
        "default_zone": wanted.default_zone,
        "holidays": wanted.holidays,
        "audience": audience_as_json(wanted.audience),
        "late_by_minutes": wanted.late_by_minutes,
    } | days_as_json(schedule)


def days_as_json(schedule: Schedule) -> dict[str, Any]:
    """The columns `skip` and `move` of a schedule."""
    return {
        "skip": [day.isoformat() for day in sorted(schedule.skip)],
        "move": {
            day.isoformat(): moved.isoformat() for day, moved in sorted(schedule.move.items())
        },
    }


_STEP_COLUMNS = ("name", "days", "at", "text", "texts")


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
        definition=Definition(
            key=row.key,
            name=row.name,
            kind=row.kind,
            schedule=Schedule(
                rule=_rule_from_json(row.recurrence),
                starts=row.starts,
                ends=row.ends,
                skip=frozenset(map(date, row.skip)),
                move={date(day): date(moved) for day, moved in row.move.items()},
            ),
            at=row.at,
            audience=_audience_from_json(row.audience),
            steps=tuple(
                Step(each.step_name, each.step_text, each.step_days, each.step_at, each.step_texts)
                for each in rows
                if each.step_name is not None
            ),
            zone=row.zone,
            default_zone=row.default_zone,
            holidays=row.holidays,
            late_by_minutes=row.late_by_minutes,
        ),
    )
