"""Which rooms a post gives way in, when it is planned: against what stands and what will come."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
COUNTED = tuple(
    state
    for state in DeliveryState
    if state not in (DeliveryState.CANCELLED, DeliveryState.EXPIRED, DeliveryState.FAILED)
)


@dataclass(frozen=True, slots=True)
class Due:
    """A step that is due in the rooms of one zone, and until when it may go out."""

    slot: Slot
    zone: ZoneInfo
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Asking:
    """One step of one occurrence that asks for its rooms; `by_zone` goes by what rooms name."""

    series: Stored
    occurrence_id: int
    by_zone: Mapping[str | None, Due]
    rooms: Sequence[Target]

    def due(self, room: Target) -> Due:
        """When the step is due in a room."""
        fixed = self.series.definition.zone
        return self.by_zone[fixed if fixed is not None else room.zone]

    def clock(self, room: Target, behind: ZoneInfo) -> ZoneInfo:
        """The room's own clock, by which its days are counted; `behind` where it names none."""
        return ZoneInfo(room.zone) if room.zone else behind

    @property
    def messages(self) -> int:
        """How many messages the step puts into a room."""
        step = next(iter(self.by_zone.values())).slot.step
        return posts.messages(self.series.definition.step(step))


# What a room has been promised, with the occurrence it belongs to; grows while a tick plans.
Board = dict[int, list[tuple[int | None, Claim]]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a tick decides on: the rules of contact, the holidays, what each account (by id) is able
    to do, the approved series (of which the more important ones go first), and up to when all that
    is due has been planned.
    """

    rules: Rules
    days: Days
    able: Mapping[int, Capabilities]
    above: Sequence[Stored]
    planned_until: dt.datetime


def look(session: Session, asking: Sequence[Asking], ground: Ground) -> Board:
    """What is planned for these rooms, or has gone out, in the days that matter: one statement.

    Where nothing but the limit of a day can bind, rooms that have had little are left out.
    """
    if not asking:
        return {}
    rules = ground.rules
    quota = any(can.posts_per_room_month is not None for can in ground.able.values())
    windows = [_window(each, rules, quota) for each in asking if each.rooms]
    if not windows:
        return {}
    since, until = min(first for first, _ in windows), max(last for _, last in windows)
    zones = {room.id: each.clock(room, rules.zone) for each in asking for room in each.rooms}
    wanted = Counter[int]()
    for each in asking:
        messages = each.messages
        for room in each.rooms:
            wanted[room.id] += messages
    promo = rules.promo_share is not None
    few = rules.pace.per_room_day - max(wanted.values(), default=0)
    at_least = 0 if ground.above or quota or promo or rules.gap else max(0, few + 1)
    return _standing(session, zones, since, until, at_least)


def decide(session: Session, board: Board, asking: Asking, ground: Ground) -> dict[int, str]:
    """The rooms in which a post of this step must not go out, by id, with the reason; the others
    are promised on the board.

    One statement for each more important series that comes in those days.
    """
    if not asking.rooms:
        return {}
    quotas = {
        room.id: ground.able[room.account_id].posts_per_room_month
        for room in asking.rooms
        if room.account_id is not None and room.account_id in ground.able
    }
    coming = _coming(session, asking, ground, has_quota=any(quotas.values()))
    return _promise(board, asking, ground, quotas, coming)


def _promise(
    board: Board,
    asking: Asking,
    ground: Ground,
    quotas: Mapping[int, int | None],
    coming: Mapping[int, tuple[Claim, ...]],
) -> dict[int, str]:
    """Put the step on the board of each room that can take it; why not, for the other ones."""
    refused: dict[int, str] = {}
    # Most rooms agree on all that a decision depends on, so that few are made.
    decided: dict[tuple[object, ...], tuple[Claim, str | None]] = {}
    for room in asking.rooms:
        slot, quota = asking.due(room).slot, quotas.get(room.id)
        clock = asking.clock(room, ground.rules.zone)
        ahead = (*_others(board, asking, room.id, slot.step), *coming.get(room.id, ()))
        signature = (clock.key, slot.due_at, quota, ahead)
        if signature not in decided:
            ours = claim(asking.series, slot, clock)
            gives_way = contact.decide(
                [*ahead, ours], ground.rules, blackout=ground.days.blackout, quota=quota
            )
            decided[signature] = replace(ours, planned=True), gives_way.get(ours)
        ours, reason = decided[signature]
        if reason is not None:
            refused[room.id] = reason
        else:
            board.setdefault(room.id, []).append((asking.occurrence_id, ours))
    return refused


def _others(board: Board, asking: Asking, room_id: int, step: str) -> Iterator[Claim]:
    """What a room has been promised but this step: planned before, it is being planned again."""
    for occurrence_id, promised in board.get(room_id, ()):
        if occurrence_id != asking.occurrence_id or promised.step != step:
            yield promised


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


def _window(asking: Asking, rules: Rules, has_quota: bool) -> tuple[dt.datetime, dt.datetime]:
    """The stretch in which other posts matter: the local day, and what the rules look at more."""
    since, until = [], []
    promo = rules.promo_share is not None and asking.series.definition.kind is SeriesKind.PROMO
    for room in {room.zone: room for room in asking.rooms}.values():
        due, clock = asking.due(room), asking.clock(room, rules.zone)
        day = due.slot.due_at.astimezone(clock).date()
        first, last = day, day + DAY
        if promo:
            first = contact.week_of(day)
            last = first + contact.WEEK
        if has_quota:
            first = min(first, day.replace(day=1))
        since.append(recurrence.instant(first, dt.time(), clock) - rules.gap)
        until.append(recurrence.instant(last, dt.time(), clock) + rules.gap)
    return min(since), max(until)


def _standing(
    session: Session,
    zones: Mapping[int, ZoneInfo],
    since: dt.datetime,
    until: dt.datetime,
    at_least: int,
) -> Board:
    """What stands for the rooms with at least so many posts; `zones` by the id of each room."""
    counts = (
        DELIVERY.c.kind == DeliveryKind.POST,
        DELIVERY.c.due_at >= since,
        DELIVERY.c.due_at < until,
        DELIVERY.c.state.in_(COUNTED),
    )
    busy = session.connection().scalars(
        select(DELIVERY.c.room_id)
        .where(*counts)
        .group_by(DELIVERY.c.room_id)
        .having(func.count() >= at_least)
    )
    chosen = sorted(zones.keys() & set(busy))
    if not chosen:
        return {}
    given = database.given(session, {"id": ROOM.c.id.type}, [(each,) for each in chosen])
    rows = session.connection().execute(
        select(
            DELIVERY.c.room_id, DELIVERY.c.occurrence_id, SERIES.c.key, SERIES.c.kind,
            SERIES.c.priority, DELIVERY.c.step, DELIVERY.c.due_at,
        )
        .join(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .where(*counts, DELIVERY.c.room_id.in_(select(given.c.id)))
        .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
    )  # fmt: skip
    found: Board = {}
    for room_id, occurrence_id, key, kind, priority, step, due_at in rows:
        day = due_at.astimezone(zones[room_id]).date()
        planned = Claim(key, kind, priority, step, due_at, day, planned=True)
        found.setdefault(room_id, []).append((occurrence_id, planned))
    return found


def _coming(
    session: Session, asking: Asking, ground: Ground, *, has_quota: bool
) -> dict[int, tuple[Claim, ...]]:
    """The steps of more important series that will be planned for each room in the window."""
    ours, rules = asking.series.definition, ground.rules
    since, until = _window(asking, rules, has_quota)
    since = max(since, ground.planned_until)
    today = since.astimezone(rules.zone).date()
    # Of a share of the week every series is a part, whatever its importance.
    all_count = rules.promo_share is not None and ours.kind is SeriesKind.PROMO
    by_zone: dict[str | None, list[Target]] = {}
    for room in asking.rooms:
        by_zone.setdefault(room.zone, []).append(room)
    found: dict[int, list[Claim]] = {}
    for other in ground.above:
        wanted = other.definition
        if not all_count and wanted.priority <= ours.priority:
            continue
        reached: set[int] | None = None
        for name, some in by_zone.items():
            known = wanted.zone or name or wanted.default_zone
            zone = ZoneInfo(known) if known else rules.zone
            slots = recurrence.slots(
                wanted.schedule, wanted.timings, zone, since, until, ground.days
            )
            if not slots:
                continue
            if reached is None:
                reached = audience.ids(session, wanted.audience, today)
            clock = ZoneInfo(name) if name else rules.zone
            claims = [claim(other, slot, clock) for slot in slots]
            for room in some:
                if room.id in reached:
                    found.setdefault(room.id, []).extend(claims)
    return {room_id: tuple(claims) for room_id, claims in found.items()}
