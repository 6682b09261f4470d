"""From approved series to deliveries: what becomes due soon is rendered, checked and planned.

A step is planned for all its rooms at once, `HORIZON` before it is due, so that a change until
then costs nothing. Each series carries the moment before which nothing of it is due, so that a
tick reads only what is. The unique key of a delivery makes repeating safe.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import bindparam, case, func, select, update
from sqlmodel import Session

from bot import database, outbox
from bot.intents import Intent
from bot.models import Delivery, DeliveryKind, DeliveryState, Occurrence, SeriesState
from content_calendar import (
    audience,
    definition,
    facts,
    holidays,
    lifecycle,
    posts,
    recurrence,
    yielding,
)
from content_calendar.audience import Target
from content_calendar.contact import Rules
from content_calendar.definition import SERIES, Definition, Stored
from content_calendar.holidays import Days
from content_calendar.posts import Composed, Facts
from content_calendar.recurrence import Slot
from content_calendar.yielding import Due

HORIZON = dt.timedelta(minutes=15)
DAY = dt.timedelta(days=1)
ROOMS_AT_ONCE = 1_000
SOON = dt.timedelta(days=30)

OCCURRENCE, DELIVERY = database.tables(Occurrence, Delivery)


@dataclass(frozen=True, slots=True)
class Refused:
    """Posts of one step that were written down and will not go out, and why."""

    series: str
    step: str
    reason: str
    rooms: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What one tick did: how many deliveries are new, which posts cannot be made, and which series
    soon need the holidays of a year that nobody knows.
    """

    new: int = 0
    refused: tuple[Refused, ...] = ()
    unknown_years: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class _Group:
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


def plan_due(
    session: Session, now: dt.datetime, rules: Rules, *, horizon: dt.timedelta = HORIZON
) -> Planned:
    """Plan every step that becomes due before `now + horizon` and is not too late.

    One statement where nothing is due, and a constant number for each step that is. Repeating it
    adds nothing.
    """
    until = now + horizon
    ids_awake = definition.lock_due(session, until)
    if not ids_awake:
        return Planned()
    awake = definition.stored(session, ids=ids_awake)
    days = holidays.load(session)
    zones = audience.zones(session)
    groups = [group for each in awake for group in _due(each, now, until, rules, days, zones)]
    ids = _occurrence_ids(session, groups)
    groups = _unplanned(session, groups, ids)
    known = facts.shared(session, [group.series.definition for group in groups])
    above = _above(session, groups)
    new, refused = 0, list[Refused]()
    for group in sorted(groups, key=_importance):
        named = ids[group.series.id, group.original_date]
        counts = _plan(session, group, named, now, until, rules, days, known, above)
        new += counts.new
        refused += counts.refused
    _put_to_sleep(session, awake, now, until, rules, days, zones)
    today = now.astimezone(rules.zone).date()
    unknown = [
        (each.definition.key, year)
        for each in awake
        for year in recurrence.unknown_years(each.definition.schedule, today, today + SOON, days)
    ]
    return Planned(new, tuple(refused), tuple(unknown))


def _above(session: Session, groups: Sequence[_Group]) -> list[Stored]:
    """The approved series that are more important than some that is to be planned."""
    if not groups:
        return []
    least = min(group.series.definition.priority for group in groups)
    return definition.stored(session, state=SeriesState.APPROVED, above_priority=least)


def _importance(group: _Group) -> tuple[object, ...]:
    wanted = group.series.definition
    return (-wanted.priority, group.due_at, wanted.key, group.step)


def _due(
    series: Stored,
    now: dt.datetime,
    until: dt.datetime,
    rules: Rules,
    days: Days,
    zones: Iterable[str | None],
) -> Iterator[_Group]:
    wanted = series.definition
    since = series.next_due_at or now - _latest(wanted)
    found: dict[tuple[dt.date, str], _Group] = {}
    for name, zone in definition.local_zones(wanted, rules.zone, zones).items():
        for slot in recurrence.slots(wanted.schedule, wanted.timings, zone, since, until, days):
            end = posts.expires_at(slot.due_at, zone, wanted.late_by_minutes, rules.pace.quiet)
            if end > now:
                group = found.setdefault(
                    (slot.original_date, slot.step),
                    _Group(series, slot.original_date, slot.step),
                )
                group.by_zone[name] = Due(slot, zone, end)
    for group in found.values():
        group.looked = series.next_due_at is not None
        # What was over before the approval is not posted, but for what an edit had withdrawn.
        group.again = series.approved_at is not None and group.due_at < series.approved_at
        yield group


def _latest(wanted: Definition) -> dt.timedelta:
    # By default a post may wait for the end of the send window: a day, and an hour of DST.
    if wanted.late_by_minutes is None:
        return DAY + dt.timedelta(hours=1)
    return dt.timedelta(minutes=wanted.late_by_minutes)


def _occurrence_ids(session: Session, groups: Sequence[_Group]) -> dict[tuple[int, dt.date], int]:
    """The rows of the occurrences, made where they do not stand and moved where they moved."""
    if not groups:
        return {}
    dates = {
        (group.series.id, group.original_date): slot.date
        for group in groups
        for slot in (each.slot for each in group.by_zone.values())
    }
    rows = [(series_id, original, date) for (series_id, original), date in sorted(dates.items())]
    names = ("series_id", "original_date", "date")
    database.insert_new(session, Occurrence, names, rows, ("id",))
    source = database.given(session, {name: OCCURRENCE.c[name].type for name in names}, rows)
    same = (source.c.series_id == OCCURRENCE.c.series_id) & (
        source.c.original_date == OCCURRENCE.c.original_date
    )
    found = session.connection().execute(select(OCCURRENCE).join(source, same)).all()
    for row in found:
        # An imported file may have moved an occurrence whose row stands.
        date = dates[row.series_id, row.original_date]
        if row.date != date:
            session.connection().execute(
                update(OCCURRENCE).where(OCCURRENCE.c.id == row.id).values(date=date)
            )
    return {(row.series_id, row.original_date): row.id for row in found}


def _unplanned(
    session: Session, groups: Sequence[_Group], ids: Mapping[tuple[int, dt.date], int]
) -> list[_Group]:
    """The groups to plan: those of a series that changed may have been planned before it did."""
    if not groups:
        return []
    named = sorted({ids[group.series.id, group.original_date] for group in groups})
    taken_back = (DELIVERY.c.state == DeliveryState.CANCELLED) & DELIVERY.c.withdrawn
    rows = session.connection().execute(
        select(
            DELIVERY.c.occurrence_id,
            DELIVERY.c.step,
            func.max(case((taken_back, 1), else_=0)),
            func.max(case((~taken_back, DELIVERY.c.due_at), else_=None)),
        )
        .where(DELIVERY.c.occurrence_id.in_(named))
        .group_by(DELIVERY.c.occurrence_id, DELIVERY.c.step)
    )
    standing = {(row[0], row[1]): (bool(row[2]), row[3]) for row in rows}
    found = []
    for group in groups:
        occurrence_id = ids[group.series.id, group.original_date]
        group.withdrawn, planned_for = standing.get((occurrence_id, group.step), (False, None))
        dues = {each.slot.due_at for each in group.by_zone.values()}
        if group.looked or group.withdrawn or not (group.again or planned_for in dues):
            found.append(group)
    return found


def _plan(
    session: Session,
    group: _Group,
    occurrence_id: int,
    now: dt.datetime,
    until: dt.datetime,
    rules: Rules,
    days: Days,
    known: Facts,
    above: Sequence[Stored],
) -> Planned:
    """Plan one group, so many rooms at a time."""
    series, wanted = group.series, group.series.definition
    zones = None if wanted.zone is not None else list(group.by_zone)
    today = now.astimezone(rules.zone).date()
    rooms = iter(audience.available(session, wanted.audience, today, zones))
    new, refused = 0, dict[str, int]()
    while some := list(islice(rooms, ROOMS_AT_ONCE)):
        give_way = yielding.decide(
            session, series, group.by_zone, some, rules, days, known.able, above, until
        )
        gathered = facts.gather(
            session,
            series,
            group.original_date,
            group.step,
            [room.id for room in some],
            (_asked_since(group, days), now),
            known,
        )
        intents = list(_intents(group, occurrence_id, some, gathered, give_way))
        for intent in intents:
            if intent.refused is not None:
                refused[intent.refused] = refused.get(intent.refused, 0) + 1
        if group.again:
            new += outbox.renew(session, intents, now)
        else:
            new += outbox.plan(session, intents, now, revive=group.withdrawn)
    return Planned(
        new,
        tuple(Refused(wanted.key, group.step, reason, n) for reason, n in refused.items()),
    )


def _asked_since(group: _Group, days: Days) -> dt.datetime:
    """Since when questions count for an occurrence: its first step, else its local midnight."""
    schedule, timings = group.series.definition.schedule, group.series.definition.timings
    found = []
    for each in group.by_zone.values():
        midnight = recurrence.instant(each.slot.date, dt.time(), each.zone)
        earlier = [
            slot.due_at
            for slot in recurrence.slots(
                schedule, timings, each.zone, each.slot.due_at - 60 * DAY, each.slot.due_at, days
            )
            if slot.original_date == group.original_date
        ]
        found.append(min([midnight, *earlier]))
    return min(found)


def _intents(
    group: _Group,
    occurrence_id: int,
    rooms: Sequence[Target],
    gathered: Facts,
    give_way: Mapping[int, str],
) -> Iterator[Intent]:
    series, wanted = group.series, group.series.definition
    everywhere = group.by_zone.get(wanted.zone) if wanted.zone is not None else None
    by_due: dict[str | None, list[Target]] = {}
    for room in rooms:
        by_due.setdefault(wanted.zone if everywhere is not None else room.zone, []).append(room)
    for zone, some in by_due.items():
        due = group.by_zone[zone]
        for post in posts.compose(wanted, series.seed, due.slot, some, gathered):
            reason = post.refused or give_way.get(post.room.id)
            yield from _messages(series, occurrence_id, due, post, reason)


def _messages(
    series: Stored, occurrence_id: int, due: Due, post: Composed, reason: str | None
) -> Iterator[Intent]:
    slot: Slot = due.slot
    for part in post.parts:
        yield Intent(
            key=posts.key(series.definition.key, slot, part.step, post.room.platform_id),
            kind=DeliveryKind.POST,
            room_id=post.room.id,
            account_id=post.room.account_id,
            text=part.text,
            due_at=slot.due_at,
            expires_at=due.expires_at,
            series_id=series.id,
            occurrence_id=occurrence_id,
            step=slot.step,
            mention_all=part.mention_all,
            image=part.image,
            card=part.card,
            topic=post.topic,
            variant=post.variant,
            refused=reason,
        )


def _put_to_sleep(
    session: Session,
    awake: Sequence[Stored],
    now: dt.datetime,
    until: dt.datetime,
    rules: Rules,
    days: Days,
    zones: Iterable[str | None],
) -> None:
    """Note for each series when it is due next; one that is over has ended."""
    rows = []
    for series in awake:
        wanted = series.definition
        found = [
            recurrence.next_due(wanted.schedule, wanted.timings, zone, until, days)
            for zone in definition.local_zones(wanted, rules.zone, zones).values()
        ]
        over_at = recurrence.instant(wanted.schedule.ends + 2 * DAY, dt.time(), rules.zone)
        following = min((each for each in found if each is not None), default=over_at)
        if following < until:
            lifecycle.expire(session, series, now)
        rows.append({"which": series.id, "following": following})
    session.connection().execute(
        update(SERIES)
        .where(SERIES.c.id == bindparam("which"))
        .values(next_due_at=bindparam("following", type_=SERIES.c.next_due_at.type)),
        rows,
    )
