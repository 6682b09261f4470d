"""The demo's second shop tells its orders itself: signed pushes through the checks of real ones.

    purchase → Standard Webhooks event, signed → `shop_events.take_in` → `work` → order lines

Whoever knows phones hands in files (`papers`); whoever knows WeChat pushes.
"""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence

import standardwebhooks

from bot import cells, database
from bot.demo import papers
from bot.demo.papers import Desk
from bot.demo.shopping import Purchase
from bot.orders import shop_events, shops
from bot.orders.shops.shop import Connection, Request

NAME = "mini"
CHANNEL = "小程序"


def push_orders(desk: Desk, purchases: Sequence[tuple[str, Purchase]], now: dt.datetime) -> int:
    """Numbered purchases as the shop tells them at `now`; returns how many events were taken in.

    The same event again is refused as a replay, as it would be of any shop.
    """
    # Of this demo alone: nothing outside is signed with it.
    key = "whsec_" + base64.b64encode(hashlib.sha256(desk.secret + b"demo").digest()).decode()
    connections = shops.connections([f"signed://{NAME}?secret={key}"])
    with database.transaction(desk.engine) as session:
        for number, purchase in purchases:
            request = _signed(key, number, purchase, now)
            taken = shop_events.take_in(session, connections[NAME], request, now)
            if taken.id is not None:
                shop_events.answered(session, taken.id)
    while _work(desk, connections, now):
        pass
    return len(purchases)


def _work(desk: Desk, connections: Mapping[str, Connection], now: dt.datetime) -> bool:
    with database.transaction(desk.engine) as session:
        event_ids = shop_events.claim(session, now)
        if event_ids:
            shop_events.work(session, event_ids, connections, desk.secret, now)
    return bool(event_ids)


def _signed(key: str, number: str, purchase: Purchase, now: dt.datetime) -> Request:
    body = json.dumps({"type": "order.updated", "data": _order(number, purchase, now)})
    name = f"{number}-{now:%Y%m%d%H%M%S}"
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(key).sign(name, now, body),
    }
    return Request(headers, {}, body.encode())


def _order(number: str, purchase: Purchase, now: dt.datetime) -> dict[str, object]:
    """All of an order, as it stands at `now`."""
    back = purchase.refunded_at
    if back is not None and back > now:
        back = None
    refund = {"id": f"{number}-R", "amount": cells.yuan(purchase.refund), "line_no": 1}
    unionid, _ = papers.identifiers(purchase.buyer)
    told = {
        "order_id": number,
        "status": "paid",
        "paid_at": purchase.paid_at.isoformat(),
        "updated_at": (back or purchase.paid_at).isoformat(),
        "buyer_id": f"buyer-{purchase.buyer.id[5:]}",
        "unionid": unionid or None,
        "coupon": purchase.promo.coupon if purchase.promo else None,
        "channel": CHANNEL,
        "lines": [
            {
                "line_no": 1,
                "sku": purchase.product.sku,
                "quantity": purchase.quantity,
                "amount": cells.yuan(purchase.amount),
            }
        ],
        "refunds": [refund | {"at": back.isoformat()}] if back is not None else [],
    }
    return {name: value for name, value in told.items() if value is not None}
