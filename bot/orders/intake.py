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
from bot.orders import catalogue, evidence, lines, people
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

COLUMNS = (
    *(ORDER, LINE, SKU, QUANTITY, AMOUNT, PAID, STATUS),
    *(BUYER, PHONE, UNIONID, COUPON, CHANNEL, LINK, UPDATED),
)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One row as a shop tells it; `amount` is fen, phone and buyer id are still in the clear."""

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
    contents = [_content(row, secret) for row in good]
    fresh = database.insert_new(
        session,
        OrderEvent,
        ("digest", "order_id", "line_no", "source", "received_at", "content"),
        [
            (_digest(source, content), row.order_id, row.line_no, source, now, content)
            for row, content in zip(good, contents, strict=True)
        ],
        ("order_id", "line_no"),
    )
    keys = sorted({(event.order_id, event.line_no) for event in fresh})
    # A later event may name another buyer: the one who is no longer named is looked at too.
    before = evidence.carried_by(session, {order_id for order_id, _ in keys})
    lines.derive(session, keys)
    news = evidence.record(session, _evidence(good, contents, source))
    if news or fresh:
        people.resolve(session, before | set(_carried(contents)))
    return Imported(
        created=len(fresh),
        unchanged=len(good) - len(fresh),
        faults=tuple(_unknown_skus(rows, products)),
    )


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


def _content(row: OrderRow, secret: bytes) -> dict[str, object]:
    buyer, phone = row.buyer_id, row.buyer_phone
    return {
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


def _digest(source: str, content: Mapping[str, object]) -> str:
    told = json.dumps([source, content], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _evidence(
    rows: Sequence[OrderRow], contents: Sequence[Mapping[str, object]], source: str
) -> Iterable[Evidence]:
    for row, content in zip(rows, contents, strict=True):
        for left, right in combinations(_carried([content]), 2):
            yield Evidence(left, right, f"orders:{source}", row.updated_at or row.paid_at)


def _carried(contents: Iterable[Mapping[str, object]]) -> Iterator[Identifier]:
    """The identifiers that rows carry, strongest first in each row."""
    for content in contents:
        for kind, column in evidence.CARRIED.items():
            if content[column]:
                yield kind, str(content[column])


def _unknown_skus(rows: Sequence[OrderRow], products: Mapping[str, int]) -> Iterable[Fault]:
    return (catalogue.unknown_sku(row.place, row.sku) for row in rows if row.sku not in products)
