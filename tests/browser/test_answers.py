"""From a question in a room to what the bot answers by itself; from an alert to a closed case."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from bot import app as app_module
from bot.bench import node_gateway
from bot.bench.node_gateway import NodeGateway
from bot.gateways import open_gateway
from bot.gateways.memory import MemoryGateway
from bot.models import Complaint, Delivery, DeliveryState, Membership, OpenQuestion, OperatorRole
from tests import parts
from tests.browser.conftest import NOW, People, toast
from tests.browser.desk import at_work
from tests.saying import rows

ROOM, OPS = "room1@chatroom", "ops0@chatroom"
ASKED, ANSWER = "红屁屁怎么办？", "多晾一晾，勤换纸尿裤"


@pytest.fixture
def given(given: dict[str, object]) -> dict[str, object]:
    """Alerts go to the operators' room."""
    return given | {"alert_rooms": OPS}


@pytest.fixture
def node() -> Iterator[NodeGateway]:
    """A community behind a real gateway."""
    absent = node_gateway.missing()
    parts.require("node", absent is None, f"{absent}; run `make install`")
    gateway = NodeGateway(rooms=1, members=3)
    gateway.launch()
    yield gateway
    gateway.kill()


def test_a_question_from_the_room_becomes_what_the_bot_answers(
    people: People, node: NodeGateway
) -> None:
    desk = people.desk

    def says(sender: str) -> None:
        at = int(desk.clock().timestamp() * 1000)
        work.do(node.ask("say", room=ROOM, sender=sender, text=ASKED, at=at))

    def sent(number: int) -> Callable[[], bool]:
        return lambda: (
            [each.state for each in rows(desk.engine, Delivery)] == ([DeliveryState.SENT] * number)
        )

    gateway = open_gateway(node.url, clock=desk.clock, rng=app_module.jitter())
    with at_work(desk, [gateway]) as work:
        work.until(lambda: len(rows(desk.engine, Membership)) >= 3)
        says("wxid_1_1")
        work.until(lambda: len(rows(desk.engine, OpenQuestion)) == 1)
        page = people.signs_in("小林", OperatorRole.OPERATOR)
        page.goto(f"{desk.address}/questions")
        expect(page.get_by_text("没有等着回答的问题")).to_be_visible()
        # Members had their half hour: the open page learns of it by itself.
        desk.clock.move(NOW + dt.timedelta(minutes=40))
        expect(page.get_by_role("link", name=ASKED)).to_be_visible()
        page.get_by_role("link", name="回复", exact=True).click()
        page.wait_for_url("**#answer")
        # Keys are heard once the page's scripts have run.
        page.wait_for_load_state("domcontentloaded")
        page.get_by_label("答复").fill(ANSWER)
        page.get_by_label("答复").press("Control+Enter")
        expect(toast(page)).to_contain_text("回复排进了发送")
        work.until(sent(1))
        expect(page.locator("#answered")).to_contain_text("已发送")
        page.get_by_role("link", name="做成常见问题").click()
        expect(page.get_by_label("提问", exact=True)).to_have_value(ASKED)
        page.get_by_role("button", name="保存，机器人就用").click()
        expect(page.locator("#trial-said")).to_contain_text(ANSWER)
        # The bot says nothing twice within ten minutes.
        desk.clock.move(NOW + dt.timedelta(minutes=60))
        says("wxid_1_2")
        work.until(sent(2))
        told = work.do(node.ask("sent"))["list"]
    assert isinstance(told, list)
    assert [each["text"].split("\u2005")[-1] for each in told] == [ANSWER, ANSWER]
    assert len(rows(desk.engine, OpenQuestion)) == 1


def test_a_complaint_goes_from_the_alert_to_its_end_and_back(people: People) -> None:
    desk = people.desk
    robot = MemoryGateway("bot", clock=desk.clock)
    desk.rooms("bot", ["宝妈 1 群"], "宝妈育儿")
    desk.rooms("bot", ["值班"], "ops")
    robot.add_room("宝妈育儿0@chatroom", "宝妈 1 群")
    robot.add_room(OPS, "值班")
    with at_work(desk, [robot]) as work:
        work.do(complains(robot))
        work.until(lambda: len(rows(desk.engine, Complaint)) == 1)
        work.tick()
        work.until(lambda: [each.state for each in rows(desk.engine, Delivery)] == (
            [DeliveryState.SENT]
        ))  # fmt: skip
        (alert,) = rows(desk.engine, Delivery)
        assert "投诉" in alert.text and "破损" not in alert.text
        page = people.signs_in("小林", OperatorRole.OPERATOR)
        page.get_by_role("link", name="投诉").click()
        page.get_by_role("button", name="接手").click()
        expect(page.get_by_text("我在处理")).to_be_visible()
        page.get_by_role("link", name="收到就是破损的").click()
        page.get_by_text("解决了").click()
        page.get_by_label("怎么处理的").fill("补发一件")
        page.get_by_role("button", name="结案").click()
        expect(page.get_by_text("没有等着处理的投诉")).to_be_visible()
        # It was not over: the toast takes it back, with what was noted.
        page.wait_for_load_state("domcontentloaded")
        toast(page).get_by_role("button", name="撤销").click()
        expect(page.get_by_text("重开过 1 次")).to_be_visible()
        expect(page.get_by_label("怎么处理的")).to_have_value("补发一件")


async def complains(robot: MemoryGateway) -> None:
    """Somebody says in the room what went wrong."""
    robot.say("宝妈育儿0@chatroom", "wxid_a", "收到就是破损的，质量太差了")
