"""Take back pending posts that the calendar, as it stands now, would not post like this."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import Session

from bot import database, outbox
from bot.models import Delivery, DeliveryState, Occurrence
from content_calendar import audience, definition, recurrence
from content_calendar.audience import ROOM
from content_calendar.definition import Stored
from content_calendar.holidays import Days

MOMENT = dt.timedelta(microseconds=1)
WAITING = (DeliveryState.PENDING, DeliveryState.CLAIMED)
OCCURRENCE, DELIVERY = database.tables(Occurrence, Delivery)
# The original date, the step and the moment of a post.
Place = tuple[dt.date, str, dt.datetime]


class Waiting(NamedTuple):
    """A step that waits to be posted at one moment in the rooms of one zone."""

    occurrence_id: int
    original_date: dt.date
    step: str
    due_at: dt.datetime
    zone: str | None


def withdraw_stale(session: Session, series: Sequence[Stored], behind: ZoneInfo, days: Days) -> int:
    """Withdraw what waits for a moment that its series no longer has, or on a day without posts;
    returns how many. `behind` is the zone of rooms that name none.

    What the series still wants, at another moment, is planned again by the next tick.
    """
    if not series:
        return 0
    waiting = _waiting(session, series)
    if not waiting:
        return 0
    names = audience.zones(session) | {None}
    stale = []
    for each in series:
        found = waiting.get(each.id, [])
        if not found:
            continue
        clocks = definition.local_zones(each.definition, behind, names)
        places = _places(each, clocks, [row.due_at for row in found], days)
        for row in found:
            local = row.due_at.astimezone(ZoneInfo(row.zone) if row.zone else behind)
            place = row.original_date, row.step, row.due_at
            if place not in places or local.date() in days.blackout:
                stale.append(_posts_of(row))
    return outbox.withdraw(session, or_(*stale), "日历改过,不再这样发") if stale else 0


def _waiting(session: Session, series: Sequence[Stored]) -> Mapping[int, Sequence[Waiting]]:
    """The moments, by zone, for which something of each series waits."""
    rows = session.connection().execute(
        select(
            DELIVERY.c.series_id,
            DELIVERY.c.occurrence_id,
            OCCURRENCE.c.original_date,
            DELIVERY.c.step,
            DELIVERY.c.due_at,
            ROOM.c.zone,
        )
        .join(OCCURRENCE, OCCURRENCE.c.id == DELIVERY.c.occurrence_id)
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .where(
            DELIVERY.c.series_id.in_([each.id for each in series]), DELIVERY.c.state.in_(WAITING)
        )
        .distinct()
    )
    waiting: defaultdict[int, list[Waiting]] = defaultdict(list)
    for series_id, *told in rows:
        waiting[series_id].append(Waiting(*told))
    return waiting


def _posts_of(row: Waiting) -> ColumnElement[bool]:
    """The posts of one step at one moment, in the rooms of one zone."""
    return and_(
        DELIVERY.c.occurrence_id == row.occurrence_id,
        DELIVERY.c.step == row.step,
        DELIVERY.c.due_at == row.due_at,
        DELIVERY.c.room_id.in_(select(ROOM.c.id).where(ROOM.c.zone.is_not_distinct_from(row.zone))),
    )


def _places(
    series: Stored,
    clocks: Mapping[str | None, ZoneInfo],
    moments: Sequence[dt.datetime],
    days: Days,
) -> set[Place]:
    """What a series posts between the first and the last of some moments."""
    wanted = series.definition
    since, until = min(moments), max(moments) + MOMENT
    return {
        (slot.original_date, slot.step, slot.due_at)
        for zone in clocks.values()
        for slot in recurrence.slots(wanted.schedule, wanted.timings, zone, since, until, days)
    }
