"""What was written and not saved comes back; files and pictures go in by the pages."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from bot import database
from bot.models import OperatorRole, RoomTag
from content_calendar import definition
from tests.browser import calendars
from tests.browser.conftest import People, toast
from tests.saying import rows


def test_a_new_series_that_was_never_saved_comes_back_until_it_is_saved(people: People) -> None:
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    page = people.signs_in("阿原", OperatorRole.OPERATOR)
    page.goto(f"{people.desk.address}/series/new")
    page.get_by_label("标识").fill("night")
    page.get_by_label("名字").fill("宝妈夜谈")
    page.get_by_label("宝妈育儿").check()
    page.get_by_label("内容", exact=True).fill("今晚聊聊睡整觉")
    expect(page.locator("#living")).to_contain_text("今晚聊聊睡整觉")

    # Gone without saving, and back another time.
    page.goto(f"{people.desk.address}/")
    page.goto(f"{people.desk.address}/series/new")
    notice = page.locator("#kept")
    expect(notice).to_be_visible()
    notice.get_by_role("button", name="接着写").click()
    expect(page.get_by_label("名字")).to_have_value("宝妈夜谈")
    expect(page.get_by_label("内容", exact=True)).to_have_value("今晚聊聊睡整觉")
    expect(page.get_by_label("宝妈育儿")).to_be_checked()
    page.get_by_role("button", name="保存", exact=True).click()
    expect(toast(page)).to_contain_text("草稿已保存")
    page.wait_for_load_state("domcontentloaded")

    page.goto(f"{people.desk.address}/series/new")
    expect(page.get_by_label("名字")).to_be_visible()
    expect(page.locator("#kept")).to_be_hidden()


def test_a_picture_is_uploaded_into_a_step_and_shown(people: People) -> None:
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    calendars.take_in(people.desk, "qa", "宝妈育儿", approved=False)
    page = people.signs_in("阿原", OperatorRole.OPERATOR)
    page.goto(f"{people.desk.address}/series/qa")
    page.get_by_text("图片").first.click()
    page.get_by_label("上传新图片").first.set_input_files(
        {"name": "海报.png", "mimeType": "image/png", "buffer": picture()}
    )
    shown = page.locator("img[src^='/pictures/']").first
    expect(shown).to_be_visible()
    assert shown.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 40
    page.get_by_role("button", name="保存", exact=True).click()
    expect(toast(page)).to_contain_text("已保存")
    with database.reading(people.desk.engine) as session:
        (found,) = definition.stored(session, keys=["qa"])
    assert found.definition.steps[0].image

    people.expects(422)
    page.get_by_label("上传新图片").first.set_input_files(
        {"name": "海报.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    expect(page.locator("[id^=s-told]").first).to_contain_text("图片")


def test_a_file_of_rooms_is_checked_first_and_taken_in_by_a_yes(
    people: People, tmp_path: Path
) -> None:
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    page = people.signs_in("小林", OperatorRole.ADMIN)
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_text("room,zone\n宝妈育儿0@chatroom,Asia/Nowhere\n", encoding="utf-8")
    right.write_text("room,tags\n宝妈育儿0@chatroom,北京|新客\n", encoding="utf-8")
    people.expects(422)
    upload(page, people.desk.address, wrong)
    expect(page.get_by_role("main")).to_contain_text("Asia/Nowhere")
    upload(page, people.desk.address, right)
    assert not rows(people.desk.engine, RoomTag)
    page.get_by_role("button", name="导入", exact=False).first.click()
    expect(toast(page)).to_be_visible()
    assert {row.tag for row in rows(people.desk.engine, RoomTag)} == {"北京", "新客"}


def upload(page: Page, address: str, file: Path) -> None:
    """Give a file of rooms to the page for a check."""
    page.goto(f"{address}/data")
    page.get_by_label("导入什么").select_option("rooms")
    page.locator("#field-file").set_input_files(file)
    page.get_by_role("button", name="检查").click()
    page.wait_for_url("**/data/check")


def picture() -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(buffer, "PNG")
    return buffer.getvalue()
