"""The accounts that this process owns: a lease taken, kept and given up, each in a transaction."""

import datetime as dt
import logging
import socket

import psutil
from sqlalchemy import Engine, update

from bot import database, leases, outbox, serving
from bot.models import Account

log = logging.getLogger(__name__)


def take(engine: Engine, account_id: int, owner: str, now: dt.datetime) -> int | None:
    """Take the lease of an account that is online here, and put right what an earlier owner left;
    the epoch, or None while the account belongs to somebody else.
    """
    account = database.table(Account)
    with database.transaction(engine) as session:
        epoch = leases.take(session, account_id, owner, now, is_dead=_is_dead)
        if epoch is None:
            return None
        # The one before us may have said goodbye after we were let in.
        session.connection().execute(
            update(account)
            .where(account.c.id == account_id, ~account.c.online)
            .values(online=True, state_at=now, state_reason="")
        )
        released, uncertain = outbox.recover(session, account_id, epoch)
    if released or uncertain:
        log.warning(
            "account %s: %d deliveries put back, %d held as uncertain",
            account_id, released, uncertain,
        )  # fmt: skip
    return epoch


def keep(engine: Engine, account_id: int, epoch: int, now: dt.datetime) -> bool:
    """Renew the lease; False where it was taken over."""
    with database.transaction(engine) as session:
        return leases.renew(session, account_id, epoch, now)


def let_go(engine: Engine, account_id: int, epoch: int) -> None:
    """Give the account up to whoever is let in."""
    with database.transaction(engine) as session:
        leases.release(session, account_id, epoch)


def stop(engine: Engine, account_id: int, epoch: int, now: dt.datetime) -> None:
    """Give the account up because this program ends."""
    account = database.table(Account)
    with database.transaction(engine) as session:
        leases.release(session, account_id, epoch)
        session.connection().execute(
            update(account)
            .where(account.c.id == account_id, account.c.lease_epoch == epoch)
            .values(online=False, state_at=now, state_reason=serving.STOPPED)
        )


def _is_dead(owner: str) -> bool:
    host, _, process = owner.rpartition(":")
    return (
        host == socket.gethostname() and process.isdigit() and not psutil.pid_exists(int(process))
    )
