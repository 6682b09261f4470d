"""The manual gateway's to-do list, on a phone: copy, post by hand, say so."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from bot.gateways.manual import ManualGateway
from bot.models import Delivery, DeliveryState, OperatorRole
from tests.browser import calendars
from tests.browser.conftest import PHONE, People, fits, toast
from tests.browser.desk import Desk, Work, at_work
from tests.saying import local, rows

TOPICS = ["老客户 1 群", "老客户 2 群", "老客户 3 群"]


@pytest.fixture
def work(desk: Desk) -> Iterator[Work]:
    """Three rooms that no bot can enter."""
    desk.rooms("wechat", TOPICS, "老客户", kind="manual")
    with at_work(desk, [ManualGateway("wechat", clock=desk.clock)]) as working:
        desk.settings.attachments.mkdir()
        Image.new("RGB", (60, 40), "#f59f00").save(desk.settings.attachments / "card.png")
        calendars.take_in(desk, "qa", "老客户", rest=", image: card.png")
        yield working


def test_posts_are_carried_out_by_hand_on_a_phone(
    people: People, work: Work, tmp_path: Path
) -> None:
    page = people.signs_in("阿原", OperatorRole.OPERATOR, **PHONE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{people.desk.address}/todo")
    expect(page.get_by_text("没有要发的")).to_be_visible()
    people.desk.clock.move(local("2026-11-24 20:00:01"))
    work.tick()
    tasks = page.get_by_role("article")
    # A text and a picture are two posts, one under the other.
    expect(tasks.get_by_role("heading")).to_have_text([each for each in TOPICS for _ in range(2)])
    assert fits(page)

    words = tasks.filter(has=page.get_by_role("button", name="复制"))
    words.first.get_by_role("button", name="复制文字").click()
    expect(words.first.get_by_role("button", name="已复制")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "老客户 1 群的问题解答日开始啦"
    says(page, words.first.get_by_role("button", name="已发"))
    expect(toast(page)).to_contain_text("老客户 1 群：记为已发")
    expect(tasks).to_have_count(5)
    # A slip of the finger is taken back.
    says(page, toast(page).get_by_role("button", name="撤销"))
    expect(toast(page)).to_contain_text("放回待办")
    expect(tasks).to_have_count(6)
    says(page, words.first.get_by_role("button", name="已发"))
    expect(tasks).to_have_count(5)

    with page.expect_download() as saving:
        tasks.first.get_by_role("link", name="保存图片").click()
    assert saving.value.suggested_filename == "card.png"
    saving.value.save_as(tmp_path / "saved.png")
    with Image.open(tmp_path / "saved.png") as picture:
        assert picture.size == (60, 40)
    says(page, tasks.first.get_by_role("button", name="已发"))
    expect(tasks).to_have_count(4)

    words.first.get_by_role("button", name="跳过").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("老客户 2 群")
    question.get_by_label("为什么").fill("群里正在吵架")
    says(page, question.get_by_role("button", name="不发了"))
    expect(tasks).to_have_count(3)
    expect(page.get_by_text("今天已发 2 条")).to_be_visible()

    found = rows(people.desk.engine, Delivery)
    assert Counter(each.state for each in found if each.step == "开场") == {
        DeliveryState.SENT: 2, DeliveryState.CANCELLED: 1, DeliveryState.PENDING: 3,
    }  # fmt: skip
    (skipped,) = [each for each in found if each.state is DeliveryState.CANCELLED]
    assert "群里正在吵架" in skipped.reason


def says(page: Page, button: Locator) -> None:
    """Say something, and see the list that comes of it."""
    # The list may be told of the change before the answer is there.
    with page.expect_navigation():
        button.click()
