"""What an operator has begun and what comes from a file: a draft in the browser, rows, a picture."""

from io import BytesIO

from PIL import Image
from playwright.sync_api import FilePayload, Page, expect
from sqlmodel import Session, select

from bot.models import OperatorRole, Room
from content_calendar import definition
from tests.browser.conftest import People, toast

ROOMS = "群,群名,垂类,标签\nr1@chatroom,一群,美妆,试点\nr2@chatroom,二群,美妆,\n"
SAID = "今晚八点，老师在群里答疑"


def test_a_new_series_that_was_not_saved_comes_back_and_goes_once_it_is_saved(
    people: People,
) -> None:
    page = begun(people)
    page.get_by_role("link", name="总览").click()
    page.wait_for_url(f"{people.desk.address}/")

    page.goto(f"{people.desk.address}/series/new")
    expect(page.get_by_text("上次有一个没保存的新栏目")).to_be_visible()
    page.get_by_role("button", name="接着写").click()
    expect(page.get_by_label("标识")).to_have_value("qa")
    expect(page.get_by_label("名字")).to_have_value("宝妈问题解答日")
    expect(page.get_by_label("宝妈育儿")).to_be_checked()
    expect(page.get_by_label("内容", exact=True)).to_have_value(SAID)
    page.get_by_role("button", name="保存", exact=True).click()
    # Loaded whole: the script of the saved series is what forgets the draft.
    page.wait_for_url("**/series/qa*")
    expect(toast(page)).to_contain_text("草稿已保存")

    page.goto(f"{people.desk.address}/series/new")
    expect(page.get_by_label("标识")).to_be_visible()
    expect(page.get_by_text("上次有一个没保存的新栏目")).to_be_hidden()


def test_a_new_series_that_was_given_up_stays_away(people: People) -> None:
    page = begun(people)
    page.goto(f"{people.desk.address}/series/new")
    page.get_by_role("button", name="不要了").click()
    expect(page.get_by_text("上次有一个没保存的新栏目")).to_be_hidden()
    page.reload()
    expect(page.get_by_label("标识")).to_have_value("")
    expect(page.get_by_text("上次有一个没保存的新栏目")).to_be_hidden()


def test_a_file_is_mended_looked_at_and_taken_in(people: People) -> None:
    page = people.signs_in("小林", OperatorRole.OPERATOR)
    people.expects(422)
    checks(page, ROOMS + ",三群,美妆,\n")
    expect(page.get_by_text("有 1 处不对，什么都没有导入")).to_be_visible()
    expect(page.get_by_role("row").nth(1)).to_contain_text("4")

    checks(page, ROOMS)
    expect(page.locator(".figure").filter(has_text="新增")).to_contain_text("2")
    assert rooms(people) == set()
    page.get_by_role("button", name="没问题，导入").click()
    expect(toast(page)).to_contain_text("已导入：新增 2")
    assert rooms(people) == {"r1@chatroom", "r2@chatroom"}


def test_a_picture_is_uploaded_in_the_editor_and_stays_with_its_step(people: People) -> None:
    page = begun(people)
    page.get_by_text("图片、链接、小程序").first.click()
    people.expects(422)
    upload = page.get_by_label("上传新图片")
    upload.set_input_files(file("海报.png", "不是图片".encode()))
    told = page.locator("#s-told-0")
    expect(told).not_to_contain_text("PNG、JPG 或 GIF，最多")
    expect(page.get_by_label("图片", exact=True)).to_have_value("")

    upload.set_input_files(file("海报.png", picture()))
    expect(page.locator("#s-shown-0")).to_be_visible()
    expect(page.locator("#s-shown-0")).to_have_js_property("naturalWidth", 40)
    name = page.get_by_label("图片", exact=True).input_value()
    assert name
    page.get_by_role("button", name="保存", exact=True).click()
    expect(toast(page)).to_contain_text("草稿已保存")
    expect(page.get_by_label("图片", exact=True)).to_have_value(name)
    with Session(people.desk.engine) as session:
        (found,) = definition.stored(session, keys=["qa"])
    assert found.definition.steps[0].image == name


def begun(people: People) -> Page:
    """A new series, written and not saved."""
    people.desk.rooms("bot", ["宝妈育儿 1 群"], "宝妈育儿")
    page = people.signs_in("阿原", OperatorRole.OPERATOR)
    page.goto(f"{people.desk.address}/series/new")
    expect(page.get_by_text("上次有一个没保存的新栏目")).to_be_hidden()
    page.get_by_label("标识").fill("qa")
    page.get_by_label("名字").fill("宝妈问题解答日")
    page.get_by_label("宝妈育儿").check()
    page.get_by_label("内容", exact=True).fill(SAID)
    return page


def checks(page: Page, rows: str) -> None:
    """Upload a file of rooms to be looked at."""
    page.get_by_role("link", name="数据导入导出").first.click()
    page.get_by_label("导入什么").select_option("rooms")
    page.get_by_label("文件").set_input_files(file("群.csv", rows.encode()))
    page.get_by_role("button", name="检查").click()


def rooms(people: People) -> set[str]:
    """The rooms that are there, by the platform's ids."""
    with Session(people.desk.engine) as session:
        return {each.platform_id for each in session.exec(select(Room))}


def picture() -> bytes:
    """A small PNG."""
    kept = BytesIO()
    Image.new("RGB", (40, 30), "orange").save(kept, "PNG")
    return kept.getvalue()


def file(name: str, content: bytes) -> FilePayload:
    """A file as a person picks it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}
