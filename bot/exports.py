"""What leaves as CSV or JSON Lines: engagement and deliveries (orders have their own)."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.models import (
    Account,
    Contact,
    DailyCount,
    Delivery,
    DeliveryState,
    Membership,
    Occurrence,
    Role,
    Room,
    Series,
)

ENGAGEMENT = (
    "room", "day", "sender", "messages", "effective_messages", "questions", "answers", "shares",
    "product_mentions",
)  # fmt: skip
DELIVERIES = (
    "key", "series", "occurrence", "step", "room", "account", "state", "planned_at", "due_at",
    "sent_at", "attempts", "message_id", "reason",
)  # fmt: skip
_NO_REASON = {
    DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING,
}  # fmt: skip


def engagement(
    session: Session, since: dt.date | None, until: dt.date | None
) -> Iterator[tuple[object, ...]]:
    """Daily counters of members on the room-local days `[since, until)`, in key order, cells as
    ENGAGEMENT names them; operators and bots of a room are left out.
    """
    counts, room, contact, stay = database.tables(DailyCount, Room, Contact, Membership)
    left_out = (
        select(stay.c.id)
        .where(
            stay.c.room_id == counts.c.room_id,
            stay.c.contact_id == counts.c.contact_id,
            stay.c.role.in_([Role.OPERATOR, Role.BOT]),
        )
        .exists()
    )
    query = (
        select(
            room.c.platform_id.label("room"),
            counts.c.day,
            contact.c.platform_id.label("sender"),
            *(counts.c[name] for name in ENGAGEMENT[3:]),
        )
        .join(room, room.c.id == counts.c.room_id)
        .join(contact, contact.c.id == counts.c.contact_id)
        .where(~left_out)
        .order_by(
            database.code_points(room.c.platform_id, session),
            counts.c.day,
            database.code_points(contact.c.platform_id, session),
        )
    )
    if since is not None:
        query = query.where(counts.c.day >= since)
    if until is not None:
        query = query.where(counts.c.day < until)
    rows = session.connection().execution_options(yield_per=2_000).execute(query)
    return (tuple(row) for row in rows)


def deliveries(
    session: Session, since: dt.datetime, until: dt.datetime
) -> Iterator[tuple[object, ...]]:
    """Every delivery due in `[since, until)` in key order, cells as DELIVERIES names them."""
    delivery, series, occurrence, room, account = database.tables(
        Delivery, Series, Occurrence, Room, Account
    )
    query = (
        select(
            delivery.c.key,
            series.c.key.label("series"),
            occurrence.c.original_date.label("occurrence"),
            delivery.c.step,
            room.c.platform_id.label("room"),
            account.c.name.label("account"),
            *(delivery.c[name] for name in DELIVERIES[6:]),
        )
        .join(room, room.c.id == delivery.c.room_id)
        .outerjoin(series, series.c.id == delivery.c.series_id)
        .outerjoin(occurrence, occurrence.c.id == delivery.c.occurrence_id)
        .outerjoin(account, account.c.id == delivery.c.account_id)
        .where(delivery.c.due_at >= since, delivery.c.due_at < until)
        .order_by(database.code_points(delivery.c.key, session))
    )
    rows = session.connection().execution_options(yield_per=2_000).execute(query)
    return ((*row[:-1], None if row.state in _NO_REASON else row.reason) for row in rows)
