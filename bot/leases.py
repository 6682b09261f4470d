"""Who owns an account: one process at a time, under an epoch that only grows.

Whoever holds an older epoch can no longer claim, begin or settle (`outbox` checks), so a
process that was thought dead and wakes up does no harm.
"""

import datetime as dt
from collections.abc import Callable
from enum import StrEnum

from sqlalchemy import ColumnElement, Table, and_, exists, func, or_, select, update
from sqlmodel import Session

from bot import database
from bot.models import Account

# Whoever owns an account renews its lease so often; three renewals may fail.
RENEWED = dt.timedelta(seconds=4)
LASTS = dt.timedelta(seconds=15)
# A lease that runs for so much longer was written by a clock that was wrong; nobody waits for that
# hour to come.
CLOCKS_APART = dt.timedelta(minutes=5)
# PostgreSQL's advisory lock of whoever takes a lease.
TAKING = 7_302_002


class Held(StrEnum):
    """Whether an account is owned: by somebody, by nobody since its owner gave it up or never
    came, or by nobody since its owner fell silent.
    """

    YES = "yes"
    NOT = "not"
    RUN_OUT = "run out"


def take(
    session: Session,
    account_id: int,
    owner: str,
    now: dt.datetime,
    *,
    is_dead: Callable[[str], bool] = lambda _: False,
) -> int | None:
    """Become the owner: the new epoch, or None while another owner's lease still runs.

    `is_dead` tells of owners that surely are no more, so that a restart need not wait.
    """
    account = database.table(Account)
    before = session.connection().scalar(
        select(account.c.lease_owner).where(account.c.id == account_id)
    )
    gone = before is not None and is_dead(before)
    # No two leases share an epoch, whatever their accounts: a delivery may change its account.
    if not database.is_sqlite(session):
        session.connection().execute(select(func.pg_advisory_xact_lock(TAKING)))
    newest = select(func.max(account.alias().c.lease_epoch)).scalar_subquery()
    epoch: int | None = session.connection().scalar(
        update(account)
        .where(
            account.c.id == account_id,
            or_(
                account.c.lease_owner.is_(None),
                account.c.lease_owner.in_([owner, *([before] if gone else [])]),
                ~runs(account, now),
            ),
        )
        .values(lease_owner=owner, lease_epoch=newest + 1, lease_until=now + LASTS)
        .returning(account.c.lease_epoch)
    )
    return epoch


def renew(session: Session, account_id: int, epoch: int, now: dt.datetime) -> bool:
    """Stay the owner; False where the lease was taken over."""
    account = database.table(Account)
    renewed = session.connection().scalar(
        update(account)
        .where(account.c.id == account_id, account.c.lease_epoch == epoch)
        .values(lease_until=now + LASTS)
        .returning(account.c.id)
    )
    return renewed is not None


def rest(session: Session, account_id: int, until: dt.datetime) -> None:
    """Let whoever owns the account send nothing until then."""
    account = database.table(Account)
    session.connection().execute(
        update(account).where(account.c.id == account_id).values(rests_until=until)
    )


def rests(account: Table, at: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """The SQL condition that an account rests at that moment."""
    until = account.c.rests_until
    return and_(until.is_not(None), until > at)


def release(session: Session, account_id: int, epoch: int) -> None:
    """Give the account up, so that another process need not wait."""
    account = database.table(Account)
    session.connection().execute(
        update(account)
        .where(account.c.id == account_id, account.c.lease_epoch == epoch)
        .values(lease_owner=None, lease_until=None)
    )


def held(session: Session, account_id: int, now: dt.datetime) -> Held:
    """Whether somebody owns an account."""
    account = database.table(Account)
    query = select(account.c.lease_owner, runs(account, now).label("runs")).where(
        account.c.id == account_id
    )
    row = session.connection().execute(query).first()
    if row is None or row.lease_owner is None:
        return Held.NOT
    return Held.YES if row.runs else Held.RUN_OUT


def runs(account: Table, at: dt.datetime) -> ColumnElement[bool]:
    """The SQL condition that somebody owns an account at that moment."""
    until = account.c.lease_until
    return and_(until.is_not(None), until > at, until <= at + LASTS + CLOCKS_APART)


def is_current(session: Session, account_id: int, epoch: int) -> bool:
    """Whether `epoch` is still the account's."""
    account = database.table(Account)
    return (
        session.connection().scalar(select(account.c.lease_epoch).where(account.c.id == account_id))
        == epoch
    )


def is_over(delivery: Table, at: dt.datetime) -> ColumnElement[bool]:
    """The SQL condition that the lease under which a delivery was claimed had ended by then."""
    account = database.table(Account)
    held = exists().where(
        account.c.id == delivery.c.account_id,
        account.c.lease_epoch == delivery.c.epoch,
        runs(account, at),
    )
    return ~held
