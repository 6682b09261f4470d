"""Signed-in browsers: rows on the server, of whose cookie only the hash is kept."""

import datetime as dt

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from bot import database
from bot.console import credentials
from bot.models import Operator, OperatorSession

IDLE = dt.timedelta(hours=12)
LASTS = dt.timedelta(days=7)
# How old `seen_at` may grow before it is written again: a page is mostly only read.
FRESH = dt.timedelta(minutes=5)


def start(
    session: Session,
    operator_id: int,
    address: str,
    browser: str,
    before: str | None,
    now: dt.datetime,
) -> str:
    """Sign a browser in; returns its new token. The one it held `before` ends (rotation)."""
    if before is not None:
        end(session, before)
    token = credentials.new_token()
    row = {
        "hash": credentials.digest(token), "operator_id": operator_id, "created_at": now,
        "seen_at": now, "expires_at": now + LASTS, "address": address[:64],
        "browser": browser[:200],
    }  # fmt: skip
    _drop_expired(session, now)
    database.insert_rows(session, OperatorSession, [row])
    return token


def signed_in(
    session: Session, token: str, now: dt.datetime
) -> tuple[Operator, OperatorSession] | None:
    """Whose browser holds `token`; None where it is unknown, expired or its operator disabled."""
    found = session.exec(
        select(Operator, OperatorSession)
        .join(OperatorSession, col(OperatorSession.operator_id) == col(Operator.id))
        .where(col(OperatorSession.hash) == credentials.digest(token))
    ).first()
    if found is None:
        return None
    operator, opened = found
    # What is known of them outlives the transaction, for a page that says what went wrong in it.
    session.expunge(operator)
    session.expunge(opened)
    over = opened.expires_at <= now or opened.seen_at + IDLE <= now
    return None if over or operator.disabled_at is not None else (operator, opened)


def see(session: Session, opened: OperatorSession, now: dt.datetime) -> None:
    """Note that a browser is still in use."""
    table = database.table(OperatorSession)
    session.connection().execute(
        update(table).where(table.c.hash == opened.hash).values(seen_at=now)
    )


def end(session: Session, token: str) -> None:
    """Sign one browser out."""
    table = database.table(OperatorSession)
    session.connection().execute(delete(table).where(table.c.hash == credentials.digest(token)))


def end_all(session: Session, operator_id: int) -> int:
    """Sign an operator out everywhere; returns of how many browsers."""
    table = database.table(OperatorSession)
    ended = session.connection().execute(delete(table).where(table.c.operator_id == operator_id))
    return int(ended.rowcount)


def _drop_expired(session: Session, now: dt.datetime) -> None:
    table = database.table(OperatorSession)
    session.connection().execute(
        delete(table).where((table.c.expires_at <= now) | (table.c.seen_at <= now - IDLE))
    )
