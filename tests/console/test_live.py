"""The stream of changes: topics only, one look for all pages, none while nobody listens."""

import asyncio
from collections.abc import AsyncIterator

from bot import database, pauses
from bot.console.live import Changes
from bot.models import OperatorRole, PauseScope
from tests.console.conftest import Desk


async def told(stream: AsyncIterator[str]) -> str:
    """The next event that names topics."""
    async with asyncio.timeout(20):
        async for line in stream:
            if line.startswith("event:"):
                return line
    raise AssertionError("the stream ended")


async def begun(stream: AsyncIterator[str]) -> None:
    assert (await anext(stream)).startswith("retry:")


async def test_open_pages_are_told_what_changed_by_one_look_for_all(desk: Desk) -> None:
    changes = Changes(desk.engine, lambda: desk.now, every=0.01)
    streams = [changes.stream() for _ in range(15)]
    for stream in streams:
        await begun(stream)
    waiting = [asyncio.create_task(told(stream)) for stream in streams]
    await changes.looked.wait()
    with database.transaction(desk.engine) as session:
        pauses.pause(session, PauseScope.ALL, None, "内容有误", "小林", desk.now)
    lines = await asyncio.gather(*waiting)
    assert all('"pauses"' in line for line in lines)
    assert "内容有误" not in "".join(lines)
    for stream in streams:
        await stream.aclose()
    assert not changes.listeners


async def test_a_stopping_server_ends_every_stream(desk: Desk) -> None:
    changes: Changes = desk.app.state.console.changes
    stream = changes.stream()
    await begun(stream)
    changes.stop()
    async with asyncio.timeout(20):
        assert not [line async for line in stream if line.startswith("event:")]


async def test_a_stream_asks_who_is_there(desk: Desk) -> None:
    async with desk.client() as nobody:
        assert (await nobody.get("/events")).status_code == 303
    desk.app.state.console.changes.stopping = True
    async with desk.signed_in("小林", OperatorRole.VIEWER) as browser:
        answer = await browser.get("/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
