"""Somebody asks to be forgotten: found by name, forgotten by who types whom, and no trace is left."""

from playwright.sync_api import expect

from bot.models import Contact, Message, OperatorRole
from bot.privacy import forgetting
from tests.browser.conftest import People, toast
from tests.saying import member_says, record, rows

WHO, NAME = "wxid_qingtian77", "晴天小满妈"
SAID = "宝宝半夜总是踢被子受凉怎么办呢?"
OTHER = "@晴天小满妈\u2005给他穿睡袋"


def test_a_person_is_forgotten_and_no_trace_is_found(people: People) -> None:
    engine, address = people.desk.engine, people.desk.address
    record(
        engine,
        member_says(SAID, "2026-11-10 20:00", sender=WHO, name=NAME, id="asked"),
        member_says(OTHER, "2026-11-10 20:05", sender="wxid_friend01", name="圆圆", id="told",
                    mentions=(WHO,), quote="asked"),
    )  # fmt: skip
    page = people.signs_in("小林", OperatorRole.ADMIN)
    page.goto(f"{address}/privacy")
    page.get_by_label("找什么").fill(SAID)
    page.get_by_role("button", name="翻一遍").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("还有痕迹")

    page.goto(f"{address}/privacy")
    page.get_by_label("用什么找").select_option(label="昵称")
    page.get_by_label("是谁").fill("小满")
    page.get_by_role("button", name="查找").click()
    page.get_by_role("link", name="是这一位").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    # Whoever types something else deletes nothing.
    people.expects(422)
    page.get_by_label("要忘记").fill(NAME)
    page.get_by_role("button", name="忘记").click()
    expect(page.get_by_text("什么都没有删")).to_be_visible()
    assert any(row.text == SAID for row in rows(engine, Message))
    page.go_back()
    page.get_by_label("要忘记").fill(WHO)
    page.get_by_role("button", name="忘记").click()
    expect(toast(page)).to_contain_text("开始了")
    expect(page.locator("#past")).to_contain_text("做完了")

    for words in (SAID, WHO, NAME):
        page.goto(f"{address}/privacy")
        page.get_by_label("找什么").fill(words)
        page.get_by_role("button", name="翻一遍").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("没有痕迹")
    page.goto(f"{address}/rooms/1")
    assert NAME not in page.locator("main").inner_text()
    left = {row.platform_id for row in rows(engine, Contact)}
    assert WHO not in left
    assert any(each.startswith(forgetting.PREFIX) for each in left)
    # What others said is theirs, but for the name.
    assert [row.text for row in rows(engine, Message)][-1] == "@已注销\u2005给他穿睡袋"
