"""Steps that become due: which of the approved series' slots are to be planned now.

A step of an occurrence is one group, whatever zones its rooms live in. Pure but for the look at
what was planned before.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import case, func, select
from sqlmodel import Session

from bot import database
from bot.models import Delivery, DeliveryState
from content_calendar import definition, posts, recurrence
from content_calendar.contact import Rules
from content_calendar.definition import Definition, Stored
from content_calendar.holidays import Days
from content_calendar.recurrence import DAY, Slot
from content_calendar.yielding import Due

DELIVERY = database.table(Delivery)


@dataclass(slots=True)
class Group:
    """One step of one occurrence, by the zone that rooms name (None: they name none).

    `looked` is whether a tick has looked at its series since it last changed; `withdrawn` whether
    posts of it were taken back unsent; `again` whether only those are planned.
    """

    series: Stored
    original_date: dt.date
    step: str
    by_zone: dict[str | None, Due] = field(default_factory=dict)
    looked: bool = True
    withdrawn: bool = False
    again: bool = False

    @property
    def due_at(self) -> dt.datetime:
        """When the first of its posts is due."""
        return min(each.slot.due_at for each in self.by_zone.values())


def due(
    series: Stored,
    now: dt.datetime,
    until: dt.datetime,
    rules: Rules,
    days: Days,
    zones: Iterable[str | None],
) -> Iterator[Group]:
    """The steps of one series that become due before `until` and are not too late now."""
    wanted = series.definition
    looked = series.next_due_at is not None
    since = series.next_due_at or now - _latest(wanted)
    found: dict[tuple[dt.date, str, bool], Group] = {}
    for name, zone in definition.local_zones(wanted, rules.zone, zones).items():
        for slot in recurrence.slots(wanted.schedule, wanted.timings, zone, since, until, days):
            end = posts.expires_at(slot.due_at, zone, wanted.late_by_minutes, rules.pace.quiet)
            if end > now:
                again = _is_over(series, slot)
                group = found.setdefault(
                    (slot.original_date, slot.step, again),
                    Group(series, slot.original_date, slot.step, again=again, looked=looked),
                )
                group.by_zone[name] = Due(slot, zone, end)
    yield from found.values()


def _is_over(series: Stored, slot: Slot) -> bool:
    """Whether a slot was over before somebody wanted it: it is posted only where an edit had
    withdrawn it.
    """
    schedule = series.definition.schedule
    wanted_at = [series.approved_at]
    if slot.original_date in schedule.move or slot.original_date in schedule.also:
        wanted_at.append(series.changed_at)
    return any(moment is not None and slot.due_at < moment for moment in wanted_at)


def _latest(wanted: Definition) -> dt.timedelta:
    # By default a post may wait for the end of the send window: a day, and an hour of DST.
    if wanted.late_by_minutes is None:
        return DAY + dt.timedelta(hours=1)
    return dt.timedelta(minutes=wanted.late_by_minutes)


def unplanned(
    session: Session, groups: Sequence[Group], ids: Mapping[tuple[int, dt.date], int]
) -> list[Group]:
    """The groups to plan: those of a series that changed may have been planned before it did."""
    if not groups:
        return []
    named = sorted({ids[group.series.id, group.original_date] for group in groups})
    taken_back = (DELIVERY.c.state == DeliveryState.CANCELLED) & DELIVERY.c.withdrawn
    rows = session.connection().execute(
        select(
            DELIVERY.c.occurrence_id,
            DELIVERY.c.step,
            DELIVERY.c.due_at,
            func.max(case((taken_back, 1), else_=0)),
            func.max(case((taken_back, 0), else_=1)),
        )
        .where(DELIVERY.c.occurrence_id.in_(named))
        .group_by(DELIVERY.c.occurrence_id, DELIVERY.c.step, DELIVERY.c.due_at)
    )
    withdrawn: set[tuple[int, str]] = set()
    standing: set[tuple[int, str, dt.datetime]] = set()
    for occurrence_id, step, due_at, was_withdrawn, stands in rows:
        if was_withdrawn:
            withdrawn.add((occurrence_id, step))
        if stands:
            standing.add((occurrence_id, step, due_at))
    for group in groups:
        place = ids[group.series.id, group.original_date], group.step
        group.withdrawn = place in withdrawn
        if group.looked or group.withdrawn:
            continue
        # Each zone on its own: one may have been planned while another is still to come.
        group.by_zone = {
            name: due
            for name, due in group.by_zone.items()
            if not group.again and (*place, due.slot.due_at) not in standing
        }
    return [group for group in groups if group.by_zone]


def importance(group: Group) -> tuple[object, ...]:
    """What puts the step that matters most, then the earliest, first."""
    wanted = group.series.definition
    return (-wanted.priority, group.due_at, wanted.key, group.step)
