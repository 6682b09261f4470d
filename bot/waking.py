"""Wait for something to happen, but not for ever."""

import asyncio


async def woken(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event happened before so many seconds had passed."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
