"""From approved series to deliveries: what becomes due soon is rendered, checked and planned.

A step is planned for all its rooms at once, `HORIZON` before it is due, so that a change until
then costs nothing. Each series carries the moment before which nothing of it is due, so that a
tick reads only what is. The unique key of a delivery makes repeating safe.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy import bindparam, case, func, select, update
from sqlmodel import Session

from bot import database, outbox
from bot.insights import trials
from bot.intents import Intent
from bot.models import Delivery, DeliveryKind, DeliveryState, Occurrence, SeriesState
from bot.orders import short_links
from content_calendar import (
    audience,
    definition,
    facts,
    holidays,
    lifecycle,
    posts,
    reconciling,
    recurrence,
    withholding,
    yielding,
)
from content_calendar.audience import Target
from content_calendar.contact import Rules
from content_calendar.definition import SERIES, Definition, Stored
from content_calendar.holidays import Days
from content_calendar.posts import Composed, Facts
from content_calendar.recurrence import Slot
from content_calendar.yielding import Asking, Due

HORIZON = dt.timedelta(minutes=15)
DAY = dt.timedelta(days=1)
ROOMS_AT_ONCE = 1_000
POSTS_AT_ONCE = 2_000
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
    # Rooms that a gateway lists name no zone, and may come at any time.
    zones = audience.zones(session) | {None}
    changed = [each for each in awake if each.next_due_at is None]
    reconciling.withdraw_stale(session, changed, rules.zone, days)
    groups = [group for each in awake for group in _due(each, now, until, rules, days, zones)]
    ids = _occurrence_ids(session, groups)
    groups = _unplanned(session, groups, ids)
    shared = facts.shared(session, [group.series.definition for group in groups], rules.links_url)
    known = replace(shared, own_links=True)
    above = _above(session, groups, rules)
    asking = [_asking(session, group, ids, now, rules) for group in sorted(groups, key=_importance)]
    board = yielding.look(session, [each for _, each in asking], rules, known.able, above)
    held = withholding.held(session, [(each.series.id, each.original_date) for each in groups])
    new, waiting = 0, list[Intent]()
    refused: defaultdict[tuple[str, str, str], set[int]] = defaultdict(set)
    for group, each in asking:
        give_way = yielding.decide(session, board, each, rules, days, known.able, above, until)
        # Who is held out keeps its place on the board: no other post may fill the gap.
        without = held.get((group.series.id, trials.monday(group.original_date)), {})
        reasons = {**give_way, **without}
        for intents in _intents(session, group, each, reasons, now, days, known):
            short_links.keep(session, intents, now)
            for intent in intents:
                if intent.refused is not None:
                    named = group.series.definition.key, group.step, intent.refused
                    refused[named].add(intent.room_id)
            if group.again:
                new += outbox.renew(session, intents, now)
            elif group.withdrawn:
                new += outbox.plan(session, intents, now)
            else:
                waiting += intents
            if len(waiting) >= POSTS_AT_ONCE:
                new += outbox.plan(session, waiting, now, revive=False)
                waiting.clear()
    new += outbox.plan(session, waiting, now, revive=False)
    _put_to_sleep(session, awake, now, until, rules, days, zones)
    today = now.astimezone(rules.zone).date()
    unknown = [
        (each.definition.key, year)
        for each in awake
        for year in recurrence.unknown_years(each.definition.schedule, today, today + SOON, days)
    ]
    summed = (Refused(*named, len(rooms)) for named, rooms in refused.items())
    return Planned(new, tuple(summed), tuple(unknown))


def _above(session: Session, groups: Sequence[_Group], rules: Rules) -> list[Stored]:
    """The approved series that are more important than some that is to be planned; all of them
    where a share of the week is to be kept.
    """
    if not groups:
        return []
    if rules.promo_share is not None:
        return definition.stored(session, state=SeriesState.APPROVED)
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
    looked = series.next_due_at is not None
    since = series.next_due_at or now - _latest(wanted)
    found: dict[tuple[dt.date, str, bool], _Group] = {}
    for name, zone in definition.local_zones(wanted, rules.zone, zones).items():
        for slot in recurrence.slots(wanted.schedule, wanted.timings, zone, since, until, days):
            end = posts.expires_at(slot.due_at, zone, wanted.late_by_minutes, rules.pace.quiet)
            if end > now:
                again = _is_over(series, slot)
                group = found.setdefault(
                    (slot.original_date, slot.step, again),
                    _Group(series, slot.original_date, slot.step, again=again, looked=looked),
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


def _asking(
    session: Session,
    group: _Group,
    ids: Mapping[tuple[int, dt.date], int],
    now: dt.datetime,
    rules: Rules,
) -> tuple[_Group, Asking]:
    wanted = group.series.definition
    zones = None if wanted.zone is not None else list(group.by_zone)
    today = now.astimezone(rules.zone).date()
    rooms = audience.available(session, wanted.audience, today, zones)
    named = ids[group.series.id, group.original_date]
    return group, Asking(group.series, named, group.by_zone, rooms)


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
    session: Session,
    group: _Group,
    asking: Asking,
    give_way: Mapping[int, str],
    now: dt.datetime,
    days: Days,
    known: Facts,
) -> Iterator[list[Intent]]:
    """The posts of one group, so many rooms at a time."""
    series, wanted = group.series, group.series.definition
    asked = _asked_since(group, days), now
    rooms = iter(asking.rooms)
    while some := list(islice(rooms, ROOMS_AT_ONCE)):
        gathered = facts.gather(
            session,
            series,
            group.original_date,
            group.step,
            [room.id for room in some],
            asked,
            known,
        )
        by_due: dict[Due, list[Target]] = {}
        for room in some:
            by_due.setdefault(asking.due(room), []).append(room)
        yield [
            intent
            for due, alike in by_due.items()
            for post in posts.compose(wanted, series.seed, due.slot, alike, gathered)
            for intent in _messages(asking, due, post, post.refused or give_way.get(post.room.id))
        ]


def _messages(asking: Asking, due: Due, post: Composed, reason: str | None) -> Iterator[Intent]:
    series, slot = asking.series, due.slot
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
            occurrence_id=asking.occurrence_id,
            step=slot.step,
            mention_all=part.mention_all,
            image=part.image,
            card=part.card,
            topic=post.topic,
            variant=post.variant,
            refused=reason,
            link=part.link,
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
