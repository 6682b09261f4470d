"""WooCommerce: order.created, order.updated; and the same orders by its REST API.

`X-WC-Webhook-Signature` is the base64 HMAC-SHA256 of the raw body under the webhook's secret,
`X-WC-Webhook-Delivery-ID` names the delivery (`X-WC-Delivery-ID` in the documents; neither is
signed). WooCommerce does not try again, and switches a webhook off after five failures: fetch
orders as well (`bot.orders.pulling`).
https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks

An order's payload names refunds by id and sum alone, so they are spread over its lines.
"""

import datetime as dt
import re
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from pydantic import TypeAdapter, ValidationError

from bot import links
from bot.models import OrderStatus
from bot.orders.intake import OrderRow, Whole
from bot.orders.shops import shop
from bot.orders.shops.shop import (
    Connection,
    Count,
    Money,
    News,
    Notice,
    Request,
    Shop,
    Text,
    Told,
    Unreadable,
)

SIGNATURE, TOPIC = "x-wc-webhook-signature", "x-wc-webhook-topic"
DELIVERIES = ("x-wc-webhook-delivery-id", "x-wc-delivery-id")
PAID = {"processing", "completed", "refunded", "cancelled"}
# Order attribution, in WooCommerce since 8.5: the first page of the visit.
ENTRY = "_wc_order_attribution_session_entry"
CHANNEL = "WooCommerce"


class Meta(Told):
    """Something that an order or an extension keeps beside."""

    key: Text = ""
    value: object = None


class LineItem(Told):
    """One line of an order; `total` is after discounts, without tax."""

    id: int
    sku: Text | None = None
    product_id: int = 0
    variation_id: int = 0
    quantity: Count
    total: Money
    total_tax: Money = Decimal(0)


class Refund(Told):
    """One refund; `total` is negative."""

    id: int
    total: Money


class Coupon(Told):
    """A coupon."""

    code: Text


class Billing(Told):
    """Who pays."""

    phone: Text = ""


class Order(Told):
    """An order, as far as we read it. Times are UTC and say no offset."""

    id: int
    number: Text = ""
    status: Text
    currency: Text
    date_created_gmt: dt.datetime
    date_modified_gmt: dt.datetime
    date_paid_gmt: dt.datetime | None = None
    customer_id: int = 0
    billing: Billing = Billing()
    line_items: tuple[LineItem, ...]
    coupon_lines: tuple[Coupon, ...] = ()
    refunds: tuple[Refund, ...] = ()
    meta_data: tuple[Meta, ...] = ()


def verify(request: Request, connection: Connection, _: dt.datetime) -> Notice:
    """The event, where its signature is the shop's. Raises Refused."""
    signature = shop.header(request, SIGNATURE)
    shop.must_match([signature], shop.base64_hmac(connection.secrets["secret"], request.body))
    body = shop.text(request.body)
    named = next((name for name in DELIVERIES if request.headers.get(name)), DELIVERIES[0])
    return Notice(shop.header(request, named), shop.header(request, TOPIC).lower(), body)


def read(topic: str, body: str, connection: Connection) -> News:
    """What an order says of its lines. Raises Unreadable."""
    if topic not in ("order.created", "order.updated", "order.restored"):
        return News(ignored=f"{topic} 不用读")
    return of_order(shop.parse(Order, body), connection)


def page(body: bytes | str) -> list[Order]:
    """Orders as the REST API lists them. Raises Unreadable."""
    try:
        return TypeAdapter(list[Order]).validate_json(body)
    except ValidationError as error:
        where = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Unreadable(f"{where['loc']}: {where['msg']}") from None


def of_order(order: Order, connection: Connection) -> News:
    """What an order says, whichever way it came. Raises Unreadable."""
    if order.status not in PAID or order.date_paid_gmt is None:
        return News(ignored=f"还没有付款({order.status})")
    shop.must_be_ours(order.currency, connection)
    order_id, at = connection.order_id(order.number or order.id), _utc(order.date_modified_gmt)
    taxed = connection.option("tax") == "included"
    rows = tuple(
        OrderRow(
            order_id=order_id,
            line_no=line_no,
            sku=item.sku or str(item.variation_id or item.product_id or item.id),
            quantity=item.quantity,
            amount=shop.fen(item.total + (item.total_tax if taxed else 0)),
            paid_at=_utc(order.date_paid_gmt),
            status=OrderStatus.CANCELLED if order.status == "cancelled" else OrderStatus.PAID,
            buyer_id=str(order.customer_id) if order.customer_id else None,
            buyer_phone=order.billing.phone or None,
            coupon=order.coupon_lines[0].code if order.coupon_lines else None,
            channel=connection.option("channel", CHANNEL),
            link=_link(order.meta_data),
            updated_at=at,
            of=len(order.line_items),
        )
        for line_no, item in enumerate(order.line_items, 1)
    )
    return News(
        rows,
        tuple(
            Whole(order_id, at, OrderStatus.REFUNDED, shop.fen(-each.total), str(each.id))
            for each in order.refunds
        ),
    )


def _utc(at: dt.datetime) -> dt.datetime:
    return shop.instant(at, dt.UTC)


def _link(meta: tuple[Meta, ...]) -> str | None:
    """The link of ours by which the visit began."""
    for each in meta:
        if each.key == ENTRY and isinstance(each.value, str) and re.match(r"https?://", each.value):
            asked = dict(parse_qsl(urlsplit(each.value).query))
            return links.mark(asked.get(links.PARAMETER))
    return None


SHOP = Shop(
    kind="woocommerce",
    title="WooCommerce",
    needs=("secret",),
    options=("prefix", "channel", "currency", "tax", "site", "key", "password"),
    verify=verify,
    read=read,
)
