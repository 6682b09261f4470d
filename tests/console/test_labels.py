"""Marking on a page: drawn, marked, skipped, taken back, and what the marks say of the rules."""

import re

import httpx
from sqlalchemy import select

from bot import database
from bot.models import DrawnMessage, Mark, Message, OperatorRole
from tests.console.conftest import Desk
from tests.saying import member_says, record, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole


def talk(desk: Desk) -> None:
    """Questions, a complaint that the rules hear, and small talk."""
    said = [
        *(f"宝宝{number}个月能吃什么辅食?" for number in range(12)),
        "质量太差了,用两天就坏,要退货!",
        *(f"今天出门走了{number}公里" for number in range(12)),
    ]
    for number, text in enumerate(said):
        record(desk.engine, member_says(text, f"2026-11-23 10:{number:02}"))


def texts(desk: Desk) -> dict[tuple[int, int], str]:
    """The text of every drawn message by draw and place."""
    drawn, message = database.tables(DrawnMessage, Message)
    with database.reading(desk.engine) as session:
        found = session.connection().execute(
            select(drawn.c.draw_id, drawn.c.place, message.c.text).join(
                message, message.c.id == drawn.c.message_id
            )
        )
        return {(row.draw_id, row.place): row.text for row in found}


async def waiting(browser: httpx.AsyncClient) -> tuple[int, int] | None:
    """The draw and the place of the message that the page shows."""
    form = re.search(r'action="/labels/(\d+)/(\d+)/mark"', (await browser.get("/labels")).text)
    return (int(form[1]), int(form[2])) if form else None


async def test_marks_move_what_the_page_says_of_the_rules(desk: Desk) -> None:
    talk(desk)
    async with desk.signed_in("小林", OPERATOR) as browser:
        assert "抽一批来标" in (await browser.get("/labels")).text
        assert (await browser.post("/labels/draw")).status_code == 303
        known = texts(desk)
        assert len(known) == 25
        recalls = []
        while (at := await waiting(browser)) is not None:
            # Somebody takes every second small talk for a question that the rules did not hear.
            asked = "辅食" in known[at] or known[at].endswith(("2公里", "4公里"))
            kinds = {"kind": ["question"]} if asked else {}
            path = f"/labels/{at[0]}/{at[1]}/mark"
            assert (await browser.post(path, data=kinds)).status_code == 303
            found = re.search(
                r"<td>提问</td>.*?</tr>", (await browser.get("/labels")).text, re.DOTALL
            )
            if found:
                recalls.append(re.findall(r"(\d+)% <span", found[0])[-1])
        assert len(rows(desk.engine, Mark)) == 25
        assert {mark.by for mark in rows(desk.engine, Mark)} == {"小林"}
        assert len(set(recalls)) > 1
        again = await browser.post("/labels/draw", follow_redirects=True)
        assert "没有新的消息可抽" in again.text


async def test_a_message_is_skipped_taken_back_and_marked_once(desk: Desk) -> None:
    talk(desk)
    async with desk.signed_in("小林", OPERATOR) as browser:
        await browser.post("/labels/draw")
        first = await waiting(browser)
        assert first
        await browser.post(f"/labels/{first[0]}/{first[1]}/skip")
        assert await waiting(browser) != first
        await browser.post("/labels/undo")
        assert await waiting(browser) == first
        path = f"/labels/{first[0]}/{first[1]}/mark"
        await browser.post(path, data={"kind": ["question"]})
        late = await browser.post(path, data={"kind": ["complaint"]}, follow_redirects=True)
        assert "同事刚刚标了这一条" in late.text
        skipped = await browser.post(path.replace("/mark", "/skip"), follow_redirects=True)
        assert "同事刚刚标了这一条" in skipped.text
        (mark,) = rows(desk.engine, Mark)
        assert mark.kinds == ["question"]


async def test_who_sees_some_rooms_marks_nothing(desk: Desk) -> None:
    talk(desk)
    async with desk.signed_in("小王", OPERATOR, verticals=["宝妈育儿"]) as browser:
        assert (await browser.get("/labels")).status_code == 403
        assert (await browser.post("/labels/draw")).status_code == 403
    assert not rows(desk.engine, DrawnMessage)
