"""What was given back of order lines, and when: refunds and cancellations as steps in time.

A line's `refunded` says how much was given back by now. Who compares weeks has to know how much
had been by then: money of last week has had a day to come back, that of older weeks a month.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import String, select
from sqlmodel import Session

from bot import database
from bot.models import OrderEvent, OrderStatus
from bot.orders import adding, lines
from bot.orders.adding import Event, Line, LineKey, Whole


class Return(NamedTuple):
    """That `fen` of a line's amount were given back at `at` (event time, never arrival time)."""

    at: dt.datetime
    fen: int


def of_orders(session: Session, order_ids: Sequence[str]) -> dict[LineKey, list[Return]]:
    """What was given back of the lines of these orders, each line's in order of time."""
    event = database.table(OrderEvent)
    found: dict[LineKey, list[Return]] = {}
    for start in range(0, len(order_ids), lines.CHUNK):
        chunk = [(order_id,) for order_id in order_ids[start : start + lines.CHUNK]]
        given = database.given(session, {"order_id": String()}, chunk)
        query = select(event).join(given, event.c.order_id == given.c.order_id)
        for order_id, events, wholes in lines.told(session, query):
            found |= steps(order_id, events, wholes)
    return found


def steps(
    order_id: str, events: Mapping[int, Sequence[Event]], wholes: Sequence[Whole]
) -> dict[LineKey, list[Return]]:
    """The same of one order, from its events. Pure.

    The order is added up as it stood at each moment at which something was said of it, so that a
    line's steps add up to what it has lost in the end: its amount less `net`.
    """
    moments = {event.said_at for each in events.values() for event in each}
    found: dict[LineKey, list[Return]] = defaultdict(list)
    back: dict[LineKey, int] = defaultdict(int)
    for at in sorted(moments | {each.at for each in wholes}):
        for line in _standing(order_id, events, wholes, at):
            key = (line.order_id, line.line_no)
            lost = line.amount - net(line)
            if lost != back[key]:
                found[key].append(Return(at, lost - back[key]))
                back[key] = lost
    return dict(found)


def net(line: Line) -> int:
    """What is left of a line's money, in fen."""
    return 0 if line.status is OrderStatus.CANCELLED else line.amount - line.refunded


def _standing(
    order_id: str, events: Mapping[int, Sequence[Event]], wholes: Sequence[Whole], at: dt.datetime
) -> list[Line]:
    """The lines as they were after what was said up to `at`."""
    said = {
        line_no: known
        for line_no, each in events.items()
        if (known := [event for event in each if event.said_at <= at])
    }
    return adding.add_up_order(order_id, said, [each for each in wholes if each.at <= at])
