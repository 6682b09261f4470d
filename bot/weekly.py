"""Write digests and hand them to the outbox when their Monday moment has come (`digest/dispatch`).

Figures and pictures are made beside the writer thread, which has messages to take; only planning
goes through it.
"""

import asyncio
import datetime as dt
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from bot import database, waking
from bot.digest import dispatch
from bot.settings import Settings

LOOK = dt.timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Monday:
    """What the work needs; `write` runs one step where database work runs, `wake` the senders."""

    settings: Settings
    engine: Engine
    write: Callable[[Callable[[], int]], Awaitable[int]]
    clock: Callable[[], dt.datetime]
    wake: Callable[[], None]


async def run(monday: Monday, stop: asyncio.Event) -> None:
    """Look again and again, until `stop`."""
    while not stop.is_set():
        ready = await asyncio.to_thread(_ready, monday)
        if ready is not None and await monday.write(functools.partial(_plan, monday, ready)):
            monday.wake()
        await waking.woken(stop, LOOK.total_seconds())


def _ready(monday: Monday) -> dispatch.Prepared | None:
    if not monday.settings.digest_rooms:
        return None
    now = monday.clock()
    with database.reading(monday.engine) as session:
        due = dispatch.due(session, monday.settings, now)
        return None if due.empty else dispatch.prepare(session, monday.settings, due, now)


def _plan(monday: Monday, ready: dispatch.Prepared) -> int:
    with database.transaction(monday.engine) as session:
        return dispatch.plan(session, monday.settings, ready, monday.clock())
