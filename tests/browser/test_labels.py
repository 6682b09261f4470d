"""Twenty messages are marked by keyboard, and the page says how much the rules heard."""

import re

from playwright.sync_api import Locator, Page, expect

from bot.models import Mark, OperatorRole
from tests.browser.conftest import People
from tests.saying import member_says, record, rows

TWENTY = 20
# The rules hear no question in these; the person does.
UNHEARD = "求推荐一款不漏的"


def test_twenty_marks_move_the_recall(people: People) -> None:
    said = [
        UNHEARD if number % 5 == 0 else f"宝宝{number}个月能吃什么辅食?" for number in range(TWENTY)
    ]
    for number, text in enumerate(said):
        record(people.desk.engine, member_says(text, f"2026-11-24 10:{number:02}"))
    page = people.signs_in("小林", OperatorRole.OPERATOR)
    page.goto(f"{people.desk.address}/labels")
    page.get_by_role("button", name="抽 300 条").click()
    recalls = []
    for number in range(TWENTY):
        expect(progress(page)).to_contain_text(f"标了 {number}，跳过 0，还剩 {TWENTY - number}")
        # Keys are heard once the page's scripts have run.
        page.wait_for_load_state("domcontentloaded")
        page.keyboard.press("q")
        expect(page.get_by_role("checkbox", name="提问")).to_be_checked()
        page.keyboard.press("Enter")
        expect(progress(page)).to_contain_text(f"标了 {number + 1}，")
        recalls.append(page.get_by_role("row", name=re.compile("^提问")).inner_text())
    assert len(rows(people.desk.engine, Mark)) == TWENTY
    assert len(set(recalls)) == TWENTY
    page.wait_for_load_state("domcontentloaded")
    page.keyboard.press("u")
    expect(progress(page)).to_contain_text(f"标了 {TWENTY - 1}，跳过 0，还剩 1")


def progress(page: Page) -> Locator:
    """How far the marking has come."""
    return page.locator("#now-title + .card-actions")
