"""The running system: builds the real things once, owns the loops and the clock.

Database work runs in one writer thread, so that the event loop never waits for it and SQLite
has exactly one writer. Time only ticks; the truth is in our rows.
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
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from bot import (
    background,
    batches,
    database,
    deriving,
    errors,
    heartbeats,
    leases,
    outbox,
    owning,
    pacing,
    recalling,
    receiving,
    sending,
    serving,
    standby,
    upkeep,
    waking,
)
from bot.deriving import Rules
from bot.errors import GatewayUnavailable
from bot.gateway import Event, Gateway, LoggedIn, LoggedOut, Posting
from bot.memory import Memory
from bot.receiving import Taken
from bot.sending import Begun, LeaseLost, Sender
from bot.settings import Settings
from content_calendar import contact, planning
from handlers import HANDLERS, Handler

log = logging.getLogger(__name__)

TICK = dt.timedelta(seconds=30)
LONGEST_WAIT = 30.0
# How long whoever stops waits for the answers to its last posts.
LAST_ANSWER = 5.0

Answer = TypeVar("Answer")
# An account's id, or None for a loop of the whole process.
Subject = TypeVar("Subject", int, None)


@dataclass(slots=True)
class App:
    """One process at work. `accounts` and `senders` go by account id; those of `standby` another
    process is meant to hold. `plans` tells that this process did the last round of the planner.

    `changed` is set after every unit of database work of ours, for whoever watches.
    """

    settings: Settings
    engine: Engine
    clock: Callable[[], dt.datetime]
    accounts: Mapping[int, Gateway]
    rules: Rules
    owner: str
    handlers: Sequence[Handler] = HANDLERS
    memory: Memory = field(default_factory=Memory)
    senders: dict[int, Sender] = field(default_factory=dict)
    online: set[int] = field(default_factory=set)
    wake: dict[int, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    standby: Collection[int] = ()
    plans: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    writer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="writer")
    )

    async def write(self, work: Callable[[], Answer]) -> Answer:
        """Run database work in the writer thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.writer, work)
        finally:
            self.changed.set()


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
        second = {owning.register(session, gateway): gateway for gateway in standby}
        first = {owning.register(session, gateway): gateway for gateway in gateways}
        rules = deriving.load_rules(session, settings.zone)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    return App(
        settings, engine, clock, second | first, rules, owner, standby=set(second) - set(first)
    )


def jitter() -> random.Random:
    """Chance for back-off: nothing depends on its quality."""
    return random.Random()  # noqa: S311  # no secret is drawn from it


def own_accounts(app: App) -> None:
    """Hold the leases of the accounts that are online here, and of no others: a process that is
    not let in must not keep an account from the one that is.
    """
    now = app.clock()
    for account_id, gateway in app.accounts.items():
        sender = app.senders.get(account_id)
        if account_id not in app.online:
            if sender is not None:
                owning.let_go(app.engine, account_id, app.senders.pop(account_id).epoch)
        elif sender is not None:
            if not owning.keep(app.engine, account_id, sender.epoch, now):
                _lose(app, account_id)
        elif (epoch := owning.take(app.engine, account_id, app.owner, now)) is not None:
            app.senders[account_id] = Sender(
                account_id,
                epoch,
                gateway,
                pacing.pace(app.settings, gateway.capabilities),
                app.settings.send_timeout_seconds,
                app.settings.attachments,
            )


def take(app: App, account_id: int, events: Sequence[Event]) -> Taken:
    """Accept a batch of one account's events and plan the replies to it."""
    sender = app.senders.get(account_id)
    taken = receiving.take(
        app.engine, account_id, events, app.rules, app.clock(), app.handlers, app.memory,
        epoch=sender.epoch if sender is not None else None,
        replies_per_hour=app.settings.replies_per_room_hour,
    )  # fmt: skip
    if taken.cases:
        upkeep.alert(app.engine, app.settings, app.clock())
    changes = [event for event in events if isinstance(event, LoggedIn | LoggedOut)]
    for event in changes:
        if isinstance(event, LoggedIn):
            log.info("account %s is online", account_id)
            app.online.add(account_id)
        else:
            log.warning("account %s is offline", account_id)
            app.online.discard(account_id)
    if changes:
        own_accounts(app)
    return taken


def tick(app: App) -> int:
    """Plan what is due, give up on what is too late, unless another process does; returns the new
    deliveries.
    """
    now = app.clock()
    refresh(app)
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


def refresh(app: App) -> None:
    """Keep our accounts, and follow products and campaigns that another process imported."""
    own_accounts(app)
    with database.transaction(app.engine) as session:
        fresh = upkeep.fresh_rules(session, app.rules, app.clock())
    if fresh is not None:
        app.rules, app.memory = fresh, Memory()


async def deliver(
    app: App, account_id: int, stop: asyncio.Event | None = None
) -> dt.datetime | None:
    """Send the next delivery of an account, if one may go now, and settle it whatever the database
    goes through, until `stop`: then the next owner holds it as uncertain.

    Returns when to ask again: now where one was sent, later where pacing says so, None where
    nothing is due.
    """
    sender = app.senders[account_id]
    begun = await app.write(lambda: sending.begin_next(app.engine, sender, app.clock()))
    if not isinstance(begun, Begun):
        return begun
    settle = await sending.hand_over(sender, begun)

    def settled() -> None:
        with database.transaction(app.engine) as session:
            settle(session, app.clock())

    wait = 0.1
    while True:
        try:
            await app.write(settled)
        except (OperationalError, InterfaceError) as error:
            # What is known of a post that was handed over must not be lost to a busy database.
            log.error("delivery %d: %s", begun.delivery_id, errors.where(error))  # noqa: TRY400
            if await waking.woken(stop or asyncio.Event(), wait):
                return None
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return app.clock()


async def run(app: App, stop: asyncio.Event) -> None:
    """Everything that `QUNYUN_PARTS` asks for, until `stop`; then what is under way is finished:
    posts get their answers, what was heard is recorded, accounts are given up.
    """
    parts = app.settings.parts
    loops: list[Awaitable[None]] = []
    posters: list[Awaitable[None]] = []
    if "planner" in parts:
        loops.append(_supervised(app, stop, "tick", None, _tick))
    elif "gateways" in parts:
        loops.append(_supervised(app, stop, "refresh", None, _refresh))
    if "gateways" in parts:
        loops.append(_supervised(app, stop, "leases", None, _keep))
    loops += [
        _supervised(app, stop, name, None, _beside(work))
        for name, work in background.of(parts).items()
    ]
    for account_id in app.accounts if "gateways" in parts else ():
        loops.append(_supervised(app, stop, "listen", account_id, _listen))
        # Behind the others, people carry posts out.
        direct = app.accounts[account_id].capabilities.post is Posting.DIRECT
        if "deliveries" in parts and direct:
            posters.append(_supervised(app, stop, "deliver", account_id, _deliver))
    # What start-up made stays: looking through it again and again would hold the loop up.
    gc.collect()
    gc.freeze()
    # The writer thread gives way sooner, so that the loop gets its turn while a batch is judged.
    sys.setswitchinterval(0.001)
    running, posting = asyncio.gather(*loops), asyncio.gather(*posters)
    try:
        await stop.wait()
    finally:
        wake(app)
        # Without its gateway a post on its way would be uncertain.
        await asyncio.wait([posting], timeout=LAST_ANSWER)
        await asyncio.gather(*(gateway.close() for gateway in app.accounts.values()))
        await running
        await posting
        await app.write(lambda: _release(app))
        app.writer.shutdown()


async def _tick(app: App, stop: asyncio.Event, _: int | None) -> None:
    """Tick by a clock that nobody sets."""
    while not stop.is_set():
        if await app.write(lambda: tick(app)):
            wake(app)
        await waking.woken(stop, TICK.total_seconds())


def _beside(work: background.Work) -> Callable[[App, asyncio.Event, None], Awaitable[None]]:
    """Work that knows nothing of accounts, as a loop of the app."""

    async def loop(app: App, stop: asyncio.Event, _: None) -> None:
        works = background.Works(
            app.settings, app.engine, app.write, app.clock,
            wake=lambda: wake(app), ours=lambda: app.plans,
        )  # fmt: skip
        await work(works, stop)

    return loop


async def _keep(app: App, stop: asyncio.Event, _: int | None) -> None:
    """Keep the leases of our accounts, whatever else takes its time."""
    while not await waking.woken(stop, leases.RENEWED.total_seconds()):
        before = set(app.senders)
        await app.write(lambda: own_accounts(app))
        if set(app.senders) - before or not app.plans:
            # Whatever another process planned is found by looking.
            wake(app)


async def _refresh(app: App, stop: asyncio.Event, _: int | None) -> None:
    """Without a planner nobody else looks after our rules."""
    while not stop.is_set():
        await app.write(lambda: refresh(app))
        await waking.woken(stop, TICK.total_seconds())


async def _listen(app: App, stop: asyncio.Event, account_id: int) -> None:
    """Read one account's events to the end of its stream, a batch at a time."""
    if account_id in app.standby and not await standby.turn(
        app.engine, account_id, app.write, app.clock, stop
    ):
        return
    gateway = app.accounts[account_id]
    listing: set[asyncio.Task[None]] = set()
    async for batch in batches.of(gateway.events()):
        await _accept(app, stop, account_id, batch)
        for event in batch:
            if isinstance(event, LoggedIn):
                # What connecting imported stays as well (see `run`).
                gc.freeze()
                listed = functools.partial(_list_rooms, me=event.me.id)
                task = asyncio.create_task(_supervised(app, stop, "list rooms", account_id, listed))
                listing.add(task)
                task.add_done_callback(listing.discard)
        wake(app)
    for task in listing:
        task.cancel()
    await asyncio.gather(*listing, return_exceptions=True)


async def _accept(app: App, stop: asyncio.Event, account_id: int, batch: Sequence[Event]) -> None:
    """Accept a batch, whatever the database goes through; nothing is dropped but what is a bug."""
    wait = 0.1
    while True:
        try:
            await app.write(lambda: take(app, account_id, batch))
        except (OperationalError, InterfaceError) as error:
            log.error(  # noqa: TRY400  # its own words may quote a member
                "the database refuses %d events; trying again: %s", len(batch), errors.where(error)
            )
            if not await waking.woken(stop, wait):
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            raise
        except Exception as error:  # noqa: BLE001  # nothing may stop the stream but its end
            if len(batch) == 1:
                # One event that cannot be recorded must not take its neighbours along.
                log.error("%s refused: %s", _names(batch[0]), errors.where(error))  # noqa: TRY400
                return
            for event in batch:
                await _accept(app, stop, account_id, [event])
        return


async def _list_rooms(app: App, _: asyncio.Event, account_id: int, me: str) -> None:
    """Record the rooms and members that the account has; a lost gateway cuts it short."""
    gateway = app.accounts[account_id]
    try:
        rooms = await gateway.rooms()
        for listing in rooms:
            people = await gateway.members(listing.id)

            def recorded(listing=listing, people=people) -> None:  # type: ignore[no-untyped-def]
                with database.transaction(app.engine) as session:
                    receiving.list_room(session, account_id, listing, people, me, app.clock())

            await app.write(recorded)

        def missing() -> int:
            with database.reading(app.engine) as session:
                return serving.unlisted(session, account_id, {room.id for room in rooms})

        log.info("account %s: %d rooms listed", account_id, len(rooms))
        if unlisted := await app.write(missing):
            log.warning("account %s: %d of its rooms are not on its list", account_id, unlisted)
    except GatewayUnavailable:
        log.warning("account %s: the list of rooms was cut short", account_id)


async def _deliver(app: App, stop: asyncio.Event, account_id: int) -> None:
    """Send what is due, one after the other, while the account is online and ours."""
    await app.write(lambda: _put_right(app, account_id))
    while not stop.is_set():
        again: dt.datetime | None = None
        # Before anything is awaited, so that no wake is lost, the last one least of all.
        app.wake[account_id].clear()
        if account_id in app.senders and account_id in app.online:
            gateway = app.accounts[account_id]
            await recalling.carry_out(app.engine, account_id, gateway, app.write, app.clock)
            try:
                again = await deliver(app, account_id, stop)
            except LeaseLost:
                _lose(app, account_id)
        wait = (again - app.clock()).total_seconds() if again is not None else LONGEST_WAIT
        if wait > 0:
            await waking.woken(app.wake[account_id], min(wait, LONGEST_WAIT))


async def _supervised(
    app: App,
    stop: asyncio.Event,
    name: str,
    account_id: Subject,
    loop: Callable[[App, asyncio.Event, Subject], Awaitable[None]],
) -> None:
    """Keep one loop, mostly of one account, alive; its bugs are logged, and it starts again."""
    wait = 1.0
    while not stop.is_set():
        try:
            await loop(app, stop, account_id)
        except Exception as error:  # noqa: BLE001  # the supervisor: the other loops go on
            where = errors.where(error)
            log.error("%s of account %s failed: %s", name, account_id, where)  # noqa: TRY400
            await waking.woken(stop, wait)
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return


def wake(app: App) -> None:
    """Let every account look for something to send now."""
    for account_id in app.accounts:
        app.wake[account_id].set()


def _lose(app: App, account_id: int) -> None:
    log.error("account %s belongs to another process now", account_id)
    app.senders.pop(account_id, None)


def _release(app: App) -> None:
    """Give up our accounts, where nobody is online any more, and the planner's rounds."""
    with database.transaction(app.engine) as session:
        heartbeats.leave(session, heartbeats.PLANNER, app.owner)
    for account_id, sender in app.senders.items():
        owning.stop(app.engine, account_id, sender.epoch, app.clock())


def _put_right(app: App, account_id: int) -> None:
    """What an earlier turn of this loop left when it failed: nothing else sends for the account."""
    sender = app.senders.get(account_id)
    if sender is not None:
        with database.transaction(app.engine) as session:
            outbox.recover(session, account_id, sender.epoch + 1)


def _names(event: Event) -> str:
    identity = getattr(event, "id", "")
    return f"{type(event).__name__} {identity} in {getattr(event, 'room', '')}"
