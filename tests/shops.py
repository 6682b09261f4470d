"""What shops send, signed as they sign it; the signatures are made here apart from the product."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PUBLISHED = Path(__file__).parent / "fixtures" / "shops"
AES_KEY = base64.b64encode(bytes(range(32))).decode()[:-1]
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URLS = {
    "shopify": "shopify://us-shop?secret=hush&currency=USD",
    "woocommerce": "woocommerce://woo?secret=hush&currency=USD",
    "signed": f"signed://erp?secret={WHSEC}",
    "youzan": "youzan://yz?client_id=abc&client_secret=hush",
    "doudian": "doudian://dd?app_key=6800&app_secret=hush",
    "wechat-shop": f"wechat-shop://wx?token=tok&aes_key={AES_KEY}&app_id=wx1",
}
NAMES = {kind: url.partition("://")[2].partition("?")[0] for kind, url in URLS.items()}


@dataclass(frozen=True)
class Push:
    """One request of a shop."""

    name: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)

    def tampered(self) -> "Push":
        """The same with one sign changed in the middle of what it says."""
        middle = len(self.body) // 2
        return replace(self, body=_nudged(self.body, middle))


def published(name: str) -> Any:
    """An example payload."""
    return json.loads((PUBLISHED / f"{name}.json").read_bytes())


def shopify(body: Any = None, *, id: str = "b54557e4", topic: str = "orders/create") -> Push:
    """Shopify's published order, or another."""
    sent = (PUBLISHED / "shopify_order.json").read_bytes() if body is None else _packed(body)
    signature = base64.b64encode(hmac.new(b"hush", sent, hashlib.sha256).digest()).decode()
    headers = {
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Webhook-Id": id,
        "X-Shopify-Topic": topic,
    }
    return Push(NAMES["shopify"], sent, headers)


def woocommerce(body: Any = None, *, id: str = "36e520eb", topic: str = "order.updated") -> Push:
    """WooCommerce's published order, or another."""
    sent = (PUBLISHED / "woocommerce_order.json").read_bytes() if body is None else _packed(body)
    signature = base64.b64encode(hmac.new(b"hush", sent, hashlib.sha256).digest()).decode()
    headers = {
        "X-WC-Webhook-Signature": signature,
        "X-WC-Webhook-Delivery-ID": id,
        "X-WC-Webhook-Topic": topic,
    }
    return Push(NAMES["woocommerce"], sent, headers)


def signed(body: Any, *, at: int, id: str = "msg_1") -> Push:
    """Anything, as Standard Webhooks has it signed."""
    sent = _packed(body)
    key = base64.b64decode(WHSEC.removeprefix("whsec_"))
    told = hmac.new(key, f"{id}.{at}.".encode() + sent, hashlib.sha256).digest()
    headers = {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,bm9wZQ== v1,{base64.b64encode(told).decode()}",
    }
    return Push(NAMES["signed"], sent, headers)


def youzan(type: str, message: Mapping[str, Any], *, id: str = "a1d466ad") -> Push:
    """A message of 有赞."""
    msg = quote_plus(json.dumps(message, ensure_ascii=False))
    envelope = {"client_id": "abc", "msg": msg, "msg_id": id, "type": type, "test": False}
    sent = _packed(envelope)
    sign = hashlib.md5(b"abc" + sent + b"hush", usedforsecurity=False).hexdigest()
    return Push(NAMES["youzan"], sent, {"Event-Sign": sign})


def doudian(*messages: Mapping[str, Any]) -> Push:
    """Messages of 抖店."""
    sent = _packed(list(messages))
    sign = hashlib.md5(b"6800" + sent + b"hush", usedforsecurity=False).hexdigest()
    return Push(NAMES["doudian"], sent, {"app-id": "6800", "event-sign": sign})


def wechat(event: Mapping[str, Any], *, at: int, app_id: str = "wx1") -> Push:
    """An event of 微信小店."""
    key = base64.b64decode(f"{AES_KEY}=")
    told = _packed(event)
    plain = bytes(16) + len(told).to_bytes(4, "big") + told + app_id.encode()
    pad = 32 - len(plain) % 32
    sealing = Cipher(algorithms.AES256(key), modes.CBC(key[:16])).encryptor()
    content = sealing.update(plain + bytes([pad]) * pad) + sealing.finalize()
    sealed = base64.b64encode(content).decode()
    parts = sorted(["tok", str(at), "n", sealed])
    signature = hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()
    query = {"timestamp": str(at), "nonce": "n", "msg_signature": signature}
    return Push(NAMES["wechat-shop"], _packed({"ToUserName": "gh", "Encrypt": sealed}), {}, query)


def an_order(**told: Any) -> dict[str, Any]:
    """An order as our own format for `signed` has it."""
    plain = {
        "order_id": "T1",
        "status": "paid",
        "paid_at": "2026-11-24T10:00:00+08:00",
        "updated_at": "2026-11-24T10:00:00+08:00",
        "buyer_phone": "13800138000",
        "lines": [{"line_no": 1, "sku": "A1", "quantity": 1, "amount": "199.00"}],
    }
    return {"type": "order.updated", "data": plain | told}


def _packed(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _nudged(body: bytes, start: int) -> bytes:
    place = next(n for n in range(start, len(body)) if chr(body[n]).isalnum())
    other = b"7" if body[place : place + 1] != b"7" else b"8"
    return body[:place] + other + body[place + 1 :]
