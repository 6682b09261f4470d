"""What the calendar still has for today; it is planned only when it is due."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, literal, or_, select, union_all
from sqlmodel import Session

from bot.console import roles
from bot.models import Operator, SeriesState
from content_calendar import audience, definition, holidays, recurrence
from content_calendar.audience import ROOM
from content_calendar.definition import SERIES, Stored


@dataclass(frozen=True, slots=True)
class Coming:
    """A step of a series that will be due, and how many rooms would get it now."""

    series: str
    key: str
    step: str
    due_at: dt.datetime
    rooms: int


def gather(
    session: Session, operator: Operator, now: dt.datetime, until: dt.datetime, behind: ZoneInfo
) -> tuple[Coming, ...]:
    """Everything that approved series have in `[now, until)`, in order of time; five queries."""
    unlooked = or_(SERIES.c.next_due_at.is_(None), SERIES.c.next_due_at < until)
    ids = session.connection().scalars(
        select(SERIES.c.id).where(SERIES.c.state == SeriesState.APPROVED, unlooked)
    )
    found = definition.stored(session, ids=ids)
    days, zones = holidays.load(session), audience.zones(session)
    slots: dict[tuple[str, str, dt.datetime], set[str | None]] = defaultdict(set)
    due: dict[str, Stored] = {}
    for series in found:
        wanted = series.definition
        for name, zone in definition.local_zones(wanted, behind, zones).items():
            for slot in recurrence.slots(wanted.schedule, wanted.timings, zone, now, until, days):
                slots[wanted.key, slot.step, slot.due_at].add(name)
                due[wanted.key] = series
    rooms = _rooms(session, operator, list(due.values()), now.astimezone(behind).date())
    coming = [
        Coming(due[key].definition.name, key, step, due_at, _counted(rooms[key], names, due[key]))
        for (key, step, due_at), names in slots.items()
    ]
    return tuple(sorted(coming, key=lambda each: (each.due_at, each.key, each.step)))


def _rooms(
    session: Session, operator: Operator, series: list[Stored], today: dt.date
) -> dict[str, dict[str | None, int]]:
    """How many rooms each series reaches, by the zone that they name; one query for all."""
    counts = [
        select(literal(place).label("place"), ROOM.c.zone, func.count().label("rooms"))
        .where(
            and_(
                audience.matches(session, each.definition.audience, today),
                ROOM.c.unavailable_reason.is_(None),
                roles.in_scope(operator, ROOM),
            )
        )
        .group_by(ROOM.c.zone)
        for place, each in enumerate(series)
    ]
    found: dict[str, dict[str | None, int]] = {each.definition.key: {} for each in series}
    for row in session.connection().execute(union_all(*counts)) if counts else ():
        found[series[row.place].definition.key][row.zone] = row.rooms
    return found


def _counted(rooms: dict[str | None, int], names: set[str | None], series: Stored) -> int:
    if series.definition.zone is not None:
        # Its own clock counts for every room.
        return sum(rooms.values())
    return sum(rooms.get(name, 0) for name in names)
