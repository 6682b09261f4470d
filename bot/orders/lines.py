"""Order lines: what the events of an order add up to, kept.

`order_event` is the truth; lines are derived, for the orders that an import touched or for all, by
the same function (`adding`), so both give equal rows.
"""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Select, String, and_, bindparam, delete, select, update
from sqlmodel import Session

from bot import cells, database
from bot.models import Attribution, AttributionEvidence, OrderEvent, OrderLine, Product
from bot.models.columns import serial
from bot.orders import adding, catalogue, dirty
from bot.orders.adding import WHOLE, Event, Line, LineKey, Whole

CHUNK = 5_000
FINAL_AFTER = dt.timedelta(hours=72)
EXPORT = (
    *("order_id", "line_no", "sku", "quantity", "amount", "refunded", "paid_at", "status"),
    *("sources", "final"),
)


def derive(session: Session, order_ids: Sequence[str]) -> int:
    """Derive the lines of these orders from their events, and mark those that were made or
    changed; returns how many those are.
    """
    event = database.table(OrderEvent)
    changed = 0
    for start in range(0, len(order_ids), CHUNK):
        chunk = [(order_id,) for order_id in order_ids[start : start + CHUNK]]
        given = database.given(session, {"order_id": String()}, chunk)
        query = select(event).join(given, event.c.order_id == given.c.order_id)
        changed += _record(session, list(_lines(session, query)))
    return changed


def rebuild(session: Session) -> int:
    """Derive every line from every event; a line without events goes. Returns what changed."""
    event, line = database.table(OrderEvent).c, database.table(OrderLine).c
    known = session.connection().execute(select(event.order_id, event.line_no).distinct())
    keys = {(row.order_id, row.line_no) for row in known}
    standing = session.connection().execute(select(line.id, line.order_id, line.line_no))
    orphans = [row.id for row in standing if (row.order_id, row.line_no) not in keys]
    _delete(session, orphans)
    return derive(session, sorted({order_id for order_id, _ in keys})) + len(orphans)


def order_rows(
    session: Session, since: dt.datetime, until: dt.datetime, now: dt.datetime, zone: ZoneInfo
) -> Iterator[tuple[str | int, ...]]:
    """Rows of the `orders` export (EXPORT names their cells) paid in `[since, until)`.

    In key order by code point, whatever the collation of the database; times in `zone`.
    """
    line, product = database.tables(OrderLine, Product)
    rows = session.connection().execute(
        select(line, product.c.sku)
        .join(product, line.c.product_id == product.c.id)
        .where(line.c.paid_at >= since, line.c.paid_at < until)
    )
    for row in sorted(rows, key=lambda row: (row.order_id, row.line_no)):
        yield (
            *(row.order_id, row.line_no, row.sku, row.quantity),
            *(cells.yuan(row.amount), cells.yuan(row.refunded)),
            *(row.paid_at.astimezone(zone).isoformat(), row.status.value, row.sources),
            "true" if is_final(row.paid_at, now) else "false",
        )


def is_final(paid_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether figures of a line paid then stand: late news are a restatement from here on."""
    return paid_at + FINAL_AFTER <= now


def _lines(session: Session, query: Select[Any]) -> Iterator[Line]:
    for order_id, events, wholes in told(session, query):
        yield from adding.add_up_order(order_id, events, wholes)


def told(
    session: Session, query: Select[Any]
) -> Iterator[tuple[str, dict[int, list[Event]], list[Whole]]]:
    """(order, its events by line, what is said of all of it) of a query of OrderEvent rows."""
    event = database.table(OrderEvent).c
    rows = session.connection().execute(query.order_by(event.order_id, event.line_no))
    for order_id, group in itertools.groupby(rows, key=lambda row: row.order_id):
        events: defaultdict[int, list[Event]] = defaultdict(list)
        wholes: list[Whole] = []
        for row in group:
            if row.line_no == WHOLE:
                wholes.append(adding.whole_of(row.content, row.source, row.digest))
            else:
                events[row.line_no].append(adding.event_of(row.content, row.source, row.digest))
        yield order_id, events, wholes


def _record(session: Session, lines: Sequence[Line]) -> int:
    standing = _standing(session, lines)
    products = catalogue.product_ids(session)
    created, changed = [], []
    for line in lines:
        values = {item.name: getattr(line, item.name) for item in fields(line)}
        values["product_id"] = products[values.pop("sku")]
        before = standing.get((line.order_id, line.line_no))
        if before is None:
            created.append(values | {"person_id": None})
        elif any(getattr(before, name) != value for name, value in values.items()):
            changed.append({f"new_{name}": value for name, value in values.items()})
            changed[-1]["key"] = before.id
    database.insert_rows(session, OrderLine, created)
    if changed:
        line_table = database.table(OrderLine)
        names = [name.removeprefix("new_") for name in changed[0] if name != "key"]
        session.connection().execute(
            update(line_table)
            .where(line_table.c.id == bindparam("key"))
            .values({x: bindparam(f"new_{x}", type_=line_table.c[x].type) for x in names}),
            changed,
        )
    made = [each for each in lines if (each.order_id, each.line_no) not in standing]
    dirty.mark(session, [row.id for row in _standing(session, made).values()])
    dirty.mark(session, [row["key"] for row in changed])
    return len(created) + len(changed)


def _standing(session: Session, lines: Sequence[Line]) -> dict[LineKey, Any]:
    line = database.table(OrderLine)
    keys = [(each.order_id, each.line_no) for each in lines]
    given = database.given(session, {"order_id": String(), "line_no": Integer()}, keys)
    rows = session.connection().execute(
        select(line).join(
            given, and_(line.c.order_id == given.c.order_id, line.c.line_no == given.c.line_no)
        )
    )
    return {(row.order_id, row.line_no): row for row in rows}


def _delete(session: Session, line_ids: Sequence[int]) -> None:
    if not line_ids:
        return
    given = database.given(session, {"id": serial()}, [(each,) for each in line_ids])
    for model, column in (
        (AttributionEvidence, "order_line_id"),
        (Attribution, "order_line_id"),
        (OrderLine, "id"),
    ):
        target = database.table(model)
        session.connection().execute(delete(target).where(target.c[column].in_(select(given.c.id))))
