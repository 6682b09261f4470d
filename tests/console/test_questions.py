"""Questions that wait are listed, answered once, and become what the bot answers by itself."""

import datetime as dt
import re

import pytest
from sqlalchemy import update

from bot import database, desk, faq
from bot.console import live
from bot.models import (
    Audit,
    Delivery,
    DeliveryState,
    Faq,
    Message,
    OpenQuestion,
    OperatorRole,
    QuestionState,
    Room,
)
from content_calendar import words
from tests.console.conftest import NOW, Desk
from tests.saying import member_says, record, rows, rules

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
ASKED = "红屁屁怎么办"
ANSWER = "多晾一晾，勤换纸尿裤"


def ask(
    console: Desk, text: str = ASKED, at: str = "2026-11-23 10:00", vertical: str = "宝妈育儿"
) -> int:
    """One question of a room of this vertical, as the bot leaves it to people; its number."""
    room = f"{vertical}@chatroom"
    record(
        console.engine,
        member_says("大家早上好呀", at, room=room, sender="wxid_b", name="小雨妈"),
        member_says(text, at, room=room, sender="wxid_asker", name="糖糖妈"),
    )
    with database.transaction(console.engine) as session:
        table = database.table(Room)
        message = max(rows(console.engine, Message), key=lambda each: int(each.id))
        session.connection().execute(
            update(table).where(table.c.platform_id == room).values(vertical=vertical, topic=room)
        )
        asked = desk.Asked(message.id, message.room_id, message.contact_id, message.at)
        assert desk.ask(session, [asked]) == 1
    return int(rows(console.engine, OpenQuestion)[-1].id)


def listed(page: str) -> list[str]:
    return re.findall(r'class="asked-text" href="/questions/\d+" data-row>([^<]*)<', page)


async def test_what_is_overdue_comes_first_and_figures_say_what_they_are_out_of(
    desk: Desk,
) -> None:
    ask(desk, "什么时候发货？", "2026-11-24 10:00")
    ask(desk, "怎么退货？", "2026-11-22 10:00")
    answered = ask(desk, "尺码偏大吗？", "2026-11-22 11:00")
    ask(desk, "刚问的，还在等群友？", "2026-11-24 11:45")
    async with desk.signed_in("小林", OPERATOR) as browser:
        await browser.post(f"/questions/{answered}/dismiss", data={"reason": "不是提问"})
        page = (await browser.get("/questions")).text
        assert listed(page) == ["怎么退货？", "什么时候发货？"]
        assert listed((await browser.get("/questions?show=late")).text) == ["怎么退货？"]
        assert "超时 26 小时" in page and "还剩 22 小时" in page
        # Of the two whose day ended this week nobody answered one in time.
        assert "0 / 2 个" in page and "另有 1 个记为不用答" in page
        assert listed((await browser.get("/questions?show=dismissed")).text) == ["尺码偏大吗？"]


async def test_an_answer_is_sent_once_with_the_asker_mentioned(desk: Desk) -> None:
    question = ask(desk)
    async with (
        desk.signed_in("小林", OPERATOR) as browser,
        desk.signed_in("阿原", OPERATOR) as other,
    ):
        page = await browser.get(f"/questions/{question}")
        assert ASKED in page.text and "大家早上好呀" in page.text
        assert (await browser.post(f"/questions/{question}/claim")).status_code == 303
        refused = await other.post(f"/questions/{question}/answer", data={"text": "我来"})
        assert refused.status_code == 422
        for _ in range(2):
            answer = await browser.post(f"/questions/{question}/answer", data={"text": ANSWER})
        assert answer.status_code == 422
        shown = (await browser.get("/questions?show=answered")).text
        assert ANSWER in shown and "小林" in shown and "待发送" in shown
    (sent,) = rows(desk.engine, Delivery)
    assert (sent.text, sent.mentions) == (ANSWER, ["wxid_asker"])
    assert [each.action for each in rows(desk.engine, Audit)][-2:] == ["claim", "answer"]


async def test_what_was_written_survives_a_refusal_and_a_night(desk: Desk) -> None:
    question = ask(desk)
    with database.transaction(desk.engine) as session:
        words.add(session, ["最好的药"])
    async with desk.signed_in("小林", OPERATOR) as browser:
        bad = await browser.post(f"/questions/{question}/answer", data={"text": "这是最好的药"})
        assert bad.status_code == 422
        assert "违禁词" in bad.text and "这是最好的药</textarea>" in bad.text
        await browser.post(f"/questions/{question}/draft", data={"text": "明早问过医生再答"})
        assert "明早问过医生再答</textarea>" in (await browser.get(f"/questions/{question}")).text
    (row,) = rows(desk.engine, OpenQuestion)
    assert (row.state, row.claimed_by) == (QuestionState.CLAIMED, "小林")
    assert rows(desk.engine, Delivery) == []


async def test_what_a_colleague_prevents_is_shown_to_who_wrote_it(desk: Desk) -> None:
    question = ask(desk)
    async with (
        desk.signed_in("小林", OPERATOR) as browser,
        desk.signed_in("阿原", OPERATOR) as other,
    ):
        await browser.post(f"/questions/{question}/claim")
        for what in ("draft", "answer"):
            refused = await other.post(f"/questions/{question}/{what}", data={"text": "我写了半天"})
            assert refused.status_code == 422, what
            assert "readonly>我写了半天</textarea>" in refused.text, what
        assert "我写了半天" not in (await browser.get(f"/questions/{question}")).text


async def test_a_line_break_counts_as_one_character_as_it_does_in_the_browser(desk: Desk) -> None:
    question = ask(desk)
    text = "\r\n".join(["字" * 99] * 10)
    async with desk.signed_in("小林", OPERATOR) as browser:
        done = await browser.post(f"/questions/{question}/draft", data={"text": text})
        assert done.status_code == 303
        longer = f"{text}{'字' * 2}"
        refused = await browser.post(f"/questions/{question}/draft", data={"text": longer})
        assert refused.status_code == 422 and "写得太长了" in refused.text
        # As it was typed, to be copied and cut short.
        assert f"readonly>{longer.replace(chr(13), '')}</textarea>" in refused.text
        password = "x" * 1_001
        login = await browser.post("/login", data={"name": "小林", "password": password})
        assert login.status_code == 422 and password not in login.text
    (row,) = rows(desk.engine, OpenQuestion)
    assert row.draft == text.replace("\r\n", "\n")


async def test_an_answer_that_did_not_arrive_is_listed(desk: Desk) -> None:
    question = ask(desk)
    async with desk.signed_in("小林", OPERATOR) as browser:
        await browser.post(f"/questions/{question}/answer", data={"text": ANSWER})
        with database.transaction(desk.engine) as session:
            session.connection().execute(
                update(database.table(OpenQuestion)).values(closed_at=NOW - dt.timedelta(hours=9))
            )
        page = (await browser.get("/questions")).text
        assert "没送到" not in page and "1 / 1 个" in page
        ways = {each.replace("&amp;", "&") for each in re.findall(r'href="(/questi[^"]+)"', page)}
        for show in ("prompt", "ours"):
            (lead,) = [each for each in ways if f"show={show}" in each]
            assert listed((await browser.get(lead)).text) == [ASKED]
        with database.transaction(desk.engine) as session:
            session.connection().execute(
                update(database.table(Delivery)).values(
                    state=DeliveryState.FAILED, reason="机器人被移出了群"
                )
            )
        assert "没送到" in (await browser.get("/questions")).text
        assert listed((await browser.get("/questions?show=lost")).text) == [ASKED]
        # It counts no longer as answered in time; whom it was answered by stays true.
        assert "0 / 1 个" in (await browser.get("/questions")).text
        assert listed((await browser.get("/questions?show=prompt")).text) == []
        assert listed((await browser.get("/questions?show=ours")).text) == [ASKED]


async def test_an_answer_becomes_an_entry_that_the_bot_gives_until_it_is_retired(
    desk: Desk,
) -> None:
    question = ask(desk, "@小雨妈 红屁屁怎么办 电话13800138000")
    async with desk.signed_in("小林", OPERATOR) as browser:
        await browser.post(f"/questions/{question}/answer", data={"text": ANSWER})
        form = (await browser.get(f"/questions/faq/new?question={question}")).text
        assert 'value="红屁屁怎么办 电话"' in form and ANSWER in form and "138" not in form
        entry = {
            "vertical": "宝妈育儿", "question": ASKED, "answer": ANSWER,
            "alternatives": "屁屁红了怎么办\n", "made_of": str(question),
        }  # fmt: skip
        assert (await browser.post("/questions/faq", data=entry)).status_code == 303
        again = await browser.post("/questions/faq", data=entry)
        assert again.status_code == 422 and "已经有一条" in again.text
        trial = await browser.get("/questions/faq?trial=屁屁红了怎么办？&vertical=宝妈育儿")
        assert ANSWER in trial.text.split('id="trial-said"')[1].split("</form>")[0]
        (made,) = rows(desk.engine, Faq)
        assert (made.question_id, made.alternatives) == (question, ["屁屁红了怎么办"])
        assert best(desk) == ANSWER
        await browser.post(f"/questions/faq/{made.id}", data=entry | {"answer": "先别急"})
        assert best(desk) == "先别急"
        await browser.post(f"/questions/faq/{made.id}/retire")
        assert best(desk) is None
        assert ASKED in (await browser.get("/questions/faq?retired=true")).text
        await browser.post(f"/questions/faq/{made.id}/restore")
        assert best(desk) == "先别急"
    done = [each.action for each in rows(desk.engine, Audit) if each.object.startswith("faq:")]
    assert done == ["faq.add", "faq.change", "faq.retire", "faq.restore"]


def best(console: Desk) -> str | None:
    """What the bot says to the question in a room of the vertical."""
    with database.reading(console.engine) as session:
        return faq.curated(session, rules(console.engine).segmenter).best("宝妈育儿", ASKED)


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
async def test_who_sees_one_vertical_sees_and_changes_nothing_else(
    desk: Desk, role: OperatorRole
) -> None:
    own, foreign = ask(desk, ASKED), ask(desk, "粉底卡粉怎么办", vertical="美妆")
    with database.transaction(desk.engine) as session:
        for vertical in ("", "宝妈育儿", "美妆"):
            faq.add(session, faq.FaqRow(f"问{vertical}", f"答{vertical}", vertical), "测试", NOW)
    ids = {each.vertical: each.id for each in rows(desk.engine, Faq)}
    async with desk.signed_in("阿原", role, verticals=["宝妈育儿"]) as browser:
        for path in ("/questions", "/questions?show=late", "/questions?vertical=美妆"):
            page = (await browser.get(path)).text
            assert "粉底" not in page and "美妆" not in page.replace("vertical=美妆", "")
        assert (await browser.get(f"/questions/{foreign}")).status_code == 404
        own_page = (await browser.get(f"/questions/{own}")).text
        assert (ASKED in own_page) == (role is OPERATOR)
        entries = (await browser.get("/questions/faq")).text
        assert "问宝妈育儿" in entries and "问美妆" not in entries
        if role is VIEWER:
            return
        for path in ("claim", "release", "draft", "answer", "dismiss"):
            assert (await browser.post(f"/questions/{foreign}/{path}")).status_code == 404
        assert (await browser.get(f"/questions/faq/new?question={foreign}")).status_code == 404
        for vertical, status in (("", 403), ("美妆", 404), ("宝妈育儿", 303)):
            answer = await browser.post(f"/questions/faq/{ids[vertical]}/retire")
            assert answer.status_code == status, vertical
        for vertical in ("", "美妆"):
            entry = {"vertical": vertical, "question": "新的", "answer": "答"}
            assert (await browser.post("/questions/faq", data=entry)).status_code == 403
    (waiting,) = [each for each in rows(desk.engine, OpenQuestion) if each.id == foreign]
    assert waiting.state is QuestionState.OPEN


async def test_open_pages_are_told_when_a_question_is_listed_or_taken(desk: Desk) -> None:
    question = ask(desk, at="2026-11-24 11:45")
    before = mark(desk)
    desk.now += dt.timedelta(minutes=30)
    listed_now = mark(desk)
    assert before != listed_now
    async with desk.signed_in("小林", OPERATOR) as browser:
        await browser.post(f"/questions/{question}/claim")
    assert mark(desk) != listed_now


def mark(console: Desk) -> object:
    """What pages of questions are told of."""
    with database.reading(console.engine) as session:
        return live.marks(session, console.now)["questions"]
