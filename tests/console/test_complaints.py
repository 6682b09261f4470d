"""Complaints are looked after by one person, closed with what they came to, and opened again."""

import re

import pytest
from sqlalchemy import update

from bot import complaints, database
from bot.complaints import Heard
from bot.insights import segments
from bot.models import Audit, Complaint, ComplaintState, Message, OperatorRole, Room
from tests.console.conftest import NOW, Desk
from tests.saying import SHANGHAI, member_says, record, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
BROKEN = "收到就是破损的，太差了"


def complain(
    console: Desk,
    text: str = BROKEN,
    at: str = "2026-11-23 10:00",
    severity: int = 2,
    vertical: str = "宝妈育儿",
) -> int:
    """One case of a room of this vertical; its number."""
    room = f"{vertical}@chatroom"
    record(
        console.engine,
        member_says("快递刚到", at, room=room, sender="wxid_a", name="糖糖妈"),
        member_says(text, at, room=room, sender="wxid_a", name="糖糖妈"),
    )
    message = max(rows(console.engine, Message), key=lambda each: int(each.id))
    table = database.table(Room)
    with database.transaction(console.engine) as session:
        session.connection().execute(
            update(table).where(table.c.platform_id == room).values(vertical=vertical, topic=room)
        )
        case = Heard(
            message.id, message.room_id, message.contact_id, message.at, severity, "defect"
        )
        assert complaints.open_cases(session, [case]) == 1
    return int(rows(console.engine, Complaint)[-1].id)


def listed(page: str) -> list[str]:
    return re.findall(r'class="asked-text" href="/complaints/\d+" data-row>([^<]*)<', page)


async def test_what_is_overdue_comes_first_and_the_gravest_can_be_picked_out(desk: Desk) -> None:
    complain(desk, "用了过敏起疹子", "2026-11-24 10:00", 3)
    complain(desk, BROKEN, "2026-11-22 10:00")
    async with desk.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get("/complaints")).text
        assert listed(page) == [BROKEN, "用了过敏起疹子"]
        assert "超时 26 小时" in page and "0 / 1 起" in page
        assert listed((await browser.get("/complaints?severity=3")).text) == ["用了过敏起疹子"]
        assert listed((await browser.get("/complaints?show=late")).text) == [BROKEN]


async def test_a_figure_leads_to_the_cases_that_it_counts(desk: Desk) -> None:
    """In time: those whose day ended within a week; no complaint: what the rules opened of late."""
    recent = complain(desk, "裂了", "2026-11-22 10:00")
    running = complain(desk, "漏水", "2026-11-24 10:00", vertical="职场穿搭")
    complain(desk, "坏了", "2026-11-09 10:00")
    async with desk.signed_in("小林", OPERATOR) as browser:
        await browser.post(f"/complaints/{recent}/claim")
        await browser.post(f"/complaints/{recent}/close", data={"outcome": "none"})
        page = (await browser.get("/complaints")).text
        assert "0 / 1 起" in page and "结案的 1 起里" in page
        leads = {each.replace("&amp;", "&") for each in re.findall(r'href="(/compl[^"]+)"', page)}
        for show in ("week", "wrong"):
            (lead,) = [each for each in leads if f"show={show}" in each]
            assert listed((await browser.get(lead)).text) == ["裂了"], lead
        (room,) = [row.room_id for row in rows(desk.engine, Complaint) if row.id == running]
        for given, expected in (
            ({"week": "2026-W46"}, ["坏了"]),
            ({"week": "2026-W48", "room": room}, ["漏水"]),
            ({"week": "2026-W48", "vertical": "宝妈育儿"}, []),
            ({"outcome": "none"}, ["裂了"]),
            ({"owner": "没有这个人"}, []),
        ):
            answer = await browser.get("/complaints", params={"show": "all"} | given)
            assert listed(answer.text) == expected, given
        late = await browser.get("/complaints?show=late&week=2026-W46")
        assert listed(late.text) == ["坏了"]
        assert (await browser.get("/complaints?week=x")).status_code == 422


async def test_one_owner_closes_a_case_and_a_colleague_opens_it_again(desk: Desk) -> None:
    case = complain(desk)
    solved = {"outcome": "solved", "note": "补发一件，已道歉"}
    async with (
        desk.signed_in("小林", OPERATOR) as browser,
        desk.signed_in("阿原", OPERATOR) as other,
    ):
        page = (await browser.get(f"/complaints/{case}")).text
        assert BROKEN in page and "快递刚到" in page and "说商品有问题" in page
        assert "凭这些字：破损" in page
        await browser.post(f"/complaints/{case}/claim")
        assert "小林 在处理" in (await other.get("/complaints")).text
        refused = await other.post(f"/complaints/{case}/close", data=solved)
        assert refused.status_code == 422
        assert "readonly>补发一件，已道歉</textarea>" in refused.text
        assert rows(desk.engine, Complaint)[0].state is ComplaintState.CLAIMED
        assert (await browser.post(f"/complaints/{case}/close", data={})).status_code == 422
        await browser.post(f"/complaints/{case}/close", data=solved)
        closed = (await other.get("/complaints?show=closed")).text
        assert "解决了" in closed and "补发一件" in closed
        await other.post(f"/complaints/{case}/reopen")
        again = (await other.get(f"/complaints/{case}")).text
        assert "重开过 1 次" in again and "补发一件，已道歉" in again
        wrong = {"outcome": "none", "note": ""}
        await other.post(f"/complaints/{case}/close", data=wrong)
        assert "结案的 1 起里" in (await other.get("/complaints")).text
    done = [each.action for each in rows(desk.engine, Audit) if each.object == f"complaint:{case}"]
    assert done == ["claim", "close", "reopen", "close"]


async def test_a_case_leads_to_its_member_s_page_where_there_is_one(desk: Desk) -> None:
    case = complain(desk)
    path = f"/people/{rows(desk.engine, Complaint)[0].contact_id}"
    async with desk.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(f"/complaints/{case}")).text
        assert "糖糖妈" in page and f'href="{path}"' not in page
        with database.transaction(desk.engine) as session:
            segments.refresh(session, NOW.astimezone(SHANGHAI).date(), SHANGHAI)
        assert f'href="{path}"' in (await browser.get(f"/complaints/{case}")).text
        assert (await browser.get(path)).status_code == 200


@pytest.mark.parametrize("role", [VIEWER, OPERATOR])
async def test_who_sees_one_vertical_sees_and_changes_nothing_else(
    desk: Desk, role: OperatorRole
) -> None:
    own, foreign = complain(desk), complain(desk, "粉底是坏的", vertical="美妆")
    async with desk.signed_in("阿原", role, verticals=["宝妈育儿"]) as browser:
        page = (await browser.get("/complaints?show=late")).text
        assert "粉底" not in page and "美妆" not in page
        assert (await browser.get(f"/complaints/{foreign}")).status_code == 404
        assert (BROKEN in (await browser.get(f"/complaints/{own}")).text) == (role is OPERATOR)
        if role is OPERATOR:
            for path in ("claim", "release", "close", "reopen"):
                answer = await browser.post(
                    f"/complaints/{foreign}/{path}", data={"outcome": "none"}
                )
                assert answer.status_code == 404, path
    assert rows(desk.engine, Complaint)[foreign - 1].state is ComplaintState.OPEN
