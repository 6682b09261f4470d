"""Plan a series in the form, submit it, let a second person approve; two people edit one."""

import json
import re

import httpx

from bot import database
from bot.console import drafting
from bot.models import OperatorRole, SeriesState
from content_calendar import definition
from content_calendar.definition import Stored
from tests.console.conftest import HOST, Desk

FORM = {
    "key": "qa", "name": "宝妈问题解答日", "kind": "问题解答日", "starts": "2026-11-24",
    "ends": "2026-12-31", "at": "20:00", "holidays": "keep", "rule": "weekly", "weekly": "周三",
    "verticals": "宝妈育儿", "step_was": "", "step_name": "开场", "step_days": "0", "step_at": "",
    "step_text": "{{ room }}开始啦", "version": "0",
}  # fmt: skip


def stands(desk: Desk) -> Stored:
    with database.reading(desk.engine) as session:
        return definition.stored(session, keys=["qa"])[0]


async def plan(browser: httpx.AsyncClient) -> None:
    made = await browser.post("/series/new", data=FORM)
    assert made.status_code == 303, made.text


def edited(series: Stored, base: dict[str, object], **values: str) -> dict[str, str]:
    common = {"version": str(series.version), "base": json.dumps(base), "step_was": "开场"}
    return FORM | common | values


async def test_a_series_is_planned_shown_submitted_and_approved_by_a_second_person(
    desk: Desk,
) -> None:
    desk.rooms(3)
    desk.restart(four_eyes_rooms=2)
    async with (
        desk.signed_in("小林", OperatorRole.APPROVER) as writer,
        desk.signed_in("阿原", OperatorRole.APPROVER) as second,
    ):
        checked = await writer.post("/series/check", data=FORM)
        assert "3 个群" in checked.text and "11-25" in checked.text
        assert "宝妈育儿 0 群开始啦" in checked.text
        await plan(writer)
        assert (await writer.post("/series/qa/submit", data={"version": "1"})).status_code == 303
        assert "宝妈问题解答日" in (await second.get("/approvals")).text
        own = await writer.get("/series/qa/run")
        assert "不能自己批准" in own.text
        assert (await writer.post("/series/qa/approve", data={"version": "1"})).status_code == 422
        assert (await second.post("/series/qa/approve", data={"version": "1"})).status_code == 303
    assert stands(desk).state is SeriesState.APPROVED


async def test_of_two_people_who_edit_one_series_the_second_is_told_and_loses_nothing(
    desk: Desk,
) -> None:
    desk.rooms(3)
    async with (
        desk.signed_in("小林", OperatorRole.OPERATOR) as first,
        desk.signed_in("阿原", OperatorRole.OPERATOR) as second,
    ):
        await plan(first)
        before = stands(desk)
        base = drafting.mapping(before.definition)
        saved = await first.post("/series/qa", data=edited(before, base, at="19:00"))
        assert saved.status_code == 303, saved.text
        mine = edited(before, base, name="新名字")
        auto = await second.post("/series/qa/autosave", data=mine)
        assert auto.status_code == 409 and "小林" in auto.json()["told"]
        told = await second.post("/series/qa", data=mine)
        assert told.status_code == 409
        assert "小林" in told.text and "新名字" in told.text
    merged = drafting.merged(
        base | {"name": "新名字"}, base, drafting.mapping(stands(desk).definition)
    )
    assert (merged["name"], merged["at"]) == ("新名字", "19:00")


async def test_what_the_form_has_no_control_for_stays_as_it_is(desk: Desk) -> None:
    desk.rooms(3)
    async with desk.signed_in("小林", OperatorRole.OPERATOR) as browser:
        await plan(browser)
        shown = await browser.get("/series/qa")
        yaml = re.search(r'name="text"[^>]*>(.*?)</textarea>', shown.text, re.S)
        assert yaml
        text = yaml[1].strip().replace("&#34;", '"').replace("&#39;", "'")
        text = text.replace("text: '{{", "texts: {美妆: 专场}\n    text: '{{")
        data = {"version": "1", "text": text}
        assert (await browser.post("/series/qa/yaml", data=data)).status_code == 303
        before = stands(desk)
        assert before.definition.steps[0].texts == {"美妆": "专场"}
        base = drafting.mapping(before.definition)
        again = await browser.post("/series/qa", data=edited(before, base, name="换了名字"))
        assert again.status_code == 303, again.text
    after = stands(desk).definition
    assert (after.name, after.steps[0].texts) == ("换了名字", {"美妆": "专场"})


async def test_an_occurrence_is_moved_and_moved_back_and_nobody_moves_rooms_of_others(
    desk: Desk,
) -> None:
    desk.rooms(3)
    async with (
        desk.signed_in("小林", OperatorRole.OPERATOR) as browser,
        desk.signed_in("阿原", OperatorRole.OPERATOR, verticals=["美妆"]) as other,
    ):
        await plan(browser)
        path = "/calendar/qa/2026-12-02"
        assert (await other.get(path)).status_code == 404
        assert (await other.post(f"{path}/move", data={"to": "2026-12-03"})).status_code == 404
        moved = await browser.post(f"{path}/move", data={"to": "2026-12-03", "version": "1"})
        assert moved.status_code == 303, moved.text
        stale = await browser.post(f"{path}/move", data={"to": "2026-12-04", "version": "1"})
        assert stale.status_code == 409
        feed = await browser.get("/calendar/feed?start=2026-12-01&end=2026-12-05")
        assert [each["start"] for each in feed.json()["events"]] == ["2026-12-03T20:00:00"]
        assert (await browser.post(f"{path}/move?back_to=2026-12-02")).status_code == 303
        assert (await browser.post(f"{path}/skip")).status_code == 303
        gone = await browser.get("/calendar/feed?start=2026-12-01&end=2026-12-05")
        assert gone.json()["events"] == []


def test_what_a_form_sends_as_text_is_nobodys_change() -> None:
    base = {"late_by_minutes": 180, "recurrence": {"every_days": 2}, "name": "夜谈", "steps": []}
    mine = base | {"late_by_minutes": "180", "recurrence": {"every_days": "2"}, "name": "宝妈夜谈"}
    theirs = base | {"late_by_minutes": 60, "recurrence": {"every_days": 3}}
    assert drafting.merged(mine, base, theirs) == theirs | {"name": "宝妈夜谈"}
    lunar = base | {"recurrence": {"lunar": ["01-15"]}}
    assert drafting.merged(lunar, base | {"recurrence": {"lunar": "01-15"}}, theirs) == theirs


async def test_after_a_page_that_only_answers_a_form_one_goes_back_to_one_that_opens(
    desk: Desk,
) -> None:
    desk.rooms(1)
    async with desk.signed_in("小林", OperatorRole.ADMIN) as browser:
        await plan(browser)
        base = drafting.mapping(stands(desk).definition)
        mine = {"mine": json.dumps(base), "base": json.dumps(base)}
        merged = await browser.post("/series/qa/merge", data=mine)
        assert merged.status_code == 200 and 'hx-get="/"' in merged.text
        for came, goes in (("/series/qa/merge", "/"), ("/series/qa?a=b", "/series/qa?a=b")):
            headers = {"referer": f"{HOST}{came}"}
            answer = await browser.post("/pause", data={"reason": "测试"}, headers=headers)
            assert answer.headers["location"] == goes
            await browser.post("/resume", data={"reason": "好了"})


async def test_a_picture_is_kept_once_under_its_name_and_nothing_else_is(desk: Desk) -> None:
    png, other = b"\x89PNG\r\n\x1a\n" + b"1" * 40, b"\x89PNG\r\n\x1a\n" + b"2" * 40
    async with desk.signed_in("小林", OperatorRole.OPERATOR) as browser:

        async def sent(name: str, content: bytes) -> httpx.Response:
            return await browser.post("/pictures", files={"file": (name, content)})

        for name, content, kept in (
            ("海报.png", png, "海报.png"), ("海报.png", png, "海报.png"), ("海报.png", other, "海报-2.png"),
            ("../../etc/passwd", other, "passwd.png"), ("a.exe", b"\xff\xd8\xff1", "a.jpg"),
        ):  # fmt: skip
            assert (await sent(name, content)).json() == {"name": kept}
        assert (await browser.get("/pictures/海报.png")).content == png
        assert (await browser.get("/pictures/..%2fsecret")).status_code == 404
        for content in (b"", b"<svg onload=alert(1)>", png + b"3" * 3_000_000):
            assert (await sent("b.png", content)).status_code == 422
    folder = desk.home / "attachments"
    assert sorted(each.name for each in folder.iterdir()) == [
        "a.jpg", "passwd.png", "海报-2.png", "海报.png",
    ]  # fmt: skip


async def test_cards_of_a_step_are_planned_in_the_form_and_keep_their_picture(desk: Desk) -> None:
    desk.rooms(1)
    card = {
        "step_link": "https://shop.example/a", "step_link_title": "今晚的券", "step_link_text": "满减",
        "step_app": "wx12", "step_app_title": "小店", "step_app_path": "pages/a",
    }  # fmt: skip
    async with desk.signed_in("小林", OperatorRole.OPERATOR) as browser:
        made = await browser.post("/series/new", data=FORM | card)
        assert made.status_code == 303, made.text
        step = drafting.mapping(stands(desk).definition)["steps"][0]
        assert step["link"] == {
            "url": "https://shop.example/a", "title": "今晚的券", "description": "满减",
        }  # fmt: skip
        assert step["mini_program"] == {"app": "wx12", "title": "小店", "path": "pages/a"}
        shown = (await browser.post("/series/check", data=FORM | card)).text
        assert "今晚的券" in shown and "小店" in shown
    base = drafting.mapping(stands(desk).definition)
    base["steps"][0]["link"]["image"] = "https://shop.example/a.png"
    named = {"step_name": ["开场"], "step_was": ["开场"]}
    gone = drafting.over(base, drafting.Form(**named))
    assert "link" not in gone["steps"][0] and "mini_program" not in gone["steps"][0]
    kept = drafting.over(
        base, drafting.Form(**named, **{name: [each] for name, each in card.items()})
    )
    assert kept["steps"][0]["link"]["image"] == "https://shop.example/a.png"
