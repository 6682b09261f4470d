"""When an account may send next: computed from what it sent, so that a restart forgets nothing."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlmodel import Session

from bot import database
from bot.gateway import Capabilities
from bot.models import Account, Delivery, DeliveryKind, Room
from bot.settings import QuietHours, Settings

MINUTE = dt.timedelta(minutes=1)
# A new account starts with this share of its daily limit and grows to the whole of it.
WARMUP_FROM = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one account may send (DESIGN §5). Gaps are seconds."""

    gap: tuple[float, float]
    room_gap: float
    per_minute: int
    per_day: int
    per_room_day: int
    warmup_days: int
    quiet: QuietHours | None
    zone: ZoneInfo
    crowded_minutes: tuple[int, ...] = ()


def pace(settings: Settings, can: Capabilities | None = None) -> Pace:
    """The pace that the settings ask for, and no more than a platform allows."""
    per_minute = settings.posts_per_minute
    if can is not None and can.posts_per_minute is not None:
        per_minute = min(per_minute, can.posts_per_minute)
    return Pace(
        settings.random_gap_seconds,
        settings.room_gap_seconds,
        per_minute,
        settings.posts_per_day,
        settings.posts_per_room_day,
        settings.warmup_days,
        settings.quiet_hours,
        settings.zone,
        can.crowded_minutes if can is not None else (),
    )


@dataclass(frozen=True, slots=True)
class Slot:
    """When an account may send: to any room from `ready_at`, to `room_id`, where it sent last,
    from `room_ready_at`. A moment that has passed means at once. Where it has sent what it may in a
    day, nothing but alerts goes out before `spent_until`.
    """

    ready_at: dt.datetime
    room_id: int | None
    room_ready_at: dt.datetime
    spent_until: dt.datetime | None = None


def slot(session: Session, account_id: int, now: dt.datetime, pace: Pace) -> Slot:
    """The next moment of an account.

    The random gap after a delivery is drawn from its own id, so it is the same after a restart.
    """
    free = _uncrowded(now, pace)
    delivery = database.table(Delivery)
    since = now - dt.timedelta(days=1)
    sent = (
        session.connection()
        .execute(
            select(delivery.c.id, delivery.c.room_id, delivery.c.sending_at)
            .where(
                delivery.c.account_id == account_id,
                delivery.c.sending_at > since,
                # Begun before the clock was set back: no reason to be silent until then.
                delivery.c.sending_at <= now,
            )
            .order_by(delivery.c.sending_at.desc())
            .limit(pace.per_minute)
        )
        .all()
    )
    if not sent:
        return Slot(free, None, free)
    last_id, room_id, last_at = sent[0]
    ready = last_at + dt.timedelta(seconds=_gap(last_id, pace.gap))
    room_ready = last_at + dt.timedelta(seconds=pace.room_gap)
    floor = free if free > now else since
    if len(sent) == pace.per_minute:
        floor = max(floor, sent[-1][2] + MINUTE)
    spent = _sent_today(session, account_id, now, pace) >= daily_limit(
        session, account_id, now, pace
    )
    until = _midnight_after(now, pace.zone) if spent else None
    return Slot(max(ready, floor), room_id, max(room_ready, floor), until)


def _uncrowded(now: dt.datetime, pace: Pace) -> dt.datetime:
    """The first moment from `now` on that lies in no crowded minute."""
    while now.minute in pace.crowded_minutes:
        now = now.replace(second=0, microsecond=0) + MINUTE
    return now


def seconds_a_room(pace: Pace, messages: int) -> float:
    """How long so many messages to one room keep an account busy, on average."""
    gaps = sum(pace.gap) / 2 + (messages - 1) * pace.room_gap
    return max(gaps, messages * MINUTE.total_seconds() / pace.per_minute)


def resting_rooms(session: Session, now: dt.datetime, pace: Pace) -> ColumnElement[bool]:
    """The SQL condition that a row of the room table gets no posts now: it is in its quiet hours,
    or has had its share of its local day.
    """
    room = database.table(Room)
    resting: list[ColumnElement[bool]] = [false()]
    for zone in session.connection().scalars(select(room.c.zone).distinct()):
        local = ZoneInfo(zone) if zone else pace.zone
        # A room without a zone must not make the condition unknown: that would hold it up.
        named = room.c.zone.is_not_distinct_from(zone)
        if pace.quiet is not None and pace.quiet.cover(now.astimezone(local).time()):
            resting.append(named)
        else:
            resting.append(and_(named, _has_had(pace.per_room_day, _midnight(now, local))))
    return or_(*resting)


def _has_had(posts: int, since: dt.datetime) -> ColumnElement[bool]:
    # Counted for the rooms that are looked at, which are few, by the index of what a room got.
    room, got = database.table(Room), database.table(Delivery).alias("got")
    count = select(func.count()).where(
        got.c.room_id == room.c.id, got.c.kind == DeliveryKind.POST, got.c.sending_at >= since
    )
    return count.correlate(room).scalar_subquery() >= posts


def _gap(delivery_id: int, gap: tuple[float, float]) -> float:
    draw = hashlib.sha256(str(delivery_id).encode()).digest()
    share = int.from_bytes(draw[:4], "big") / 2**32
    return gap[0] + (gap[1] - gap[0]) * share


def _sent_today(session: Session, account_id: int, now: dt.datetime, pace: Pace) -> int:
    delivery = database.table(Delivery)
    midnight = _midnight(now, pace.zone)
    return (
        session.connection().scalar(
            select(func.count()).where(
                delivery.c.account_id == account_id,
                delivery.c.sending_at >= midnight,
                # What operators must know is no reason to tell members less.
                delivery.c.kind != DeliveryKind.ALERT,
            )
        )
        or 0
    )


def daily_limit(session: Session, account_id: int, now: dt.datetime, pace: Pace) -> int:
    """How many posts an account may send in the day of `now`; less while it is new."""
    if not pace.warmup_days:
        return pace.per_day
    account = database.table(Account)
    first = session.connection().scalar(
        select(account.c.first_online_at).where(account.c.id == account_id)
    )
    age = (now - first) / dt.timedelta(days=1) if first else 0.0
    share = min(1.0, WARMUP_FROM + (1 - WARMUP_FROM) * age / pace.warmup_days)
    return max(1, int(pace.per_day * share))


def _midnight(now: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    today = now.astimezone(zone).date()
    return dt.datetime.combine(today, dt.time(), zone).astimezone(dt.UTC)


def _midnight_after(now: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    tomorrow = now.astimezone(zone).date() + dt.timedelta(days=1)
    return dt.datetime.combine(tomorrow, dt.time(), zone).astimezone(dt.UTC)
