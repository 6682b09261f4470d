"""`qunyun bench gateway`: a burst through the real node gateway, from event to `Said`."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import defaultdict
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from bot import gateway, loop_lag
from bot.bench import node_gateway
from bot.gateways import wechaty, wechaty_link

MEMBERS = 20
BEAT = 0.002


@dataclass(slots=True)
class Tally:
    """What arrived: `turns` is the last number seen in each room."""

    turns: dict[str, int]
    seen: set[str]
    inversions: int = 0


async def measure(messages: int, rooms: int) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `gateway`. The machine's keys are the caller's.

    The baseline is the raw client on an equal burst: events and payloads with as many loads in
    flight, without order, names or topics. `events_per_second` is the stream alone.
    `loop_busy_ms_max` and `cpu_us_per_message` are processor time, which a busy machine leaves
    nearly alone; `loop_lag_ms_max` and the rates count what others took.
    Raises InvalidInput where node is absent.
    """
    node = node_gateway.NodeGateway(rooms=rooms, members=MEMBERS)
    await node.start()
    try:
        # The first request imports what HTTP needs; that is no lag of the gateway's.
        await node.ask("reset")
        ours = await _ours(node, messages, rooms)
        baseline = await _baseline(node, messages, rooms, loading=True)
        stream = await _baseline(node, messages, rooms, loading=False)
    finally:
        node.kill()
    per_second = ours["per_second"]
    return ours | {
        "baseline_per_second": round(baseline, 1),
        "ratio": round(per_second / baseline, 3) if isinstance(per_second, float) else None,
        "events_per_second": round(stream, 1),
    }


async def _ours(node: node_gateway.NodeGateway, messages: int, rooms: int) -> dict[str, object]:
    account = wechaty.WechatyGateway(
        *node.address,
        clock=lambda: datetime.now(UTC),
        rng=random.Random(7),  # noqa: S311 (jitter)
    )
    events = account.events()
    lag = loop_lag.Lag()
    try:
        while not isinstance(await anext(events), gateway.LoggedIn):
            pass
        # As `qunyun run` does: what stands at the start is not looked through again and again.
        gc.collect()
        gc.freeze()
        rss = psutil.Process().memory_info().rss
        beating = asyncio.get_running_loop().create_task(lag.beat(BEAT))
        began, used = time.perf_counter(), time.process_time()
        burst = asyncio.get_running_loop().create_task(
            node.ask("burst", messages=messages, rooms=rooms)
        )
        tally = await _receive(account, messages)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        await burst
        beating.cancel()
        growth = psutil.Process().memory_info().rss - rss
    finally:
        gc.unfreeze()
        await account.close()
    return {
        "messages": messages,
        "rooms": rooms,
        "seconds": round(seconds, 3),
        "per_second": round(len(tally.seen) / seconds, 1),
        "cpu_us_per_message": round(used / messages * 1e6, 1),
        "lost": messages - len(tally.seen),
        "inversions": tally.inversions,
        "loop_lag_ms_max": round(lag.most * 1000, 1),
        "loop_busy_ms_max": round(lag.busy * 1000, 1),
        "rss_growth_mb": round(growth / 2**20, 1),
    }


async def _receive(account: wechaty.WechatyGateway, messages: int) -> Tally:
    """Read until all have come, or none for ten seconds."""
    tally = Tally(turns=defaultdict(lambda: -1), seen=set())
    events = account.events()
    while len(tally.seen) < messages:
        try:
            event = await asyncio.wait_for(anext(events), 10)
        except TimeoutError:
            break
        if isinstance(event, gateway.Said):
            turn = int(event.text or -1)
            tally.inversions += turn < tally.turns[event.room]
            tally.turns[event.room] = turn
            tally.seen.add(event.id)
    return tally


async def _baseline(
    node: node_gateway.NodeGateway, messages: int, rooms: int, *, loading: bool
) -> float:
    """Messages a second through the raw client."""
    link = wechaty_link.Link(*node.address, seconds=30)
    free = asyncio.Semaphore(wechaty.IN_FLIGHT)
    loads: set[asyncio.Task[None]] = set()

    async def load(id: str) -> None:
        await link.message(id)
        free.release()

    count = 0
    loop = asyncio.get_running_loop()
    try:
        async with aclosing(link.entries()) as entries:
            await anext(entries)
            began = time.perf_counter()
            burst = loop.create_task(node.ask("burst", messages=messages, rooms=rooms))
            async for entry in entries:
                if "messageId" not in entry.payload:
                    continue
                count += 1
                if loading:
                    await free.acquire()
                    task = loop.create_task(load(str(entry.payload["messageId"])))
                    loads.add(task)
                    task.add_done_callback(loads.discard)
                if count == messages:
                    break
            await asyncio.gather(*loads)
            seconds = time.perf_counter() - began
        await burst
    finally:
        await link.close()
    return count / seconds
