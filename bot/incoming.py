"""What arrives: from a gateway into its spool, and from the spool on. Two loops, each at its pace.

    gateway.events() → batches → spool.append        accepted from here on
    spool.head → recorded, or published where there is a stream → spool.drop

A database or a stream that is away holds up the second one alone. Log-ins and log-outs are of the
account, not of a room: they are recorded here, in order, whatever becomes of the rest.
"""

import asyncio
import functools
import gc
import itertools
import logging
from collections.abc import Sequence

from bot import batches, database, errors, process, receiving, serving, standby
from bot.errors import GatewayUnavailable
from bot.gateway import Event, LoggedIn, LoggedOut
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
    spool, now = app.spools[account_id], app.clock()
    what = f"spooling {len(events)} events"
    await process.until_it_holds(stop, lambda: spool.append(events, now), what)


async def hand_on(app: App, stop: asyncio.Event, account_id: int, *, ended: asyncio.Event) -> None:
    """Record or publish what one account's spool holds, whoever put it there.

    Goes on until `ended`, when nothing arrives any more; then hands on what little is left.
    """
    spool = app.spools[account_id]
    listing: set[asyncio.Task[None]] = set()
    last_lots = 0
    try:
        while last_lots < LAST_LOTS:
            # Before anything is read, so that no arrival is missed.
            spool.arrived.clear()
            head = await spool.head(LARGEST)
            if head is not None:
                await _take_on(app, stop, account_id, head.events, listing)
                await spool.drop(head.last)
                last_lots += ended.is_set()
            elif ended.is_set():
                return
            else:
                await spool.arrived.wait()
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
    if app.stream is None:
        await accept(app, stop, account_id, events)
    else:
        for ours, some in itertools.groupby(events, _is_of_the_account):
            if ours:
                await accept(app, stop, account_id, list(some))
            else:
                await _publish(app, stop, account_id, list(some), app.stream)
    logins = [event for event in events if isinstance(event, LoggedIn)]
    if logins and account_id in app.online:
        # What connecting imported stays as well (see `app.run`).
        gc.freeze()
        listed = functools.partial(_list_rooms, me=logins[-1].me.id)
        task = asyncio.create_task(process.supervised(app, stop, "list rooms", account_id, listed))
        listing.add(task)
        task.add_done_callback(listing.discard)
    process.wake(app)


async def _publish(
    app: App, stop: asyncio.Event, account_id: int, events: Sequence[Event], stream: Stream
) -> None:
    name = app.accounts[account_id].account
    what = f"publishing {len(events)} events"
    await process.until_it_holds(stop, lambda: stream.publish(name, events), what)


async def accept(app: App, stop: asyncio.Event, account_id: int, batch: Sequence[Event]) -> int:
    """Record a batch, whatever the database goes through; nothing is dropped but what is a bug.

    Returns how many replies were planned. Raises what the database raises where `stop` comes while
    it is away.
    """
    if not batch:
        return 0

    async def recorded() -> int:
        return (await app.write(lambda: process.take(app, account_id, batch))).replies

    try:
        return await process.until_it_holds(stop, recorded, f"recording {len(batch)} events")
    except process.AWAY:
        # We stop: whoever gave us the events keeps them.
        raise
    except Exception as error:  # noqa: BLE001  # nothing may stop the stream but its end
        if len(batch) == 1:
            # One event that cannot be recorded must not take its neighbours along.
            log.error("%s refused: %s", _names(batch[0]), errors.where(error))  # noqa: TRY400
            return 0
        return sum([await accept(app, stop, account_id, [event]) for event in batch])


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


def _is_of_the_account(event: Event) -> bool:
    return isinstance(event, LoggedIn | LoggedOut)


def _names(event: Event) -> str:
    identity = getattr(event, "id", "")
    return f"{type(event).__name__} {identity} in {getattr(event, 'room', '')}"
