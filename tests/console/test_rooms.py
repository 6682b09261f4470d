"""The list of rooms, one room, and the accounts: found, changed together, taken back."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from bot import database, pauses
from bot.console import regrouping
from bot.console.pages import room as room_page
from bot.console.pages.rooms import STATES
from bot.models import (
    Account,
    AccountRoom,
    Audit,
    Contact,
    DailyCount,
    Delivery,
    DeliveryKind,
    Membership,
    Message,
    MessageIdentity,
    OperatorRole,
    Pause,
    PauseScope,
    Room,
    RoomTag,
    Series,
)
from content_calendar import calendar_file, contact, interchange
from tests.console.conftest import NOW, Desk
from tests.console.test_overview import CALENDAR

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
ROOM, TAG, ACCOUNT, DELIVERY, AUDIT = database.tables(Room, RoomTag, Account, Delivery, Audit)


def ids(desk: Desk) -> list[int]:
    """Every room by id."""
    with database.reading(desk.engine) as session:
        return list(session.connection().scalars(select(ROOM.c.id).order_by(ROOM.c.id)))


def rooms(desk: Desk) -> Sequence[Any]:
    """Every room as it stands."""
    with database.reading(desk.engine) as session:
        return session.connection().execute(select(ROOM).order_by(ROOM.c.id)).all()


def tags(desk: Desk) -> dict[int, set[str]]:
    """The tags of every room that has some."""
    found: dict[int, set[str]] = {}
    with database.reading(desk.engine) as session:
        for row in session.connection().execute(select(TAG)):
            found.setdefault(row.room_id, set()).add(row.tag)
    return found


def account(desk: Desk, name: str, **values: Any) -> int:
    """An account of this name."""
    with database.transaction(desk.engine) as session:
        made = Account(name=name, gateway="memory", online=True, **values)
        session.add(made)
        session.flush()
        assert made.id
        return made.id


async def change(browser: httpx.AsyncClient, action: str, value: str, **more: Any) -> str:
    """What the form of the list sends; returns where the undo is."""
    query = more.pop("query", "")
    answer = await browser.post(
        f"/rooms/change{query}", data={"action": action, action: value, **more}
    )
    assert answer.status_code == 303, answer.text
    line = last_line(browser)
    return f"/rooms/undo/{line}" if line else ""


def last_line(browser: httpx.AsyncClient) -> str:
    """The undo of the toast that the last answer set."""
    toast = browser.cookies.get("qunyun_toast") or ""
    return (
        toast.partition("%2Frooms%2Fundo%2F")[2].partition("%22")[0]
        or (toast.partition("/rooms/undo/")[2].partition("%22")[0])
    )


@pytest.fixture
def full(desk: Desk) -> Desk:
    """Ten rooms in Beijing for mothers, five for beauty in Shanghai; one account serves them."""
    desk.rooms(10)
    desk.rooms(5, "美妆", "上海")
    with database.transaction(desk.engine) as session:
        first = session.connection().scalar(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id))
        session.connection().execute(ROOM.update().values(account_id=first))
    return desk


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("", 15),
        ("?search=美妆", 5),
        ("?search=100%25", 0),
        ("?vertical=宝妈育儿", 10),
        ("?tag=上海", 5),
        ("?account=bot-宝妈育儿", 15),
        ("?state=ready", 15),
        ("?state=paused", 0),
        ("?search=7&vertical=宝妈育儿", 1),
    ],
)
async def test_the_list_holds_what_the_filters_name(full: Desk, query: str, total: int) -> None:
    async with full.signed_in("小林", VIEWER) as browser:
        page = (await browser.get(f"/rooms{query}")).text
    assert f"{total} 个群 " in page


async def test_each_state_is_a_filter_and_rooms_are_in_exactly_one(full: Desk) -> None:
    everything = ids(full)
    away = account(full, "掉线")
    with database.transaction(full.engine) as session:
        connection = session.connection()
        connection.execute(ACCOUNT.update().where(ACCOUNT.c.id == away).values(online=False))
        for room, values in (
            (everything[0], {"unavailable_reason": "被移出了群"}),
            (everything[1], {"account_id": None}),
            (everything[2], {"account_id": away}),
        ):
            connection.execute(ROOM.update().where(ROOM.c.id == room).values(values))
        pauses.pause(session, PauseScope.ROOM, everything[3], "群主要求", "小林", NOW)
    async with full.signed_in("小林", VIEWER) as browser:
        pages = {state: (await browser.get(f"/rooms?state={state}")).text for state in STATES}
    counted = {state: page.count('class="room-name"') for state, page in pages.items()}
    assert counted == {"gone": 1, "nobody": 1, "paused": 1, "offline": 1, "ready": 11}
    assert "被移出了群" in pages["gone"]


async def test_ten_thousand_rooms_come_a_page_at_a_time(desk: Desk) -> None:
    desk.rooms(10_000)
    async with desk.signed_in("小林", VIEWER) as browser:
        page = (await browser.get("/rooms?number=200")).text
        beyond = (await browser.get("/rooms?number=9999")).text
    assert page.count('class="room-name"') == 50
    assert "10,000" in page and "200 / 200" in page and "200 / 200" in beyond


async def test_tags_are_added_to_the_ticked_rooms_and_taken_back(full: Desk) -> None:
    chosen = ids(full)[:3]
    before = tags(full)
    async with full.signed_in("小林", OPERATOR) as browser:
        undo = await change(browser, "tag_add", "新手 | 北京", room=chosen)
        after = tags(full)
        assert all(after[room] == {"北京", "新手"} for room in chosen)
        assert after.keys() == before.keys()
        assert (await browser.post(undo)).status_code == 303
    assert tags(full) == before


async def test_removing_tags_gives_them_back_to_those_who_had_them(full: Desk) -> None:
    before = tags(full)
    async with full.signed_in("小林", OPERATOR) as browser:
        undo = await change(browser, "tag_remove", "北京", everything="true", expected=15)
        assert all("北京" not in found for found in tags(full).values())
        await browser.post(undo)
    assert tags(full) == before


async def test_an_undo_leaves_alone_what_somebody_changed_since(full: Desk) -> None:
    first, second = ids(full)[:2]
    async with (
        full.signed_in("小林", OPERATOR) as browser,
        full.signed_in("阿原", OPERATOR) as other,
    ):
        undo = await change(browser, "vertical", "新垂类", room=[first, second])
        await change(other, "vertical", "别的", room=[second])
        assert (await other.post(undo)).status_code == 404
        await browser.post(undo)
        again = await browser.post(undo)
    found = {row.id: row.vertical for row in rooms(full)}
    assert (found[first], found[second]) == ("宝妈育儿", "别的")
    assert again.status_code == 422 and "已经撤销过" in again.text


async def test_an_undo_ends_after_ten_minutes(full: Desk) -> None:
    async with full.signed_in("小林", OPERATOR) as browser:
        undo = await change(browser, "owner", "小王", room=ids(full)[:1])
        full.now += regrouping.UNDO_FOR + dt.timedelta(seconds=1)
        assert (await browser.post(undo)).status_code == 422
    assert rooms(full)[0].owner == "小王"


async def test_everything_means_what_the_filters_name_and_as_many_as_were_shown(full: Desk) -> None:
    async with full.signed_in("小林", OPERATOR) as browser:
        await change(
            browser, "owner", "小王", query="?vertical=美妆", everything="true", expected=5
        )
        wrong = await browser.post(
            "/rooms/change?vertical=美妆",
            data={"action": "owner", "owner": "阿原", "everything": "true", "expected": 4},
        )
    assert {row.vertical: row.owner for row in rooms(full)} == {"宝妈育儿": "", "美妆": "小王"}
    assert wrong.status_code == 422 and "已经变了" in wrong.text


async def test_another_account_takes_along_what_waits(full: Desk) -> None:
    chosen = ids(full)[:2]
    other = account(full, "顶班")
    with database.transaction(full.engine) as session:
        first = session.connection().scalar(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id))
        session.add(AccountRoom(account_id=other, room_id=chosen[0]))
        session.add(
            Delivery(
                key="post:x", kind=DeliveryKind.POST, room_id=chosen[0], account_id=first,
                planned_at=NOW, due_at=NOW, expires_at=NOW + dt.timedelta(hours=1),
            )
        )  # fmt: skip
    async with full.signed_in("小林", OPERATOR) as browser:
        undo = await change(browser, "account", "顶班", room=chosen)
        told = (await browser.get("/rooms")).text
        with database.reading(full.engine) as session:
            assert session.connection().scalar(select(DELIVERY.c.account_id)) == other
        await browser.post(undo)
    assert "其中 1 个还没见过这个账号在群里" in told
    with database.reading(full.engine) as session:
        assert session.connection().scalar(select(DELIVERY.c.account_id)) == first
    assert {row.account_id for row in rooms(full)} == {first}


async def test_another_zone_counts_the_days_again(full: Desk) -> None:
    room = ids(full)[0]
    said = dt.datetime(2026, 11, 20, 17, 30, tzinfo=dt.UTC)
    with database.transaction(full.engine) as session:
        session.add(Contact(id=1, platform_id="wxid_1"))
        session.add(MessageIdentity(id=1, room_id=room, platform_id="m1", day=said.date()))
        session.flush()
        session.add(
            Message(
                day=said.date(), room_id=room, id=1, contact_id=1, at=said, type="text", text="好"
            )
        )
        session.add(
            DailyCount(
                day=dt.date(2026, 11, 21), room_id=room, contact_id=1, messages=1,
                effective_messages=0, questions=0, answers=0, shares=0, product_mentions=0,
                rule_version=1,
            )
        )  # fmt: skip
    count = database.table(DailyCount)
    async with full.signed_in("小林", OPERATOR) as browser:
        undo = await change(browser, "zone", "Europe/London", room=[room])
        with database.reading(full.engine) as session:
            assert list(session.connection().scalars(select(count.c.day))) == [said.date()]
        await browser.post(undo)
    with database.reading(full.engine) as session:
        assert list(session.connection().scalars(select(count.c.day))) == [dt.date(2026, 11, 21)]


async def test_rooms_are_paused_with_a_reason_and_go_on_again(full: Desk) -> None:
    chosen = ids(full)[:3]
    pause = database.table(Pause)
    standing = select(pause.c.target_id).where(pause.c.resumed_at.is_(None))
    async with full.signed_in("小林", OPERATOR) as browser:
        without = await browser.post("/rooms/change", data={"action": "pause", "room": chosen})
        undo = await change(browser, "pause", "群主要求", room=chosen)
        shown = (await browser.get(f"/rooms/{chosen[0]}")).text
        await browser.post(undo)
        with database.reading(full.engine) as session:
            assert not session.connection().scalars(standing).all()
    assert without.status_code == 422 and "没有写暂停的原因" in without.text
    assert "已暂停：群主要求" in shown


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("vertical", ""), ("tag_add", ""), ("tag_add", "长" * 51), ("zone", "火星/一号"),
        ("account", "没有这个"),
    ],
)  # fmt: skip
async def test_a_wrong_value_changes_nothing_and_says_the_remedy(
    full: Desk, action: str, value: str
) -> None:
    before = rooms(full), tags(full)
    async with full.signed_in("小林", OPERATOR) as browser:
        answer = await browser.post(
            "/rooms/change", data={"action": action, action: value, "room": ids(full)}
        )
    assert answer.status_code == 422
    assert (rooms(full), tags(full)) == before


async def test_what_is_slow_goes_in_by_parts(desk: Desk) -> None:
    desk.rooms(regrouping.SLOW_AT_ONCE + 1)
    async with desk.signed_in("小林", OPERATOR) as browser:
        answer = await browser.post(
            "/rooms/change",
            data={"action": "pause", "pause": "停", "everything": "true", "expected": 501},
        )
    assert answer.status_code == 422 and "一次最多 500 个群" in answer.text


async def test_rooms_out_of_scope_are_neither_seen_nor_changed_nor_reached_by_a_trick(
    full: Desk,
) -> None:
    mine, theirs = ids(full)[0], ids(full)[-1]
    async with full.signed_in("阿原", OPERATOR, verticals=["宝妈育儿"], tags=["北京"]) as browser:
        assert "美妆0@chatroom" not in (await browser.get("/rooms")).text
        assert (await browser.get(f"/rooms/{mine}")).status_code == 200
        assert (await browser.get(f"/rooms/{theirs}")).status_code == 404
        for action, value, room in (
            ("owner", "我", [mine, theirs]), ("vertical", "美妆", [mine]),
            ("tag_remove", "北京", [mine]),
        ):  # fmt: skip
            answer = await browser.post(
                "/rooms/change", data={"action": action, action: value, "room": room}
            )
            assert answer.status_code in {404, 422}, action
        await change(browser, "owner", "我", everything="true", expected=10)
    assert {row.vertical: row.owner for row in rooms(full)} == {"宝妈育儿": "我", "美妆": ""}


async def test_a_change_is_one_line_of_the_audit_with_what_stood_before(full: Desk) -> None:
    chosen = ids(full)[-3:]
    async with full.signed_in("小林", OPERATOR) as browser:
        await change(browser, "vertical", "护肤", room=chosen)
        await browser.post("/rooms/change", data={
            "action": "vertical", "vertical": "护肤", "room": chosen,
        })  # fmt: skip
    with database.reading(full.engine) as session:
        lines = session.connection().execute(
            select(AUDIT).where(AUDIT.c.action == "room.vertical")
        ).all()  # fmt: skip
    assert [(line.by, line.object) for line in lines] == [("小林", "rooms")]
    assert lines[0].before == {"was": [["美妆", chosen]]}
    assert lines[0].after == {"value": "护肤", "rooms": 3}


async def test_a_room_shows_its_series_members_and_fortnight(full: Desk) -> None:
    room = ids(full)[0]
    settings = full.app.state.console.settings
    calendar = calendar_file.read(CALENDAR.encode(), "calendar.yaml", "Asia/Shanghai")
    with database.transaction(full.engine) as session:
        keys = interchange.take_in(session, calendar.series, "小林", NOW)
        interchange.approve(session, keys, "小林", NOW, contact.rules(settings))
        session.add(Contact(id=1, platform_id="wxid_1", name="豆豆妈"))
        session.flush()
        session.add(Membership(room_id=room, contact_id=1))
        session.add(
            DailyCount(
                day=dt.date(2026, 11, 23), room_id=room, contact_id=1, messages=17,
                effective_messages=9, questions=0, answers=0, shares=0, product_mentions=0,
                rule_version=1,
            )
        )  # fmt: skip
        reach = session.connection().scalar(select(database.table(Series).c.name))
    async with full.signed_in("小林", VIEWER) as browser:
        page = (await browser.get(f"/rooms/{room}")).text
    for text in (str(reach), "豆豆妈", "11-23 周一 · 17", "共 17 条", "还没有给这个群发过"):
        assert text in page, text
    assert 'data-opens="do-pause"' not in page


def test_the_chart_ends_at_round_numbers() -> None:
    chart = room_page.draw([0, 33, 7], dt.date(2026, 11, 23))
    assert [number for _, number in chart.lines] == [0, 20, 40]
    assert [(bar.day.day, bar.messages) for bar in chart.bars] == [(21, 0), (22, 33), (23, 7)]
    assert all(bar.y + bar.height == pytest.approx(166) for bar in chart.bars)
    assert room_page.draw([0] * 14, dt.date(2026, 11, 23)).total == 0


async def test_an_account_rests_by_risk_control_until_somebody_says_why_it_may_go_on(
    full: Desk,
) -> None:
    with database.transaction(full.engine) as session:
        first = session.connection().scalar(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id))
        pauses.pause(session, PauseScope.ACCOUNT, first, "操作过于频繁", pauses.RISK_CONTROL, NOW)
    async with full.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get("/accounts")).text
        without = await browser.post(f"/accounts/{first}/resume")
        with_it = await browser.post(f"/accounts/{first}/resume", data={"reason": "已歇一天"})
        after = (await browser.get("/accounts")).text
    assert "操作过于频繁" in page and "风控" in page
    assert without.status_code == 422 and "恢复要写原因" in without.text
    assert with_it.status_code == 303 and "操作过于频繁" not in after


async def test_who_did_not_pause_an_account_leaves_it_to_an_approver(full: Desk) -> None:
    with database.reading(full.engine) as session:
        first = session.connection().scalar(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id))
    async with (
        full.signed_in("小林", OPERATOR) as one,
        full.signed_in("阿原", OPERATOR) as other,
        full.signed_in("审批", APPROVER) as approver,
        full.signed_in("范围", OPERATOR, verticals=["美妆"]) as narrow,
    ):
        assert (await one.post(f"/accounts/{first}/pause")).status_code == 422
        await one.post(f"/accounts/{first}/pause", data={"reason": "养号"})
        assert "不是你暂停的" in (await other.post(f"/accounts/{first}/resume")).text
        assert "不归你负责" in (await narrow.post(f"/accounts/{first}/resume")).text
        assert (await approver.post(f"/accounts/{first}/resume")).status_code == 303


async def test_accounts_that_are_away_say_what_to_do(full: Desk) -> None:
    account(full, "没动静", lease_until=NOW - dt.timedelta(minutes=5), lease_owner="h:1:x")
    with database.transaction(full.engine) as session:
        session.add(
            Account(name="要扫码", gateway="wechaty", online=False, state_reason="等待扫码登录")
        )
    async with full.signed_in("小林", VIEWER) as browser:
        page = (await browser.get("/accounts")).text
    for text in ("等待扫码登录", "二维码在通道进程的终端里", "没有动静", "/ 2,000"):
        assert text in page, text


async def test_the_rooms_of_a_series_are_a_list_of_their_own(desk: Desk) -> None:
    desk.rooms(3)
    desk.rooms(2, "美妆")
    text = CALENDAR.replace("{all: true}", "{verticals: [宝妈育儿]}")
    calendar = calendar_file.read(text.encode(), "calendar.yaml", "Asia/Shanghai")
    with database.transaction(desk.engine) as session:
        interchange.take_in(session, calendar.series, "小林", NOW)
    async with desk.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get("/rooms?series=qa")).text
        assert "宝妈育儿 2 群" in page and "美妆 0 群" not in page
        assert "栏目《宝妈问题解答日》发给的群" in page
        assert (await browser.get("/rooms?series=none")).status_code == 404
    async with desk.signed_in("阿原", OPERATOR, verticals=["美妆"]) as browser:
        assert (await browser.get("/rooms?series=qa")).status_code == 404
