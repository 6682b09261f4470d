"""What comes through the stream into the log: a loop for each shard, in as many processes as run.

stream.lots → recorded → done
"""

import asyncio
import contextlib
import functools
import logging

from bot import database, incoming, owning, process
from bot.process import App
from bot.stream import Lots, Stream

log = logging.getLogger(__name__)


async def record_lots(
    app: App, stop: asyncio.Event, _: int | None, *, stream: Stream, shard: int
) -> None:
    """Record what comes through one shard of the stream, some lots at a time, until `stop`."""
    log.info("recording shard %d", shard)
    async with contextlib.aclosing(stream.lots(shard, stop)) as shares:
        async for lots in shares:
            replies = await _record(app, stop, lots, stream.silence / 3)
            if replies:
                await stream.tell_replies()
            await lots.done()


async def wait_for_replies(app: App, stop: asyncio.Event, _: int | None, *, stream: Stream) -> None:
    """Let the accounts look for what to send when another process planned a reply."""
    await process.until_it_holds(
        stop, lambda: stream.on_replies(lambda: process.wake(app)), "listening for replies"
    )
    await stop.wait()


async def _record(app: App, stop: asyncio.Event, lots: Lots, breath: float) -> int:
    """Returns how many replies were planned; asks for more time while the database is away."""

    async def recorded() -> int:
        replies = 0
        for account, events in lots.heard.items():
            known = functools.partial(app.write, functools.partial(account_of, app, account))
            account_id = await process.until_it_holds(stop, known, "a lot's account")
            replies += await incoming.accept(app, stop, account_id, account, events)
        return replies

    recording = asyncio.create_task(recorded())
    while not (await asyncio.wait([recording], timeout=breath))[0]:
        await lots.still_busy()
    return await recording


def account_of(app: App, name: str) -> int:
    """The account that heard a lot, known from now on if it was not: no lot holds up its shard."""
    with database.transaction(app.engine) as session:
        return owning.named(session, name)
