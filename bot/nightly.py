"""What is done behind the scenes once a night: roll-ups, order numbers, attribution, segments, text
that has had its time; small steps, so that nothing waits.

Looked for every hour and begun after three at night, in each room's own zone; what a night missed
the next hour makes up for.
"""

import asyncio
import datetime as dt
import functools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Engine

from bot import partitions, retention, waking
from bot.insights import attributing, rolling, segments, topics
from bot.orders import typed
from bot.settings import Settings

# A day counts as over once its late messages have had time to come.
AFTER_MIDNIGHT = dt.timedelta(hours=3)
# A process that is restarting over and over should not spend its time on this.
FIRST = dt.timedelta(minutes=2)
# What was said longer ago names no order any more that is still to come.
LOOK_BACK = dt.timedelta(days=90)
AGAIN = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Night:
    """What the work needs; `write` runs one step where database work runs, `ours` tells whether
    it is this process that plans: of several, one does the work.
    """

    settings: Settings
    engine: Engine
    write: Callable[[Callable[[], int | None]], Awaitable[int | None]]
    clock: Callable[[], dt.datetime]
    ours: Callable[[], bool] = lambda: True


def steps(settings: Settings, engine: Engine, now: dt.datetime) -> Iterator[int]:
    """One short transaction after the other, until everything is done but the partitions, which
    are no work for the writer. Safe to repeat.
    """
    at = now - AFTER_MIDNIGHT
    yield from rolling.steps(engine, settings.zone, at)
    yield from typed.steps(engine, at.date() - LOOK_BACK)
    yield from attributing.steps(engine, now)
    yield from segments.steps(engine, at.astimezone(settings.zone).date(), settings.zone)
    yield from topics.steps(engine, at.astimezone(settings.zone).date(), settings.zone, now)
    # Last, when everything that reads the text has read it.
    yield from retention.steps(engine, settings.zone, settings.message_retention_days, now)


async def run(night: Night, stop: asyncio.Event, first: dt.timedelta = FIRST) -> None:
    """Do it when it is due, until `stop`; between two steps others have their turn."""
    wait = first
    while not await waking.woken(stop, wait.total_seconds()):
        now, ours = night.clock(), night.ours()
        # What reads a whole partition must not keep what is said, and leases, waiting.
        made = partitions.steps(night.engine, now.date()) if ours else iter(())
        while await asyncio.to_thread(next, made, None) is not None:
            if stop.is_set():
                return
        work = steps(night.settings, night.engine, now) if ours else iter(())
        while await night.write(functools.partial(next, work, None)) is not None:
            if stop.is_set():
                return
        wait = AGAIN
