"""Shops that push their orders here: one file per shop, `SHOPS` to read.

    shopify://NAME?secret=…                             secret: the app's client secret
    woocommerce://NAME?secret=…[&site=…&key=…&password=…]   also fetches, by a key that may read
    signed://NAME?secret=whsec_…                        anybody, by Standard Webhooks
    youzan://NAME?client_id=…&client_secret=…           有赞
    doudian://NAME?app_key=…&app_secret=…               抖店
    wechat-shop://NAME?token=…&aes_key=…&app_id=…       微信小店

NAME is the last part of the address that the shop posts to (/webhooks/orders/NAME), and the source
of its orders. A secret may be given twice while it is being changed. Also for every shop: `prefix`
before its order numbers where two shops count alike, `channel`.

    shop       what a shop is, and what their files share
    shopify, woocommerce, signed, youzan, doudian, wechat_shop
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from bot.errors import Fault, InvalidInput
from bot.orders.shops import doudian, shopify, signed, wechat_shop, woocommerce, youzan
from bot.orders.shops.shop import Connection, Shop

SHOPS: tuple[Shop, ...] = (
    shopify.SHOP,
    woocommerce.SHOP,
    signed.SHOP,
    youzan.SHOP,
    doudian.SHOP,
    wechat_shop.SHOP,
)
KINDS = {shop.kind: shop for shop in SHOPS}


def connections(urls: Iterable[str]) -> dict[str, Connection]:
    """The shops of an installation by name. Raises InvalidInput, which quotes no secret."""
    found: dict[str, Connection] = {}
    for number, url in enumerate(urls, 1):
        connection = _connection(number, url)
        if connection.name in found:
            raise _wrong(number, f"名字 {connection.name} 用了两次", "每个店铺取一个名字")
        found[connection.name] = connection
    return found


def _connection(number: int, url: str) -> Connection:
    parts = urlsplit(url)
    shop = KINDS.get(parts.scheme)
    if shop is None:
        remedy = f"以 {'、'.join(KINDS)} 之一开头,见 .env.example"
        raise _wrong(number, "不认识的店铺", remedy)
    # Names are part of an address and of audits; `urlsplit` would fold them to lower case.
    name = parts.netloc
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise _wrong(number, "名字不能用", "1 到 40 个字母、数字、下划线或减号")
    try:
        # A plus is a sign of base64 here, never a blank.
        query = parts.query.replace("+", "%2B")
        given = parse_qs(query, strict_parsing=bool(query), keep_blank_values=False)
    except ValueError:
        raise _wrong(number, "参数写法不对", "写成 名字=值&名字=值") from None
    missing = [each for each in shop.needs if each not in given]
    unknown = sorted(given.keys() - {*shop.needs, *shop.options})
    if missing:
        raise _wrong(number, f"没有写 {missing[0]}", "见 .env.example")
    if unknown:
        raise _wrong(number, f"不认识参数 {unknown[0]}", "见 .env.example")
    connection = Connection(shop.kind, name, {key: tuple(each) for key, each in given.items()})
    problem = shop.check(connection) if shop.check is not None else ""
    if problem:
        raise _wrong(number, problem, "从店铺后台重新复制;里面的 & # % , 要写成 %26 %23 %25 %2C")
    return connection


def _wrong(number: int, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("设置", 0, f"QUNYUN_SHOPS 第 {number} 个", problem, remedy))
