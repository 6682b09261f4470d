"""What shops told is worked on, and shops that can be asked are asked, beside everything else."""

import asyncio
import datetime as dt
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx
from sqlalchemy import Engine

from bot import database, secret, waking
from bot.orders import pulling, shop_events, shops
from bot.orders.pulling import PullFailed
from bot.orders.shops.shop import Connection
from bot.settings import Settings

log = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
ASK_EVERY = dt.timedelta(minutes=10)
SWEEP_EVERY = dt.timedelta(hours=1)
TIMEOUT = 30.0

Result = TypeVar("Result")


class Write(Protocol):
    """Runs database work in the writer thread."""

    def __call__(self, work: Callable[[], Result]) -> Awaitable[Result]:
        """Run it."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """What the work takes; `client` opens a way to the shops."""

    settings: Settings
    engine: Engine
    write: Write
    clock: Callable[[], dt.datetime]
    client: Callable[[], httpx.AsyncClient] = lambda: httpx.AsyncClient(timeout=TIMEOUT)


async def run(keeper: Keeper, stop: asyncio.Event) -> None:
    """Work and ask, until `stop`. Without shops there is nothing to do."""
    connections = shops.connections(keeper.settings.shops)
    if not connections:
        await stop.wait()
        return
    async with asyncio.TaskGroup() as both:
        # A shop that does not answer holds nothing else up.
        both.create_task(_asking(keeper, connections, stop))
        both.create_task(_working(keeper, connections, stop))


async def _asking(
    keeper: Keeper, connections: Mapping[str, Connection], stop: asyncio.Event
) -> None:
    async def sleep(seconds: float) -> None:
        await waking.woken(stop, seconds)

    while not stop.is_set():
        for connection in connections.values():
            if pulling.can_be_asked(connection):
                await ask(keeper, connection, sleep)
        await sleep(ASK_EVERY.total_seconds())


async def _working(
    keeper: Keeper, connections: Mapping[str, Connection], stop: asyncio.Event
) -> None:
    swept: dt.datetime | None = None
    while not stop.is_set():
        while not stop.is_set():
            if not await keeper.write(lambda: work(keeper, connections)):
                break
        now = keeper.clock()
        if swept is None or now - swept >= SWEEP_EVERY:
            swept = now
            await keeper.write(lambda: _sweep(keeper))
        await waking.woken(stop, EVERY_SECONDS)


def work(keeper: Keeper, connections: Mapping[str, Connection]) -> int:
    """Claim some events and work on them, in two transactions; returns how many, 0 where none
    waits.
    """
    now = keeper.clock()
    with database.transaction(keeper.engine) as session:
        event_ids = shop_events.claim(session, now)
    if not event_ids:
        return 0
    key = secret.of(keeper.settings.home)
    with database.transaction(keeper.engine) as session:
        states = shop_events.work(session, event_ids, connections, key, now)
    log.info("shop events: %s", dict(Counter(states)))
    return len(event_ids)


async def ask(
    keeper: Keeper,
    connection: Connection,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Fetch a shop's changed orders; what goes wrong is written down, and tried again later."""
    source, reason = connection.name, ""
    newest: dt.datetime | None = None
    key = secret.of(keeper.settings.home)
    since = await keeper.write(lambda: _since(keeper, source))
    try:
        async with keeper.client() as client:
            async for page in pulling.pages(client, connection, since, key, sleep):
                await keeper.write(lambda page=page: _keep(keeper, source, page))  # type: ignore[misc]  # bound now
                newest = max((at for at in (newest, page.newest) if at is not None), default=None)
    except PullFailed as error:
        # Pages that did come are kept; the cursor stays, so that none is passed over.
        newest, reason = None, str(error)
        log.warning("shop %s: %s", source, reason)
    await keeper.write(lambda: _note(keeper, source, newest, reason))


def _since(keeper: Keeper, source: str) -> dt.datetime:
    with database.reading(keeper.engine) as session:
        return pulling.since(session, source, keeper.clock())


def _keep(keeper: Keeper, source: str, page: pulling.Page) -> int:
    with database.transaction(keeper.engine) as session:
        return shop_events.keep(session, source, page.told, page.failed, keeper.clock())


def _note(keeper: Keeper, source: str, newest: dt.datetime | None, reason: str) -> None:
    with database.transaction(keeper.engine) as session:
        pulling.note(session, source, newest, reason, keeper.clock())


def _sweep(keeper: Keeper) -> int:
    with database.transaction(keeper.engine) as session:
        return shop_events.sweep(session, keeper.clock())
