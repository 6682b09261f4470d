"""The running system: builds the real things once, owns the loops and the clock.

Database work runs in one writer thread, so that the event loop never waits for it and SQLite
has exactly one writer. APScheduler only ticks; the truth is in our rows.
"""

import asyncio
import datetime as dt
import gc
import logging
import os
import random
import socket
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import psutil
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session

from bot import (
    batches,
    counting,
    database,
    deriving,
    errors,
    leases,
    outbox,
    pacing,
    recalling,
    receiving,
    sending,
    upkeep,
)
from bot.counting import Stretch
from bot.deriving import Rules
from bot.errors import GatewayUnavailable, QunyunError
from bot.gateway import Event, Gateway, LoggedIn, LoggedOut, Posting, capabilities_as_json
from bot.memory import Memory
from bot.models import Account, Message
from bot.receiving import Taken
from bot.sending import Begun, LeaseLost, Sender
from bot.settings import Settings
from content_calendar import contact, planning
from handlers import HANDLERS, Handler

log = logging.getLogger(__name__)

TICK = dt.timedelta(seconds=30)
# A process that reads products late has judged recent messages, and what they changed, without.
RULES_LAG = dt.timedelta(hours=25)
LONGEST_WAIT = 30.0

Answer = TypeVar("Answer")


@dataclass(slots=True)
class App:
    """One process at work. `accounts` and `senders` go by account id.

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
) -> App:
    """An app on a database at head: accounts are known, the rules are loaded, nothing runs yet."""
    with database.transaction(engine) as session:
        accounts = {_account(session, gateway): gateway for gateway in gateways}
        rules = deriving.load_rules(session, settings.zone)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    return App(settings, engine, clock, accounts, rules, owner)


def jitter() -> random.Random:
    """Chance for back-off: nothing depends on its quality."""
    return random.Random()  # noqa: S311  # no secret is drawn from it


def own_accounts(app: App) -> bool:
    """Take the leases of our accounts and put right what an earlier owner left.

    False while some account still belongs to somebody else.
    """
    now = app.clock()
    for account_id, gateway in app.accounts.items():
        if account_id in app.senders:
            continue
        with database.transaction(app.engine) as session:
            epoch = leases.take(session, account_id, app.owner, now, is_dead=_is_dead)
            if epoch is None:
                continue
            released, uncertain = outbox.recover(session, account_id, epoch)
        if released or uncertain:
            log.warning(
                "account %s: %d deliveries put back, %d held as uncertain",
                account_id, released, uncertain,
            )  # fmt: skip
        app.senders[account_id] = Sender(
            account_id,
            epoch,
            gateway,
            pacing.pace(app.settings, gateway.capabilities),
            app.settings.send_timeout_seconds,
            app.settings.attachments,
        )
    return len(app.senders) == len(app.accounts)


def take(app: App, account_id: int, events: Sequence[Event]) -> Taken:
    """Accept a batch of one account's events and plan the replies to it."""
    taken = receiving.take(
        app.engine, account_id, events, app.rules, app.clock(), app.handlers, app.memory
    )
    for event in events:
        if isinstance(event, LoggedIn):
            log.info("account %s is online", account_id)
            app.online.add(account_id)
        elif isinstance(event, LoggedOut):
            log.warning("account %s is offline", account_id)
            app.online.discard(account_id)
    return taken


def tick(app: App) -> int:
    """Plan what is due, give up on what is too late; returns the new deliveries."""
    now = app.clock()
    refresh_rules(app)
    with database.transaction(app.engine) as session:
        for account_id, sender in list(app.senders.items()):
            if not leases.renew(session, account_id, sender.epoch, now):
                _lose(app, account_id)
        kept = upkeep.keep(session, app.settings, app.rules, app.memory, now)
        planned = planning.plan_due(session, now, contact.rules(app.settings))
    for refused in planned.refused:
        log.warning(
            "series %s, step %s: not posted to %d rooms: %s",
            refused.series, refused.step, refused.rooms, refused.reason,
        )  # fmt: skip
    for room_id, account_id in kept.taken_over.items():
        log.warning("room %d: account %d takes over", room_id, account_id)
    for key, year in planned.unknown_years:
        log.error("series %s waits for the holidays of %d, which nobody knows", key, year)
    return planned.new + kept.alerts


def refresh_rules(app: App) -> None:
    """Follow products and campaigns that another process imported."""
    with database.transaction(app.engine) as session:
        if deriving.product_names(session) == app.rules.names:
            return
        app.rules, app.memory = deriving.load_rules(session, app.settings.zone), Memory()
        until = app.clock() + dt.timedelta(seconds=1)
        since = until - RULES_LAG
        message = database.table(Message)
        rooms = session.connection().scalars(
            select(message.c.room_id)
            .where(message.c.day.in_(counting.utc_days(since, until)), message.c.at >= since)
            .distinct()
        )
        stretches = [Stretch(room, since, until) for room in rooms]
        deriving.derive(session, stretches, app.rules)


async def deliver(app: App, account_id: int) -> dt.datetime | None:
    """Send the next delivery of an account, if one may go now.

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
        except OperationalError as error:
            # What is known of a post that was handed over must not be lost to a busy database.
            log.error("delivery %d: %s", begun.delivery_id, errors.where(error))  # noqa: TRY400
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return app.clock()


async def run(app: App, stop: asyncio.Event) -> None:
    """Everything that `QUNYUN_PARTS` asks for, until `stop`; then what is under way is finished."""
    scheduler = AsyncIOScheduler(timezone=dt.UTC)

    async def ticking() -> None:
        if await app.write(lambda: tick(app)):
            wake(app)

    loops: list[Awaitable[None]] = []
    parts = app.settings.parts
    if "planner" in parts:
        scheduler.add_job(
            ticking, "interval", seconds=TICK.total_seconds(), next_run_time=app.clock(),
            max_instances=1, coalesce=True,
        )  # fmt: skip
    elif "gateways" in parts:
        # Without a planner nobody else looks whether products were imported.
        scheduler.add_job(
            app.write, "interval", [lambda: refresh_rules(app)], seconds=TICK.total_seconds(),
            max_instances=1, coalesce=True,
        )  # fmt: skip
    for account_id in app.accounts if "gateways" in parts else ():
        loops.append(_supervised(app, stop, "listen", account_id, _listen))
        if "deliveries" in parts and _posts(app, account_id):
            loops.append(_supervised(app, stop, "deliver", account_id, _deliver))
    # What start-up made stays: looking through it again and again would hold the loop up.
    gc.collect()
    gc.freeze()
    # The writer thread gives way sooner, so that the loop gets its turn while a batch is judged.
    sys.setswitchinterval(0.001)
    scheduler.start()
    running = asyncio.gather(*loops)
    try:
        await stop.wait()
    finally:
        scheduler.shutdown(wait=False)
        wake(app)
        for gateway in app.accounts.values():
            await gateway.close()
        await running
        await app.write(lambda: _release(app))
        app.writer.shutdown()


async def _listen(app: App, stop: asyncio.Event, account_id: int) -> None:
    """Read one account's events to the end of its stream, a batch at a time."""
    gateway = app.accounts[account_id]
    listing: set[asyncio.Task[None]] = set()
    async for batch in batches.of(gateway.events()):
        await _accept(app, stop, account_id, batch)
        for event in batch:
            if isinstance(event, LoggedIn):
                # What connecting imported stays as well (see `run`).
                gc.freeze()
                task = asyncio.create_task(_list_rooms(app, account_id, event.me.id))
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
            if not await _woken(stop, wait):
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


async def _list_rooms(app: App, account_id: int, me: str) -> None:
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
        log.info("account %s: %d rooms listed", account_id, len(rooms))
    except GatewayUnavailable:
        log.warning("account %s: the list of rooms was cut short", account_id)


async def _deliver(app: App, stop: asyncio.Event, account_id: int) -> None:
    """Send what is due, one after the other, while the account is online and ours."""
    await app.write(lambda: _put_right(app, account_id))
    while not stop.is_set():
        if account_id not in app.senders:
            await app.write(lambda: own_accounts(app))
        again: dt.datetime | None = None
        # Before anything is awaited, so that no wake is lost, the last one least of all.
        app.wake[account_id].clear()
        await _take_back(app, account_id)
        if account_id in app.senders and account_id in app.online:
            try:
                again = await deliver(app, account_id)
            except LeaseLost:
                _lose(app, account_id)
        wait = (again - app.clock()).total_seconds() if again is not None else LONGEST_WAIT
        if wait > 0:
            await _woken(app.wake[account_id], min(wait, LONGEST_WAIT))


async def _supervised(
    app: App,
    stop: asyncio.Event,
    name: str,
    account_id: int,
    loop: Callable[[App, asyncio.Event, int], Awaitable[None]],
) -> None:
    """Keep one loop of one account alive; its bugs are logged with ids, and it starts again."""
    wait = 1.0
    while not stop.is_set():
        try:
            await loop(app, stop, account_id)
        except Exception as error:  # noqa: BLE001  # the supervisor: the other loops go on
            where = errors.where(error)
            log.error("%s of account %s failed: %s", name, account_id, where)  # noqa: TRY400
            await _woken(stop, wait)
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _account(session: Session, gateway: Gateway) -> int:
    account = database.table(Account)
    kind = type(gateway).__module__.rpartition(".")[2]
    can = capabilities_as_json(gateway.capabilities)
    posting = gateway.capabilities.post.value
    row = {
        "name": gateway.account, "gateway": kind, "online": False, "state_reason": "",
        "lease_epoch": 0,
    }  # fmt: skip
    database.insert_rows(session, Account, [row], skip_existing=True)
    # A rooms file may have named the account before any gateway did.
    session.connection().execute(
        update(account)
        .where(account.c.name == gateway.account)
        .values(gateway=kind, capabilities=can, posting=posting)
    )
    named = select(account.c.id).where(account.c.name == gateway.account)
    return int(session.connection().execute(named).scalar_one())


async def _take_back(app: App, account_id: int) -> None:
    """Take back what a person wants back."""
    if account_id not in app.senders or account_id not in app.online:
        return

    def asked() -> Sequence[recalling.Recall]:
        with database.reading(app.engine) as session:
            return recalling.due(session, account_id, app.clock())

    for each in await app.write(asked):
        try:
            taken_back = await app.accounts[account_id].recall(each.room, each.message_id)
        except QunyunError:
            # It is asked again until the platform's limit is over.
            return

        def settled(each: recalling.Recall = each, taken_back: bool = taken_back) -> None:
            with database.transaction(app.engine) as session:
                recalling.settle(session, each.delivery_id, taken_back, app.clock())

        await app.write(settled)


def _posts(app: App, account_id: int) -> bool:
    # Behind the others, people carry posts out.
    return app.accounts[account_id].capabilities.post is Posting.DIRECT


def _is_dead(owner: str) -> bool:
    host, _, process = owner.rpartition(":")
    return (
        host == socket.gethostname() and process.isdigit() and not psutil.pid_exists(int(process))
    )


def wake(app: App) -> None:
    """Let every account look for something to send now."""
    for account_id in app.accounts:
        app.wake[account_id].set()


def _lose(app: App, account_id: int) -> None:
    log.error("account %s belongs to another process now", account_id)
    app.senders.pop(account_id, None)


def _release(app: App) -> None:
    """Give our accounts up; nobody is online any more."""
    account = database.table(Account)
    with database.transaction(app.engine) as session:
        for account_id, sender in app.senders.items():
            leases.release(session, account_id, sender.epoch)
            session.connection().execute(
                update(account)
                .where(account.c.id == account_id, account.c.lease_epoch == sender.epoch)
                .values(online=False, state_at=app.clock(), state_reason="程序已停止")
            )


def _put_right(app: App, account_id: int) -> None:
    """What an earlier turn of this loop left when it failed: nothing else sends for the account."""
    sender = app.senders.get(account_id)
    if sender is not None:
        with database.transaction(app.engine) as session:
            outbox.recover(session, account_id, sender.epoch + 1)


def _names(event: Event) -> str:
    identity = getattr(event, "id", "")
    return f"{type(event).__name__} {identity} in {getattr(event, 'room', '')}"
