"""有赞 Youzan: trade_TradeBuyerPay, trade_TradePaid, trade_TradeClose, trade_refund_RefundSuccess.

Not confirmed against a real shop. As its documents and SDKs have it: `Event-Sign` is
md5(client_id + body + client_secret), the body's own `sign` md5(client_id + msg + client_secret);
`msg` is URL-encoded JSON, `msg_id` names the message, which comes up to four times until it is
answered with {"code":0,"msg":"success"}. Times are Beijing's, amounts yuan.
"""

import datetime as dt
from decimal import Decimal
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

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

BEIJING = ZoneInfo("Asia/Shanghai")
CHANNEL = "有赞"
UNCONFIRMED = "未对真实店铺验证:按有赞公开的文档和 SDK 写成"


class Envelope(Told):
    """What comes in, around the message."""

    client_id: Text = ""
    msg: str = ""
    msg_id: Word
    sign: Text = ""
    type: Word
    test: bool | None = None


class OrderInfo(Told):
    """The order as a whole."""

    tid: Word
    pay_time: dt.datetime | None = None
    update_time: dt.datetime


class Item(Told):
    """One line; `payment` is what was paid for it."""

    oid: object = None
    outer_sku_id: Text | None = None
    outer_item_id: Text | None = None
    sku_id: int | None = None
    item_id: int | None = None
    num: Count
    payment: Money


class Buyer(Told):
    """Who bought."""

    buyer_id: int | None = None
    buyer_phone: Text | None = None


class Full(Told):
    """All of an order."""

    order_info: OrderInfo
    orders: tuple[Item, ...]
    buyer_info: Buyer = Buyer()


class Bought(Told):
    """An order that was paid."""

    full_order_info: Full


class Closed(Told):
    """An order that ended without being carried out."""

    tid: Word
    update_time: dt.datetime


class Returned(Told):
    """A refund that went through."""

    tid: Word
    refund_id: Word
    refunded_fee: Money
    update_time: dt.datetime


def verify(request: Request, connection: Connection, _: dt.datetime) -> Notice:
    """The message, where its signature is ours and 有赞's. Raises Refused."""
    body = shop.text(request.body)
    try:
        told = shop.parse(Envelope, body)
    except Unreadable as error:
        raise Refused(400, str(error)) from None
    ours = connection.secret("client_id").encode()
    expected, given = [], []
    for secret in connection.secrets["client_secret"]:
        expected += [
            shop.md5(ours, request.body, secret.encode()),
            shop.md5(ours, told.msg.encode(), secret.encode()),
        ]
    given = [each.lower() for each in (request.headers.get("event-sign", ""), told.sign) if each]
    shop.must_match(given, expected)
    topic = "test" if told.test else told.type
    return Notice(told.msg_id, topic, unquote_plus(told.msg))


def read(topic: str, body: str, connection: Connection) -> News:
    """What a message says of an order. Raises Unreadable."""
    if topic in ("trade_TradeBuyerPay", "trade_TradePaid"):
        return News(tuple(_rows(shop.parse(Bought, body).full_order_info, connection)))
    if topic == "trade_TradeClose":
        closed = shop.parse(Closed, body)
        order_id, at = connection.order_id(closed.tid), shop.instant(closed.update_time, BEIJING)
        return News(wholes=(Whole(order_id, at, OrderStatus.CANCELLED),))
    if topic == "trade_refund_RefundSuccess":
        told = shop.parse(Returned, body)
        order_id, at = connection.order_id(told.tid), shop.instant(told.update_time, BEIJING)
        amount = shop.fen(told.refunded_fee)
        return News(wholes=(Whole(order_id, at, OrderStatus.REFUNDED, amount, told.refund_id),))
    return News(ignored=f"{topic[:40]} 不用读")


def _rows(order: Full, connection: Connection) -> list[OrderRow]:
    info, buyer = order.order_info, order.buyer_info
    return [
        OrderRow(
            order_id=connection.order_id(info.tid),
            line_no=line_no,
            sku=item.outer_sku_id or item.outer_item_id or str(item.sku_id or item.item_id or ""),
            quantity=item.num,
            amount=shop.fen(max(item.payment, Decimal(0))),
            paid_at=shop.instant(info.pay_time or info.update_time, BEIJING),
            buyer_id=str(buyer.buyer_id) if buyer.buyer_id else None,
            buyer_phone=buyer.buyer_phone,
            channel=connection.option("channel", CHANNEL),
            updated_at=shop.instant(info.update_time, BEIJING),
            of=len(order.orders),
        )
        for line_no, item in enumerate(order.orders, 1)
    ]


SHOP = Shop(
    kind="youzan",
    title="有赞",
    needs=("client_id", "client_secret"),
    options=("prefix", "channel"),
    verify=verify,
    read=read,
    unconfirmed=UNCONFIRMED,
    answer='{"code":0,"msg":"success"}',
)
