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
    messages each.
    """

    series: str
    original_date: dt.date
    step: str
    due_at: dt.datetime
    rooms: int
    messages: int
    priority: int = 5
    zone: str | None = None


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
    for load in sorted(loads, key=_order):
        each = dt.timedelta(seconds=pacing.seconds_a_room(pace, load.messages))
        start = load.due_at if free_at is None else max(free_at, load.due_at)
        start, last_at = _send(load, start, each, per_day, zone, sent)
        free_at = last_at + each
        found[load] = Sending(start, last_at)
    return found


def _order(load: Load) -> tuple[object, ...]:
    # As the planner writes them, and the outbox sends them.
    return (load.due_at, -load.priority, load.series, load.step, load.zone or "")


def _send(
    load: Load,
    start: dt.datetime,
    each: dt.timedelta,
    per_day: int,
    zone: ZoneInfo,
    sent: dict[dt.date, int],
) -> tuple[dt.datetime, dt.datetime]:
    """When the first and the last post of a load go out; counts the messages of each day."""
    first_at: dt.datetime | None = None
    at, left = start, load.rooms
    while True:
        day = at.astimezone(zone).date()
        midnight = dt.datetime.combine(day + DAY, dt.time(), zone).astimezone(dt.UTC)
        until_midnight = -(-(midnight - at) // each)
        allowed = max(0, per_day - sent.get(day, 0)) // load.messages
        now = min(left, allowed, until_midnight)
        if now:
            first_at = first_at or at
            sent[day] = sent.get(day, 0) + now * load.messages
            left -= now
        if left <= 0 or per_day < load.messages:
            return first_at or at, at + each * max(0, now - 1)
        # What is left goes on where the queue stands, or where the next day's limit begins.
        at = max(midnight, at + each * now) if now == until_midnight else midnight
