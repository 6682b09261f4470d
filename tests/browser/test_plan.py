"""A Q&A day for 200 rooms, from the empty form to the last room, counted where it arrived."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from bot import outgoing
from bot.models import Delivery, DeliveryState, OperatorRole
from tests.browser.conftest import People, toast
from tests.browser.desk import Desk, Doorkeeper, Work, at_work
from tests.saying import local, rows

ROOMS = 200
# The posts that go out before the one during which everything is paused.
THROUGH = 60
TOPICS = [f"宝妈育儿 {number} 群" for number in range(ROOMS)]


@pytest.fixture
def gateway(desk: Desk) -> Doorkeeper:
    """The rooms as the platform has them; two leave a post unanswered, and one of them got it."""
    found = Doorkeeper("bot", clock=desk.clock, through=THROUGH)
    found.echoes = False
    desk.rooms("bot", TOPICS, "宝妈育儿")
    for place, topic in enumerate(TOPICS):
        found.add_room(room(place), topic)
    found.time_out(arrives=True, room=room(3), times=1)
    found.time_out(arrives=False, room=room(5), times=1)
    return found


@pytest.fixture
def work(desk: Desk, gateway: Doorkeeper) -> Iterator[Work]:
    """The app on these rooms."""
    with at_work(desk, [gateway]) as working:
        yield working


def room(place: int) -> str:
    """What the platform calls a room."""
    return f"宝妈育儿{place}@chatroom"


def test_a_qa_day_is_planned_approved_paused_and_reaches_every_room_once(
    people: People, gateway: Doorkeeper, work: Work
) -> None:
    planner = people.signs_in("阿原", OperatorRole.OPERATOR)
    approver = people.signs_in("晓雯", OperatorRole.APPROVER)
    plan(planner)
    approve(approver)
    expect(toast(approver)).to_contain_text("已批准")
    watch_and_pause(people, planner, approver, gateway, work)
    resume(planner, approver, work)
    settle(planner, work)
    assert Counter(sent.room for sent in gateway.sent) == {room(n): 1 for n in range(ROOMS)}
    assert {sent.text for sent in gateway.sent} == {
        f"{topic}的问题解答日开始啦" for topic in TOPICS
    }


def plan(page: Page) -> None:
    """Write the series, look at what it will do, ask for approval."""
    page.get_by_role("link", name="栏目", exact=True).click()
    page.get_by_role("link", name="新栏目").first.click()
    page.get_by_label("标识").fill("qa")
    page.get_by_label("名字").fill("宝妈问题解答日")
    page.get_by_label("周三").uncheck()
    page.get_by_label("周二").check()
    page.get_by_label("宝妈育儿").check()
    page.get_by_label("内容", exact=True).fill("的问题解答日开始啦")
    page.get_by_label("内容", exact=True).press("Home")
    page.get_by_role("button", name="群名", exact=True).click()
    living = page.locator("#living")
    expect(living).to_contain_text(f"{ROOMS} 个群")
    expect(living.locator(".chat-bubble")).to_have_text("宝妈育儿 0 群的问题解答日开始啦")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(toast(page)).to_contain_text("草稿已保存")

    page.get_by_role("link", name="试算").click()
    expect(page.locator("#verdict")).to_contain_text(f"{ROOMS} 个群收到")
    expect(page.get_by_role("row").nth(1)).to_contain_text(f"开场{ROOMS}")
    page.get_by_role("link", name="回到栏目").click()
    page.get_by_role("button", name="提交审批").click()
    expect(toast(page)).to_contain_text("已提交")
    # Whoever wrote it cannot approve it.
    page.goto(page.url.replace("/series/qa", "/approvals"))
    expect(page.get_by_role("article")).to_contain_text("阿原")
    expect(page.get_by_role("button", name="批准", exact=True)).to_have_count(0)


def approve(page: Page) -> None:
    """Somebody else reads it and lets it go."""
    page.get_by_role("link", name="等审批的栏目").click()
    waiting = page.get_by_role("article").filter(has_text="宝妈问题解答日")
    expect(waiting).to_contain_text(f"{ROOMS} 个群")
    expect(waiting).to_contain_text("的问题解答日开始啦")
    waiting.get_by_role("button", name="批准", exact=True).click()


def watch_and_pause(
    people: People, planner: Page, approver: Page, gateway: Doorkeeper, work: Work
) -> None:
    """The posts go out before one's eyes; pausing holds from the very next one."""
    planner.get_by_role("link", name="发送队列").click()
    expect(planner.get_by_text("这一天没有投递")).to_be_visible()
    # A page that is loaded again would forget this.
    planner.evaluate("document.body.dataset.same = 'yes'")
    people.desk.clock.move(local("2026-11-24 20:00:01"))
    work.tick()
    arrived = THROUGH - 2
    expect(state(planner, "已发送")).to_have_text(f"已发送 {arrived}")
    expect(state(planner, "未确认")).to_have_text("未确认 2")

    approver.get_by_role("button", name="全部暂停").click()
    approver.get_by_label("原因").fill("先核对一下内容")
    approver.get_by_role("dialog").get_by_role("button", name="全部暂停").click()
    expect(approver.get_by_role("alert")).to_contain_text("先核对一下内容")
    expect(planner.get_by_role("alert")).to_contain_text("先核对一下内容")
    assert gateway.at_the_door.is_set()
    work.loop.call_soon_threadsafe(gateway.open)
    # The one that was under way arrives, and no other.
    expect(state(planner, "已发送")).to_have_text(f"已发送 {arrived + 1}")
    work.tick()
    (account,) = work.app.accounts
    work.do(outgoing.deliver(work.app, account))
    # One of the unanswered arrived.
    assert len(gateway.sent) == arrived + 2
    expect(state(planner, "待发送")).to_have_text(f"待发送 {ROOMS - THROUGH - 1}")


def resume(planner: Page, approver: Page, work: Work) -> None:
    """Everything that was held back goes out."""
    approver.get_by_role("button", name="恢复发送").click()
    approver.get_by_role("dialog").get_by_role("button", name="恢复发送").click()
    expect(approver.get_by_role("alert")).to_have_count(0)
    work.tick()
    expect(state(planner, "已发送")).to_have_text(f"已发送 {ROOMS - 2}")
    expect(planner.get_by_role("alert")).to_have_count(0)
    expect(planner.locator("body")).to_have_attribute("data-same", "yes")


def settle(page: Page, work: Work) -> None:
    """A person looks into the two rooms, says what is there, and the missing one goes out."""
    page.get_by_role("link", name="总览").click()
    page.get_by_role("link", name="未确认的投递").click()
    page.get_by_label("选中 宝妈育儿 3 群").check()
    page.get_by_role("button", name="群里有，已发").click()
    page.get_by_role("dialog").get_by_role("button", name="看到了，已发").click()
    expect(toast(page)).to_contain_text("1 条记为已发")
    page.get_by_label("选中 宝妈育儿 5 群").check()
    page.get_by_role("button", name="重发").click()
    page.get_by_role("dialog").get_by_role("button", name="没有，重发").click()
    expect(toast(page)).to_contain_text("1 条会再发一次")
    expect(page.get_by_text("没有符合的投递")).to_be_visible()
    work.tick()
    engine = work.app.engine
    work.until(lambda: {each.state for each in rows(engine, Delivery)} == {DeliveryState.SENT})
    page.get_by_role("link", name="发送队列").click()
    expect(page.locator(".batch-done")).to_have_text(re.compile(rf"{ROOMS}\s*/\s*{ROOMS}"))


def state(page: Page, name: str) -> Locator:
    """How many of the batch are in a state."""
    return page.locator(".batch-states").get_by_role("link", name=name)
