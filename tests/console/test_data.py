"""Files in and out: checked first, taken in whole or not at all, handed out by role."""

import re
from io import BytesIO

import httpx
import openpyxl
import pytest
from sqlalchemy import func, select

from bot import database
from bot.models import OperatorRole, Room, Series
from tests import shops as they
from tests.console.conftest import Desk
from tests.console.test_api import SERIES, program

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
ROOMS = "群,群名,垂类,标签\nr1@chatroom,一群,美妆,试点\nr2@chatroom,二群,美妆,\n".encode()


def counted(desk: Desk, model: type[Room] | type[Series]) -> int:
    with database.reading(desk.engine) as session:
        return (
            session.connection().scalar(select(func.count()).select_from(database.table(model)))
            or 0
        )


async def checked(
    browser: httpx.AsyncClient, kind: str, content: bytes, name: str = "a.csv"
) -> httpx.Response:
    return await browser.post("/data/check", data={"kind": kind}, files={"file": (name, content)})


def ticket(answer: httpx.Response) -> str:
    found = re.search('name="ticket" value="([0-9a-f]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def test_a_check_changes_nothing_and_the_yes_takes_all_in_once(desk: Desk) -> None:
    async with desk.signed_in("小林", OPERATOR) as browser:
        answer = await checked(browser, "rooms", ROOMS)
        assert answer.status_code == 200
        assert counted(desk, Room) == 0
        given = {"ticket": ticket(answer)}
        assert (await browser.post("/data/import", data=given)).status_code == 303
        assert counted(desk, Room) == 2
        assert (await browser.post("/data/import", data=given)).status_code == 422
        again = await checked(browser, "rooms", ROOMS)
        assert "ticket" not in again.text, "the same again has nothing to take in"


async def test_a_wrong_line_is_told_and_nothing_is_taken_in(desk: Desk) -> None:
    async with desk.signed_in("小林", OPERATOR) as browser:
        answer = await checked(browser, "rooms", ROOMS + ",三群,美妆,\n".encode())
        assert answer.status_code == 422
        assert "<td>4</td>" in answer.text
        assert "ticket" not in answer.text
    assert counted(desk, Room) == 0


async def test_a_calendar_goes_out_and_comes_in_again_unchanged(desk: Desk) -> None:
    desk.rooms(1)
    async with program(desk) as client:
        await client.put("/api/v1/series/qa", json={"series": SERIES})
    async with desk.signed_in("小林", ADMIN) as browser:
        for form in ("yaml", "xlsx"):
            out = await browser.get(f"/data/export/calendar/{form}")
            assert out.status_code == 200
            same = await checked(browser, "calendar", out.content, f"日历.{form}")
            assert "ticket" not in same.text, form
        changed = (await browser.get("/data/export/calendar/yaml")).content.replace(
            "老师在群里".encode(), "两位老师在群里".encode()
        )
        answer = await checked(browser, "calendar", changed, "日历.yaml")
        assert "steps" in answer.text
        assert (await browser.get("/data/export/calendar/ics")).text.startswith("BEGIN:VCALENDAR")


async def test_somebody_elses_file_is_not_there(desk: Desk) -> None:
    async with (
        desk.signed_in("小林", OPERATOR) as browser,
        desk.signed_in("阿原", OPERATOR) as other,
    ):
        given = {"ticket": ticket(await checked(browser, "rooms", ROOMS))}
        assert (await other.post("/data/import", data=given)).status_code == 422
        assert (await other.post("/data/import", data={"ticket": "../x"})).status_code == 422
    assert counted(desk, Room) == 0


async def test_a_scope_keeps_files_away_and_narrows_the_rooms(desk: Desk) -> None:
    desk.rooms(2)
    async with desk.signed_in("阿原", OPERATOR, verticals=["美妆"]) as browser:
        assert (await checked(browser, "rooms", ROOMS)).status_code == 403
        assert (await browser.get("/data/export/deliveries")).status_code == 403
        assert (await browser.get("/data/export/calendar/yaml")).status_code == 403
        rooms = await browser.get("/data/export/rooms")
        assert rooms.status_code == 200
        assert "chatroom" not in rooms.text


async def test_what_members_said_is_for_admins(desk: Desk) -> None:
    async with desk.signed_in("阿原", APPROVER) as browser:
        for subject in ("messages", "orders", "attribution"):
            assert (await browser.get(f"/data/export/{subject}")).status_code == 403
        assert (await checked(browser, "orders", b"x")).status_code == 403


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_every_table_goes_out(desk: Desk, form: str) -> None:
    desk.rooms(3)
    async with desk.signed_in("小林", ADMIN) as browser:
        for subject in ("rooms", "deliveries", "engagement", "orders", "attribution", "messages"):
            path = f"/data/export/{subject}?form={form}&since=2026-01-01&until=2027-01-01"
            answer = await browser.get(path)
            assert answer.status_code == 200, subject
            if subject == "rooms" and form == "csv":
                assert "ticket" not in (await checked(browser, "rooms", answer.content)).text
            if form == "xlsx":
                sheet = openpyxl.load_workbook(BytesIO(answer.content)).active
                assert sheet is not None
                assert sheet.cell(1, 1).value
        assert (await browser.get("/data/export/rooms?since=x")).status_code == 422


async def test_special_days_come_from_a_file_and_a_wrong_line_is_told(desk: Desk) -> None:
    right = "日期,这一天,备注\n2027-02-05,放假,春节\n2027-02-14,上班,\n2027/3/8,停发,店庆\n"
    async with desk.signed_in("小林", OPERATOR) as browser:
        assert (await checked(browser, "days", right.encode())).status_code == 403
    async with desk.signed_in("小江", ADMIN) as browser:
        wrong = await checked(
            browser, "days", f"{right}2027-02-05,休息,\n2027-02-14,停发,\n".encode()
        )
        assert wrong.status_code == 422
        assert "不认识“休息”" in wrong.text and "2027-02-14 写了两次" in wrong.text
        answer = await checked(browser, "days", right.encode("gb18030"))
        assert (await browser.post("/data/import", data={"ticket": ticket(answer)})).is_redirect
        page = (await browser.get("/settings?year=2027")).text
        for text in ("2027-02-05", "2027-02-14", "2027-03-08", "店庆"):
            assert text in page
        again = await checked(browser, "days", right.encode())
        assert "ticket" not in again.text


async def test_a_shop_that_nobody_tried_says_so_where_shops_are_listed(desk: Desk) -> None:
    desk.restart(shops=f"{they.URLS['youzan']} {they.URLS['shopify']}")
    async with desk.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get("/data")).text
    shown = page.partition('id="shops"')[2].partition("</table>")[0]
    of_kind = {row.partition("<")[0].strip(): row for row in shown.split("<tr><td>")[1:]}
    assert {title for title, row in of_kind.items() if "未对真实店铺验证" in row} == {
        "有赞", "抖店", "微信小店",
    }  # fmt: skip
    assert "/webhooks/orders/yz" in of_kind["有赞"]
    assert "没有配置" in of_kind["抖店"]
    assert "hush" not in page
    async with desk.signed_in("小王", OPERATOR, verticals=["美妆"]) as browser:
        assert 'id="shops"' not in (await browser.get("/data")).text
