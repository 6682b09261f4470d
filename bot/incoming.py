"""What arrives: from a gateway into its spool, and from the spool on. Two loops, each at its pace.

    gateway.events() → batches → spool.append        accepted from here on
    spool.head → recorded, or published where there is a stream → spool.drop

A database or a stream that is away holds up the second one alone. Log-ins and log-outs are of the
account, not of a room: they are recorded here, in order, whatever becomes of the rest.
"""

import asyncio
import datetime as dt
import functools
import itertools
import logging
from collections.abc import Collection, Sequence

from bot import (
    batches,
    collecting,
    database,
    errors,
    process,
    receiving,
    refusing,
    serving,
    spool,
    spool_file,
    standby,
    waking,
)
from bot.errors import GatewayUnavailable
from bot.gateway import Event, LoggedIn, LoggedOut, Person, RoomListing
from bot.process import App
from bot.stream import Stream

log = logging.getLogger(__name__)

# What piled up is handed on in larger lots than what comes in.
LARGEST = 2_000
# A process that ends hands on so many lots; the rest stays for the next one.
LAST_LOTS = 2


async def listen(app: App, stop: asyncio.Event, account_id: int) -> None:
    """Spool one account's events, a batch at a time, to the end of its stream."""
    if account_id in app.standby and not await standby.turn(
        app.engine, account_id, app.write, app.clock, stop
    ):
        return
    async for batch in batches.of(app.accounts[account_id].events()):
        await _spool(app, stop, account_id, batch)


async def _spool(app: App, stop: asyncio.Event, account_id: int, events: Sequence[Event]) -> None:
    """Accept events; a disk that is full for a while makes the gateway wait."""
    theirs, now = app.spools[account_id], app.clock()
    what = f"spooling {len(events)} events"
    await process.until_it_holds(stop, lambda: theirs.append(events, now), what)


async def hand_on(app: App, stop: asyncio.Event, account_id: int, *, ended: asyncio.Event) -> None:
    """Record or publish what one account's spool holds, whoever put it there.

    Goes on until `ended`, when nothing arrives any more; then hands on what little is left.
    """
    theirs = app.spools[account_id]
    listing: set[asyncio.Task[None]] = set()
    last_lots = 0
    try:
        while last_lots < LAST_LOTS:
            # Before anything is read, so that no arrival is missed.
            theirs.arrived.clear()
            head = await theirs.head(LARGEST)
            if head is not None:
                await _take_on(app, stop, account_id, head.events, listing)
                await theirs.drop(head.last)
                last_lots += ended.is_set()
            elif ended.is_set():
                return
            elif not await waking.woken(theirs.arrived, spool.WIPED_SECONDS):
                await theirs.wipe()
                await theirs.arrived.wait()
    finally:
        for task in listing:
            task.cancel()
        await asyncio.gather(*listing, return_exceptions=True)


async def _take_on(
    app: App,
    stop: asyncio.Event,
    account_id: int,
    events: Sequence[Event],
    listing: set[asyncio.Task[None]],
) -> None:
    """Record or publish a lot, and begin to list the rooms of an account that is in by now."""
    account = app.accounts[account_id].account
    if app.stream is None:
        await accept(app, stop, account_id, account, events)
    else:
        for ours, some in itertools.groupby(events, _is_of_the_account):
            if ours:
                await accept(app, stop, account_id, account, list(some))
            else:
                await _publish(stop, account, list(some), app.stream)
    logins = [event for event in events if isinstance(event, LoggedIn)]
    if logins and account_id in app.online:
        if not app.connected:
            # What connecting imported stays as well (see `app.run`). What the next connections
            # make goes with them: frozen, it would never be found again.
            app.connected = True
            collecting.set_aside()
        listed = functools.partial(_list_rooms, me=logins[-1].me.id)
        task = asyncio.create_task(process.supervised(app, stop, "list rooms", account_id, listed))
        listing.add(task)
        task.add_done_callback(listing.discard)
    process.wake(app)


async def _publish(
    stop: asyncio.Event, account: str, events: Sequence[Event], stream: Stream
) -> None:
    what = f"publishing {len(events)} events"
    await process.until_it_holds(stop, lambda: stream.publish(account, events), what)


async def accept(
    app: App, stop: asyncio.Event, account_id: int, account: str, batch: Sequence[Event]
) -> int:
    """Record a batch, whatever the database goes through. An event that cannot be recorded while
    its neighbours can is kept in the spool's file as refused, and holds up nothing.

    Returns how many replies were planned. Raises what the database raises where `stop` comes while
    it is away, and the first refusal where nothing of a batch was recorded: whoever gave us the
    events keeps them.
    """
    if not batch:
        return 0
    try:
        return await _recorded(app, stop, account_id, batch)
    except Exception as error:  # one odd event, of whatever kind, must not stop the stream
        if process.is_away(error):
            raise
        if len(batch) == 1:
            await _refuse(app, stop, account, batch[0], error)
            return 0
    return await _one_by_one(app, stop, account_id, account, batch)


async def _recorded(app: App, stop: asyncio.Event, account_id: int, batch: Sequence[Event]) -> int:
    async def recorded() -> int:
        return (await app.write(lambda: process.take(app, account_id, batch))).replies

    return await process.until_it_holds(stop, recorded, f"recording {len(batch)} events")


async def _one_by_one(
    app: App, stop: asyncio.Event, account_id: int, account: str, batch: Sequence[Event]
) -> int:
    """One event that cannot be recorded must not take its neighbours along."""
    replies = 0
    refused: list[tuple[Event, Exception]] = []
    for event in batch:
        try:
            replies += await _recorded(app, stop, account_id, [event])
        except Exception as error:  # whatever it is about this event, the next may be sound
            if process.is_away(error):
                raise
            refused.append((event, error))
    if len(refused) == len(batch):
        # It is hardly the fault of every one of them.
        raise refused[0][1]
    for event, why in refused:
        await _refuse(app, stop, account, event, why)
    return replies


async def _refuse(
    app: App, stop: asyncio.Event, account: str, event: Event, error: Exception
) -> None:
    """Keep an event that cannot be recorded beside the spool, for as long as messages are kept."""
    log.error("%s refused, and kept: %s", _names(event), errors.where(error))
    path, now = spool_file.path(app.settings.home, account), app.clock()
    over = now - dt.timedelta(days=app.settings.message_retention_days)
    kept = functools.partial(
        asyncio.to_thread, refusing.refuse, path, event, type(error).__name__, now, over
    )
    await process.until_it_holds(stop, kept, "keeping a refused event")


async def _list_rooms(app: App, _: asyncio.Event, account_id: int, me: str) -> None:
    """Record the rooms and members that the account has; a lost gateway cuts it short."""
    gateway = app.accounts[account_id]
    try:
        rooms = await gateway.rooms()
        for room in rooms:
            people = await gateway.members(room.id)
            await app.write(functools.partial(_list_room, app, account_id, room, people, me))
    except GatewayUnavailable:
        log.warning("account %s: the list of rooms was cut short", account_id)
        return
    log.info("account %s: %d rooms listed", account_id, len(rooms))
    listed = {room.id for room in rooms}
    if unlisted := await app.write(functools.partial(_unlisted, app, account_id, listed)):
        log.warning("account %s: %d of its rooms are not on its list", account_id, unlisted)


def _list_room(
    app: App, account_id: int, room: RoomListing, people: Sequence[Person], me: str
) -> None:
    with database.transaction(app.engine) as session:
        receiving.list_room(session, account_id, room, people, me, app.clock())


def _unlisted(app: App, account_id: int, listed: Collection[str]) -> int:
    with database.reading(app.engine) as session:
        return serving.unlisted(session, account_id, listed)


def _is_of_the_account(event: Event) -> bool:
    return isinstance(event, LoggedIn | LoggedOut)


def _names(event: Event) -> str:
    identity = getattr(event, "id", "")
    return f"{type(event).__name__} {identity} in {getattr(event, 'room', '')}"
