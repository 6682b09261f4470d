"""Two people edit one series at the same time: each sees what the other did, nothing is lost."""

from playwright.sync_api import Locator, Page, expect

from bot import database
from bot.models import OperatorRole
from content_calendar import definition
from tests.browser import calendars
from tests.browser.conftest import People, toast
from tests.browser.desk import Desk


def test_the_second_of_two_people_sees_what_the_first_did_and_keeps_both(people: People) -> None:
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    calendars.take_in(people.desk, "qa", "宝妈育儿", approved=False)
    first = people.signs_in("小林", OperatorRole.OPERATOR)
    second = people.signs_in("阿原", OperatorRole.OPERATOR)
    for page in (first, second):
        page.goto(f"{people.desk.address}/series/qa")

    text(first).fill("{{ room }}的问题解答日换到了今晚")
    first.get_by_text("话题、重要性、时限、时区").click()
    first.get_by_label("最多晚几分钟").fill("60")
    # Without a press of a button.
    expect(first.get_by_text("草稿已自动保存")).to_be_visible()

    people.expects(409)
    second.get_by_label("名字").fill("宝妈夜谈")
    expect(second.get_by_text("小林 刚改过这个栏目")).to_be_visible()
    second.get_by_role("button", name="保存", exact=True).click()
    expect(second.get_by_role("heading", name="小林 刚改过这个栏目")).to_be_visible()
    table = second.get_by_role("table")
    expect(table).to_contain_text("换到了今晚")
    expect(table).to_contain_text("宝妈夜谈")
    assert standing(people.desk).name == "宝妈问题解答日"

    second.get_by_role("button", name="把我的改动放到新版本上").click()
    expect(second.get_by_label("名字")).to_have_value("宝妈夜谈")
    expect(text(second)).to_have_value("{{ room }}的问题解答日换到了今晚")
    second.get_by_role("button", name="保存", exact=True).click()
    expect(toast(second)).to_contain_text("已保存")
    kept = standing(people.desk)
    assert kept.late_by_minutes == 60
    assert kept.name == "宝妈夜谈"
    assert kept.steps[0].sources == ("{{ room }}的问题解答日换到了今晚",)
    assert kept.steps[1].sources == ("今天就到这里，下周二见",)


def text(page: Page) -> Locator:
    """The text of the first step."""
    return page.get_by_label("内容", exact=True).first


def standing(desk: Desk) -> definition.Definition:
    """The series as it stands."""
    with database.reading(desk.engine) as session:
        (found,) = definition.stored(session, keys=["qa"])
        return found.definition
