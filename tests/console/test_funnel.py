"""The funnel of orders, counted by hand, and each of its figures as long as the list behind it."""

import datetime as dt
import html
import re

from sqlalchemy import select

from bot import database
from bot.insights import attributing, funnel
from bot.insights.funnel import Ahead, Step
from bot.models import (
    Campaign,
    Click,
    ClickKind,
    OperatorRole,
    OrderStatus,
    Product,
    Room,
    ShortLink,
)
from bot.orders import intake, short_links
from bot.orders.intake import OrderRow
from tests.console.conftest import NOW, Desk
from tests.console.test_orders import PAID_AT, SAID, SECRET, shop
from tests.saying import ROOM, member_says, record

VIEWER, OPERATOR, _APPROVER, _ADMIN = OperatorRole
assert shop  # the fixture, which pytest finds here
SINCE, UNTIL = PAID_AT - dt.timedelta(days=3), NOW
FIGURE = re.compile(r'<a href="(/orders[^"]*)">([\d,]+)</a>')
TOTAL = re.compile(r"共 ([\d,]+) 条")


def more(shop: Desk) -> None:
    """小雨 bought again before anybody named it and today after somebody did, and gave one back; a
    short link of the room was followed by two people and one program, another one by one person.
    """
    told = member_says("小熊纸尿裤今天好价", "2026-11-24 09:00", sender="friend", id="again")
    thanks = member_says(
        "小熊纸尿裤收到", "2026-11-24 09:05", sender="rain", id="mine", quote="again"
    )
    record(shop.engine, told, thanks)
    early, today = PAID_AT - dt.timedelta(days=2), NOW - dt.timedelta(hours=1)
    orders = [
        OrderRow("C300", 1, "D1", 1, 900, early, unionid="u1"),
        OrderRow("D400", 1, "D1", 1, 800, PAID_AT, unionid="u1", status=OrderStatus.CANCELLED),
        OrderRow("E500", 1, "D1", 1, 700, today, unionid="u1"),
        OrderRow("F600", 1, "D1", 1, 600, early, coupon="熊熊券"),
    ]
    with database.transaction(shop.engine) as session:
        sku = session.connection().scalar(select(database.table(Product).c.id))
        assert sku
        session.add(
            Campaign(name="熊熊节", product_id=sku, coupon="熊熊券", starts_at=SINCE, ends_at=UNTIL)
        )
        session.flush()
        assert not intake.record(session, orders, "shop", SECRET, NOW).faults
        attributing.attribute_all(session, NOW)
        room = session.connection().scalar(
            select(database.table(Room).c.id).where(database.table(Room).c.platform_id == ROOM)
        )
        for code, where in (("abcdefg", room), ("hijklmn", None)):
            session.add(
                ShortLink(
                    code=code,
                    url="https://shop.example",
                    room_id=where,
                    made_by="小林",
                    made_at=NOW,
                )
            )
        session.flush()
        for code, at, kind in (
            ("abcdefg", PAID_AT, ClickKind.PERSON), ("abcdefg", SINCE, ClickKind.PERSON),
            ("abcdefg", PAID_AT, ClickKind.PREVIEW), ("hijklmn", PAID_AT, ClickKind.PERSON),
            ("abcdefg", UNTIL, ClickKind.PERSON),
        ):  # fmt: skip
            session.add(Click(code=code, at=at, kind=kind))


def test_each_step_is_of_the_one_before_as_counted_by_hand(shop: Desk) -> None:
    more(shop)
    with database.reading(shop.engine) as session:
        found = funnel.gather(session, SINCE, UNTIL, None)
        here = funnel.gather(session, SINCE, UNTIL, database.table(Room).c.vertical == "宝妈育儿")
        none = funnel.gather(session, SINCE, UNTIL, database.table(Room).c.vertical == "其他")
    # A100, B200 (of nobody), C300 (too early), D400 (given back), E500 (not final yet), and F600 by
    # a coupon alone.
    assert {rung.step: rung.lines for rung in found.ladder} == {
        Step.PAID: 6, Step.KEPT: 5, Step.KNOWN: 4, Step.MET: 3, Step.CREDITED: 3, Step.SETTLED: 2,
    }  # fmt: skip
    assert [rung.of for rung in found.ladder] == [None, 6, 5, 4, 3, 3]
    assert found.ladder[2].share == 4 / 5
    assert found.attributed_at == NOW
    # The friend twice, 小雨 once; two people by the room's link and one by the other.
    assert found.ahead == {Ahead.MENTIONS: 3, Ahead.CLICKS: 3}
    assert here.ahead == {Ahead.MENTIONS: 3, Ahead.CLICKS: 2}
    assert [rung.lines for rung in here.ladder] == [2, 2, 2, 2, 2, 1]
    assert [rung.lines for rung in none.ladder] == [0] * 6
    assert none.ladder[1].share is None


async def test_every_figure_is_as_long_as_the_list_that_it_leads_to(shop: Desk) -> None:
    more(shop)
    async with shop.signed_in("小林", VIEWER) as browser:
        for given in ("", "?vertical=宝妈育儿", "?since=2026-11-20&until=2026-11-20"):
            page = (await browser.get(f"/orders/funnel{given}")).text
            figures = FIGURE.findall(page)
            assert len(figures) == len(Step) + len(Ahead)
            for path, figure in figures:
                listed = TOTAL.search((await browser.get(html.unescape(path))).text)
                assert figure == (listed[1] if listed else "0"), path
        assert SAID not in (await browser.get("/orders/behind/mentions")).text
    async with shop.signed_in("小周", OPERATOR) as browser:
        assert SAID in (await browser.get("/orders/behind/mentions")).text
        assert "abcdefg" in (await browser.get("/orders/behind/clicks")).text
        assert (await browser.get("/orders/behind/others")).status_code == 404


async def test_clicks_too_many_to_be_listed_are_told_beside_the_figure_and_on_the_list(
    shop: Desk,
) -> None:
    more(shop)
    with database.transaction(shop.engine) as session:
        for _ in range(1_234):
            short_links.click(session, "abcdefg", ClickKind.PERSON, PAID_AT, listed=False)
    async with shop.signed_in("小林", VIEWER) as browser:
        for path in ("/orders/funnel", "/orders/behind/clicks"):
            assert "另有 1,234 次太多，只按小时记了数" in (await browser.get(path)).text
        assert "另有" not in (await browser.get("/orders/behind/mentions")).text
    async with shop.signed_in("小王", OPERATOR, verticals=["职场穿搭"]) as browser:
        assert "另有" not in (await browser.get("/orders/behind/clicks")).text


async def test_who_sees_other_rooms_finds_nothing_in_it(shop: Desk) -> None:
    more(shop)
    async with shop.signed_in("小王", OPERATOR, verticals=["职场穿搭"]) as browser:
        for what in Ahead:
            assert "这些天里没有" in (await browser.get(f"/orders/behind/{what}")).text
        figures = FIGURE.findall((await browser.get("/orders/funnel")).text)
        assert {figure for _, figure in figures} == {"0"}
