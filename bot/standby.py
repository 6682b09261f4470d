"""When to step in for the process that is meant to hold an account.

One that dies leaves a lease that runs out. One that stops gives its lease back and mostly comes
back in a moment, as does one that is only being started: those are waited for.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

from sqlalchemy import Engine

from bot import database, leases, waking
from bot.leases import Held

LOOK_SECONDS = 2.0
# So many looks in a row must find an account given up.
LOOKS = 5


async def turn(
    engine: Engine,
    account_id: int,
    write: Callable[[Callable[[], Held]], Awaitable[Held]],
    clock: Callable[[], dt.datetime],
    stop: asyncio.Event,
    look_seconds: float = LOOK_SECONDS,
) -> bool:
    """Wait until it is our turn with an account; False where `stop` came first."""

    def looked() -> Held:
        with database.reading(engine) as session:
            return leases.held(session, account_id, clock())

    given_up = 0
    while given_up < LOOKS:
        if await waking.woken(stop, look_seconds):
            return False
        found = await write(looked)
        if found is Held.RUN_OUT:
            return True
        given_up = given_up + 1 if found is Held.NOT else 0
    return True
