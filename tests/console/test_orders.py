"""Orders on pages: each label with its figures, one line down to what was said, who is one human."""

import datetime as dt
import html
import re

import pytest
from sqlalchemy import update

from bot import database, membership_files
from bot.insights import attributing
from bot.membership_files import MembershipRow
from bot.models import Contact, IdentityCut, Label, OperatorRole, OrderLine, Room
from bot.orders import catalogue, intake, people
from bot.orders.catalogue import ProductRow
from bot.orders.intake import OrderRow
from tests.console.conftest import NOW, Desk
from tests.saying import ROOM, local, member_says, record, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
SECRET = b"secret"
PAID_AT = local("2026-11-20 12:00")
SAID = "小熊纸尿裤夜里不漏"


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """小雨 asked, was answered, and bought; somebody whom nobody knows bought as well."""
    with database.transaction(desk.engine) as session:
        catalogue.record_products(session, [ProductRow("D1", "小熊纸尿裤", category="纸尿裤")])
        told = [
            MembershipRow(ROOM, "rain", unionid="u1", joined_at=local("2026-11-01 00:00")),
            MembershipRow(ROOM, "friend", joined_at=local("2026-11-01 00:00")),
        ]
        membership_files.record(session, told, SECRET, NOW)
        people.resolve(session)
        room, contact = database.tables(Room, Contact)
        session.connection().execute(
            update(contact).where(contact.c.platform_id == "friend").values(name="小雨妈")
        )
        session.connection().execute(
            update(room).where(room.c.platform_id == ROOM).values(topic="一群", vertical="宝妈育儿")
        )
    asked = member_says("纸尿裤有推荐吗", "2026-11-20 09:00", sender="rain", id="q")
    said = member_says(SAID, "2026-11-20 09:05", sender="friend", id="a", quote="q")
    thanks = member_says("好的谢谢", "2026-11-20 09:06", sender="rain", id="t", quote="a")
    record(desk.engine, asked, said, thanks)
    orders = [
        OrderRow("A100", 1, "D1", 1, 123_456, PAID_AT, unionid="u1"),
        OrderRow("B200", 1, "D1", 1, 5_000, PAID_AT + dt.timedelta(hours=1)),
    ]
    with database.transaction(desk.engine) as session:
        assert not intake.record(session, orders, "shop", SECRET, NOW).faults
        attributing.attribute_all(session, NOW)
    return desk


def line(desk: Desk, order: str) -> int:
    """Our id of an order's only line."""
    (found,) = [row.id for row in rows(desk.engine, OrderLine) if row.order_id == order]
    return int(found)


async def test_lines_are_listed_with_their_labels_and_narrowed_down(shop: Desk) -> None:
    async with shop.signed_in("小林", VIEWER) as browser:
        every = (await browser.get("/orders")).text
        assert "A100" in every
        assert "B200" in every
        assert "¥1,234.56" in every
        organic = (await browser.get("/orders", params={"label": Label.ORGANIC.value})).text
        assert "A100" in organic
        assert "B200" not in organic
        one = (await browser.get("/orders", params={"order": "B2"})).text
        assert "A100" not in one
        before = (await browser.get("/orders", params={"until": "2026-11-19"})).text
        assert "没有符合的订单" in before
        assert (
            await browser.get("/orders", params={"since": "x", "label": "y"})
        ).status_code == 200
        for ends in ({"since": "0001-01-01"}, {"until": "9999-12-31"}, {"until": "0001-01-01"}):
            for path in ("/orders", "/orders/share"):
                assert (await browser.get(path, params=ends)).status_code == 200, ends
        shares = (await browser.get("/orders/share")).text
        assert "不作估计" in shares
        # The lines of the estimate are those that the list shows.
        lead = re.search(r'<a href="(/orders\?[^"]+)">看这 2 行', shares)
        assert lead and "共 2 条" in (await browser.get(html.unescape(lead[1]))).text


async def test_a_line_leads_to_what_was_said_and_only_operators_read_it(shop: Desk) -> None:
    path = f"/orders/{line(shop, 'A100')}"
    async with shop.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(path)).text
        assert "成把握" in page
        assert SAID in page
        assert "一群" in page
        assert (await browser.get("/orders/999")).status_code == 404
        assert "小雨妈 11-20 09:05 在“一群”里提到它" in page
    async with shop.signed_in("小王", VIEWER) as browser:
        page = (await browser.get(path)).text
        assert SAID not in page
        assert "小雨妈" not in page
        assert "群友 11-20 09:05 在“一群”里提到它" in page
    record(
        shop.engine,
        member_says(None, "2026-11-20 13:00", sender="friend", type="recall", recalls="a"),
    )
    async with shop.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(path)).text
        assert SAID not in page
        assert "已撤回" in page


async def test_who_sees_other_rooms_sees_none_of_it(shop: Desk) -> None:
    async with shop.signed_in("小王", OPERATOR, verticals=["职场穿搭"]) as browser:
        every = (await browser.get("/orders")).text
        assert "A100" not in every
        assert "B200" not in every
        for order in ("A100", "B200"):
            assert (await browser.get(f"/orders/{line(shop, order)}")).status_code == 404
        assert (await browser.get("/orders/share")).status_code == 403
        assert (await browser.get("/orders/identities")).status_code == 403
    async with shop.signed_in("小周", OPERATOR, verticals=["宝妈育儿"]) as browser:
        every = (await browser.get("/orders")).text
        assert "A100" in every
        assert "B200" not in every


async def test_evidence_is_cut_with_a_reason_and_taken_back(shop: Desk) -> None:
    with database.transaction(shop.engine) as session:
        told = [
            MembershipRow(ROOM, "rain", phone="13800138000"),
            MembershipRow(ROOM, "friend", unionid="u9", phone="13800138000"),
        ]
        membership_files.record(session, told, SECRET, NOW)
        people.resolve(session)
    async with shop.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get("/orders/identities")).text
        assert "断开" in page
        edge = page.split("/orders/identities/edges/")[1].split("/")[0]
        cut = f"/orders/identities/edges/{edge}/cut"
        assert "没有写原因" in (await browser.post(cut, data={"reason": " "})).text
        done = await browser.post(cut, data={"reason": "共用手机"})
        assert done.status_code == 303
        (row,) = rows(shop.engine, IdentityCut)
        assert (row.by, row.reason) == ("小林", "共用手机")
        assert (await browser.post(f"/orders/identities/edges/{edge}/restore")).status_code == 303
        assert not rows(shop.engine, IdentityCut)
        person = (await browser.get("/orders/identities")).text.split("/orders/identities/")
        accepted = next(part for part in person if "/accept" in part[:20]).split("/")[0]
        done = await browser.post(f"/orders/identities/{accepted}/accept", data={"reason": "问过"})
        assert done.status_code == 303
        assert "没有要核对的" in (await browser.get("/orders/identities")).text
