"""Orders of a week as digests count them: lines by label, money net of refunds."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlmodel import Session

from bot import database
from bot.insights.engagement import Days, RoomView
from bot.models import Attribution, Label, OrderEvent, OrderLine, OrderStatus

LINES = database.table(OrderLine).c
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sale:
    """One order line paid in the week. `label` is None where it was not attributed yet.

    `room_id` is the room that the label points to; `net` is integer fen after refunds.
    """

    label: Label | None
    room_id: int | None
    net: int
    possible: bool
    final: bool


def sales(
    session: Session, rooms: Mapping[int, RoomView], days: Days, zone: ZoneInfo
) -> list[Sale]:
    """Lines paid in these days: the room's own days where a label names one, else `zone`'s."""
    label = database.table(Attribution)
    since_at, until_at = days.instants(zone)
    rows = session.connection().execute(
        select(
            LINES.paid_at,
            LINES.amount,
            LINES.refunded,
            LINES.status,
            label.c.label,
            label.c.room_id,
            label.c.possible,
            label.c.final,
        )
        .select_from(database.table(OrderLine).outerjoin(label))
        .where(LINES.paid_at >= since_at - DAY, LINES.paid_at < until_at + DAY)
        .order_by(LINES.paid_at, LINES.id)
    )
    bounds = {room.id: days.instants(room.zone) for room in rooms.values()}
    found = []
    for paid_at, amount, refunded, status, given, room, possible, final in rows:
        first, last = bounds.get(room, (since_at, until_at))
        if first <= paid_at < last:
            net = 0 if status is OrderStatus.CANCELLED else amount - refunded
            found.append(Sale(given, room, net, bool(possible), bool(final)))
    return found


def known(session: Session, until: dt.datetime) -> bool:
    """Whether any order was ever recorded that was paid before `until`."""
    statement = select(exists().where(LINES.paid_at < until))
    return bool(session.connection().execute(statement).scalar())


def late_events(session: Session, days: Days, zone: ZoneInfo, late: dt.timedelta) -> int:
    """Order events of lines paid in these days that reached us more than `late` after payment."""
    event = database.table(OrderEvent).c
    since_at, until_at = days.instants(zone)
    rows = session.connection().execute(
        select(event.received_at, LINES.paid_at)
        .where(event.order_id == LINES.order_id, event.line_no == LINES.line_no)
        .where(LINES.paid_at >= since_at, LINES.paid_at < until_at)
    )
    return sum(received - paid > late for received, paid in rows)
