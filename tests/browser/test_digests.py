"""A digest in a real browser: from a number down to what was said; from a draft into the room."""

import datetime as dt
import re

import pytest
from playwright.sync_api import Page, expect

from bot import database
from bot.digest import compose, gather, storing
from bot.digest.findings import Findings
from bot.gateways.memory import MemoryGateway
from bot.insights import rolling
from bot.models import OperatorRole
from tests.browser.conftest import PHONE, People, fits, toast
from tests.browser.desk import Desk, at_work
from tests.saying import SHANGHAI, member_says, record

MONDAY = dt.date(2026, 11, 16)
OURS, OPERATORS = "宝妈育儿0@chatroom", "运营0@chatroom"
ASKED = 5


@pytest.fixture
def given() -> dict[str, object]:
    """Digests go to one room of operators, once somebody has approved them."""
    return {
        "digest_rooms": (OPERATORS,), "digest_approval": True, "digest_late_hours": 48,
        "random_gap_seconds": "0-0", "room_gap_seconds": 0, "posts_per_minute": 100_000,
    }  # fmt: skip


def talked(desk: Desk) -> None:
    """A week of one room, and its digests as drafts."""
    desk.rooms("bot", ["宝妈育儿 0 群"], "宝妈育儿")
    desk.rooms("bot", ["运营群"], "运营")
    said = [
        member_says(f"第{n}个月先加什么辅食?", f"2026-11-{16 + n} 10:00", sender=f"w{n}", room=OURS)
        for n in range(ASKED)
    ]
    record(desk.engine, *said, member_says("高铁米粉就行", "2026-11-17 11:00", room=OURS))
    rolling.catch_up(desk.engine, SHANGHAI, desk.clock())
    with database.transaction(desk.engine) as session:
        findings = Findings(gather.gather(session, MONDAY, desk.clock(), SHANGHAI))
        fresh = compose.sheets(session, findings, storing.everything(findings.week))
        storing.store(session, MONDAY, fresh, desk.clock())


def opens_the_fleet(people: People, page: Page) -> None:
    """From the menu to the week of all rooms."""
    page.goto(f"{people.desk.address}/digests")
    page.get_by_role("link", name="全部 2 个群").click()
    page.wait_for_url(re.compile(r"/digests/\d+$"))


def test_a_number_in_a_digest_is_followed_down_to_its_messages(people: People) -> None:
    talked(people.desk)
    page = people.signs_in("阿原", OperatorRole.OPERATOR)
    opens_the_fleet(people, page)
    figure = page.frame_locator("iframe").locator("#said .figures div", has_text="提问")
    expect(figure.locator("b")).to_have_text(str(ASKED))
    figure.get_by_role("link", name=str(ASKED), exact=True).click()
    page.wait_for_url(re.compile("/behind/questions$"))
    row = page.get_by_role("row", name=re.compile("宝妈育儿 0 群"))
    expect(row).to_contain_text(str(ASKED))
    row.get_by_role("link").click()
    expect(page.get_by_role("row", name=re.compile("先加什么辅食"))).to_have_count(ASKED)
    expect(page.get_by_text(f"共 {ASKED} 条")).to_be_visible()


def test_a_digest_is_commented_approved_sent_and_arrives_once(people: People) -> None:
    talked(people.desk)
    robot = MemoryGateway("bot", clock=people.desk.clock)
    robot.echoes = False
    robot.add_room(OPERATORS, "运营群")
    robot.add_room(OURS, "宝妈育儿 0 群")
    with at_work(people.desk, [robot]) as work:
        # On a phone, as on a Monday morning.
        page = people.signs_in("晓雯", OperatorRole.APPROVER, **PHONE)
        opens_the_fleet(people, page)
        assert fits(page)
        page.get_by_label("最多 300 个字").fill("这周先看没人回的提问")
        page.get_by_role("button", name="保存").click()
        expect(toast(page)).to_contain_text("写在周报开头了")
        page.wait_for_load_state("domcontentloaded")
        page.get_by_role("button", name="批准", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="批准", exact=True).click()
        expect(toast(page)).to_contain_text("一个字都不会再变")
        page.wait_for_load_state("domcontentloaded")
        page.get_by_role("button", name="现在发").click()
        expect(toast(page)).to_contain_text("排进发送队列了")
        work.tick()
        work.until(lambda: len(robot.sent) > 1)
        assert {sent.room for sent in robot.sent} == {OPERATORS}
        assert "这周先看没人回的提问" in (robot.sent[0].text or "")
        arrived = len(robot.sent)
        page.wait_for_load_state("domcontentloaded")
        page.get_by_role("button", name="现在发").click()
        expect(toast(page)).to_contain_text("不会再发一次")
        work.tick()
        assert len(robot.sent) == arrived
