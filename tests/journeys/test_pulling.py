"""A shop that can be asked is asked for what changed; what goes wrong is tried again, and told."""

import base64
import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

import httpx
import pytest
from sqlalchemy import Engine

from bot import database, shopkeeping
from bot import settings as settings_module
from bot.models import EventState, OrderLine, ShopCursor, ShopEvent
from bot.orders import catalogue, pulling, shops
from bot.orders.catalogue import ProductRow
from bot.orders.shops.shop import Connection
from bot.shopkeeping import Keeper
from tests import shops as they
from tests.saying import rows

NOW = dt.datetime(2026, 11, 24, 4, 0, tzinfo=dt.UTC)
URL = "woocommerce://woo?secret=s&currency=USD&site=shop.example&key=ck_1&password=cs_1"

Answer = TypeVar("Answer")


class Shop:
    """A shop with orders, that answers as WooCommerce does; `troubles` are what it answers first."""

    def __init__(self, orders: Sequence[dict[str, Any]], *troubles: httpx.Response) -> None:
        self.orders, self.troubles = [*orders], [*troubles]
        self.asked: list[dict[str, str]] = []
        self.waited: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One page of what changed."""
        assert (request.url.scheme, request.url.host) == ("https", "shop.example")
        assert request.url.path == "/wp-json/wc/v3/orders"
        told = base64.b64decode(request.headers["authorization"].removeprefix("Basic "))
        assert told == b"ck_1:cs_1"
        query = {name: each[0] for name, each in parse_qs(request.url.query.decode()).items()}
        self.asked.append(query)
        if self.troubles:
            return self.troubles.pop(0)
        changed = [o for o in self.orders if o["date_modified_gmt"] > query["modified_after"]]
        size, page = int(query["per_page"]), int(query["page"])
        return httpx.Response(200, json=changed[(page - 1) * size : page * size])

    def client(self) -> httpx.AsyncClient:
        """The way to this shop."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    async def sleep(self, seconds: float) -> None:
        """Waiting takes no time here."""
        self.waited.append(seconds)


def an_order(number: int, hours: int = 0, **told: Any) -> dict[str, Any]:
    at = (NOW - dt.timedelta(days=1) + dt.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")
    order: dict[str, Any] = they.published("woocommerce_order")
    line = order["line_items"][1]
    plain = {"id": number, "number": str(number), "date_modified_gmt": at, "line_items": [line]}
    return order | plain | told


async def test_every_page_comes_once_and_the_next_time_only_what_changed(
    engine: Engine, tmp_path: Path
) -> None:
    sell(engine, "Bar3")
    shop = Shop([an_order(n, hours=-n) for n in range(0, 250)])
    keeper = a_keeper(engine, tmp_path, shop)
    await ask(keeper, shop)
    assert [query["page"] for query in shop.asked] == ["1", "2", "3"]
    work(keeper)
    assert len(rows(engine, OrderLine)) == 250
    shop.asked.clear()
    shop.orders[8] = an_order(8, hours=2, total="1.00", coupon_lines=[{"code": "D11"}])
    await ask(keeper, shop)
    (query,) = shop.asked
    assert query["modified_after"] == "2026-11-23T03:50:00"
    assert (query["dates_are_gmt"], query["status"]) == ("true", "any")
    work(keeper)
    lines = {row.order_id: row for row in rows(engine, OrderLine)}
    assert (len(lines), lines["8"].coupon) == (250, "D11")
    assert len(rows(engine, ShopEvent)) == 251


async def test_a_busy_shop_is_asked_again_after_longer_and_longer(
    engine: Engine, tmp_path: Path
) -> None:
    sell(engine, "Bar3")
    shop = Shop(
        [an_order(1)],
        httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(503), httpx.Response(500),
    )  # fmt: skip
    keeper = a_keeper(engine, tmp_path, shop)
    await ask(keeper, shop)
    assert shop.waited == [7, 14, 28]
    (cursor,) = rows(engine, ShopCursor)
    assert (cursor.reason, cursor.modified_at) == ("", NOW - dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("trouble", "reason", "tries"),
    [
        (httpx.Response(401), "不认这个密钥", 1),
        (httpx.Response(404), "拒绝了(HTTP 404)", 1),
        (httpx.Response(301, headers={"location": "http://evil.example"}), "拒绝了", 1),
        (httpx.Response(200, text="<html>"), "读不懂", 1),
        (httpx.Response(200, json={"a": 1}), "读不懂", 1),
        (httpx.Response(502), "没有回答(HTTP 502)", 5),
    ],
)
async def test_what_does_not_come_right_is_told_and_the_cursor_stays(
    engine: Engine, tmp_path: Path, trouble: httpx.Response, reason: str, tries: int
) -> None:
    shop = Shop([an_order(1)], *[trouble] * 5)
    keeper = a_keeper(engine, tmp_path, shop)
    await ask(keeper, shop)
    (cursor,) = rows(engine, ShopCursor)
    assert reason in cursor.reason
    assert cursor.modified_at is None
    assert len(shop.asked) == tries
    shop.troubles.clear()
    await ask(keeper, shop)
    (cursor,) = rows(engine, ShopCursor)
    assert cursor.reason == ""


async def test_a_page_that_came_before_the_trouble_is_kept(engine: Engine, tmp_path: Path) -> None:
    sell(engine, "Bar3")
    shop = Shop([an_order(n) for n in range(1, 151)])
    keeper = a_keeper(engine, tmp_path, shop)
    first = shop.answer

    def breaks(request: httpx.Request) -> httpx.Response:
        if "page=2" in str(request.url):
            raise httpx.ConnectError("gone")
        return first(request)

    broken = Keeper(
        keeper.settings, engine, keeper.write, keeper.clock,
        lambda: httpx.AsyncClient(transport=httpx.MockTransport(breaks)),
    )  # fmt: skip
    await ask(broken, shop)
    (cursor,) = rows(engine, ShopCursor)
    assert "连不上(ConnectError)" in cursor.reason
    assert len(rows(engine, ShopEvent)) == 100
    await ask(keeper, shop)
    work(keeper)
    assert len(rows(engine, OrderLine)) == 150


async def test_an_order_that_cannot_be_read_holds_no_other_up(
    engine: Engine, tmp_path: Path
) -> None:
    sell(engine, "Bar3")
    shop = Shop([an_order(1), an_order(2, currency="EUR"), an_order(3)])
    keeper = a_keeper(engine, tmp_path, shop)
    await ask(keeper, shop)
    work(keeper)
    assert [row.order_id for row in rows(engine, OrderLine)] == ["1", "3"]
    (failed,) = [row for row in rows(engine, ShopEvent) if row.state == EventState.FAILED]
    assert "币种" in failed.reason
    assert "John" not in json.dumps([row.contents for row in rows(engine, ShopEvent)])


async def test_a_key_never_travels_in_the_clear_but_on_this_machine(engine: Engine) -> None:
    for site, refused in (("http://shop.example", True), ("http://127.0.0.1:1", False)):
        url = URL.replace("shop.example", site)
        (connection,) = shops.connections([url]).values()
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request, asked: list[httpx.Request] = asked) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200, json=[])

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            pages = pulling.pages(client, connection, NOW, b"k", Shop([]).sleep)
            if refused:
                with pytest.raises(pulling.PullFailed, match="HTTPS"):
                    await anext(pages)
            else:
                await anext(pages)
        assert bool(asked) != refused


def a_keeper(engine: Engine, home: Path, shop: Shop) -> Keeper:
    async def write(work: Callable[[], Answer]) -> Answer:
        return work()

    settings = settings_module.load(_env_file=None, home=home, shops=URL)
    return Keeper(settings, engine, write, lambda: NOW, shop.client)


async def ask(keeper: Keeper, shop: Shop) -> None:
    await shopkeeping.ask(keeper, the_shop(keeper), shop.sleep)


def work(keeper: Keeper) -> None:
    while shopkeeping.work(keeper, shops.connections(keeper.settings.shops)):
        pass


def the_shop(keeper: Keeper) -> Connection:
    return shops.connections(keeper.settings.shops)["woo"]


def sell(engine: Engine, *skus: str) -> None:
    with database.transaction(engine) as session:
        catalogue.record_products(session, [ProductRow(sku, f"商品{sku}") for sku in skus])
