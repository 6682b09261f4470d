"""The stream between gateways and the log, against a real NATS server."""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot import from_stream, process
from bot import stream as streams
from bot.bench import nats_server
from bot.bench.nats_server import NatsServer
from bot.errors import GatewayUnavailable
from bot.gateway import Event, Said
from bot.models import Contact
from bot.stream import LARGEST, SHARDS, Lots, Stream
from tests import parts
from tests.journeys.test_spool import built, forget, logged
from tests.saying import rows
from tests.watching import until

NOW = dt.datetime(2026, 11, 11, 4, 0, tzinfo=dt.UTC)
# A worker that says nothing for so long has lost its lot.
SILENCE = 1.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    parts.require("nats", nats_server.program() is not None, "run `make install`")
    running = NatsServer(tmp_path / "nats")
    running.start()
    yield running
    running.kill()


@pytest.fixture
async def stream(server: NatsServer) -> AsyncIterator[Stream]:
    made = Stream(server.url, SILENCE)
    yield made
    await made.close()


def said(number: int, room: int, text: str = "今天不错") -> Said:
    return Said(f"m{number}", f"r{room}@chatroom", "wxid_1", NOW, "text", text)


async def heard(stream: Stream, number: int) -> list[Event]:
    """So many events, from all shards at once, each lot done."""
    stop, found = asyncio.Event(), list[Event]()

    async def listen(shard: int) -> None:
        async with aclosing(stream.lots(shard, stop)) as lots:
            async for some in lots:
                assert set(some.heard) == {"甲"}
                assert {streams.shard_of(event) for event in some.heard["甲"]} == {shard}
                found.extend(some.heard["甲"])
                await some.done()
                if len(found) >= number:
                    stop.set()

    await asyncio.wait_for(asyncio.gather(*map(listen, range(SHARDS))), 60)
    return found


async def test_each_room_comes_out_in_order_and_what_is_published_again_comes_once(
    stream: Stream,
) -> None:
    events = [said(n, n % 20) for n in range(400)]
    for start in range(0, 400, 100):
        await stream.publish("甲", events[start : start + 100])
    # As after a crash between publishing and dropping.
    await stream.publish("甲", events[300:])
    assert sum((await stream.waiting()).values()) == 4 * SHARDS
    found = await heard(stream, 400)
    assert by_room(found) == by_room(events)
    assert set((await stream.waiting()).values()) == {0}


async def test_what_waits_in_it_comes_in_without_who_was_forgotten_meanwhile(
    engine: Engine, stream: Stream, tmp_path: Path
) -> None:
    app, account = built(engine, tmp_path)
    process.take(app, account, [said(0, 1)])
    await stream.publish("demo", [said(1, 1), replace(said(2, 1), sender="wxid_2")])
    forget(engine, tmp_path, "wxid_1", NOW)
    stop = asyncio.Event()
    shard = streams.shard_of(said(1, 1))
    recording = asyncio.create_task(
        from_stream.record_lots(app, stop, None, stream=stream, shard=shard)
    )
    await until(app, lambda: logged(engine) == ["m0", "m2"])
    stop.set()
    await recording
    assert "wxid_1" not in {row.platform_id for row in rows(engine, Contact)}
    assert (await stream.waiting())[shard] == 0


async def test_what_is_too_large_for_one_lot_comes_in_several(stream: Stream) -> None:
    # Texts that do not compress.
    texts = [
        "".join(chr(0x4E00 + (n * 7919 + i * i * 31) % 20_000) for i in range(6_000))
        for n in range(120)
    ]
    events = [said(n, 1, text) for n, text in enumerate(texts)]
    await stream.publish("甲", events)
    assert max((await stream.waiting()).values()) > 1
    assert await heard(stream, 120) == events


async def test_a_lot_that_is_not_done_comes_again_before_the_next_one(stream: Stream) -> None:
    shard = streams.shard_of(said(1, 1))
    await stream.publish("甲", [said(1, 1)])
    await stream.publish("甲", [said(2, 1)])
    stop = asyncio.Event()
    # A worker that dies says nothing.
    assert (await first(stream, shard, stop)).heard == {"甲": [said(1, 1), said(2, 1)]}
    again = await first(stream, shard, stop)
    assert again.heard == {"甲": [said(1, 1), said(2, 1)]}
    await stream.publish("甲", [said(3, 1)])
    await again.still_busy()
    await again.done()
    following = await first(stream, shard, stop)
    assert following.heard == {"甲": [said(3, 1)]}
    await following.done()
    assert set((await stream.waiting()).values()) == {0}


async def test_what_piled_up_comes_together_by_account_and_not_all_at_once(stream: Stream) -> None:
    half = LARGEST // 2
    for n in range(4):
        account = "甲乙"[n % 2]
        await stream.publish(account, [said(n * half + k, 1) for k in range(half)])
    stop, shard = asyncio.Event(), streams.shard_of(said(1, 1))
    for lots in range(2):
        some = await first(stream, shard, stop)
        since = lots * LARGEST
        assert some.heard == {
            "甲": [said(since + k, 1) for k in range(half)],
            "乙": [said(since + half + k, 1) for k in range(half)],
        }
        await some.done()
    assert set((await stream.waiting()).values()) == {0}


async def test_a_worker_that_was_given_up_and_comes_back_takes_nothing_from_the_next_one(
    stream: Stream,
) -> None:
    shard, stop = streams.shard_of(said(1, 1)), asyncio.Event()
    for n in range(3):
        await stream.publish("甲", [said(n, 1)])
    frozen = await first(stream, shard, stop)
    other = await first(stream, shard, stop)
    assert other.heard == frozen.heard
    await stream.publish("甲", [said(3, 1)])
    # It recorded all of it after all, and so does the other one, which changes nothing.
    await frozen.done()
    last = await first(stream, shard, stop)
    assert last.heard == {"甲": [said(3, 1)]}
    await other.done()
    assert sum((await stream.waiting()).values()) == 1
    await last.done()
    assert sum((await stream.waiting()).values()) == 0


async def test_a_server_that_is_killed_keeps_what_it_stored_and_is_waited_for(
    server: NatsServer, stream: Stream
) -> None:
    await stream.publish("甲", [said(1, 1)])
    server.kill()
    with pytest.raises(GatewayUnavailable):
        await stream.publish("甲", [said(2, 1)])
    other = Stream(server.url, SILENCE)
    with pytest.raises(GatewayUnavailable):
        await other.waiting()
    listening = asyncio.create_task(heard(other, 2))
    server.start()
    while True:
        try:
            await stream.publish("甲", [said(2, 1)])
        except GatewayUnavailable:
            continue
        break
    assert await listening == [said(1, 1), said(2, 1)]
    await other.close()


async def first(stream: Stream, shard: int, stop: asyncio.Event) -> Lots:
    async with aclosing(stream.lots(shard, stop)) as lots:
        async with asyncio.timeout(60):
            return await anext(lots)


def by_room(events: Sequence[Event]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for event in events:
        assert isinstance(event, Said)
        found[event.room].append(event.id)
    return found
