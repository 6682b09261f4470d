"""The content calendar: an occurrence is dragged to another day, taken back, left out, brought back."""

from playwright.sync_api import Locator, Page, expect

from bot import database
from bot.models import OperatorRole
from content_calendar import definition
from tests.browser import calendars
from tests.browser.conftest import People, toast
from tests.browser.desk import Desk

# The mouse reaches no day that is not in the window.
TALL = {"width": 1440, "height": 1700}


def test_an_occurrence_is_dragged_to_another_day_and_back_again(people: People) -> None:
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    calendars.take_in(people.desk, "qa", "宝妈育儿")
    page = people.signs_in("小林", OperatorRole.OPERATOR, viewport=TALL)
    page.goto(f"{people.desk.address}/calendar")
    drag(page, of_day(page, "2026-12-01").first, day(page, "2026-12-03"))
    expect(toast(page)).to_contain_text("2026-12-01 这一期改到 2026-12-03")
    expect(of_day(page, "2026-12-03")).to_have_count(2)
    expect(of_day(page, "2026-12-01")).to_have_count(0)
    assert moved(people.desk) == {"2026-12-01": "2026-12-03"}

    toast(page).get_by_role("button", name="撤销").click()
    expect(of_day(page, "2026-12-01")).to_have_count(2)
    assert moved(people.desk) == {}

    # A day that is over takes nothing.
    people.expects(422)
    drag(page, of_day(page, "2026-12-01").first, day(page, "2026-11-03"))
    expect(toast(page)).to_contain_text("已经过去")
    expect(of_day(page, "2026-12-01")).to_have_count(2)

    # The same without a mouse, once what was asked for anew is drawn.
    drawn(page)
    of_day(page, "2026-12-01").first.focus()
    expect(of_day(page, "2026-12-01").first).to_be_focused()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("宝妈育儿 1 群的问题解答日开始啦")
    panel.get_by_text("跳过这一期").click()
    panel.get_by_role("button", name="确定跳过").click()
    expect(toast(page)).to_contain_text("已跳过")
    expect(of_day(page, "2026-12-01")).to_have_count(0)
    toast(page).get_by_role("button", name="撤销").click()
    expect(of_day(page, "2026-12-01")).to_have_count(2)


def test_what_is_chosen_by_keyboard_stays_chosen_when_the_calendar_is_told_anew(
    people: People,
) -> None:
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    calendars.take_in(people.desk, "qa", "宝妈育儿")
    page = people.signs_in("小林", OperatorRole.OPERATOR, viewport=TALL)
    page.goto(f"{people.desk.address}/calendar")
    drawn(page)
    chosen = of_day(page, "2026-12-01").first
    chosen.focus()
    for _ in range(5):
        chosen.evaluate("found => { found.dataset.before = 'yes' }")
        with page.expect_response("**/calendar/feed?*"):
            page.evaluate("document.body.dispatchEvent(new Event('changed-series'))")
        expect(page.locator("#calendar [data-before]")).to_have_count(0)
        expect(chosen).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("宝妈育儿 1 群的问题解答日开始啦")


def test_whoever_only_looks_drags_nothing(people: People) -> None:
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    calendars.take_in(people.desk, "qa", "宝妈育儿")
    page = people.signs_in("阿原", OperatorRole.VIEWER, viewport=TALL)
    page.goto(f"{people.desk.address}/calendar")
    drag(page, of_day(page, "2026-12-01").first, day(page, "2026-12-03"))
    expect(of_day(page, "2026-12-01")).to_have_count(2)
    assert moved(people.desk) == {}


def day(page: Page, date: str) -> Locator:
    """One day of the month."""
    return page.locator(f'#calendar [data-date="{date}"][role="gridcell"]')


def of_day(page: Page, date: str) -> Locator:
    """What takes place on it."""
    return day(page, date).locator(".occ")


def drawn(page: Page) -> None:
    """Until nothing moves any more: what the dry run finds is drawn into the calendar, and the names
    of days push down what is below them.
    """
    expect(page.locator("#conflicts-found")).to_be_attached()
    expect(page.locator("#calendar")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#calendar .day-marks")).not_to_have_count(0)


def drag(page: Page, what: Locator, to: Locator) -> None:
    """By the mouse, in steps: a jump is no drag."""
    drawn(page)
    what.drag_to(to, steps=12)


def moved(desk: Desk) -> dict[str, str]:
    """The occurrences that take place on another day."""
    with database.reading(desk.engine) as session:
        (found,) = definition.stored(session, keys=["qa"])
        return {str(day): str(to) for day, to in found.definition.schedule.move.items()}
