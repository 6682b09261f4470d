"""What rose in a week leads to its messages, and by one click into next week's Q&A day."""

import datetime as dt
import html
import re

import httpx
import pytest
from sqlalchemy import update

from bot import database
from bot.models import (
    Account,
    Audit,
    DigestScope,
    Message,
    OperatorRole,
    PickedQuestion,
    Room,
    SeriesState,
    Topic,
    TopicKind,
)
from bot.settings import Settings
from content_calendar import calendar_file, contact, definition, interchange
from tests.console.conftest import Desk
from tests.saying import member_says, record, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
WEEK, COMPUTED = dt.date(2026, 11, 16), dt.datetime(2026, 11, 23, 19, 0, tzinfo=dt.UTC)
ASKED = "红屁屁怎么办？"
DAY = "2026-12-02 qa"
CALENDAR = """
version: 1
zone: Asia/Shanghai
series:
  - key: qa
    name: 宝妈问题解答日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2026-12-31
    recurrence: {weekly: [周三]}
    at: "20:00"
    audience: {verticals: [宝妈育儿]}
    steps:
      - {name: 开场, text: "问题解答日开始啦{% if picked %}，先答：\\n{{ picked }}{% endif %}"}
"""


def talk(console: Desk, vertical: str, text: str) -> None:
    """Five members of a room of this vertical ask the same; as the nightly job would store it."""
    room = f"{vertical}@chatroom"
    record(
        console.engine,
        *(
            member_says(text, f"2026-11-18 10:0{n}", room=room, sender=f"wxid_{n}", name=f"妈{n}")
            for n in range(5)
        ),
    )
    said = sorted(rows(console.engine, Message), key=lambda each: int(each.id))[-5:]
    row = {
        "week": WEEK, "kind": TopicKind.QUESTION, "rank": 1, "text": None, "day": said[0].day,
        "room_id": said[0].room_id, "message_id": said[0].id, "messages": [each.id for each in said],
        "score": 3.2, "count": 5, "before": 1.2, "members": 5, "rooms": 1, "rule_version": 2,
        "computed_at": COMPUTED,
    }  # fmt: skip
    word = row | {
        "kind": TopicKind.WORD, "text": text[:3],
        **dict.fromkeys(("day", "room_id", "message_id", "messages")),
    }  # fmt: skip
    table = database.table(Room)
    with database.transaction(console.engine) as session:
        account = Account(name=f"bot-{vertical}", gateway="memory", online=True)
        session.add(account)
        session.flush()
        session.connection().execute(
            update(table)
            .where(table.c.platform_id == room)
            .values(vertical=vertical, topic=room, account_id=account.id)
        )
        scopes = [(DigestScope.VERTICAL, vertical)]
        if vertical == "宝妈育儿":
            scopes.append((DigestScope.FLEET, ""))
        for scope, target in scopes:
            for each in (row, word):
                made = each | {"scope": scope, "target": target}
                database.insert_rows(session, Topic, [made])


def calendar(console: Desk) -> None:
    read = calendar_file.read(CALENDAR.encode(), "calendar.yaml", "Asia/Shanghai")
    with database.transaction(console.engine) as session:
        changes = interchange.take_in(session, read.series, "小李", console.now)
        rules = contact.rules(Settings(_env_file=None))
        interchange.approve(session, changes, "小李", console.now, rules)


def days(page: httpx.Response) -> list[str]:
    return re.findall(r'name="day" value="([^"]+)"', page.text)


async def test_a_question_goes_into_next_weeks_day_and_shows_where_it_will_be_said(
    desk: Desk,
) -> None:
    talk(desk, "宝妈育儿", ASKED)
    calendar(desk)
    async with desk.signed_in("小林", OPERATOR) as browser:
        page = await browser.get("/topics")
        assert ASKED in page.text and "5 条，往常 1.2 条 · 5 人 · 1 个群 · z 3.2" in page.text
        assert days(page) == [DAY]
        picked = await browser.post("/topics/pick", data={"day": DAY, "question": ASKED})
        assert picked.status_code == 303
        (row,) = rows(desk.engine, PickedQuestion)
        assert (row.text, row.original_date, row.by) == (ASKED, dt.date(2026, 12, 2), "小林")
        occurrence = html.unescape((await browser.get("/calendar/qa/2026-12-02")).text)
        assert f"1. {ASKED}" in occurrence and "挑中的问题" in occurrence
        assert ASKED in (await browser.get("/series/qa/run")).text
        again = await browser.post("/topics/pick", data={"day": DAY, "question": ASKED})
        assert again.status_code == 303 and len(rows(desk.engine, PickedQuestion)) == 1
        await browser.post("/topics/unpick", params={"day": DAY, "question": ASKED})
        assert rows(desk.engine, PickedQuestion) == []
    done = [each.action for each in rows(desk.engine, Audit)]
    assert done[-2:] == ["series.pick", "series.unpick"]


async def test_a_week_without_a_day_gets_one_as_a_draft_that_says_the_question(desk: Desk) -> None:
    talk(desk, "宝妈育儿", ASKED)
    async with desk.signed_in("小林", OPERATOR) as browser:
        assert "建一期" in (await browser.get("/topics?vertical=宝妈育儿")).text
        made = await browser.post("/topics/day", data={"question": ASKED, "vertical": "宝妈育儿"})
        assert made.headers["location"] == "/series/qa-2026-12-02"
        shown = await browser.get("/calendar/qa-2026-12-02/2026-12-02")
        assert f"1. {ASKED}" in html.unescape(shown.text)
    with database.reading(desk.engine) as session:
        (stored,) = definition.stored(session)
    assert stored.state is SeriesState.DRAFT
    assert stored.definition.audience.verticals == ("宝妈育儿",)


async def test_every_figure_leads_to_the_messages_behind_it(desk: Desk) -> None:
    talk(desk, "宝妈育儿", ASKED)
    async with desk.signed_in("小林", OPERATOR) as browser:
        for kind in ("question", "word"):
            page = (await browser.get(f"/topics/{kind}/1?week=2026-11-18")).text
            assert page.count(ASKED) >= 5 and "宝妈育儿@chatroom" in page, kind
        assert (await browser.get("/topics/word/2")).status_code == 404
        empty = await browser.get("/topics?week=2026-11-09")
        assert "没有问得多起来的" in empty.text


async def test_what_fewer_than_five_said_is_told_in_their_room_only(desk: Desk) -> None:
    talk(desk, "宝妈育儿", ASKED)
    topic, (room,) = database.table(Topic), rows(desk.engine, Room)
    with database.transaction(desk.engine) as session:
        session.connection().execute(update(topic).values(members=4))
        session.connection().execute(
            update(topic)
            .where(topic.c.scope == DigestScope.VERTICAL)
            .values(scope=DigestScope.ROOM, target=room.platform_id)
        )
    async with desk.signed_in("小林", OPERATOR) as browser:
        everywhere = (await browser.get("/topics?week=2026-11-18")).text
        assert "没有问得多起来的" in everywhere and "没有说得多起来的词" in everywhere
        for kind in ("question", "word"):
            hidden = await browser.get(f"/topics/{kind}/1?week=2026-11-18")
            assert hidden.status_code == 404, kind
        here = (await browser.get(f"/topics?week=2026-11-18&room={room.id}")).text
        assert ASKED in here and "没有说得多起来的词" not in here


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
async def test_who_sees_one_vertical_sees_and_changes_nothing_else(
    desk: Desk, role: OperatorRole
) -> None:
    talk(desk, "宝妈育儿", ASKED)
    talk(desk, "美妆", "粉底卡粉怎么办？")
    calendar(desk)
    foreign = next(each.id for each in rows(desk.engine, Room) if each.vertical == "宝妈育儿")
    async with desk.signed_in("阿原", role, verticals=["美妆"]) as browser:
        page = (await browser.get("/topics")).text
        assert "红屁屁" not in page and "宝妈" not in page
        assert ("粉底卡粉" in page) == (role is OPERATOR)
        for path in ("/topics?vertical=宝妈育儿", f"/topics?room={foreign}"):
            assert (await browser.get(path)).status_code == 404, path
        if role is OPERATOR:
            asked = {"question": "粉底卡粉怎么办？"}
            assert (await browser.get("/topics/word/1?vertical=宝妈育儿")).status_code == 404
            picked = await browser.post("/topics/pick", data=asked | {"day": DAY})
            assert picked.status_code == 404
            for vertical in ("", "宝妈育儿"):
                made = await browser.post("/topics/day", data=asked | {"vertical": vertical})
                assert made.status_code == 403
    async with desk.signed_in("小周", role, tags=["北京"]) as browser:
        page = (await browser.get("/topics")).text
        assert "红屁屁" not in page and "选一个群看" in page
    assert rows(desk.engine, PickedQuestion) == []
