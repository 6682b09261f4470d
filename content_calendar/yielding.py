"""Which rooms a post gives way in, when it is planned: against what stands and what will come."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlmodel import Session

from bot import database
from bot.gateway import Capabilities
from bot.models import Delivery, DeliveryKind, DeliveryState, SeriesKind
from content_calendar import audience, contact, posts, recurrence
from content_calendar.audience import ROOM, Target
from content_calendar.contact import Claim, Rules
from content_calendar.definition import SERIES, Stored
from content_calendar.holidays import Days
from content_calendar.recurrence import Slot

DAY = dt.timedelta(days=1)
DELIVERY = database.table(Delivery)
GONE = (DeliveryState.CANCELLED, DeliveryState.EXPIRED, DeliveryState.FAILED)


@dataclass(frozen=True, slots=True)
class Due:
    """A step that is due in the rooms of one zone, and until when it may go out."""

    slot: Slot
    zone: ZoneInfo
    expires_at: dt.datetime


def decide(
    session: Session,
    series: Stored,
    by_zone: Mapping[str | None, Due],
    rooms: Sequence[Target],
    rules: Rules,
    days: Days,
    able: Mapping[int, Capabilities],
    above: Sequence[Stored],
    planned_until: dt.datetime,
) -> dict[int, str]:
    """The rooms in which a post of this step must not go out, by id, with the reason.

    `by_zone` holds the step by the zone that rooms name; `above` are approved series, of which
    the more important ones go first. What is due before `planned_until` has been planned. One
    statement, and one for each more important series that comes in those days, whatever the
    number of rooms.
    """
    wanted = series.definition
    due_of = {
        room.id: by_zone[wanted.zone if wanted.zone is not None else room.zone] for room in rooms
    }
    quotas = {
        room.id: able[room.account_id].posts_per_room_month
        for room in rooms
        if room.account_id is not None and room.account_id in able
    }
    since, until = _window(series, by_zone.values(), rules, any(quotas.values()))
    ahead = [each for each in above if each.definition.priority > wanted.priority]
    coming = _coming(session, ahead, rooms, rules, days, max(since, planned_until), until)
    # Where nothing but the limit a day can bind, rooms that have had little need no look.
    promo = rules.promo_share is not None and wanted.kind is SeriesKind.PROMO
    few = rules.pace.per_room_day - posts.messages(
        wanted.step(next(iter(due_of.values())).slot.step)
    )
    at_least = 0 if coming or rules.gap or promo or any(quotas.values()) else few + 1
    standing = _standing(session, series, due_of, since, until, at_least)
    refused: dict[int, str] = {}
    decided: dict[tuple[object, ...], str | None] = {}
    for room in rooms:
        due, quota = due_of[room.id], quotas.get(room.id)
        others = (*standing.get(room.id, ()), *coming.get(room.id, ()))
        # Most rooms agree on all of this, so that few decisions are made.
        signature = (due.zone.key, quota, others)
        if signature not in decided:
            ours = claim(series, due.slot, due.zone)
            gives_way = contact.decide([*others, ours], rules, blackout=days.blackout, quota=quota)
            decided[signature] = gives_way.get(ours)
        reason = decided[signature]
        if reason is not None:
            refused[room.id] = reason
    return refused


def claim(stored: Stored, slot: Slot, zone: ZoneInfo) -> Claim:
    """What a step of a series asks of a room."""
    wanted = stored.definition
    return Claim(
        series=wanted.key,
        kind=wanted.kind,
        priority=wanted.priority,
        step=slot.step,
        due_at=slot.due_at,
        day=slot.due_at.astimezone(zone).date(),
        messages=posts.messages(wanted.step(slot.step)),
    )


def _window(
    series: Stored, dues: Iterable[Due], rules: Rules, has_quota: bool
) -> tuple[dt.datetime, dt.datetime]:
    """The stretch in which other posts matter: the local day, and what the rules look at more."""
    since, until = [], []
    promo = rules.promo_share is not None and series.definition.kind is SeriesKind.PROMO
    for due in dues:
        day = due.slot.due_at.astimezone(due.zone).date()
        first, last = day, day + DAY
        if promo:
            first = contact.week_of(day)
            last = first + contact.WEEK
        if has_quota:
            first = min(first, day.replace(day=1))
        since.append(recurrence.instant(first, dt.time(), due.zone) - rules.gap)
        until.append(recurrence.instant(last, dt.time(), due.zone) + rules.gap)
    return min(since), max(until)


def _standing(
    session: Session,
    series: Stored,
    due_of: Mapping[int, Due],
    since: dt.datetime,
    until: dt.datetime,
    at_least: int,
) -> dict[int, tuple[Claim, ...]]:
    """What is planned for each room or has gone out; our own step planned before is left out.

    Rooms with fewer posts than `at_least` in the stretch are left out.
    """
    given = database.given(session, {"id": ROOM.c.id.type}, [(each,) for each in due_of])
    counts = (
        DELIVERY.c.kind == DeliveryKind.POST,
        DELIVERY.c.due_at >= since,
        DELIVERY.c.due_at < until,
        DELIVERY.c.state.not_in(GONE),
    )
    busy = (
        select(given.c.id)
        .join(DELIVERY, DELIVERY.c.room_id == given.c.id)
        .where(*counts)
        .group_by(given.c.id)
        .having(func.count() >= at_least)
    )
    ours = tuple(
        posts.key(series.definition.key, slot, slot.step, "")[:-1]
        for slot in {each.slot for each in due_of.values()}
    )
    rows = session.connection().execute(
        select(
            DELIVERY.c.room_id, SERIES.c.key, SERIES.c.kind, SERIES.c.priority, DELIVERY.c.step,
            DELIVERY.c.due_at, DELIVERY.c.key.label("named"),
        )
        .join(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .where(*counts, DELIVERY.c.room_id.in_(busy))
        .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
    )  # fmt: skip
    found: dict[int, list[Claim]] = {}
    for room_id, key, kind, priority, step, due_at, named in rows:
        if not named.startswith(ours):
            day = due_at.astimezone(due_of[room_id].zone).date()
            planned = Claim(key, kind, priority, step, due_at, day, planned=True)
            found.setdefault(room_id, []).append(planned)
    return {room_id: tuple(claims) for room_id, claims in found.items()}


def _coming(
    session: Session,
    above: Sequence[Stored],
    rooms: Sequence[Target],
    rules: Rules,
    days: Days,
    since: dt.datetime,
    until: dt.datetime,
) -> dict[int, tuple[Claim, ...]]:
    """The steps of more important series that will be planned for each room in the window."""
    today = since.astimezone(rules.zone).date()
    by_zone: dict[str | None, list[Target]] = {}
    for room in rooms:
        by_zone.setdefault(room.zone, []).append(room)
    found: dict[int, list[Claim]] = {}
    for other in above:
        wanted = other.definition
        reached: set[int] | None = None
        for name, some in by_zone.items():
            known = wanted.zone or name or wanted.default_zone
            zone = ZoneInfo(known) if known else rules.zone
            slots = recurrence.slots(wanted.schedule, wanted.timings, zone, since, until, days)
            if not slots:
                continue
            if reached is None:
                reached = audience.ids(session, wanted.audience, today)
            claims = [claim(other, slot, zone) for slot in slots]
            for room in some:
                if room.id in reached:
                    found.setdefault(room.id, []).extend(claims)
    return {room_id: tuple(claims) for room_id, claims in found.items()}
