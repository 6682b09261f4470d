"""Orders in: rows of a shop's file become events, kept for ever, and the lines they add up to.

    file → rows → order_event (append only) → order_line, identity evidence → persons

A row is named by the digest of its source and content, so the same row again changes nothing.
Phones and buyer ids are replaced by their HMAC before anything is kept.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import cells, database, pseudonyms
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault
from bot.models import OrderEvent, OrderStatus
from bot.orders import adding, catalogue, evidence, lines, people
from bot.orders.evidence import Evidence
from bot.orders.identity import Identifier

ORDER = Column("order_id", cells.identifier, ("订单号",), required=True, filled=True)
LINE = Column("line_no", cells.whole, ("行号",), required=True, filled=True)
SKU = Column("sku", cells.identifier, ("商品编码",), required=True, filled=True)
QUANTITY = Column("quantity", cells.whole, ("数量",), required=True, filled=True)
AMOUNT = Column("amount", cells.fen, ("实付金额",), required=True, filled=True)
PAID = Column("paid_at", cells.instant, ("支付时间",), required=True, filled=True)
STATUS = Column(
    "status",
    cells.choice(
        {status.value: status for status in OrderStatus}
        | {"已支付": OrderStatus.PAID, "已退款": OrderStatus.REFUNDED}
        | {"已取消": OrderStatus.CANCELLED}
    ),
    ("状态",),
    required=True,
    filled=True,
)
BUYER = Column("buyer_id", cells.identifier, ("买家ID",), required=True)
PHONE = Column("buyer_phone", cells.identifier, ("买家手机",), required=True)
UNIONID = Column("unionid", cells.identifier, required=True)
COUPON = Column("coupon", cells.identifier, ("优惠码",), required=True)
CHANNEL = Column("channel", cells.text, ("渠道",), required=True)
LINK = Column("link", cells.text, ("链接",))
UPDATED = Column("updated_at", cells.instant, ("更新时间",))

# What is kept of one row, as JSON can hold it.
Content = Mapping[str, object]

COLUMNS = (
    *(ORDER, LINE, SKU, QUANTITY, AMOUNT, PAID, STATUS),
    *(BUYER, PHONE, UNIONID, COUPON, CHANNEL, LINK, UPDATED),
)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One row as a shop tells it; `amount` is fen, phone and buyer id are still in the clear.

    `of` is how many lines the order had when all of it was told; lines beyond that are gone. A
    `refund` names what was given back, so that told again at another time it is the same.
    """

    order_id: str
    line_no: int
    sku: str
    quantity: int
    amount: int
    paid_at: dt.datetime
    status: OrderStatus = OrderStatus.PAID
    buyer_id: str | None = None
    buyer_phone: str | None = None
    unionid: str | None = None
    coupon: str | None = None
    channel: str = ""
    link: str | None = None
    updated_at: dt.datetime | None = None
    place: Place = NOWHERE
    of: int | None = None
    refund: str | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What is said of an order as a whole: that it was cancelled, or that `amount` was given back.

    `refund` names a refund, so that told twice it is one; "" where only its time tells it apart.
    """

    order_id: str
    at: dt.datetime
    status: OrderStatus
    amount: int = 0
    refund: str = ""


def read_rows(path: Path, zone: ZoneInfo) -> Reading[OrderRow]:
    """Orders of a file."""
    return read(path, COLUMNS, zone, _order)


def record(
    session: Session, rows: Sequence[OrderRow], source: str, secret: bytes, now: dt.datetime
) -> Imported:
    """Keep rows as events of `source` and bring lines and persons up to date.

    Counts rows: `created` are new events, `unchanged` stood already. An unknown SKU is a fault.
    """
    products = catalogue.product_ids(session)
    good = [row for row in rows if row.sku in products]
    contents = [content(row, secret) for row in good]
    created = record_contents(session, contents, source, now)
    return Imported(
        created=created,
        unchanged=len(good) - created,
        faults=tuple(_unknown_skus(rows, products)),
    )


def record_contents(
    session: Session, contents: Sequence[Content], source: str, now: dt.datetime
) -> int:
    """Keep contents whose products are known as events; returns how many are new."""
    fresh = database.insert_new(
        session,
        OrderEvent,
        ("digest", "order_id", "line_no", "source", "received_at", "content"),
        [(_digest(source, c), c["order_id"], c["line_no"], source, now, c) for c in contents],
        ("order_id",),
    )
    order_ids = sorted({event.order_id for event in fresh})
    # A later event may name another buyer: the one who is no longer named is looked at too.
    before = evidence.carried_by(session, order_ids)
    lines.derive(session, order_ids)
    news = evidence.record(session, _evidence(contents, source))
    if news or fresh:
        people.resolve(session, before | set(_carried(contents)))
    return len(fresh)


def content(row: OrderRow, secret: bytes) -> Content:
    """A row as it is kept: without anything that tells who somebody is."""
    buyer, phone = row.buyer_id, row.buyer_phone
    told: dict[str, object] = {
        "order_id": row.order_id,
        "line_no": row.line_no,
        "sku": row.sku,
        "quantity": row.quantity,
        "amount": row.amount,
        "paid_at": row.paid_at.isoformat(),
        "status": row.status.value,
        "buyer": pseudonyms.of_buyer(secret, row.channel, buyer) if buyer else None,
        "phone": pseudonyms.of_phone(secret, phone) if phone else None,
        "unionid": row.unionid,
        "coupon": row.coupon,
        "link": row.link,
        "channel": row.channel,
        "updated_at": row.updated_at.isoformat() if row.updated_at else None,
    }
    # Files do not say these, and what they said before must keep its digest.
    return told | {
        name: value for name, value in (("of", row.of), ("refund", row.refund)) if value is not None
    }


def whole_content(whole: Whole) -> Content:
    """What is said of an order as a whole, as it is kept."""
    return {
        "order_id": whole.order_id,
        "line_no": adding.WHOLE,
        "status": whole.status.value,
        "amount": whole.amount,
        "at": whole.at.isoformat(),
        "refund": whole.refund,
    }


def rebuild(session: Session) -> int:
    """Derive all lines from all events, and persons from all evidence; returns lines changed."""
    changed = lines.rebuild(session)
    people.resolve(session)
    return changed


def _order(row: Row) -> OrderRow:
    return OrderRow(
        order_id=row[ORDER],
        line_no=row[LINE],
        sku=row[SKU],
        quantity=row[QUANTITY],
        amount=row[AMOUNT],
        paid_at=row[PAID],
        status=row[STATUS],
        buyer_id=row.get(BUYER),
        buyer_phone=row.get(PHONE),
        unionid=row.get(UNIONID),
        coupon=row.get(COUPON),
        channel=row.get(CHANNEL) or "",
        link=row.get(LINK),
        updated_at=row.get(UPDATED),
        place=row.place,
    )


def _digest(source: str, told: Content) -> str:
    packed = json.dumps([source, told], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(packed.encode()).hexdigest()


def _evidence(contents: Sequence[Content], source: str) -> Iterator[Evidence]:
    for told in contents:
        for left, right in combinations(_carried([told]), 2):
            at = dt.datetime.fromisoformat(str(told["updated_at"] or told["paid_at"]))
            yield Evidence(left, right, f"orders:{source}", at)


def _carried(contents: Iterable[Content]) -> Iterator[Identifier]:
    """The identifiers that rows carry, strongest first in each row."""
    for told in contents:
        for kind, column in evidence.CARRIED.items():
            if told.get(column):
                yield kind, str(told[column])


def _unknown_skus(rows: Sequence[OrderRow], products: Mapping[str, int]) -> Iterable[Fault]:
    return (catalogue.unknown_sku(row.place, row.sku) for row in rows if row.sku not in products)
