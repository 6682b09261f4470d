"""How long posts will take: the queue of one account, walked through at its pace."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot import pacing
from bot.pacing import Pace

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Load:
    """One step of one series for the rooms of one account that name `zone`: so many rooms, so many
    messages each. `clock` is the rooms' own, for their quiet hours.
    """

    series: str
    original_date: dt.date
    step: str
    due_at: dt.datetime
    rooms: int
    messages: int
    priority: int = 5
    zone: str | None = None
    clock: ZoneInfo | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """When the first and the last of a load's posts will go out."""

    first_at: dt.datetime
    last_at: dt.datetime


def sendings(
    loads: Iterable[Load], pace: Pace, per_day: int, zone: ZoneInfo
) -> dict[Load, Sending]:
    """The loads of one account, one after the other as they become due.

    `per_day` is the account's limit for a day of `zone`: what is over it waits for the next one.
    """
    found: dict[Load, Sending] = {}
    free_at: dt.datetime | None = None
    sent: dict[dt.date, int] = {}
    for load in sorted(
        loads, key=lambda load: (opens(load.due_at, load.clock, pace), *_order(load))
    ):
        each = dt.timedelta(seconds=pacing.seconds_a_room(pace, load.messages))
        ready_at = opens(load.due_at, load.clock, pace)
        start = ready_at if free_at is None else max(free_at, ready_at)
        start, last_at = _send(load, start, each, pace, per_day, zone, sent)
        free_at = last_at + each
        found[load] = Sending(start, last_at)
    return found


def opens(at: dt.datetime, clock: ZoneInfo | None, pace: Pace) -> dt.datetime:
    """The same moment, or the end of the quiet hours that it lies in by a room's clock (None: the
    installation's).
    """
    if pace.quiet is None:
        return at
    local = at.astimezone(clock or pace.zone)
    if not pace.quiet.cover(local.time()):
        return at
    day = local.date() if local.time() < pace.quiet.until else local.date() + DAY
    return dt.datetime.combine(day, pace.quiet.until, local.tzinfo).astimezone(dt.UTC)


def _closes(at: dt.datetime, load: Load, pace: Pace) -> dt.datetime | None:
    """When the next quiet hours begin."""
    if pace.quiet is None:
        return None
    local = at.astimezone(load.clock or pace.zone)
    day = local.date() if local.time() < pace.quiet.since else local.date() + DAY
    return dt.datetime.combine(day, pace.quiet.since, local.tzinfo).astimezone(dt.UTC)


def _order(load: Load) -> tuple[object, ...]:
    # As the planner writes them, and the outbox sends them.
    return (load.due_at, -load.priority, load.series, load.step, load.zone or "")


def _send(
    load: Load,
    start: dt.datetime,
    each: dt.timedelta,
    pace: Pace,
    per_day: int,
    zone: ZoneInfo,
    sent: dict[dt.date, int],
) -> tuple[dt.datetime, dt.datetime]:
    """When the first and the last post of a load go out; counts the messages of each day."""
    first_at: dt.datetime | None = None
    at, left = opens(start, load.clock, pace), load.rooms
    while True:
        day = at.astimezone(zone).date()
        midnight = dt.datetime.combine(day + DAY, dt.time(), zone).astimezone(dt.UTC)
        closes = _closes(at, load, pace)
        until = midnight if closes is None else min(midnight, closes)
        fits = -(-(until - at) // each)
        allowed = max(0, per_day - sent.get(day, 0)) // load.messages
        now = min(left, allowed, fits)
        if now:
            first_at = first_at or at
            sent[day] = sent.get(day, 0) + now * load.messages
            left -= now
        if left <= 0 or per_day < load.messages:
            return first_at or at, at + each * max(0, now - 1)
        # What is left goes on where the queue stands, after quiet hours or with the next day.
        at = max(until, at + each * now) if now == fits else midnight
        at = opens(at, load.clock, pace)
