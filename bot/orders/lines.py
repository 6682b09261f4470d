"""Order lines: what the events of one line add up to.

    events of (order, line), in any order, from any source → one line

`order_event` is the truth; lines are derived, for the lines that an import touched or for all, by
the same function, so both give equal rows.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Select, String, and_, bindparam, delete, select, update
from sqlmodel import Session

from bot import cells, database
from bot.models import Attribution, AttributionEvidence, OrderEvent, OrderLine, OrderStatus, Product
from bot.models.columns import serial
from bot.orders import catalogue, dirty

LineKey = tuple[str, int]
CHUNK = 5_000
FINAL_AFTER = dt.timedelta(hours=72)
EXPORT = (
    *("order_id", "line_no", "sku", "quantity", "amount", "refunded", "paid_at", "status"),
    *("sources", "final"),
)


@dataclass(frozen=True, slots=True)
class Event:
    """One row of one source about one order line. `amount` is fen: paid, or given back.

    `buyer` and `phone` are HMACs. `digest` tells two events apart where nothing else does.
    """

    sku: str
    quantity: int
    amount: int
    paid_at: dt.datetime
    status: OrderStatus
    source: str
    digest: str
    updated_at: dt.datetime | None = None
    buyer: str | None = None
    phone: str | None = None
    unionid: str | None = None
    coupon: str | None = None
    link: str | None = None
    channel: str | None = None

    @property
    def said_at(self) -> dt.datetime:
        """Since when this holds: as the source says, else the time of the event itself."""
        return self.updated_at or self.paid_at


@dataclass(frozen=True, slots=True)
class Line:
    """One order line as its events add up."""

    order_id: str
    line_no: int
    sku: str
    quantity: int
    amount: int
    refunded: int
    paid_at: dt.datetime
    status: OrderStatus
    buyer: str | None
    phone: str | None
    unionid: str | None
    coupon: str | None
    link: str | None
    channel: str
    sources: str
    updated_at: dt.datetime


def add_up(key: LineKey, events: Iterable[Event]) -> Line:
    """The line that events give, whatever their order and however often each came.

    Of what was paid, the highest `updated_at` wins; an empty cell falls back to the next. Refunds
    of one moment are one refund, and different ones add up. Where only refunds are known yet, the
    line is taken to have cost what was given back.
    """
    ranked = sorted({event.digest: event for event in events}.values(), key=_rank, reverse=True)
    paid = [event for event in ranked if event.status != OrderStatus.REFUNDED]
    refunds: dict[dt.datetime, int] = {}
    for event in ranked:
        if event.status == OrderStatus.REFUNDED:
            refunds.setdefault(event.paid_at, event.amount)
    refunded = min(sum(refunds.values()), cells.LARGEST)
    base = paid[0] if paid else ranked[-1]
    first = next((event for event in paid if event.status == OrderStatus.PAID), base)
    trusted = [*paid, *(event for event in ranked if event.status == OrderStatus.REFUNDED)]
    return Line(
        order_id=key[0],
        line_no=key[1],
        sku=base.sku,
        quantity=base.quantity,
        amount=first.amount if paid else refunded,
        refunded=refunded,
        paid_at=first.paid_at if paid else min(refunds),
        status=_status(base, refunded),
        buyer=next((event.buyer for event in trusted if event.buyer), None),
        phone=next((event.phone for event in trusted if event.phone), None),
        unionid=next((event.unionid for event in trusted if event.unionid), None),
        coupon=next((event.coupon for event in trusted if event.coupon), None),
        link=next((event.link for event in trusted if event.link), None),
        channel=next((event.channel for event in trusted if event.channel), ""),
        sources="|".join(sorted({event.source for event in ranked})),
        updated_at=max(event.said_at for event in ranked),
    )


def derive(session: Session, keys: Sequence[LineKey]) -> int:
    """Derive these lines from their events, and mark those that were made or changed; returns how
    many those are.
    """
    event = database.table(OrderEvent)
    changed = 0
    for chunk in _chunks(keys):
        given = database.given(session, {"order_id": String(), "line_no": Integer()}, chunk)
        query = select(event).join(
            given, and_(event.c.order_id == given.c.order_id, event.c.line_no == given.c.line_no)
        )
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
    return derive(session, sorted(keys)) + len(orphans)


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


def _rank(event: Event) -> tuple[dt.datetime, bool, str]:
    # A cancellation without a time of its own carries the time of payment: it came after.
    return event.said_at, event.status == OrderStatus.CANCELLED, event.digest


def _status(base: Event, refunded: int) -> OrderStatus:
    if base.status == OrderStatus.CANCELLED:
        return OrderStatus.CANCELLED
    return OrderStatus.REFUNDED if refunded else base.status


def _chunks(keys: Sequence[LineKey]) -> Iterator[Sequence[LineKey]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


def _lines(session: Session, query: Select[Any]) -> Iterator[Line]:
    event = database.table(OrderEvent).c
    rows = session.connection().execute(query.order_by(event.order_id, event.line_no))
    for key, group in itertools.groupby(rows, key=lambda row: (row.order_id, row.line_no)):
        yield add_up(key, [event_of(row.content, row.source, row.digest) for row in group])


def event_of(content: Mapping[str, Any], source: str, digest: str) -> Event:
    """An event as its stored content says it."""
    updated_at = content["updated_at"]
    return Event(
        sku=content["sku"],
        quantity=content["quantity"],
        amount=content["amount"],
        paid_at=dt.datetime.fromisoformat(content["paid_at"]),
        status=OrderStatus(content["status"]),
        source=source,
        digest=digest,
        updated_at=dt.datetime.fromisoformat(updated_at) if updated_at else None,
        buyer=content["buyer"],
        phone=content["phone"],
        unionid=content["unionid"],
        coupon=content["coupon"],
        link=content["link"],
        channel=content["channel"],
    )


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
