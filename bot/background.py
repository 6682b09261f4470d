"""What the program does beside talking to rooms: digests, webhooks, nightly work, shops' orders.

Each is a loop of its own until `stop`; `app` keeps them alive.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from bot import calling, nightly, secret, shopkeeping, weekly
from bot.settings import Settings
from bot.webhooks import door


@dataclass(frozen=True, slots=True)
class Works:
    """What such work needs: `write` runs database work, `wake` lets accounts look for something to
    send, `ours` tells whether it is this process that plans.
    """

    settings: Settings
    engine: Engine
    write: calling.Write
    clock: Callable[[], dt.datetime]
    wake: Callable[[], None]
    ours: Callable[[], bool]


Work = Callable[[Works, asyncio.Event], Awaitable[None]]


def of(parts: Collection[str]) -> Mapping[str, Work]:
    """The work that a process with these parts does, by its name in the log."""
    work: dict[str, Work] = {}
    if "planner" in parts:
        work |= {"webhooks": _call, "nightly work": _nightly, "shops": _shops}
    if "digests" in parts:
        work |= {"digests": _digests}
    return work


async def _call(works: Works, stop: asyncio.Event) -> None:
    """Tell other programs what happened."""

    def opened() -> door.Door:
        return door.opened(secret.of(works.settings.home), works.settings.webhook_origins)

    await calling.run(calling.Caller(works.engine, works.write, opened, works.clock), stop)


async def _nightly(works: Works, stop: asyncio.Event) -> None:
    """Roll up what is over."""
    night = nightly.Night(works.settings, works.engine, works.write, works.clock, works.ours)
    await nightly.run(night, stop)


async def _shops(works: Works, stop: asyncio.Event) -> None:
    """Take shops' orders in."""
    keeper = shopkeeping.Keeper(works.settings, works.engine, works.write, works.clock)
    await shopkeeping.run(keeper, stop)


async def _digests(works: Works, stop: asyncio.Event) -> None:
    """Write the week's digests on Monday."""
    monday = weekly.Monday(works.settings, works.engine, works.write, works.clock, works.wake)
    await weekly.run(monday, stop)
