"""Any other shop or system that signs what it sends as Standard Webhooks has it.

`webhook-signature` holds, for one of possibly several keys, `v1,` and the base64 HMAC-SHA256 of
`id.timestamp.body`; `webhook-id` and `webhook-timestamp` are thus signed, and a time further than
five minutes from ours is a replay. https://www.standardwebhooks.com/

    {"type": "order.updated", "data": {"order_id": "T1", "status": "paid", "paid_at": "…+08:00",
     "updated_at": "…+08:00", "buyer_phone": "…", "lines": [{"line_no": 1, "sku": "A1",
     "quantity": 1, "amount": "199.00"}], "refunds": [{"id": "R1", "amount": "50.00", "at": "…"}]}}

All of the order each time: a line that is no longer there is cancelled. Amounts in yuan. A refund
without `line_no` is spread over the lines.
"""

import base64
import binascii
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import standardwebhooks
from pydantic import AwareDatetime

from bot.models import OrderStatus
from bot.orders.intake import OrderRow, Whole
from bot.orders.shops import shop
from bot.orders.shops.shop import (
    Connection,
    Count,
    Money,
    News,
    Notice,
    Refused,
    Request,
    Shop,
    Text,
    Told,
    Unreadable,
    Word,
)

TOLERANCE = dt.timedelta(minutes=5)
PREFIX, SHORTEST = "whsec_", 16


class Line(Told):
    """One line of an order."""

    line_no: Count
    sku: Word
    quantity: Count
    amount: Money


class Refund(Told):
    """What was given back, of one line or of the order."""

    id: Word
    amount: Money
    at: AwareDatetime
    line_no: Count | None = None


class Order(Told):
    """All of an order."""

    order_id: Word
    status: Literal["pending", "paid", "cancelled"]
    paid_at: AwareDatetime | None = None
    updated_at: AwareDatetime
    buyer_id: Word | None = None
    buyer_phone: Word | None = None
    unionid: Word | None = None
    coupon: Word | None = None
    channel: Word | None = None
    link: Text | None = None
    lines: tuple[Line, ...]
    refunds: tuple[Refund, ...] = ()


class Event(Told):
    """What comes in."""

    data: Order


class Kind(Told):
    """What an event is about."""

    type: Word


def verify(request: Request, connection: Connection, now: dt.datetime) -> Notice:
    """The event, where a key of ours signed it a moment ago. Raises Refused."""
    name, sent = shop.header(request, "webhook-id"), shop.header(request, "webhook-timestamp")
    given = shop.header(request, "webhook-signature").split()
    body, at = shop.text(request.body), shop.moment(sent)
    signing = [standardwebhooks.Webhook(secret) for secret in connection.secrets["secret"]]
    shop.must_match(given, [each.sign(name, at, body) for each in signing])
    shop.must_be_fresh(at, now, TOLERANCE)
    try:
        topic = shop.parse(Kind, body).type
    except Unreadable as error:
        raise Refused(400, str(error)) from None
    return Notice(name, topic, body)


def read(topic: str, body: str, connection: Connection) -> News:
    """What an order says of its lines. Raises Unreadable."""
    if not topic.startswith("order."):
        return News(ignored=f"{topic[:40]} 不用读")
    order = shop.parse(Event, body).data
    if order.status == "pending" or order.paid_at is None:
        return News(ignored="还没有付款")
    return News(tuple(_rows(order, connection)), tuple(_wholes(order, connection)))


def check(connection: Connection) -> str:
    """What is wrong with the keys; "" where nothing is."""
    for secret in connection.secrets["secret"]:
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith(PREFIX) or len(key) < SHORTEST:
            return f"secret 要是 {PREFIX} 加 base64,至少 {SHORTEST} 字节"
    return ""


def _rows(order: Order, connection: Connection) -> list[OrderRow]:
    paid_at = shop.instant(order.paid_at or order.updated_at, dt.UTC)
    channel = order.channel or connection.option("channel", connection.name)
    is_off = order.status == "cancelled"
    rows = [
        OrderRow(
            order_id=connection.order_id(order.order_id),
            line_no=line.line_no,
            sku=line.sku,
            quantity=line.quantity,
            amount=shop.fen(line.amount),
            paid_at=paid_at,
            status=OrderStatus.CANCELLED if is_off else OrderStatus.PAID,
            buyer_id=order.buyer_id,
            buyer_phone=order.buyer_phone,
            unionid=order.unionid,
            coupon=order.coupon,
            channel=channel,
            link=order.link,
            updated_at=shop.instant(order.updated_at, dt.UTC),
        )
        for line in order.lines
    ]
    of_line = {row.line_no: row for row in rows}
    return [*rows, *(_refund(each, of_line) for each in order.refunds if each.line_no in of_line)]


def _refund(told: Refund, of_line: Mapping[int, OrderRow]) -> OrderRow:
    return replace(
        of_line[told.line_no or 0],
        amount=shop.fen(told.amount),
        paid_at=shop.instant(told.at, dt.UTC),
        status=OrderStatus.REFUNDED,
        updated_at=None,
        refund=told.id,
    )


def _wholes(order: Order, connection: Connection) -> list[Whole]:
    lines = {line.line_no for line in order.lines}
    return [
        Whole(
            connection.order_id(order.order_id),
            shop.instant(told.at, dt.UTC),
            OrderStatus.REFUNDED,
            shop.fen(told.amount),
            told.id,
        )
        for told in order.refunds
        if told.line_no not in lines
    ]


SHOP = Shop(
    kind="signed",
    title="通用签名(Standard Webhooks)",
    needs=("secret",),
    options=("prefix", "channel"),
    verify=verify,
    read=read,
    check=check,
)
