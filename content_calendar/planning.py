"""From approved series to deliveries: what becomes due soon is rendered, checked and planned.

A step is planned for all its rooms at once, `HORIZON` before it is due, so that a change until
then costs nothing. Each series carries the moment before which nothing of it is due, so that a
tick reads only what is. The unique key of a delivery makes repeating safe.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from bot import database, outbox
from bot.insights import trials
from bot.intents import Intent
from bot.models import DeliveryKind, Occurrence, SeriesState
from bot.orders import short_links
from content_calendar import (
    audience,
    definition,
    due_steps,
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
from content_calendar.definition import SERIES, Stored
from content_calendar.due_steps import Group
from content_calendar.holidays import Days
from content_calendar.posts import Composed, Facts
from content_calendar.recurrence import DAY
from content_calendar.yielding import Asking, Due, Ground

HORIZON = dt.timedelta(minutes=15)
ROOMS_AT_ONCE = 1_000
POSTS_AT_ONCE = 2_000
SOON = dt.timedelta(days=30)

OCCURRENCE = database.table(Occurrence)


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
    groups = [
        group for each in awake for group in due_steps.due(each, now, until, rules, days, zones)
    ]
    ids = _occurrence_ids(session, groups)
    groups = sorted(due_steps.unplanned(session, groups, ids), key=due_steps.importance)
    new, refused = _planned(session, _decided(session, groups, ids, now, until, rules, days), now)
    _put_to_sleep(session, awake, now, until, rules, days, zones)
    today = now.astimezone(rules.zone).date()
    unknown = [
        (each.definition.key, year)
        for each in awake
        for year in recurrence.unknown_years(each.definition.schedule, today, today + SOON, days)
    ]
    return Planned(new, refused, tuple(unknown))


def _planned(
    session: Session, decided: Iterable[tuple[Group, list[Intent]]], now: dt.datetime
) -> tuple[int, tuple[Refused, ...]]:
    """Hand intents to the outbox, many at a time; returns how many were new, and who is refused."""
    new, waiting = 0, list[Intent]()
    refused: defaultdict[tuple[str, str, str], set[int]] = defaultdict(set)
    for group, intents in decided:
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
    return new, tuple(Refused(*named, len(rooms)) for named, rooms in refused.items())


def _decided(
    session: Session,
    groups: Sequence[Group],
    ids: Mapping[tuple[int, dt.date], int],
    now: dt.datetime,
    until: dt.datetime,
    rules: Rules,
    days: Days,
) -> Iterator[tuple[Group, list[Intent]]]:
    """The posts of each group, the most important group first, with why one is not to go out: it
    gives way to another, or its room is held out of an experiment.
    """
    shared = facts.shared(session, [group.series.definition for group in groups], rules.links_url)
    known = replace(shared, own_links=True)
    ground = Ground(rules, days, known.able, _above(session, groups, rules), until)
    asking = [_asking(session, group, ids, now, rules) for group in groups]
    board = yielding.look(session, asking, ground)
    held = withholding.held(session, [(each.series.id, each.original_date) for each in groups])
    for group, each in zip(groups, asking, strict=True):
        give_way = yielding.decide(session, board, each, ground)
        # Who is held out keeps its place on the board: no other post may fill the gap.
        without = held.get((group.series.id, trials.monday(group.original_date)), {})
        reasons = {**give_way, **without}
        for intents in _intents(session, group, each, reasons, now, days, known):
            yield group, intents


def _above(session: Session, groups: Sequence[Group], rules: Rules) -> list[Stored]:
    """The approved series that are more important than some that is to be planned; all of them
    where a share of the week is to be kept.
    """
    if not groups:
        return []
    if rules.promo_share is not None:
        return definition.stored(session, state=SeriesState.APPROVED)
    least = min(group.series.definition.priority for group in groups)
    return definition.stored(session, state=SeriesState.APPROVED, above_priority=least)


def _occurrence_ids(session: Session, groups: Sequence[Group]) -> dict[tuple[int, dt.date], int]:
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


def _asking(
    session: Session,
    group: Group,
    ids: Mapping[tuple[int, dt.date], int],
    now: dt.datetime,
    rules: Rules,
) -> Asking:
    wanted = group.series.definition
    zones = None if wanted.zone is not None else list(group.by_zone)
    today = now.astimezone(rules.zone).date()
    rooms = audience.available(session, wanted.audience, today, zones)
    named = ids[group.series.id, group.original_date]
    return Asking(group.series, named, group.by_zone, rooms)


def _asked_since(group: Group, days: Days) -> dt.datetime:
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
    group: Group,
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
