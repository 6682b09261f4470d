"""The accounts that this process owns: a lease taken, kept and given up, each in a transaction."""

import datetime as dt
import logging
import socket

import psutil
from sqlalchemy import Engine, select, update
from sqlmodel import Session

from bot import database, leases, outbox, serving
from bot.gateway import Gateway, capabilities_as_json
from bot.models import Account
from bot.spool_file import Held

log = logging.getLogger(__name__)


def register(session: Session, gateway: Gateway) -> int:
    """Know the account behind a gateway and what it can do; returns its id. Safe to repeat."""
    account = database.table(Account)
    account_id = named(session, gateway.account)
    kind = type(gateway).__module__.rpartition(".")[2]
    can = capabilities_as_json(gateway.capabilities)
    posting = gateway.capabilities.post.value
    session.connection().execute(
        update(account)
        .where(account.c.id == account_id)
        .values(gateway=kind, capabilities=can, posting=posting)
    )
    return account_id


def named(session: Session, name: str) -> int:
    """The id of an account, made known where nobody knows it: a rooms file may name it before any
    gateway does, and what it heard may come out of a stream that outlived the database.
    """
    account = database.table(Account)
    row = {"name": name, "gateway": "", "online": False, "state_reason": "", "lease_epoch": 0}
    database.insert_rows(session, Account, [row], skip_existing=True)
    found = select(account.c.id).where(account.c.name == name)
    return int(session.connection().execute(found).scalar_one())


def take(engine: Engine, account_id: int, owner: str, now: dt.datetime) -> int | None:
    """Take the lease of an account that is online here, and put right what an earlier owner left;
    the epoch, or None while the account belongs to somebody else.
    """
    with database.transaction(engine) as session:
        epoch = leases.take(session, account_id, owner, now, is_dead=is_dead)
        if epoch is None:
            return None
        _appear(session, account_id, now)
        released, uncertain = outbox.recover(session, account_id, epoch)
    if released or uncertain:
        log.warning(
            "account %s: %d deliveries put back, %d held as uncertain",
            account_id, released, uncertain,
        )  # fmt: skip
    return epoch


def keep(engine: Engine, account_id: int, epoch: int, now: dt.datetime) -> bool:
    """Renew the lease of an account that is online here; False where it was taken over."""
    with database.transaction(engine) as session:
        renewed = leases.renew(session, account_id, epoch, now)
        if renewed:
            _appear(session, account_id, now)
        return renewed


def _appear(session: Session, account_id: int, now: dt.datetime) -> None:
    # The one before us may have said goodbye after we were let in, and one that knocks in vain may
    # have said that it is out.
    account = database.table(Account)
    session.connection().execute(
        update(account)
        .where(account.c.id == account_id, ~account.c.online)
        .values(online=True, state_at=now, state_reason="")
    )


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


def note_spool(engine: Engine, account_id: int, held: Held) -> None:
    """Let everybody know what an account heard that is not in the log."""
    account = database.table(Account)
    with database.transaction(engine) as session:
        session.connection().execute(
            update(account)
            .where(account.c.id == account_id)
            .values(
                spooled=held.waiting.events,
                spooled_since=held.waiting.since,
                refused=held.refused,
            )
        )


def is_dead(owner: str) -> bool:
    """Whether an owner was a process of this machine and surely is no more."""
    host, _, process = owner.rpartition(":")
    return (
        host == socket.gethostname() and process.isdigit() and not psutil.pid_exists(int(process))
    )
