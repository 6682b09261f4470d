"""Each shop's words: signatures as published, orders as published, and rubbish."""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import links
from bot.errors import InvalidInput
from bot.models import OrderStatus
from bot.orders import shops
from bot.orders.intake import OrderRow, Whole
from bot.orders.shops import SHOPS, shop, shopify, signed, wechat_shop, woocommerce, youzan
from bot.orders.shops.shop import Connection, News, Refused, Request, Unreadable
from tests import shops as they
from tests.shops import Push

CONNECTIONS = shops.connections(they.URLS.values())
NOW = dt.datetime(2026, 11, 24, 4, 0, tzinfo=dt.UTC)


def connection(kind: str) -> Connection:
    return CONNECTIONS[they.NAMES[kind]]


def request(push: Push) -> Request:
    headers = {name.lower(): value for name, value in push.headers.items()}
    return Request(headers, push.query, push.body)


def read(kind: str, topic: str, body: Any) -> News:
    return shops.KINDS[kind].read(topic, json.dumps(body), connection(kind))


# What `openssl dgst -sha256 -hmac hush -binary FILE | base64` prints.
@pytest.mark.parametrize(
    ("push", "signature"),
    [
        (they.shopify(), "XKhxXiBA8DiQXvl6Gzl1jP1GUBM0gf3vBOdRPXWgQeo="),
        (they.woocommerce(), "x7FIU4jLrt0WkIlHKjp+metAX6n1M2+CYUTdjnwGN40="),
    ],
)
def test_the_published_orders_pass_with_the_signature_that_openssl_gives(
    push: Push, signature: str
) -> None:
    named = next(name for name in push.headers if name.lower().endswith(("sha256", "signature")))
    told = request(Push(push.name, push.body, push.headers | {named: signature}))
    kind = CONNECTIONS[push.name].kind
    assert shops.KINDS[kind].verify(told, CONNECTIONS[push.name], NOW).body == push.body.decode()


def test_the_published_vector_of_standard_webhooks_passes() -> None:
    """The example of its specification and libraries; it is no order, so it is asked what it is."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    body = b'{"test": 2432232314}'
    with pytest.raises(Refused, match="type") as refused:
        signed.verify(Request(headers, {}, body), connection("signed"), at)
    assert refused.value.status == 400
    with pytest.raises(Refused) as refused:
        signed.verify(Request(headers, {}, body + b" "), connection("signed"), at)
    assert refused.value.status == 401


def test_an_old_and_a_new_secret_count_while_it_is_being_changed() -> None:
    (both,) = shops.connections(["shopify://s?secret=new&secret=hush"]).values()
    assert shopify.verify(request(they.shopify()), both, NOW).id == "b54557e4"
    (new,) = shops.connections(["shopify://s?secret=new"]).values()
    with pytest.raises(Refused):
        shopify.verify(request(they.shopify()), new, NOW)


def test_woocommerces_published_order_is_two_lines_net_of_tax() -> None:
    news = read("woocommerce", "order.created", they.published("woocommerce_order"))
    assert [(row.order_id, row.line_no, row.sku, row.quantity, row.amount) for row in news.rows] == [
        ("727", 1, "93", 2, 600), ("727", 2, "Bar3", 1, 1_200),
    ]  # fmt: skip
    assert news.rows[0].paid_at == dt.datetime(2017, 3, 22, 19, 28, 8, tzinfo=dt.UTC)
    assert {row.of for row in news.rows} == {2}
    (taxed,) = shops.connections(["woocommerce://w?secret=s&currency=USD&tax=included"]).values()
    order = woocommerce.page(json.dumps([they.published("woocommerce_order")]))[0]
    assert [row.amount for row in woocommerce.of_order(order, taxed).rows] == [645, 1_290]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "cancelled"}, OrderStatus.CANCELLED),
        ({"status": "refunded"}, OrderStatus.PAID),
    ],
)
def test_a_woocommerce_order_is_cancelled_or_its_refunds_tell(
    change: dict[str, str], status: OrderStatus
) -> None:
    news = read("woocommerce", "order.updated", they.published("woocommerce_order") | change)
    assert {row.status for row in news.rows} == {status}


@pytest.mark.parametrize("status", ["pending", "on-hold", "failed", "trash", "checkout-draft"])
def test_what_is_not_paid_is_no_order(status: str) -> None:
    order = they.published("woocommerce_order") | {"status": status}
    assert read("woocommerce", "order.updated", order).ignored


def test_woocommerce_keeps_of_the_first_page_our_own_link_alone() -> None:
    meta = [
        {"id": 1, "key": woocommerce.ENTRY, "value": "https://shop.example/p?name=Li&qy=ab3d9k"}
    ]
    news = read(
        "woocommerce", "order.updated", they.published("woocommerce_order") | {"meta_data": meta}
    )
    assert {row.link for row in news.rows} == {"qy:ab3d9k"}


@pytest.mark.parametrize("code", ["Li Lei", "a@b.example", "138****8000", "x" * 21, ""])
def test_what_is_no_code_of_ours_is_not_kept_of_a_link(code: str) -> None:
    assert links.mark(code) is None


def test_our_own_format_tells_lines_refunds_and_ends() -> None:
    refunds = [
        {"id": "R1", "amount": "50.00", "at": "2026-11-25T10:00:00+08:00", "line_no": 1},
        {"id": "R2", "amount": "10.00", "at": "2026-11-25T11:00:00+08:00"},
    ]
    news = read("signed", "order.updated", they.an_order(refunds=refunds, status="cancelled"))
    line, back = news.rows
    assert (line.status, line.amount, line.channel) == (OrderStatus.CANCELLED, 19_900, "erp")
    assert (back.status, back.amount, back.refund) == (OrderStatus.REFUNDED, 5_000, "R1")
    at = dt.datetime(2026, 11, 25, 3, tzinfo=dt.UTC)
    assert news.wholes == (Whole("T1", at, OrderStatus.REFUNDED, 1_000, "R2"),)
    assert read("signed", "order.updated", they.an_order(status="pending")).ignored
    assert read("signed", "customer.created", {}).ignored


def test_a_prefix_tells_the_orders_of_two_shops_apart() -> None:
    (first, second) = shops.connections(
        [f"signed://a?secret={they.WHSEC}&prefix=A-", f"signed://b?secret={they.WHSEC}"]
    ).values()
    body = json.dumps(they.an_order())
    assert [signed.read("order.x", body, each).rows[0].order_id for each in (first, second)] == [
        "A-T1", "T1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": [{"line_no": 1, "sku": "A1", "quantity": 1, "amount": "1e30"}]},
        {"lines": [{"line_no": -1, "sku": "A1", "quantity": 1, "amount": "1"}]},
        {"lines": [{"line_no": 1, "sku": "A\0", "quantity": 1, "amount": "1"}]},
        {"lines": [{"line_no": 1, "sku": "A1", "quantity": 10**12, "amount": "1"}]},
        {"lines": [{"line_no": 1, "sku": "A1", "quantity": 1, "amount": "-1"}]},
        {"lines": [{"line_no": 1, "sku": "A1", "quantity": 1, "amount": "NaN"}]},
        {"paid_at": "2026-11-24T10:00:00"},
        {"updated_at": "0001-01-01T00:00:00+08:00"},
        {"paid_at": "9999-12-31T23:59:59-10:00"},
        {"status": "lost"},
        {"order_id": ""},
        {"order_id": None},
    ],
)
def test_what_is_wrong_is_named_and_never_quoted(wrong: dict[str, object]) -> None:
    order = they.an_order(buyer_phone="13800138000", **wrong)
    with pytest.raises(Unreadable) as found:
        read("signed", "order.updated", order)
    assert "13800138000" not in str(found.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "id data lines order_id status paid_at updated_at orders full_order_info order_info tag "
                "msg_id p_id line_items currency financial_status tid update_time Event CreateTime "
                "date_modified_gmt date_created_gmt date_paid_gmt refunds sku quantity amount".split()
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
TOPICS = {
    "shopify": ["orders/updated"],
    "woocommerce": ["order.updated"],
    "signed": ["order.updated"],
    "youzan": ["trade_TradeBuyerPay", "trade_TradeClose", "trade_refund_RefundSuccess"],
    "doudian": ["101"],
    "wechat-shop": [wechat_shop.PAID, wechat_shop.CANCELLED],
}


@pytest.mark.parametrize("kind", [each.kind for each in SHOPS])
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_rubbish_is_unreadable_and_nothing_else(kind: str, data: st.DataObject) -> None:
    body = data.draw(json_values | st.text(max_size=20))
    topic = data.draw(st.sampled_from(TOPICS[kind]))
    packed = body if isinstance(body, str) else json.dumps(body)
    try:
        news = shops.KINDS[kind].read(topic, packed, connection(kind))
    except Unreadable:
        return
    assert isinstance(news, News)


@pytest.mark.parametrize("kind", [each.kind for each in SHOPS])
@given(
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from(
            [
                *(shopify.SIGNATURE, shopify.DELIVERY, woocommerce.SIGNATURE, "webhook-id"),
                *("webhook-timestamp", "webhook-signature", "event-sign", "app-id"),
            ]
        ),
        st.text(max_size=12),
    ),
    st.dictionaries(st.sampled_from(["timestamp", "nonce", "msg_signature"]), st.text(max_size=12)),
)
@settings(max_examples=40, deadline=None)
def test_what_nobody_signed_is_refused_whatever_it_is(
    kind: str, body: bytes, headers: dict[str, str], query: dict[str, str]
) -> None:
    with pytest.raises(Refused) as refused:
        shops.KINDS[kind].verify(Request(headers, query, body), connection(kind), NOW)
    assert refused.value.status in (400, 401)


def test_a_sealed_message_of_another_app_is_not_ours() -> None:
    told = they.wechat({"Event": "x", "CreateTime": 1}, at=int(NOW.timestamp()), app_id="wx2")
    with pytest.raises(Refused, match="别的应用"):
        wechat_shop.verify(request(told), connection("wechat-shop"), NOW)


def test_a_message_of_youzan_is_signed_in_its_header_or_in_itself() -> None:
    told = they.youzan("trade_TradeClose", {"tid": "E1", "update_time": "2026-11-24 10:00:00"})
    envelope = json.loads(told.body)
    by_itself = shop.md5(b"abc", envelope["msg"].encode(), b"hush")
    body = json.dumps(envelope | {"sign": by_itself}).encode()
    notice = youzan.verify(Request({}, {}, body), connection("youzan"), NOW)
    assert json.loads(notice.body)["tid"] == "E1"


def test_a_test_message_of_youzan_is_ignored() -> None:
    body = json.loads(they.youzan("trade_TradeClose", {}).body) | {"test": True}
    signed_again = json.dumps(body).encode()
    headers = {"event-sign": shop.md5(b"abc", signed_again, b"hush")}
    notice = youzan.verify(Request(headers, {}, signed_again), connection("youzan"), NOW)
    assert youzan.read(notice.topic, notice.body, connection("youzan")).ignored


@pytest.mark.parametrize(
    ("urls", "problem"),
    [
        (["taobao://x?secret=hush"], "不认识的店铺"),
        (["shopify://a b?secret=hush"], "名字"),
        (["shopify://a?secret"], "参数"),
        (["shopify://a?token=hush"], "没有写 secret"),
        (["shopify://a?secret=hush&x=1"], "不认识参数 x"),
        (["shopify://a?secret=hush", "signed://a?secret=whsec_aHVzaGh1c2hodXNoaHVzaA=="], "两次"),
        (["signed://a?secret=hush!"], "whsec_"),
        (["wechat-shop://a?token=t&aes_key=hush&app_id=w"], "EncodingAESKey"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_quoted(urls: list[str], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as found:
        shops.connections(urls)
    assert "hush" not in str(found.value)
    assert "aHVzaA" not in str(found.value)


def test_a_connection_does_not_show_its_secrets() -> None:
    assert "hush" not in repr(connection("shopify"))
    (plus,) = shops.connections(["shopify://a?secret=a+b/c%3D"]).values()
    assert plus.secret("secret") == "a+b/c="


def test_who_is_not_confirmed_says_so() -> None:
    unconfirmed = {each.kind for each in SHOPS if each.unconfirmed}
    assert unconfirmed == {"youzan", "doudian", "wechat-shop"}
    assert all(
        each.unconfirmed.startswith("未对真实店铺验证") for each in SHOPS if each.unconfirmed
    )


def test_an_order_row_tells_no_more_than_it_must() -> None:
    news = read("woocommerce", "order.updated", they.published("woocommerce_order"))
    kept = set(OrderRow.__dataclass_fields__)
    assert not kept & {"name", "address", "email"}
    assert "John" not in repr(news)
