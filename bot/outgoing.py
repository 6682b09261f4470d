"""What leaves: the loop of one account's deliveries, and of the posts that are taken back."""

import asyncio
import datetime as dt
import logging

from sqlalchemy.exc import SQLAlchemyError

from bot import database, outbox, process, recalling, sending, waking
from bot.gateway import Posting
from bot.process import LONGEST_WAIT, App
from bot.sending import Begun, LeaseLost

log = logging.getLogger(__name__)


def posts(app: App, account_id: int) -> bool:
    """Whether an account posts by itself; behind the others, people carry posts out."""
    return app.accounts[account_id].capabilities.post is Posting.DIRECT


async def deliver_all(app: App, stop: asyncio.Event, account_id: int) -> None:
    """Send what is due, one after the other, while the account is online and ours."""
    await app.write(lambda: _put_right(app, account_id))
    while not stop.is_set():
        again: dt.datetime | None = None
        # Before anything is awaited, so that no wake is lost, the last one least of all.
        app.wake[account_id].clear()
        if _may_send(app, account_id):
            gateway = app.accounts[account_id]
            await recalling.carry_out(app.engine, account_id, gateway, app.write, app.clock)
        # It may have been lost meanwhile.
        if _may_send(app, account_id):
            try:
                again = await deliver(app, account_id, stop)
            except LeaseLost:
                process.lose(app, account_id)
        wait = (again - app.clock()).total_seconds() if again is not None else LONGEST_WAIT
        if wait > 0:
            await waking.woken(app.wake[account_id], min(wait, LONGEST_WAIT))


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

    what = f"settling delivery {begun.delivery_id}"
    try:
        # What is known of a post that was handed over must not be lost to a busy database.
        await process.until_it_holds(stop or asyncio.Event(), lambda: app.write(settled), what)
    except SQLAlchemyError as error:
        if not process.is_away(error):
            raise
        return None
    return app.clock()


def _may_send(app: App, account_id: int) -> bool:
    return account_id in app.senders and account_id in app.online


def _put_right(app: App, account_id: int) -> None:
    """What an earlier turn of this loop left when it failed: nothing else sends for the account."""
    sender = app.senders.get(account_id)
    if sender is not None:
        with database.transaction(app.engine) as session:
            outbox.recover(session, account_id, sender.epoch + 1)
