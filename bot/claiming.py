"""Which deliveries an account may take next: the one statement behind `outbox.claim`."""

import datetime as dt
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlmodel import Session

from bot import database, leases, pauses
from bot.gateway import Posting
from bot.models import Account, Delivery, DeliveryKind, DeliveryState, Room

UNDER_WAY = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)


def statement(
    session: Session,
    account_id: int,
    epoch: int,
    now: dt.datetime,
    *,
    limit: int,
    room_id: int | None,
    resting_rooms: ColumnElement[bool] | None,
    alerts_only: bool = False,
) -> tuple[Any, dict[str, object]]:
    """The UPDATE … RETURNING of id, room_id, priority and due_at, and its parameters;
    `outbox.claim` says which rows it takes.
    """
    wanted = _Wanted(room_id is not None, alerts_only)
    built = _with(database.is_sqlite(session), wanted, resting_rooms)
    return built, {
        "of_account": account_id,
        "under": epoch,
        "as_of": now,
        "at_most": limit,
        "in_room": room_id,
    }


class _Wanted(NamedTuple):
    """What a claim takes from: a room alone, alerts alone."""

    one_room: bool
    alerts_only: bool


def _with(sqlite: bool, wanted: _Wanted, resting: ColumnElement[bool] | None) -> Any:
    # Building it takes longer than running it.
    return _ready(sqlite, wanted) if resting is None else _build(sqlite, wanted, resting)


@cache
def _ready(sqlite: bool, wanted: _Wanted) -> Any:
    return _build(sqlite, wanted, None)


def _build(sqlite: bool, wanted: _Wanted, resting: ColumnElement[bool] | None) -> Any:
    delivery = database.table(Delivery)
    chosen = _chosen(wanted, resting)
    if not sqlite:
        # Named as a table expression it runs once; as a subquery it could take more than `limit`.
        locked = chosen.with_for_update(of=delivery, skip_locked=True).cte("chosen")
        chosen = select(locked.c.id)
    return (
        update(delivery)
        .where(delivery.c.id.in_(chosen))
        .values(
            state=DeliveryState.CLAIMED, claimed_at=bindparam("as_of"), epoch=bindparam("under")
        )
        .returning(delivery.c.id, delivery.c.room_id, delivery.c.priority, delivery.c.due_at)
    )


def _chosen(wanted: _Wanted, resting: ColumnElement[bool] | None) -> Select[Any]:
    delivery, room, account = database.tables(Delivery, Room, Account)
    now: BindParameter[dt.datetime] = bindparam("as_of")
    owned = select(account.c.id).where(
        account.c.id == bindparam("of_account"),
        account.c.lease_epoch == bindparam("under"),
        account.c.lease_until > now,
        ~leases.rests(account, now),
        # Behind the others, people post.
        account.c.posting == Posting.DIRECT,
    )
    chosen = select(delivery.c.id).where(
        delivery.c.state == DeliveryState.PENDING,
        delivery.c.account_id == bindparam("of_account"),
        # Behind a function, so that SQLite walks the index of what is pending, in order, and not
        # that of all states, which it would have to sort.
        func.coalesce(delivery.c.due_at, now) <= now,
        delivery.c.expires_at > now,
        or_(delivery.c.not_before.is_(None), delivery.c.not_before <= now),
        owned.exists(),
        ~pauses.holds(delivery),
        ~_overtakes(delivery, now),
    )
    if wanted.alerts_only:
        chosen = chosen.where(delivery.c.kind == DeliveryKind.ALERT)
    if wanted.one_room:
        chosen = chosen.where(delivery.c.room_id == bindparam("in_room"))
    if resting is not None:
        chosen = chosen.join(room, room.c.id == delivery.c.room_id).where(
            or_(delivery.c.kind.in_([DeliveryKind.REPLY, DeliveryKind.ALERT]), ~resting)
        )
    ordered = chosen.order_by(delivery.c.priority, delivery.c.due_at, delivery.c.id)
    return ordered.limit(bindparam("at_most"))


def _overtakes(delivery: Table, now: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """That an earlier delivery to the same room is still under way."""
    earlier = delivery.alias("earlier")
    return (
        select(earlier.c.id)
        .where(
            earlier.c.room_id == delivery.c.room_id,
            # In words, not as parameters: only then does SQLite see that the partial index fits.
            earlier.c.state.in_([literal_column(f"'{state.value}'") for state in UNDER_WAY]),
            # What cannot go now is no reason to wait: another account's, or what a pause holds.
            or_(
                earlier.c.state != DeliveryState.PENDING,
                and_(earlier.c.account_id == delivery.c.account_id, ~pauses.holds(earlier)),
            ),
            earlier.c.priority == delivery.c.priority,
            earlier.c.expires_at > now,
            or_(
                earlier.c.due_at < delivery.c.due_at,
                and_(earlier.c.due_at == delivery.c.due_at, earlier.c.id < delivery.c.id),
            ),
        )
        .exists()
    )
