"""Run the app in a test, and wait until the database shows something."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot import app as app_module
from bot.process import App

PATIENCE = 30


@asynccontextmanager
async def running(app: App) -> AsyncIterator[App]:
    """The app's loops, stopped and finished at the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(app_module.run(app, stop))
    try:
        yield app
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE)


async def until(app: App, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until the database shows something: looks after each unit of work of the app."""
    async with asyncio.timeout(patience):
        while True:
            app.changed.clear()
            if await asyncio.to_thread(holds):
                return
            await app.changed.wait()
