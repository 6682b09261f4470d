"""Shops push orders: what is genuine is kept and answered, everything else changes nothing."""

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot import database
from bot.models import Audit, EventState, OrderLine, OrderStatus, ShopEvent
from bot.orders import catalogue, intake, shop_events, shops
from bot.orders.catalogue import ProductRow
from bot.orders.intake import OrderRow
from bot.orders.shops.shop import Request
from tests import shops as they
from tests.console.conftest import NOW, Desk
from tests.saying import rows
from tests.shops import Push

SECRET = b"secret"
AT = int(NOW.timestamp())
PAID_SHOPIFY = they.published("shopify_order") | {
    "test": False, "financial_status": "paid", "cancelled_at": None,
}  # fmt: skip
PUSHES = {
    "shopify": they.shopify(),
    "woocommerce": they.woocommerce(),
    "signed": they.signed(they.an_order(), at=AT),
    "youzan": they.youzan("trade_TradeClose", {"tid": "E1", "update_time": "2026-11-24 11:00:00"}),
    "doudian": they.doudian(
        {"tag": "106", "msg_id": "m1", "data": json.dumps({"p_id": 48, "cancel_time": AT})}
    ),
    "wechat-shop": they.wechat(
        {"Event": "channels_ec_order_cancel", "CreateTime": AT, "order_info": {"order_id": 37}},
        at=AT,
    ),
}
ANSWERS = {
    "youzan": '{"code":0,"msg":"success"}',
    "doudian": '{"code":0,"msg":"success"}',
    "wechat-shop": "success",
}


@pytest.fixture
async def shop(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """The way of a shop to a console that knows all six kinds: another site's program, no cookie."""
    desk.restart(shops=" ".join(they.URLS.values()))
    async with desk.client(**{"sec-fetch-site": "cross-site"}) as client:
        yield client


async def push(client: httpx.AsyncClient, told: Push) -> httpx.Response:
    return await client.post(
        f"/webhooks/orders/{told.name}", content=told.body, headers=told.headers, params=told.query
    )


async def test_what_is_genuine_is_kept_and_answered_as_the_shop_wants_it(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    for kind, told in PUSHES.items():
        answer = await push(shop, told)
        assert (answer.status_code, answer.text) == (200, ANSWERS.get(kind, "ok")), kind
    found = events(desk)
    assert [event.source for event in found] == list(they.NAMES.values())
    assert {event.state for event in found} == {EventState.RECEIVED}
    assert all(event.answered for event in found)
    assert not audits(desk)


async def test_tampered_and_unsigned_ones_change_nothing_and_are_written_down(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    for told in PUSHES.values():
        unsigned = Push(told.name, told.body)
        answers = [(await push(shop, each)).status_code for each in (told.tampered(), unsigned)]
        assert set(answers) <= {400, 401}, told.name
        assert 401 in answers, told.name
    assert not events(desk)
    found = audits(desk)
    assert [row.object for row in found] == [
        f"shop:{name}" for name in they.NAMES.values() for _ in range(2)
    ]
    assert all(row.after["reason"] for row in found)


async def test_a_replay_is_refused_and_changes_nothing(desk: Desk, shop: httpx.AsyncClient) -> None:
    for told in PUSHES.values():
        await push(shop, told)
    before = events(desk)
    for told in PUSHES.values():
        assert (await push(shop, told)).status_code == 409, told.name
    assert events(desk) == before
    assert [row.after["status"] for row in audits(desk)] == [409] * len(PUSHES)


async def test_the_same_words_under_another_name_are_known(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    assert (await push(shop, they.shopify(id="one"))).status_code == 200
    assert (await push(shop, they.shopify(id="two"))).status_code == 200
    assert [event.event_id for event in events(desk)] == ["one"]


async def test_a_name_that_comes_with_other_words_is_refused(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    assert (await push(shop, they.shopify(id="one"))).status_code == 200
    assert (await push(shop, they.shopify(PAID_SHOPIFY, id="one"))).status_code == 409
    assert len(events(desk)) == 1


def test_a_shop_that_may_not_have_our_answer_is_answered_again(desk: Desk) -> None:
    connection = shops.connections([they.URLS["shopify"]])["us-shop"]
    told = they.shopify()
    request = Request({name.lower(): value for name, value in told.headers.items()}, {}, told.body)
    with database.transaction(desk.engine) as session:
        first = shop_events.take_in(session, connection, request, NOW)
    with database.transaction(desk.engine) as session:
        assert shop_events.take_in(session, connection, request, NOW) == first
    assert len(events(desk)) == 1


async def test_what_was_signed_at_another_time_is_a_replay(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    for minutes in (-11, 11):
        desk.now = NOW + dt.timedelta(minutes=minutes)
        for kind in ("signed", "wechat-shop"):
            assert (await push(shop, PUSHES[kind])).status_code == 409
    assert not events(desk)


async def test_too_much_is_not_read_and_too_odd_is_refused(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10_000):
            yield b"x" * 65_536

    odd = (b"", b"\xff\xfe\x00", b"null", b"[]", b"{", b'{"a": 1}', b"[[[" * 999)
    for name in they.NAMES.values():
        declared = await shop.post(f"/webhooks/orders/{name}", content=b"x" * (1024 * 1024 + 1))
        in_parts = await shop.post(f"/webhooks/orders/{name}", content=endless())
        assert (declared.status_code, in_parts.status_code) == (413, 413)
        for body in odd:
            headers = {"app-id": "6800"}
            answer = await shop.post(f"/webhooks/orders/{name}", content=body, headers=headers)
            assert answer.status_code in (400, 401), body[:20]
    assert not events(desk)
    assert len(audits(desk)) == len(they.NAMES) * (2 + len(odd))


async def test_what_is_too_much_is_refused_although_the_shop_signed_it(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    much = {"note": "x" * 1024 * 1024}
    for told in (
        they.shopify(PAID_SHOPIFY | much),
        they.woocommerce(they.published("woocommerce_order") | much),
        they.signed(they.an_order(**much), at=AT),
        they.youzan("trade_TradeClose", much),
        they.doudian({"tag": "106", "msg_id": "m1", "data": much["note"]}),
        they.wechat(much, at=AT),
    ):
        assert (await push(shop, told)).status_code == 413, told.name
    assert not events(desk)


async def test_words_that_are_no_utf8_are_refused_although_they_are_signed(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    body = json.dumps(PAID_SHOPIFY).encode("utf-16")
    signature = base64.b64encode(hmac.new(b"hush", body, hashlib.sha256).digest()).decode()
    told = they.shopify()
    odd = Push(told.name, body, told.headers | {"X-Shopify-Hmac-Sha256": signature})
    assert (await push(shop, odd)).status_code == 400
    assert not events(desk)


async def test_whoever_tries_and_tries_does_not_fill_the_audit(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    for _ in range(shop_events.AUDITED_AN_HOUR + 5):
        assert (await push(shop, PUSHES["shopify"].tampered())).status_code == 401
    assert len(audits(desk)) == shop_events.AUDITED_AN_HOUR
    desk.now = NOW + dt.timedelta(hours=2)
    await push(shop, PUSHES["shopify"].tampered())
    assert len(audits(desk)) == shop_events.AUDITED_AN_HOUR + 1


async def test_an_unknown_shop_is_nobody(desk: Desk, shop: httpx.AsyncClient) -> None:
    answer = await shop.post("/webhooks/orders/nobody", content=b"{}")
    assert answer.status_code == 404
    assert not audits(desk)
    assert (await shop.get("/webhooks/orders/erp")).status_code == 404


async def test_wechat_tests_the_address_by_a_greeting(desk: Desk, shop: httpx.AsyncClient) -> None:
    signature = hashlib.sha1(
        "".join(sorted(["tok", "1", "n"])).encode(), usedforsecurity=False
    ).hexdigest()
    query = {"signature": signature, "timestamp": "1", "nonce": "n", "echostr": "hello"}
    assert (await shop.get("/webhooks/orders/wx", params=query)).text == "hello"
    refused = await shop.get("/webhooks/orders/wx", params=query | {"nonce": "m"})
    assert refused.status_code == 401
    assert len(audits(desk)) == 1


async def test_an_order_by_webhook_by_file_and_again_is_one_order(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    sell(desk, "93", "Bar3")
    await push(shop, they.woocommerce())
    assert work(desk) == [EventState.DONE]
    first = [(row.line_no, row.amount, row.sources) for row in rows(desk.engine, OrderLine)]
    assert first == [(1, 600, "woo"), (2, 1_200, "woo")]
    later = they.published("woocommerce_order") | {
        "date_modified_gmt": "2017-03-23T10:00:00",
        "refunds": [{"id": 726, "reason": "", "total": "-6.00"}],
    }
    await push(shop, they.woocommerce(later, id="2"))
    await push(shop, they.woocommerce(later | {"coupon_lines": [{"code": "D11"}]}, id="3"))
    with database.transaction(desk.engine) as session:
        paid_at = dt.datetime(2017, 3, 22, 19, 28, 8, tzinfo=dt.UTC)
        row = OrderRow("727", 1, "93", 2, 600, paid_at, buyer_id="7", channel="file")
        intake.record(session, [row], "file", SECRET, NOW)
    assert work(desk) == [EventState.DONE] * 2
    found = rows(desk.engine, OrderLine)
    told = [(row.line_no, row.amount, row.refunded, row.coupon, row.status) for row in found]
    assert told == [
        (1, 600, 200, "D11", OrderStatus.REFUNDED), (2, 1_200, 400, "D11", OrderStatus.REFUNDED),
    ]  # fmt: skip
    assert {row.sources for row in found} == {"file|woo", "woo"}


async def test_an_unknown_product_holds_its_line_until_it_is_imported(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    sell(desk, "Bar3")
    await push(shop, they.woocommerce())
    assert work(desk) == [EventState.HELD]
    (event,) = events(desk)
    assert event.reason == "没有商品“93”:先用 qunyun products import 导入"
    assert [row.line_no for row in rows(desk.engine, OrderLine)] == [2]
    sell(desk, "93")
    desk.now += shop_events.AGAIN
    assert work(desk) == [EventState.DONE]
    assert {row.line_no for row in rows(desk.engine, OrderLine)} == {1, 2}


async def test_nothing_that_names_a_buyer_stays(desk: Desk, shop: httpx.AsyncClient) -> None:
    paid = PAID_SHOPIFY | {"currency": "USD", "phone": "+1 415 555 2671"}
    await push(shop, they.shopify(paid))
    await push(shop, they.woocommerce())
    assert work(desk) == [EventState.HELD, EventState.HELD]
    kept = str([list(row) for row in events(desk)]) + str(audits(desk))
    for word in ("John", "Doe", "Steve", "example.com", "4155552671", "415 555", "Market"):
        assert word not in kept
    assert {row.body for row in events(desk)} == {None}


async def test_shopify_publishes_a_test_order_which_is_ignored_and_a_paid_one_is_read(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    sell(desk, "SKU2006-001")
    await push(shop, they.shopify())
    assert work(desk) == [EventState.IGNORED]
    refund = {
        "id": 5, "created_at": "2022-01-02T00:00:00-05:00",
        "refund_line_items": [{"line_item_id": 487817672276298554, "subtotal": 20.5}],
    }  # fmt: skip
    told = PAID_SHOPIFY | {
        "refunds": [refund], "discount_codes": [{"code": "D11", "amount": "1", "type": "fixed"}],
        "landing_site": "/products/x?utm=1&qy=ab3d9k", "updated_at": "2022-01-02T00:00:01-05:00",
    }  # fmt: skip
    await push(shop, they.shopify(told, id="2", topic="orders/updated"))
    await push(shop, they.shopify({"id": 5}, id="3", topic="refunds/create"))
    assert work(desk) == [EventState.DONE, EventState.IGNORED]
    (line,) = rows(desk.engine, OrderLine)
    assert (line.order_id, line.amount, line.refunded) == ("820982911946154508", 8_999, 2_050)
    assert (line.coupon, line.link, line.channel) == ("D11", "qy:ab3d9k", "Shopify")
    assert line.buyer is not None


async def test_an_order_that_ends_before_its_lines_come_is_over_when_they_do(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    sell(desk, "A1")
    paid = {"p_id": 48, "pay_time": AT, "pay_amount": 100}
    await push(shop, they.doudian({"tag": "101", "msg_id": "m0", "data": paid}))
    await push(shop, PUSHES["doudian"])
    assert sorted(work(desk)) == [EventState.DONE, EventState.HELD]
    waiting = [event.reason for event in events(desk) if event.state == EventState.HELD]
    assert waiting == ["订单 48 的商品明细要用 qunyun orders import 导入"]
    with database.transaction(desk.engine) as session:
        row = OrderRow("48", 1, "A1", 1, 100, NOW - dt.timedelta(hours=1))
        intake.record(session, [row], "file", SECRET, NOW)
    desk.now += shop_events.AGAIN
    assert work(desk) == [EventState.DONE]
    (line,) = rows(desk.engine, OrderLine)
    assert (line.status, line.sources) == (OrderStatus.CANCELLED, "dd|file")


async def test_youzan_tells_lines_refunds_and_ends(desk: Desk, shop: httpx.AsyncClient) -> None:
    sell(desk, "A1", "A2")
    bought = {
        "full_order_info": {
            "order_info": {
                "tid": "E1", "pay_time": "2026-11-24 10:00:00", "update_time": "2026-11-24 10:00:01"
            },
            "orders": [
                {"oid": "1", "outer_sku_id": "A1", "num": 2, "payment": "30.00"},
                {"oid": "2", "outer_item_id": "A2", "num": 1, "payment": "10.00"},
            ],
            "buyer_info": {"buyer_id": 9, "buyer_phone": "13800138000"},
        }
    }  # fmt: skip
    back = {
        "tid": "E1", "refund_id": "R1", "refunded_fee": "4.00",
        "update_time": "2026-11-24 12:00:00",
    }  # fmt: skip
    await push(shop, they.youzan("trade_refund_RefundSuccess", back, id="m2"))
    await push(shop, they.youzan("trade_TradeBuyerPay", bought, id="m1"))
    assert work(desk) == [EventState.DONE, EventState.DONE]
    found = rows(desk.engine, OrderLine)
    assert [(row.amount, row.refunded) for row in found] == [(3_000, 300), (1_000, 100)]
    assert found[0].paid_at == dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
    await push(shop, PUSHES["youzan"])
    assert work(desk) == [EventState.DONE]
    assert {row.status for row in rows(desk.engine, OrderLine)} == {OrderStatus.CANCELLED}


async def test_money_of_another_land_is_not_added_to_ours(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    await push(shop, they.shopify(PAID_SHOPIFY | {"currency": "EUR"}))
    assert work(desk) == [EventState.FAILED]
    (event,) = events(desk)
    assert "币种是 EUR" in event.reason
    with database.transaction(desk.engine) as session:
        assert shop_events.retry(session, event.id, desk.now)
    assert work(desk) == [EventState.FAILED]
    with database.transaction(desk.engine) as session:
        assert shop_events.sweep(session, desk.now + 2 * shop_events.HELD_FOR) == 1
        assert not shop_events.retry(session, event.id, desk.now)


async def test_an_event_that_is_a_bug_of_ours_holds_no_other_up(
    desk: Desk, shop: httpx.AsyncClient
) -> None:
    sell(desk, "A1", "Bar3", "93")
    await push(shop, they.signed(they.an_order(), at=AT))
    await push(shop, they.woocommerce())
    with database.transaction(desk.engine) as session:
        # Claimed, and then the process died.
        assert len(shop_events.claim(session, desk.now)) == 2
    assert work(desk) == []
    desk.now += shop_events.AGAIN
    with database.transaction(desk.engine) as session:
        assert len(shop_events.claim(session, desk.now)) == 1
    assert work(desk) == [EventState.DONE]


def sell(desk: Desk, *skus: str) -> None:
    with database.transaction(desk.engine) as session:
        catalogue.record_products(session, [ProductRow(sku, f"商品{sku}") for sku in skus])


def work(desk: Desk) -> list[EventState]:
    """The states to which everything that waits comes."""
    connections = shops.connections(they.URLS.values())
    found: list[EventState] = []
    while True:
        with database.transaction(desk.engine) as session:
            event_ids = shop_events.claim(session, desk.now)
        if not event_ids:
            return found
        with database.transaction(desk.engine) as session:
            found += shop_events.work(session, event_ids, connections, SECRET, desk.now)


def events(desk: Desk) -> Sequence[Any]:
    return rows(desk.engine, ShopEvent)


def audits(desk: Desk) -> Sequence[Any]:
    audit = database.table(Audit)
    with database.reading(desk.engine) as session:
        return (
            session.connection()
            .execute(select(audit).where(audit.c.action == shop_events.REFUSED))
            .all()
        )
