"""People on pages: tags with reasons, only of rooms that the operator sees; a draw is logged."""

import re

import pytest
from sqlalchemy import update

from bot import database
from bot.gateway import Said
from bot.insights import needs, segments, subjects
from bot.membership_files import MembershipRow
from bot.membership_files import record as record_memberships
from bot.models import Audit, Contact, Invitation, OperatorRole, Room
from bot.orders import people
from tests.console.conftest import NOW, Desk
from tests.journeys.test_segments import a_shop, bought, tell_orders
from tests.saying import ROOM, SHANGHAI, member_says, record, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
ELSEWHERE = "room2@chatroom"
TODAY = NOW.astimezone(SHANGHAI).date()


@pytest.fixture
def community(desk: Desk) -> Desk:
    """小雨妈 in both rooms (who says in the second one what she wants), 豆豆 in the second alone."""
    a_shop(desk.engine)
    with database.transaction(desk.engine) as session:
        told = [
            MembershipRow(ROOM, "rain", unionid="u1"),
            MembershipRow(ELSEWHERE, "rain", unionid="u1"),
            MembershipRow(ELSEWHERE, "bean", unionid="u2"),
        ]
        record_memberships(session, told, b"secret", NOW)
        people.resolve(session)
        room = database.table(Room)
        for platform_id, topic, vertical in (
            (ROOM, "一群", "宝妈育儿"), (ELSEWHERE, "二群", "职场穿搭"),
        ):  # fmt: skip
            session.connection().execute(
                update(room)
                .where(room.c.platform_id == platform_id)
                .values(topic=topic, vertical=vertical)
            )
        contacts = database.table(Contact)
        for platform_id, name in (("rain", "小雨妈"), ("bean", "豆豆<b>")):
            session.connection().execute(
                update(contacts).where(contacts.c.platform_id == platform_id).values(name=name)
            )
    tell_orders(
        desk.engine, bought("u1", "D1", 30_000, 10), bought("u1", "D1", 30_000, 40),
        bought("u2", "F1", 100, 30),
    )  # fmt: skip
    record(desk.engine, *(wanting(day) for day in (10, 12, 14)))
    return desk


def wanting(day: int) -> Said:
    """What 小雨妈 says in the second room."""
    text = f"{day} 号先看成分表再说吧"
    return member_says(text, f"2026-11-{day} 10:00", sender="rain", id=f"need{day}", room=ELSEWHERE)


def night(desk: Desk) -> None:
    """What the nightly work does for profiles."""
    needs.refresh(desk.engine, TODAY - subjects.NEED_BACK * subjects.DAY)
    with database.transaction(desk.engine) as session:
        segments.refresh(session, TODAY, SHANGHAI)


def contact(desk: Desk, platform_id: str) -> int:
    """Our id of a contact."""
    (found,) = [row.id for row in rows(desk.engine, Contact) if row.platform_id == platform_id]
    return int(found)


async def test_an_empty_page_teaches(desk: Desk) -> None:
    async with desk.signed_in("小林", VIEWER) as browser:
        for path in ("/people", "/people/candidates", "/people/buyers"):
            assert (await browser.get(path)).status_code == 200
        assert "还没有算过标签" in (await browser.get("/people")).text


async def test_a_person_is_found_by_tag_and_name_with_the_reason_and_the_words(
    community: Desk,
) -> None:
    night(community)
    async with community.signed_in("小林", OPERATOR) as browser:
        every = (await browser.get("/people")).text
        assert "小雨妈" in every
        assert "豆豆&lt;b&gt;" in every
        tagged = (await browser.get("/people", params={"tag": ["成分党", "复购"]})).text
        assert "小雨妈" in tagged
        assert "豆豆" not in tagged
        assert "豆豆" in (await browser.get("/people", params={"search": "豆豆"})).text
        assert "没有符合的人" in (await browser.get("/people", params={"search": "%"})).text
        one = (await browser.get(f"/people/{contact(community, 'rain')}")).text
        assert "90 天里有 3 条消息说到" in one
        assert one.count("号先看成分表再说吧") == 3
        assert "二群" in one
        assert (await browser.get("/people/999")).status_code == 404
        assert "小雨妈" in (await browser.get("/people", params={"number": 10**18})).text
        beyond = await browser.get("/people/candidates", params={"number": 10**18})
        assert beyond.status_code == 200


async def test_one_message_stands_behind_every_tag_that_it_speaks_for(community: Desk) -> None:
    both = [
        member_says(f"{day} 号看成分表，没效果就算了", f"2026-11-{day} 11:00", sender="rain", id=f"b{day}",
                    room=ELSEWHERE)
        for day in (15, 16, 17)
    ]  # fmt: skip
    record(community.engine, *both)
    night(community)
    async with community.signed_in("小林", OPERATOR) as browser:
        one = (await browser.get(f"/people/{contact(community, 'rain')}")).text
        room = (await browser.get("/rooms/2")).text
    for tag in ("成分党", "功效党"):
        assert f">{tag}</a>" in one
    assert one.count("17 号看成分表，没效果就算了") == 2
    # From the room a member leads to their page.
    assert f'<a href="/people/{contact(community, "rain")}">小雨妈</a>' in room


async def test_only_operators_read_the_words_and_a_recalled_one_is_gone(community: Desk) -> None:
    night(community)
    back = member_says(
        None, "2026-11-14 10:01", sender="rain", type="recall", recalls="need14", room=ELSEWHERE
    )
    record(community.engine, back)
    path = f"/people/{contact(community, 'rain')}"
    async with community.signed_in("小王", VIEWER) as browser:
        assert "成分表" not in (await browser.get(path)).text
    async with community.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(path)).text
        assert "12 号先看成分表" in page
        assert "14 号先看成分表" not in page
        assert "已撤回" in page


async def test_somebody_scoped_to_one_vertical_sees_its_people_and_nothing_of_other_rooms(
    community: Desk,
) -> None:
    night(community)
    async with community.signed_in("小王", OPERATOR, verticals=["宝妈育儿"]) as browser:
        every = (await browser.get("/people")).text
        assert "小雨妈" in every
        assert "豆豆" not in every
        assert "二群" not in every
        assert re.search(r"1 人", every)
        one = (await browser.get(f"/people/{contact(community, 'rain')}")).text
        assert "成分表" not in one
        assert "二群" not in one
        assert (await browser.get(f"/people/{contact(community, 'bean')}")).status_code == 404
        assert (await browser.get("/people/buyers")).status_code == 403
        drawn = await browser.post("/people/candidates", data={"program": "体验官"})
        assert drawn.status_code == 403


async def test_a_draw_is_logged_and_shown_and_needs_a_name(community: Desk) -> None:
    talking = [
        member_says(f"今天带娃去哪儿好 {day}", f"2026-11-{day:02} 09:00", sender="bean", id=f"t{day}",
                    room=ELSEWHERE)
        for day in range(5, 20)
    ]  # fmt: skip
    record(community.engine, *talking)
    async with community.signed_in("小林", OPERATOR) as browser:
        early = await browser.post("/people/candidates", data={"program": "体验官"})
        assert "还没有算过标签" in early.text
        night(community)
        assert "豆豆" in (await browser.get("/people/candidates")).text
        nameless = await browser.post("/people/candidates", data={"program": " "})
        assert "计划没有名字" in nameless.text
        done = await browser.post("/people/candidates", data={"program": "体验官", "share": "50"})
        assert done.status_code == 303
        (invitation,) = rows(community.engine, Invitation)
        assert (invitation.program, invitation.by) == ("体验官", "小林")
        assert "invitation.draw" in {row.action for row in rows(community.engine, Audit)}
        shown = (await browser.get("/people/candidates")).text
        assert "不作估计" in shown
        arm = invitation.arm.value
        assert f"arm={arm}" in shown and "抽到的 1 人" in shown
        asked = {"program": "体验官", "arm": arm}
        assert "豆豆" in (await browser.get("/people/drawn", params=asked)).text
    async with community.signed_in("小丽", OPERATOR, verticals=["美妆"]) as somebody:
        assert (await somebody.get("/people/drawn", params=asked)).status_code == 403


async def test_buyers_are_told_by_month_with_intervals(community: Desk) -> None:
    tell_orders(
        community.engine,
        *(bought(f"p{number}", "D1", 10_000, 130) for number in range(40)),
        *(bought(f"p{number}", "F1", 5_000, 100) for number in range(30)),
    )
    async with community.signed_in("小林", VIEWER) as browser:
        page = (await browser.get("/people/buyers")).text
        assert "2026-07" in page
        assert re.search(r"75%", page)
        assert "30/40 人" in page
        every = (await browser.get("/people/cohort", params={"month": "2026-07"})).text
        assert "40 人" in every and "不在群里的买家" in every
        again = (await browser.get("/people/cohort", params={"month": "2026-07", "later": 1})).text
        assert "30 人" in again and "第 1 个月又买了的" in again
        for nothing in ("2026-08", "2026-13", "rubbish", ""):
            empty = (await browser.get("/people/cohort", params={"month": nothing})).text
            assert "这个月没有首单的买家" in empty


async def test_a_cohort_of_fewer_than_five_is_counted_and_not_listed(community: Desk) -> None:
    async with community.signed_in("小林", VIEWER) as browser:
        asked = re.search(
            r"/people/cohort\?month=[0-9-]+", (await browser.get("/people/buyers")).text
        )
        assert asked is not None
        page = (await browser.get(asked[0])).text
        assert "2 人" in page and "不到 5 人，不列名单" in page and "u1-40" not in page
    async with community.signed_in("小丽", VIEWER, verticals=["美妆"]) as somebody:
        assert (await somebody.get(asked[0])).status_code == 403
