"""One process at work: what it holds, the accounts it owns, how its loops are kept alive.

Database work runs in one writer thread, so that the event loop never waits for it and SQLite
has exactly one writer.
"""

import asyncio
import datetime as dt
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    MultipleResultsFound,
    NoResultFound,
    SQLAlchemyError,
    StatementError,
)

from bot import database, errors, owning, pacing, partitions, receiving, upkeep, waking
from bot.deriving import Rules
from bot.errors import GatewayUnavailable
from bot.gateway import Event, Gateway, LoggedIn, LoggedOut
from bot.memory import Memory
from bot.reacting import Manners
from bot.receiving import Taken
from bot.sending import Sender
from bot.settings import Settings
from bot.spool import Spool
from bot.spool_file import Held
from bot.stream import Stream
from handlers import HANDLERS, Handler

log = logging.getLogger(__name__)

LONGEST_WAIT = 30.0
# What was heard piles up while it waits for a database or a disk: looked for sooner.
LONGEST_AWAY = 5.0
# What a database, a disk or a stream raises that is away for a while; see `is_away`.
AWAY = (SQLAlchemyError, sqlite3.Error, GatewayUnavailable)
# What a database says of the rows that it was given, not of itself.
OF_THE_ROWS = (DataError, IntegrityError, NoResultFound, MultipleResultsFound)
# SQLSTATE class "program limit exceeded": a key too long for an index, on PostgreSQL.
LIMIT_EXCEEDED = "54"

Answer = TypeVar("Answer")
# An account's id, or None for a loop of the whole process.
Subject = TypeVar("Subject", int, None)


@dataclass(slots=True)
class App:
    """One process at work. `accounts`, `spools`, `senders` and `noted` go by account id; those of
    `standby` another process is meant to hold. `noted` is what the database knows of the spools.
    Spools are emptied into `stream`, and what is recorded comes out of it, where there is one.
    `plans` tells that this process did the last round of the planner, `connected` that some account
    was in before.

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
    spools: Mapping[int, Spool] = field(default_factory=dict)
    noted: dict[int, Held] = field(default_factory=dict)
    stream: Stream | None = None
    senders: dict[int, Sender] = field(default_factory=dict)
    online: set[int] = field(default_factory=set)
    wake: dict[int, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    standby: Collection[int] = ()
    plans: bool = False
    connected: bool = False
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
                lose(app, account_id)
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
    try:
        taken = receiving.take(
            app.engine,
            account_id,
            events,
            app.rules,
            app.clock(),
            epoch=sender.epoch if sender is not None else None,
            memory=app.memory,
            manners=Manners(app.handlers, app.settings.replies_per_room_hour),
        )
    except IntegrityError as error:
        if partitions.is_closed(error):
            # So that it is taken when it is tried again, in a moment.
            partitions.reopen(app.engine)
        raise
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


def refresh(app: App) -> None:
    """Keep our accounts, and follow products and campaigns that another process imported."""
    own_accounts(app)
    with database.transaction(app.engine) as session:
        fresh = upkeep.fresh_rules(session, app.rules, app.clock())
    if fresh is not None:
        app.rules, app.memory = fresh, Memory()


def wake(app: App) -> None:
    """Let every account look for something to send now."""
    for account_id in app.accounts:
        app.wake[account_id].set()


def lose(app: App, account_id: int) -> None:
    """Another process holds the account: nothing of ours sends for it any more."""
    log.error("account %s belongs to another process now", account_id)
    app.senders.pop(account_id, None)


async def supervised(
    app: App,
    stop: asyncio.Event,
    name: str,
    account_id: Subject,
    loop: Callable[[App, asyncio.Event, Subject], Awaitable[None]],
) -> None:
    """Keep one loop, mostly of one account, alive; its bugs are logged, and it starts again."""
    wait, clock = 1.0, asyncio.get_running_loop().time
    while not stop.is_set():
        began = clock()
        try:
            await loop(app, stop, account_id)
        except Exception as error:  # noqa: BLE001  # the supervisor: the other loops go on
            where = errors.place(error) if is_away(error) else errors.where(error)
            log.error("%s of account %s failed: %s", name, account_id, where)  # noqa: TRY400
            if clock() - began > LONGEST_WAIT:
                # It went well for a while: what failed long ago says nothing of now.
                wait = 1.0
            await waking.woken(stop, wait)
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return


async def until_it_holds(
    stop: asyncio.Event, work: Callable[[], Awaitable[Answer]], what: str
) -> Answer:
    """Do what a database, a disk or a stream refuses for a while again and again, until `stop`."""
    wait = 0.1
    while True:
        try:
            return await work()
        except AWAY as error:
            if not is_away(error):
                raise
            # Its own words may quote a member.
            log.error("%s refused; trying again: %s", what, errors.place(error))  # noqa: TRY400
            if await waking.woken(stop, wait):
                raise
            wait = min(wait * 2, LONGEST_AWAY)


def is_away(error: BaseException) -> bool:
    """Whether an error says that a database, a disk or a stream is away for a while, be it locked,
    read-only, damaged, half migrated or making room for a day; not that it dislikes what it was
    given.
    """
    if isinstance(error, DBAPIError):
        limit = str(getattr(error.orig, "sqlstate", "")).startswith(LIMIT_EXCEEDED)
        return partitions.is_closed(error) or not (limit or isinstance(error, OF_THE_ROWS))
    # A statement error that is none of the driver's rose over a value, before it was sent.
    return isinstance(error, AWAY) and not isinstance(error, (*OF_THE_ROWS, StatementError))
