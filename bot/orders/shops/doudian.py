"""抖店 Doudian: 101 订单支付, 106 订单取消, 206 退款成功.

Not confirmed against a real shop. As its documents and SDKs have it: `app-id` is the app's key,
`event-sign` md5(app_key + body + app_secret); the body is a list of messages, each with `tag`,
`msg_id` and `data`; tag 0 tests the address; {"code":0,"msg":"success"} within five seconds.

A message names an order and says neither what was bought nor by whom: those come with the order
file. Cancellations and refunds stand as they are.
"""

import datetime as dt
import hashlib

from pydantic import TypeAdapter, ValidationError

from bot import cells
from bot.models import OrderStatus
from bot.orders.intake import Whole
from bot.orders.shops import shop
from bot.orders.shops.shop import (
    Connection,
    News,
    Notice,
    Refused,
    Request,
    Shop,
    Told,
    Unreadable,
    Word,
)

TEST, PAID, CANCELLED, REFUNDED = "0", "101", "106", "206"
UNCONFIRMED = "未对真实店铺验证:按抖店公开的文档和 SDK 写成;商品明细要用订单文件导入"


class Data(Told):
    """What a message says; numbers of orders are too large for a float."""

    p_id: int | None = None
    cancel_time: int | None = None
    modify_time: int | None = None
    success_status_time: int | None = None
    aftersale_id: int | None = None
    refund_amount: int | None = None


class Message(Told):
    """One message; `data` is JSON in a string, or an object."""

    tag: Word
    msg_id: Word
    data: str | Data = ""


MESSAGES = TypeAdapter(list[Message])


def verify(request: Request, connection: Connection, _: dt.datetime) -> Notice:
    """The messages, where their signature is ours and 抖店's. Raises Refused."""
    key = connection.secret("app_key")
    shop.must_match([shop.header(request, "app-id")], [key])
    expected = [
        shop.md5(key.encode(), request.body, secret.encode())
        for secret in connection.secrets["app_secret"]
    ]
    shop.must_match([shop.header(request, "event-sign").lower()], expected)
    body = shop.text(request.body)
    try:
        told = _messages(body)
    except Unreadable as error:
        raise Refused(400, str(error)) from None
    names = "\n".join(each.msg_id for each in told)
    name = names if len(told) == 1 else hashlib.sha256(names.encode()).hexdigest()
    return Notice(name, "+".join(sorted({each.tag for each in told})), body)


def read(_: str, body: str, connection: Connection) -> News:
    """What messages say of orders. Raises Unreadable."""
    wholes: list[Whole] = []
    missing: list[str] = []
    for each in _messages(body):
        if each.tag not in (PAID, CANCELLED, REFUNDED):
            continue
        data = shop.parse(Data, each.data) if isinstance(each.data, str) else each.data
        if data.p_id is None:
            raise Unreadable(f"消息 {each.tag}: p_id 是空的")
        order_id = connection.order_id(data.p_id)
        if each.tag == PAID:
            missing.append(order_id)
        else:
            wholes.append(_whole(each.tag, data, order_id))
    if not wholes and not missing:
        return News(ignored="没有要读的消息")
    return News(wholes=tuple(wholes), missing=tuple(missing))


def _messages(body: str) -> list[Message]:
    try:
        told = MESSAGES.validate_json(body)
    except ValidationError as error:
        where = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Unreadable(f"{where['loc']}: {where['msg']}") from None
    if not told:
        raise Unreadable("一条消息也没有")
    return told


def _whole(tag: str, data: Data, order_id: str) -> Whole:
    seconds = data.cancel_time if tag == CANCELLED else data.success_status_time
    seconds = seconds or data.modify_time
    if seconds is None or not 0 < seconds < 32_503_680_000:
        raise Unreadable(f"消息 {tag}: 没有时间")
    at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    if tag == CANCELLED:
        return Whole(order_id, at, OrderStatus.CANCELLED)
    amount = data.refund_amount
    if amount is None or not 0 <= amount <= cells.LARGEST:
        raise Unreadable(f"消息 {tag}: 退款金额超出范围")
    return Whole(order_id, at, OrderStatus.REFUNDED, amount, str(data.aftersale_id or ""))


SHOP = Shop(
    kind="doudian",
    title="抖店",
    needs=("app_key", "app_secret"),
    options=("prefix", "channel"),
    verify=verify,
    read=read,
    unconfirmed=UNCONFIRMED,
    answer='{"code":0,"msg":"success"}',
)
