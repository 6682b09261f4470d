"""The first hour with the console: the first admin, colleagues, and the red button."""

import re

from playwright.sync_api import Locator, Page, expect

from bot.models import OperatorRole, Pause
from tests.browser.conftest import People
from tests.browser.desk import PASSWORD
from tests.saying import rows


def test_the_first_link_makes_an_admin_who_sets_up_and_adds_a_colleague(people: People) -> None:
    link = people.desk.first_link()
    first = people.arrives()
    first.goto(link)
    expect(first.get_by_role("heading", name="建立第一个管理员")).to_be_visible()
    first.get_by_label("你的名字").fill("小林")
    first.get_by_label("密码").fill(PASSWORD)
    first.get_by_label("再输入一次").fill("something else")
    people.expects(422)
    first.get_by_role("button", name="保存并登录").click()
    expect(first.get_by_role("alert")).to_be_visible()
    expect(first.get_by_label("你的名字")).to_have_value("小林")
    first.get_by_label("密码").fill(PASSWORD)
    first.get_by_label("再输入一次").fill(PASSWORD)
    first.get_by_role("button", name="保存并登录").click()

    expect(first.get_by_role("heading", name="首次设置")).to_be_visible()
    done = first.locator(".setup-step.is-done")
    expect(done).to_have_count(2)
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    first.reload()
    expect(done).to_have_count(4)

    first.get_by_role("link", name="添加同事").click()
    first.wait_for_url("**/operators*")
    first.get_by_role("button", name="添加操作员").click()
    first.get_by_label("名字").fill("阿原")
    first.get_by_role("button", name="添加", exact=True).click()
    for_colleague = first.get_by_label("一次性链接").input_value()
    assert for_colleague.startswith(f"{people.desk.address}/link/")

    second = people.arrives()
    second.goto(for_colleague)
    second.get_by_label("密码").fill("another long password")
    second.get_by_label("再输入一次").fill("another long password")
    second.get_by_role("button", name="保存并登录").click()
    expect(second.get_by_role("heading", name="总览")).to_be_visible()
    # An operator is not an admin.
    expect(second.get_by_role("link", name="操作员与角色")).to_have_count(0)

    people.expects(404)
    for spent in (link, for_colleague):
        stranger = people.arrives()
        stranger.goto(spent)
        expect(stranger.get_by_role("heading", name="这个链接用不了了")).to_be_visible()


def test_everybody_sees_at_once_that_everything_was_paused_and_why(people: People) -> None:
    mine = people.signs_in("小林", OperatorRole.APPROVER)
    other = people.signs_in("阿原", OperatorRole.OPERATOR)
    mine.get_by_role("button", name="全部暂停").click()
    question = mine.get_by_role("dialog")
    question.get_by_role("button", name="全部暂停").click()
    # Not without a reason.
    expect(question).to_be_visible()
    question.get_by_label("原因").fill("内容有误")
    question.get_by_role("button", name="全部暂停").click()
    for page in (mine, other):
        expect(paused(page)).to_contain_text(re.compile("已全部暂停.*内容有误.*小林"))

    mine.get_by_role("button", name="撤销").click()
    for page in (mine, other):
        expect(paused(page)).to_have_count(0)
    (pause,) = rows(people.desk.engine, Pause)
    assert pause.resumed_at is not None


def test_the_keyboard_alone_finds_pages_pauses_and_goes_back(people: People) -> None:
    page = people.signs_in("小林", OperatorRole.APPROVER)
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/help")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="键盘快捷键")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.get_by_role("button", name="全部暂停").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("突发事件")
    page.keyboard.press("Enter")
    expect(paused(page)).to_contain_text("突发事件")
    (pause,) = rows(people.desk.engine, Pause)
    assert (pause.by, pause.reason) == ("小林", "突发事件")


def paused(page: Page) -> Locator:
    """What every page says while everything is paused; it may have other things to say as well."""
    return page.get_by_role("alert").filter(has_text="已全部暂停")
