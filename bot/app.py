"""The running system: builds the real things once, owns the loops and the clock.

    process      what a process holds      incoming   gateways → spools → the log
    from_stream  the stream → the log      outgoing   the outbox → gateways

Time only ticks; the truth is in our rows.
"""

import asyncio
import datetime as dt
import functools
import gc
import logging
import os
import random
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

from sqlalchemy import Engine

from bot import (
    background,
    collecting,
    database,
    deriving,
    from_stream,
    heartbeats,
    incoming,
    leases,
    outgoing,
    owning,
    process,
    spool_file,
    upkeep,
    vitals,
    waking,
)
from bot.gateway import Gateway
from bot.loop_lag import Lag
from bot.process import App
from bot.settings import Settings
from bot.spool import Spool
from bot.stream import SHARDS, Stream
from content_calendar import contact, planning

log = logging.getLogger(__name__)

TICK = dt.timedelta(seconds=30)
# How often the loop is asked whether it comes back in time, in seconds.
BEAT = 0.2
# How long whoever stops waits for the answers to its last posts.
LAST_ANSWER = 5.0


def build(
    settings: Settings,
    engine: Engine,
    gateways: Sequence[Gateway],
    clock: Callable[[], dt.datetime],
    standby: Sequence[Gateway] = (),
) -> App:
    """An app on a database at head: accounts are known, the rules are loaded, nothing runs yet.
    The accounts behind `standby` it holds only while nobody else does.
    """
    with database.transaction(engine) as session:
        # In one order everywhere: processes that start at once must not wait for each other.
        ids = {
            gateway.account: owning.register(session, gateway)
            for gateway in sorted((*standby, *gateways), key=lambda each: each.account)
        }
        rules = deriving.load_rules(session, settings.zone)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    first, second = (
        {ids[gateway.account]: gateway for gateway in some} for some in (gateways, standby)
    )
    accounts = second | first
    life = f"{owner} {clock().isoformat()}"
    spools = {
        account_id: Spool(
            spool_file.path(settings.home, gateway.account), settings.spool_events, life
        )
        for account_id, gateway in accounts.items()
    }
    stream = Stream(settings.stream_url) if settings.stream_url else None
    return App(
        settings, engine, clock, accounts, rules, owner,
        spools=spools, stream=stream, standby=set(second) - set(first),
    )  # fmt: skip


def jitter() -> random.Random:
    """Chance for back-off: nothing depends on its quality."""
    return random.Random()  # noqa: S311  # no secret is drawn from it


def tick(app: App) -> int:
    """Plan what is due, give up on what is too late, unless another process does; returns the new
    deliveries.
    """
    now = app.clock()
    process.refresh(app)
    with database.transaction(app.engine) as session:
        app.plans = heartbeats.take(
            session, heartbeats.PLANNER, app.owner, now, is_dead=owning.is_dead
        )
        if not app.plans:
            return 0
        kept = upkeep.keep(session, app.settings, app.rules, app.memory, now)
        planned = planning.plan_due(session, now, contact.rules(app.settings))
    for refused in planned.refused:
        log.warning(
            "series %s, step %s: not posted to %d rooms: %s",
            refused.series, refused.step, refused.rooms, refused.reason,
        )  # fmt: skip
    for room_id, account_id in kept.taken_over.items():
        log.warning("room %d: account %d takes over", room_id, account_id)
    if any(kept.abandoned):
        log.warning(
            "without an owner: %d deliveries put back, %d held as uncertain", *kept.abandoned
        )
    for key, year in planned.unknown_years:
        log.error("series %s waits for the holidays of %d, which nobody knows", key, year)
    return planned.new + kept.alerts


async def run(app: App, stop: asyncio.Event) -> None:
    """Everything that `QUNYUN_PARTS` asks for, until `stop`; then what is under way is finished:
    posts get their answers, what was heard is recorded, or stays in its spool where the database
    is away, accounts are given up.
    """
    ended = asyncio.Event()
    gc.collect()
    collecting.set_aside()
    collecting.share_heaps()
    # The writer thread gives way sooner, so that the loop gets its turn while a batch is judged.
    sys.setswitchinterval(0.001)
    running = asyncio.gather(*_loops(app, stop, ended))
    hearing = asyncio.gather(*_listeners(app, stop))
    posting = asyncio.gather(*_posters(app, stop))
    log.info("at work: %s", ", ".join(app.settings.parts))
    try:
        await stop.wait()
    finally:
        process.wake(app)
        # Without its gateway a post on its way would be uncertain.
        await asyncio.wait([posting], timeout=LAST_ANSWER)
        for each in app.spools.values():
            each.make_room()
        await asyncio.gather(*(gateway.close() for gateway in app.accounts.values()))
        await hearing
        ended.set()
        for each in app.spools.values():
            each.arrived.set()
        await running
        await posting
        await _close(app)


def _loops(app: App, stop: asyncio.Event, ended: asyncio.Event) -> Iterator[Awaitable[None]]:
    """What goes on until nothing arrives any more, as `ended` says."""
    parts = app.settings.parts
    if "planner" in parts:
        yield process.supervised(app, stop, "tick", None, _tick)
    elif "gateways" in parts:
        yield process.supervised(app, stop, "refresh", None, _refresh)
    yield process.supervised(app, stop, "watch", None, _watch)
    if "gateways" in parts:
        yield process.supervised(app, stop, "leases", None, _keep)
    for name, work in background.of(parts).items():
        yield process.supervised(app, stop, name, None, _beside(work))
    hand_on = functools.partial(incoming.hand_on, ended=ended)
    for account_id in app.accounts if "gateways" in parts else ():
        yield process.supervised(app, stop, "hand on", account_id, hand_on)
    yield from _of_stream(app, stop)


def _listeners(app: App, stop: asyncio.Event) -> Iterator[Awaitable[None]]:
    """What hears, up to the end of each gateway's events."""
    if "gateways" not in app.settings.parts:
        return
    for account_id in app.accounts:
        yield process.supervised(app, stop, "listen", account_id, incoming.listen)


def _posters(app: App, stop: asyncio.Event) -> Iterator[Awaitable[None]]:
    """What posts by itself."""
    if not {"gateways", "deliveries"} <= set(app.settings.parts):
        return
    for account_id in app.accounts:
        if outgoing.posts(app, account_id):
            yield process.supervised(app, stop, "deliver", account_id, outgoing.deliver_all)


def _of_stream(app: App, stop: asyncio.Event) -> Iterator[Awaitable[None]]:
    """The loops that a stream asks for, where there is one."""
    parts, stream = app.settings.parts, app.stream
    if stream is None:
        return
    if "deliveries" in parts and app.accounts:
        told = functools.partial(from_stream.wait_for_replies, stream=stream)
        yield process.supervised(app, stop, "replies", None, told)
    for shard in range(SHARDS) if "ingest" in parts else ():
        record = functools.partial(from_stream.record_lots, stream=stream, shard=shard)
        yield process.supervised(app, stop, f"shard {shard}", None, record)


async def _tick(app: App, stop: asyncio.Event, _: int | None) -> None:
    """Tick by a clock that nobody sets."""
    while not stop.is_set():
        if await app.write(lambda: tick(app)):
            process.wake(app)
        await waking.woken(stop, TICK.total_seconds())


def _beside(work: background.Work) -> Callable[[App, asyncio.Event, None], Awaitable[None]]:
    """Work that knows nothing of accounts, as a loop of the app."""

    async def loop(app: App, stop: asyncio.Event, _: None) -> None:
        works = background.Works(
            app.settings, app.engine, app.write, app.clock,
            wake=lambda: process.wake(app), ours=lambda: app.plans,
        )  # fmt: skip
        await work(works, stop)

    return loop


async def _keep(app: App, stop: asyncio.Event, _: int | None) -> None:
    """Keep the leases of our accounts, whatever else takes its time."""
    while not await waking.woken(stop, leases.RENEWED.total_seconds()):
        before = set(app.senders)
        await app.write(lambda: process.own_accounts(app))
        await _note_spools(app)
        if set(app.senders) - before or not app.plans:
            # Whatever another process planned is found by looking.
            process.wake(app)


async def _note_spools(app: App) -> None:
    """Let the database know what is in our spools, for pages and figures elsewhere."""
    for account_id, each in app.spools.items():
        held = await each.held()
        if held == app.noted.get(account_id):
            continue

        note = functools.partial(owning.note_spool, app.engine, account_id, held)
        await app.write(note)
        app.noted[account_id] = held


async def _watch(app: App, stop: asyncio.Event, _: int | None) -> None:
    """Tell how late this loop comes to its work, for figures elsewhere."""
    lag = Lag()
    beating = asyncio.create_task(lag.beat(BEAT))
    try:
        while not await waking.woken(stop, TICK.total_seconds()):
            most = lag.taken()
            await app.write(functools.partial(_tell, app, most))
    finally:
        beating.cancel()


def _tell(app: App, loop_lag: float) -> None:
    with database.transaction(app.engine) as session:
        vitals.tell(session, app.owner, loop_lag, app.clock())


async def _refresh(app: App, stop: asyncio.Event, _: int | None) -> None:
    """Without a planner nobody else looks after our rules."""
    while not stop.is_set():
        await app.write(lambda: process.refresh(app))
        await waking.woken(stop, TICK.total_seconds())


async def _close(app: App) -> None:
    """Close what is open, the writer last."""
    await asyncio.gather(*(each.close() for each in app.spools.values()))
    if app.stream is not None:
        await app.stream.close()
    await app.write(lambda: _release(app))
    app.writer.shutdown()


def _release(app: App) -> None:
    """Give up our accounts, where nobody is online any more, and the planner's rounds."""
    with database.transaction(app.engine) as session:
        heartbeats.leave(session, heartbeats.PLANNER, app.owner)
        vitals.leave(session, app.owner)
    for account_id, sender in app.senders.items():
        owning.stop(app.engine, account_id, sender.epoch, app.clock())
