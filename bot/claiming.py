"""Which deliveries an account may take next: the one question that `outbox.claim` asks."""

import datetime as dt

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlmodel import Session

from bot import database, pauses
from bot.gateway import Posting
from bot.models import Account, Delivery, DeliveryKind, DeliveryState, Room

UNDER_WAY = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)


def next_ids(
    session: Session,
    account_id: int,
    epoch: int,
    now: dt.datetime,
    *,
    limit: int,
    room_id: int | None,
    resting_rooms: ColumnElement[bool] | None,
) -> Select[int]:
    """The ids of at most `limit` deliveries, locked on PostgreSQL; `outbox.claim` says which."""
    delivery, room, account = database.tables(Delivery, Room, Account)
    earlier = delivery.alias("earlier")
    overtakes = (
        select(earlier.c.id)
        .where(
            earlier.c.room_id == delivery.c.room_id,
            earlier.c.state.in_(UNDER_WAY),
            earlier.c.priority == delivery.c.priority,
            earlier.c.expires_at > now,
            or_(
                earlier.c.due_at < delivery.c.due_at,
                and_(earlier.c.due_at == delivery.c.due_at, earlier.c.id < delivery.c.id),
            ),
        )
        .exists()
    )
    owned = select(account.c.id).where(
        account.c.id == account_id,
        account.c.lease_epoch == epoch,
        account.c.lease_until > now,
        # Behind the others, people post.
        account.c.posting == Posting.DIRECT,
    )
    chosen = (
        select(delivery.c.id)
        .join(room, room.c.id == delivery.c.room_id)
        .where(
            delivery.c.state == DeliveryState.PENDING,
            delivery.c.account_id == account_id,
            delivery.c.due_at <= now,
            delivery.c.expires_at > now,
            or_(delivery.c.not_before.is_(None), delivery.c.not_before <= now),
            owned.exists(),
            ~pauses.holds(delivery),
            ~overtakes,
        )
        .order_by(delivery.c.priority, delivery.c.due_at, delivery.c.id)
        .limit(limit)
    )
    if room_id is not None:
        chosen = chosen.where(delivery.c.room_id == room_id)
    if resting_rooms is not None:
        chosen = chosen.where(or_(delivery.c.kind == DeliveryKind.REPLY, ~resting_rooms))
    if not database.is_sqlite(session):
        # Named as a table expression it runs once; as a subquery it could take more than `limit`.
        locked = chosen.with_for_update(of=delivery, skip_locked=True).cte("chosen")
        chosen = select(locked.c.id)
    return chosen
