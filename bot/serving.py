"""Which account serves a room, and which one steps in.

A room is served by one account, which posts there; who listens is `listening`'s to say. Where it
is away for longer than `AWAY`, or no longer in the room, another account that is in the room takes
over (`outbox.reassign` brings along what waits). It keeps the room: going back and forth would
only lose more.
"""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlmodel import Session

from bot import database, leases
from bot.gateway import Posting
from bot.models import Account, AccountRoom, Delivery, Room
from bot.models.columns import LogText

AWAY = dt.timedelta(minutes=2)
# Why an account is offline whose program was stopped on purpose.
STOPPED = "程序已停止"

ACCOUNT, DELIVERY, ROOM, STANDING_BY = database.tables(Account, Delivery, Room, AccountRoom)


def by_hand() -> Select[tuple[int]]:
    """The ids of the accounts behind which people carry posts out."""
    return select(ACCOUNT.c.id).where(ACCOUNT.c.posting == Posting.CONFIRM)


def server() -> ColumnElement[int | None]:
    """The account, as an SQL expression, that serves a delivery's room now, else its own."""
    serves = select(ROOM.c.account_id).where(ROOM.c.id == DELIVERY.c.room_id).scalar_subquery()
    return func.coalesce(serves, DELIVERY.c.account_id)


def platform_id(session: Session, room_id: int) -> str:
    """What the platform calls a room."""
    query = select(ROOM.c.platform_id).where(ROOM.c.id == room_id)
    return str(session.connection().execute(query).scalar_one())


def never_there(session: Session) -> dict[str, int]:
    """Accounts that serve rooms and were never online, by name, each with how many rooms."""
    rows = session.connection().execute(
        select(ACCOUNT.c.name, func.count().label("rooms"))
        .join(ROOM, ROOM.c.account_id == ACCOUNT.c.id)
        .where(ACCOUNT.c.state_at.is_(None), ACCOUNT.c.posting == Posting.DIRECT)
        .group_by(ACCOUNT.c.name)
        .order_by(ACCOUNT.c.name)
    )
    return {row.name: row.rooms for row in rows}


def unlisted(session: Session, account_id: int, names: Collection[str]) -> int:
    """How many rooms that an account serves are not among those it lists, by platform id. A list
    may be partial, so they stay its own (docs/decisions/0020).
    """
    listed = database.given(session, {"name": LogText()}, [(name,) for name in names])
    counted = select(func.count()).where(
        ROOM.c.account_id == account_id,
        ROOM.c.unavailable_reason.is_(None),
        ROOM.c.platform_id.not_in(select(listed.c.name)),
    )
    return session.connection().scalar(counted) or 0


def present(session: Session, account_id: int, room_id: int) -> None:
    """An account is in a room. Safe to repeat."""
    row = {"account_id": account_id, "room_id": room_id}
    database.insert_rows(session, AccountRoom, [row], skip_existing=True)


def serve(session: Session, account_id: int, names: Collection[str]) -> None:
    """Serve the rooms, by platform id, that nobody serves yet, where this account can post."""
    if not names:
        return
    given = database.given(session, {"name": LogText()}, [(name,) for name in sorted(names)])
    session.connection().execute(
        update(ROOM)
        .where(
            ROOM.c.platform_id.in_(select(given.c.name)),
            ROOM.c.account_id.is_(None),
            exists().where(ACCOUNT.c.id == account_id, ACCOUNT.c.posting == Posting.DIRECT),
        )
        .values(account_id=account_id)
    )


def lost(
    session: Session, account_id: int, room_id: int, reason: str, at: dt.datetime
) -> dict[int, int]:
    """An account is no longer in a room: another one takes it over, else nobody can post there.
    Whoever hears something there next listens.

    Returns the room's new account by its id, nothing where there is none.
    """
    session.connection().execute(
        STANDING_BY.delete().where(
            STANDING_BY.c.account_id == account_id, STANDING_BY.c.room_id == room_id
        )
    )
    session.connection().execute(
        update(ROOM)
        .where(ROOM.c.id == room_id, ROOM.c.account_id == account_id)
        .values(unavailable_reason=reason)
    )
    session.connection().execute(
        update(ROOM)
        .where(ROOM.c.id == room_id, ROOM.c.listener_id == account_id)
        .values(listener_id=None, listener_since=at)
    )
    in_room = and_(ROOM.c.id == room_id, ROOM.c.account_id == account_id)
    return _hand_over(session, in_room, None)


def take_over(session: Session, now: dt.datetime) -> dict[int, int]:
    """Let accounts that are online take over the rooms of those that are away; returns the new
    accounts by room id.
    """
    away = select(ACCOUNT.c.id).where(
        ACCOUNT.c.posting == Posting.DIRECT,
        ACCOUNT.c.state_at <= now - AWAY,
        or_(
            ~ACCOUNT.c.online,
            # Whoever owned it has gone without a word.
            ACCOUNT.c.lease_until <= now - AWAY,
        ),
    )
    return _hand_over(session, ROOM.c.account_id.in_(away), now)


def _hand_over(
    session: Session, which: ColumnElement[bool], now: dt.datetime | None
) -> dict[int, int]:
    """Give rooms to an online account that is in them."""
    able = and_(ACCOUNT.c.online, ACCOUNT.c.posting == Posting.DIRECT)
    if now is not None:
        able = and_(able, leases.runs(ACCOUNT, now))
    heirs = (
        select(ROOM.c.id, func.min(STANDING_BY.c.account_id).label("heir"))
        .join(STANDING_BY, STANDING_BY.c.room_id == ROOM.c.id)
        .join(ACCOUNT, ACCOUNT.c.id == STANDING_BY.c.account_id)
        .where(which, STANDING_BY.c.account_id != ROOM.c.account_id, able)
        .group_by(ROOM.c.id)
    )
    found = {row.id: row.heir for row in session.connection().execute(heirs)}
    for room_id, heir in found.items():
        session.connection().execute(
            update(ROOM)
            .where(ROOM.c.id == room_id)
            .values(account_id=heir, unavailable_reason=None)
        )
    return found
