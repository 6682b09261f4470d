"""A stream of events in batches: what comes together is recorded together."""

import asyncio
from collections.abc import AsyncIterator

from bot.gateway import Event

LARGEST = 1_000
WINDOW_SECONDS = 0.05


async def of(events: AsyncIterator[Event]) -> AsyncIterator[list[Event]]:
    """Batches of at most LARGEST events, or of what came within the window; raises at the end what
    the stream ended with.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue(LARGEST)

    async def pump() -> None:
        try:
            async for event in events:
                await queue.put(event)
        except Exception:  # of whatever kind: whoever waits for the next event is told the end
            await queue.put(None)
            raise
        await queue.put(None)

    pumping = asyncio.create_task(pump())
    ended = False
    try:
        while not ended:
            batch = [await queue.get()]
            if not queue.full():
                # The window in which a batch gathers.
                await asyncio.sleep(WINDOW_SECONDS)
            while len(batch) < LARGEST and not queue.empty():
                batch.append(queue.get_nowait())
            ended = None in batch
            if told := [event for event in batch if event is not None]:
                yield told
    finally:
        if not ended:
            pumping.cancel()
    await pumping
