"""What arrives: one account's events, a batch at a time, and the rooms that its gateway lists."""

import asyncio
import functools
import gc
import logging
from collections.abc import Sequence

from sqlalchemy.exc import InterfaceError, OperationalError

from bot import batches, database, errors, process, receiving, serving, standby, waking
from bot.errors import GatewayUnavailable
from bot.gateway import Event, LoggedIn
from bot.process import LONGEST_WAIT, App

log = logging.getLogger(__name__)


async def listen(app: App, stop: asyncio.Event, account_id: int) -> None:
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
                # What connecting imported stays as well (see `app.run`).
                gc.freeze()
                listed = functools.partial(_list_rooms, me=event.me.id)
                task = asyncio.create_task(
                    process.supervised(app, stop, "list rooms", account_id, listed)
                )
                listing.add(task)
                task.add_done_callback(listing.discard)
        process.wake(app)
    for task in listing:
        task.cancel()
    await asyncio.gather(*listing, return_exceptions=True)


async def _accept(app: App, stop: asyncio.Event, account_id: int, batch: Sequence[Event]) -> None:
    """Accept a batch, whatever the database goes through; nothing is dropped but what is a bug."""
    wait = 0.1
    while True:
        try:
            await app.write(lambda: process.take(app, account_id, batch))
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


def _names(event: Event) -> str:
    identity = getattr(event, "id", "")
    return f"{type(event).__name__} {identity} in {getattr(event, 'room', '')}"
