"""Shopify: orders/create, orders/updated, orders/paid, orders/cancelled, refunds/create.

`X-Shopify-Hmac-SHA256` is the base64 HMAC-SHA256 of the raw body under the app's client secret,
`X-Shopify-Webhook-Id` names the delivery (it is not signed; a copy under another name says what we
know). Shopify waits five seconds and tries again eight times in four hours.
https://shopify.dev/docs/apps/build/webhooks/verify-deliveries

An order's payload holds all of it, refunds included, so any one of the topics is enough and the
latest `updated_at` stands.
"""

import datetime as dt
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from bot import links
from bot.models import OrderStatus
from bot.orders.intake import OrderRow
from bot.orders.shops import shop
from bot.orders.shops.shop import Connection, Count, Money, News, Notice, Request, Shop, Text, Told

SIGNATURE, DELIVERY, TOPIC = "x-shopify-hmac-sha256", "x-shopify-webhook-id", "x-shopify-topic"
PAID = {"paid", "partially_paid", "partially_refunded", "refunded"}
CHANNEL = "Shopify"


class Allocation(Told):
    """A part of a discount that falls on a line."""

    amount: Money


class LineItem(Told):
    """One line of an order."""

    id: int
    sku: Text | None = None
    variant_id: int | None = None
    quantity: Count
    price: Money
    total_discount: Money = Decimal(0)
    discount_allocations: tuple[Allocation, ...] = ()


class RefundLine(Told):
    """What was given back of one line."""

    line_item_id: int
    subtotal: Money = Decimal(0)


class Refund(Told):
    """One refund."""

    id: int
    order_id: int | None = None
    created_at: dt.datetime
    refund_line_items: tuple[RefundLine, ...] = ()


class Customer(Told):
    """Who bought; a guest has no id."""

    id: int | None = None
    phone: Text | None = None


class Code(Told):
    """A coupon."""

    code: Text


class Order(Told):
    """An order, as far as we read it."""

    id: int
    name: Text = ""
    currency: Text
    created_at: dt.datetime
    processed_at: dt.datetime | None = None
    updated_at: dt.datetime
    cancelled_at: dt.datetime | None = None
    financial_status: Text | None = None
    test: bool | None = None
    phone: Text | None = None
    customer: Customer | None = None
    discount_codes: tuple[Code, ...] = ()
    landing_site: str | None = None
    line_items: tuple[LineItem, ...]
    refunds: tuple[Refund, ...] = ()


def verify(request: Request, connection: Connection, _: dt.datetime) -> Notice:
    """The event, where its signature is Shopify's. Raises Refused."""
    signature = shop.header(request, SIGNATURE)
    shop.must_match([signature], shop.base64_hmac(connection.secrets["secret"], request.body))
    body = shop.text(request.body)
    return Notice(shop.header(request, DELIVERY), shop.header(request, TOPIC).lower(), body)


def read(topic: str, body: str, connection: Connection) -> News:
    """What an order says of its lines. Raises Unreadable."""
    if not topic.startswith("orders/"):
        # A refund's own event names lines by ids that only the order explains; the order follows.
        return News(ignored=f"{topic} 不用读:订单更新的消息里都有")
    if topic == "orders/delete":
        return News(ignored="店铺里删除的订单保留原样")
    order = shop.parse(Order, body)
    if order.test:
        return News(ignored="测试订单")
    if order.financial_status not in PAID:
        return News(ignored=f"还没有付款({order.financial_status})")
    shop.must_be_ours(order.currency, connection)
    return News(rows=tuple(_rows(order, connection)))


def _rows(order: Order, connection: Connection) -> list[OrderRow]:
    number = order.name if connection.option("order") == "name" else order.id
    paid_at = shop.instant(order.processed_at or order.created_at, dt.UTC)
    customer = order.customer or Customer()
    found = []
    for line_no, item in enumerate(order.line_items, 1):
        row = OrderRow(
            order_id=connection.order_id(number),
            line_no=line_no,
            sku=item.sku or str(item.variant_id or item.id),
            quantity=item.quantity,
            amount=shop.fen(_paid(item)),
            paid_at=paid_at,
            status=OrderStatus.CANCELLED if order.cancelled_at else OrderStatus.PAID,
            buyer_id=str(customer.id) if customer.id else None,
            buyer_phone=order.phone or customer.phone,
            coupon=order.discount_codes[0].code if order.discount_codes else None,
            channel=connection.option("channel", CHANNEL),
            link=_link(order.landing_site),
            updated_at=shop.instant(order.updated_at, dt.UTC),
            of=len(order.line_items),
        )
        found += [row, *_refunds(order, item, row)]
    return found


def _refunds(order: Order, item: LineItem, row: OrderRow) -> list[OrderRow]:
    return [
        OrderRow(
            order_id=row.order_id,
            line_no=row.line_no,
            sku=row.sku,
            quantity=row.quantity,
            amount=shop.fen(sum((part.subtotal for part in parts), Decimal(0))),
            paid_at=shop.instant(refund.created_at, dt.UTC),
            status=OrderStatus.REFUNDED,
            channel=row.channel,
            refund=str(refund.id),
        )
        for refund in order.refunds
        if (parts := [p for p in refund.refund_line_items if p.line_item_id == item.id])
    ]


def _paid(item: LineItem) -> Decimal:
    """What was paid for a line: its price without its part of every discount."""
    given = sum((each.amount for each in item.discount_allocations), Decimal(0))
    return max(item.price * item.quantity - (given or item.total_discount), Decimal(0))


def _link(landing_site: str | None) -> str | None:
    """Where the buyer came in, if by a link of ours; nothing else of it is kept."""
    if not landing_site:
        return None
    asked = dict(parse_qsl(urlsplit(landing_site).query))
    return links.mark(asked.get(links.PARAMETER))


SHOP = Shop(
    kind="shopify",
    title="Shopify",
    needs=("secret",),
    options=("order", "prefix", "channel", "currency"),
    verify=verify,
    read=read,
)
