"""微信小店 WeChat Shop: channels_ec_order_pay, channels_ec_order_cancel.

Not confirmed against a real shop. As WeChat's documents have it (安全模式, JSON): `msg_signature`
is sha1 over the sorted token, timestamp, nonce and `Encrypt`; `Encrypt` is AES-256-CBC under the
EncodingAESKey (base64 without its last sign), its first 16 bytes the IV, PKCS#7 to 32 bytes,
around 16 random bytes, the length, the message and the app's id. A GET with `echostr` tests the
address.

An event names an order and says neither what was bought nor by whom: those come with the order
file.
"""

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Mapping

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

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

TOLERANCE = dt.timedelta(minutes=10)
PAID, CANCELLED = "channels_ec_order_pay", "channels_ec_order_cancel"
UNCONFIRMED = "未对真实店铺验证:按微信公开的文档写成;商品明细和退款要用订单文件导入"


class Sealed(Told):
    """What comes in."""

    Encrypt: str


class OrderInfo(Told):
    """Which order it is about."""

    order_id: int | Word


class Event(Told):
    """What an event says."""

    Event: Word
    CreateTime: int
    order_info: OrderInfo | None = None


def verify(request: Request, connection: Connection, now: dt.datetime) -> Notice:
    """The event, where it is signed and sealed for us a moment ago. Raises Refused."""
    try:
        sealed = shop.parse(Sealed, shop.text(request.body)).Encrypt
    except Unreadable as error:
        raise Refused(400, f"{error};消息要用安全模式、JSON 格式") from None
    sent = request.query.get("timestamp", "")
    signed = shop.sorted_sha1(
        connection.secret("token"), sent, request.query.get("nonce", ""), sealed
    )
    shop.must_match([request.query.get("msg_signature", "")], [signed])
    shop.must_be_fresh(shop.moment(sent), now, TOLERANCE)
    body = shop.text(unseal(sealed, connection.secret("aes_key"), connection.secret("app_id")))
    try:
        topic = shop.parse(Event, body).Event
    except Unreadable as error:
        raise Refused(400, str(error)) from None
    # Events have no names: the same words are the same event.
    return Notice(hashlib.sha256(body.encode()).hexdigest(), topic, body)


def read(topic: str, body: str, connection: Connection) -> News:
    """What an event says of an order. Raises Unreadable."""
    if topic not in (PAID, CANCELLED):
        return News(ignored=f"{topic[:40]} 不用读")
    told = shop.parse(Event, body)
    if told.order_info is None or not 0 < told.CreateTime < 32_503_680_000:
        raise Unreadable("没有订单号或时间")
    order_id = connection.order_id(told.order_info.order_id)
    if topic == PAID:
        return News(missing=(order_id,))
    at = dt.datetime.fromtimestamp(told.CreateTime, dt.UTC)
    return News(wholes=(Whole(order_id, at, OrderStatus.CANCELLED),))


def greet(query: Mapping[str, str], connection: Connection) -> str:
    """The answer to the platform's test of an address. Raises Refused."""
    signed = shop.sorted_sha1(
        connection.secret("token"), query.get("timestamp", ""), query.get("nonce", "")
    )
    shop.must_match([query.get("signature", "")], [signed])
    return query.get("echostr", "")


def check(connection: Connection) -> str:
    """What is wrong with the key; "" where nothing is."""
    try:
        length = len(base64.b64decode(f"{connection.secret('aes_key')}=", validate=True))
    except binascii.Error:
        length = 0
    return "" if length == 32 else "aes_key 要是 43 位的 EncodingAESKey"


def unseal(sealed: str, aes_key: str, app_id: str) -> bytes:
    """The message inside. Raises Refused."""
    try:
        key, content = base64.b64decode(f"{aes_key}="), base64.b64decode(sealed, validate=True)
        opening = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).decryptor()
        padded = opening.update(content) + opening.finalize()
        unpadding = padding.PKCS7(256).unpadder()
        told = unpadding.update(padded) + unpadding.finalize()
    except (binascii.Error, ValueError) as error:
        raise Refused(400, "解不开密文,核对 aes_key") from error
    length = int.from_bytes(told[16:20], "big")
    body, whose = told[20 : 20 + length], told[20 + length :]
    if whose != app_id.encode():
        raise Refused(401, "密文是发给别的应用的,核对 app_id")
    return body


SHOP = Shop(
    kind="wechat-shop",
    title="微信小店",
    needs=("token", "aes_key", "app_id"),
    options=("prefix", "channel"),
    verify=verify,
    read=read,
    unconfirmed=UNCONFIRMED,
    answer="success",
    greet=greet,
    check=check,
)
