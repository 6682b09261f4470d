"""A shop tells of an order, and its page leads down to what was said before it."""

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from bot import database, membership_files, secret
from bot.gateways.memory import MemoryGateway
from bot.insights import attributing
from bot.membership_files import MembershipRow
from bot.models import OperatorRole, OrderLine, Room
from bot.orders import catalogue
from bot.orders import people as identities
from bot.orders.catalogue import ProductRow
from tests import shops as they
from tests.browser.conftest import People
from tests.browser.desk import Desk, at_work
from tests.saying import ROOM, local, member_says, record, rows

PHONE = "13800138000"
SAID = "小熊纸尿裤夜里不漏"
ORDER = {
    "type": "order.updated",
    "data": {
        "order_id": "T1001", "status": "paid", "paid_at": "2026-11-24T11:30:00+08:00",
        "updated_at": "2026-11-24T11:30:00+08:00", "buyer_phone": PHONE,
        "lines": [{"line_no": 1, "sku": "D1", "quantity": 1, "amount": "199.00"}], "refunds": [],
    },
}  # fmt: skip


@pytest.fixture
def given(given: dict[str, object]) -> dict[str, object]:
    """A shop that signs what it sends."""
    return given | {"shops": they.URLS["signed"]}


def test_an_order_leads_from_the_webhook_to_the_messages_behind_it(people: People) -> None:
    desk = people.desk
    talk(desk)
    with at_work(desk, [MemoryGateway("bot", clock=desk.clock)]) as work:
        assert push(desk) == 200
        work.until(lambda: bool(rows(desk.engine, OrderLine)))
    for _ in attributing.steps(desk.engine, desk.clock()):
        pass
    page = people.signs_in("小林", OperatorRole.OPERATOR)
    page.goto(f"{desk.address}/orders")
    listed = page.get_by_role("row", name="T1001")
    expect(listed).to_contain_text("¥199.00")
    expect(listed).to_contain_text("群聊带来")
    listed.get_by_role("link").first.click()
    # The sentence, how sure it is, and what was said, in the room that it was said in.
    expect(page.locator("main")).to_contain_text("成把握")
    expect(page.locator("main")).to_contain_text(SAID)
    page.get_by_role("link", name="宝妈一群").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("宝妈一群")


def talk(desk: Desk) -> None:
    """小雨 asks in the morning, is answered, and says thanks; the shop knows the phone."""
    with database.transaction(desk.engine) as session:
        catalogue.record_products(session, [ProductRow("D1", "小熊纸尿裤", category="纸尿裤")])
        joined = local("2026-11-01 00:00")
        told = [
            MembershipRow(ROOM, "rain", phone=PHONE, joined_at=joined),
            MembershipRow(ROOM, "friend", joined_at=joined),
        ]
        membership_files.record(session, told, secret.of(desk.settings.home), desk.clock())
        identities.resolve(session)
        room = database.table(Room)
        session.connection().execute(update(room).values(topic="宝妈一群", vertical="宝妈育儿"))
    record(
        desk.engine,
        member_says("纸尿裤有推荐吗", "2026-11-24 09:00", sender="rain", id="q"),
        member_says(SAID, "2026-11-24 09:05", sender="friend", id="a", quote="q"),
        member_says("好的谢谢", "2026-11-24 09:06", sender="rain", id="t", quote="a"),
    )


def push(desk: Desk) -> int:
    """What the shop sends, signed as it signs it; the status of the answer."""
    told = they.signed(ORDER, at=int(desk.clock().timestamp()))
    answer = httpx.post(
        f"{desk.address}/webhooks/orders/{told.name}", content=told.body, headers=told.headers
    )
    return answer.status_code
