"""The stream of changes: topics only, one look for all pages, nothing missed since a page was made."""

import asyncio
import datetime as dt
import json
import re
from collections.abc import AsyncGenerator

from bot import database, outbox, pauses
from bot.console.live import TOPICS, Changes
from bot.intents import Intent
from bot.models import DeliveryKind, OperatorRole, PauseScope
from tests.console.conftest import Desk

MINUTE = dt.timedelta(minutes=1)


async def told(stream: AsyncGenerator[str, None]) -> set[str]:
    """The topics of the next event."""
    async with asyncio.timeout(20):
        async for event in stream:
            if found := re.search("^data: (.*)$", event, re.M):
                return set(json.loads(found[1]))
    raise AssertionError("the stream ended")


def changes_of(desk: Desk) -> Changes:
    return Changes(desk.engine, lambda: desk.now, every=0.01)


def pause(desk: Desk, reason: str) -> None:
    with database.transaction(desk.engine) as session:
        pauses.pause(session, PauseScope.ALL, None, reason, "小林", desk.now)


async def test_open_pages_are_told_what_changed_by_one_look_for_all(desk: Desk) -> None:
    changes = changes_of(desk)
    streams = [changes.stream() for _ in range(15)]
    # What changed while nobody looked is not known.
    assert await asyncio.gather(*(told(each) for each in streams)) == [TOPICS] * 15
    waiting = [asyncio.create_task(told(each)) for each in streams]
    pause(desk, "内容有误")
    assert await asyncio.gather(*waiting) == [{"pauses", "audit", "series"}] * 15
    for each in streams:
        await each.aclose()
    assert not changes.listeners
    changes.stop()


async def test_what_changes_between_a_page_and_its_stream_is_told(desk: Desk) -> None:
    changes = changes_of(desk)
    first = changes.stream()
    await told(first)
    made = changes.seen()
    assert made
    pause(desk, "发错了群")
    assert "pauses" in await told(first)
    # The page that was made before is told when its stream begins, the one made since is not.
    late, fresh = changes.stream(made), changes.stream(changes.seen())
    assert "pauses" in await told(late)
    assert (await anext(fresh)).startswith("retry:")
    assert "data:" not in await anext(fresh)
    for each in (first, late, fresh):
        await each.aclose()
    changes.stop()


async def test_a_post_that_becomes_due_is_told_although_no_row_changes(desk: Desk) -> None:
    desk.rooms(1)
    with database.transaction(desk.engine) as session:
        post = Intent(
            key="post:qa:2026-11-24:开场:1", kind=DeliveryKind.POST, room_id=1, account_id=None,
            text="大家好", due_at=desk.now + MINUTE, expires_at=desk.now + 60 * MINUTE,
        )  # fmt: skip
        outbox.plan(session, [post], desk.now)
    changes = changes_of(desk)
    page = changes.stream()
    await told(page)
    desk.now += 2 * MINUTE
    assert await told(page) == {"deliveries"}
    await page.aclose()
    changes.stop()


async def test_whoever_looks_away_for_long_is_told_everything(desk: Desk) -> None:
    changes = changes_of(desk)
    first = changes.stream()
    await told(first)
    for seen in ("", "0.0", "someone.else.7", f"{changes.seen()}9999", "甲.一"):
        stream = changes.stream(seen)
        assert await told(stream) == TOPICS, seen
        await stream.aclose()
    await first.aclose()
    changes.stop()


async def test_nobody_looks_long_after_the_last_page_has_gone(desk: Desk) -> None:
    changes = Changes(desk.engine, lambda: desk.now, every=0.01, linger=0.02)
    stream = changes.stream()
    await told(stream)
    await stream.aclose()
    assert changes.watching is not None
    await asyncio.wait_for(changes.watching, 20)
    assert not changes.seen()
    assert await told(changes.stream("whatever")) == TOPICS
    changes.stop()


async def test_a_stopping_server_ends_every_stream(desk: Desk) -> None:
    changes: Changes = desk.app.state.console.changes
    stream = changes.stream()
    await told(stream)
    changes.stop()
    async with asyncio.timeout(20):
        assert not [event async for event in stream if "data:" in event]


async def test_a_stream_asks_who_is_there(desk: Desk) -> None:
    async with desk.client() as nobody:
        assert (await nobody.get("/events")).status_code == 303
    desk.app.state.console.changes.stopping = True
    async with desk.signed_in("小林", OperatorRole.VIEWER) as browser:
        answer = await browser.get("/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
