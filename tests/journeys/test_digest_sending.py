"""On Monday morning digests go where they are wanted: once, whatever happens in between."""

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from bot import app as app_module
from bot import database, deriving, ingest
from bot.digest import approval, dispatch, storing
from bot.digest.sheet import Subject
from bot.errors import InvalidInput
from bot.gateway import Said
from bot.gateways.memory import MemoryGateway
from bot.models import (
    Account,
    Audit,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    DigestScope,
    DigestState,
    Room,
)
from bot.settings import Settings
from tests.saying import local, rows
from tests.watching import running, until

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = dt.date(2026, 11, 2)
WEEK = "2026-W45"
BEFORE = local("2026-11-09 09:29")
NOW = local("2026-11-09 09:30")
OPERATORS, ROBOT, MOTHERS = "ops@chatroom", "robot:wecom:1", "mothers@chatroom"
CAN = {"read": "all", "post": "direct", "images": True}
FLEET = storing.FLEET


def settings(tmp_path: Path, *wanted: str, **rest: Any) -> Settings:
    return Settings(_env_file=None, home=tmp_path, digest_rooms=wanted, **rest)


@pytest.fixture
def community(engine: Engine) -> Engine:
    """A room that talks, and two rooms that digests go to; the robot posts text alone."""
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory", capabilities=CAN))
        session.add(
            Account(id=2, name="robot", gateway="robot", capabilities=CAN | {"images": False})
        )
        session.flush()
        session.add(Room(id=1, platform_id=OPERATORS, topic="运营", account_id=1))
        session.add(Room(id=2, platform_id=ROBOT, topic="机器人", account_id=2))
        session.add(
            Room(
                id=3,
                platform_id=MOTHERS,
                topic="宝妈 1 群",
                vertical="宝妈育儿",
                account_id=1,
                owner="小李",
            )
        )
        session.flush()
        said = [
            Said(
                id=f"m{n}",
                room=MOTHERS,
                sender=f"wxid_{n % 6}",
                at=local(f"2026-11-0{2 + n % 7} 10:{n:02}"),
                type="text",
                text=f"第{n}个问题怎么办?",
            )
            for n in range(40)
        ]
        ingest.record(session, said, deriving.load_rules(session, ZONE))
    return engine


def tick(engine: Engine, settings: Settings, now: dt.datetime) -> int:
    """What the app does for digests in one turn."""
    with database.reading(engine) as session:
        due = dispatch.due(session, settings, now)
        ready = None if due.empty else dispatch.prepare(session, settings, due, now)
    if ready is None:
        return 0
    with database.transaction(engine) as session:
        return dispatch.plan(session, settings, ready, now)


def posts(engine: Engine) -> list[Delivery]:
    return [row for row in rows(engine, Delivery) if row.kind is DeliveryKind.DIGEST]


def test_a_digest_is_planned_on_monday_at_half_past_nine_and_not_before(
    community: Engine, tmp_path: Path
) -> None:
    wanted = settings(tmp_path, OPERATORS)
    with database.reading(community) as session:
        assert dispatch.due(session, wanted, BEFORE).slot.monday == MONDAY - dispatch.WEEK
    assert tick(community, wanted, NOW) == 2
    text, picture = posts(community)
    assert text.key == f"digest:fleet:{WEEK}:{OPERATORS}"
    assert "【群运周报】全部 3 个群" in text.text
    assert len(text.text.encode()) <= 2048
    assert text.due_at == NOW
    assert picture.key == f"digest:fleet:{WEEK}:{OPERATORS}#card"
    assert picture.image is not None
    assert (wanted.attachments / picture.image).read_bytes().startswith(b"\x89PNG")
    (kept,) = rows(community, Digest)
    assert (kept.state, kept.approved_by) == (DigestState.SENT, "")


def test_the_same_digest_is_never_planned_twice(community: Engine, tmp_path: Path) -> None:
    wanted = settings(tmp_path, OPERATORS, ROBOT)
    assert tick(community, wanted, NOW) == 3
    for minutes in (0, 1, 600, 5_000):
        assert tick(community, wanted, NOW + dt.timedelta(minutes=minutes)) == 0
    assert len(posts(community)) == 3


def test_two_processes_that_prepared_at_once_plan_one(community: Engine, tmp_path: Path) -> None:
    wanted = settings(tmp_path, OPERATORS)
    ready = []
    for _ in range(2):
        with database.reading(community) as session:
            due = dispatch.due(session, wanted, NOW)
            ready.append(dispatch.prepare(session, wanted, due, NOW))
    planned = []
    for each in ready:
        with database.transaction(community) as session:
            planned.append(dispatch.plan(session, wanted, each, NOW))
    assert planned == [2, 0]
    assert len(rows(community, Digest)) == 1


def test_a_room_added_after_the_first_still_gets_what_was_sent(
    community: Engine, tmp_path: Path
) -> None:
    tick(community, settings(tmp_path, OPERATORS), NOW)
    later = NOW + dt.timedelta(hours=2)
    assert tick(community, settings(tmp_path, OPERATORS, ROBOT), later) == 1
    first, _, second = posts(community)
    assert second.text == first.text


def test_a_missed_monday_is_made_up_for_and_a_lost_one_is_written_down(
    community: Engine, tmp_path: Path
) -> None:
    wanted = settings(tmp_path, OPERATORS)
    assert tick(community, wanted, NOW + dt.timedelta(hours=33)) == 2
    assert {one.state for one in posts(community)} == {DeliveryState.PENDING}
    much_later = NOW + dt.timedelta(weeks=1, hours=34)
    assert tick(community, wanted, much_later) == 0
    lost = posts(community)[-1]
    assert lost.key == f"digest:fleet:2026-W46:{OPERATORS}"
    assert lost.state is DeliveryState.CANCELLED
    assert lost.reason is not None
    assert "已过时限" in lost.reason
    assert tick(community, wanted, much_later) == 0


def test_each_scope_goes_where_it_is_wanted_and_an_unknown_one_says_so(
    community: Engine, tmp_path: Path
) -> None:
    wanted = settings(
        tmp_path, f"{ROBOT}=vertical:宝妈育儿", f"{ROBOT}=owner:小李", f"{ROBOT}=room:{MOTHERS}",
        f"{ROBOT}=vertical:没有",
    )  # fmt: skip
    assert tick(community, wanted, NOW) == 3
    found = {one.key: one for one in posts(community)}
    assert found[f"digest:owner/小李:{WEEK}:{ROBOT}"].text.startswith("【群运周报】小李的 1 个群")
    assert found[f"digest:vertical/宝妈育儿:{WEEK}:{ROBOT}"].state is DeliveryState.PENDING
    assert found[f"digest:vertical/没有:{WEEK}:{ROBOT}"].reason == "没有垂类 没有"
    assert tick(community, wanted, NOW) == 0


def test_no_words_of_members_leave_their_room(community: Engine, tmp_path: Path) -> None:
    tick(community, settings(tmp_path, f"{OPERATORS}=room:{MOTHERS}"), NOW)
    text, _ = posts(community)
    assert "宝妈 1 群" in text.text
    assert "个问题怎么办" not in text.text
    assert "wxid" not in text.text


def test_with_approval_nothing_goes_out_before_a_person_says_so(
    community: Engine, tmp_path: Path
) -> None:
    wanted = settings(
        tmp_path, OPERATORS, digest_approval=True, alert_rooms=(ROBOT,),
        console_url="https://console.example.com/",
    )  # fmt: skip
    assert tick(community, wanted, NOW) == 1
    (alert,) = rows(community, Delivery)
    assert alert.kind is DeliveryKind.ALERT
    assert f"qunyun digest --week {WEEK} --fleet --approve" in alert.text
    assert tick(community, wanted, NOW) == 0
    with database.transaction(community) as session:
        waiting = storing.stored(session, MONDAY, [FLEET])[FLEET]
        assert f"https://console.example.com/digests/{waiting.id},或者" in alert.text
        assert approval.comment(session, waiting.id, "这周双11,先看投诉", "小王", NOW)
        assert approval.approve(session, waiting.id, "小王", NOW)
        assert not approval.comment(session, waiting.id, "太晚了", "小王", NOW)
    assert tick(community, wanted, NOW + dt.timedelta(hours=1)) == 2
    text, _ = posts(community)
    assert "这周双11,先看投诉" in text.text
    assert [one.action for one in rows(community, Audit)] == ["digest comment", "digest approve"]


def test_an_approval_can_be_taken_back_until_it_is_sent(community: Engine, tmp_path: Path) -> None:
    wanted = settings(tmp_path, OPERATORS, digest_approval=True)
    tick(community, wanted, NOW)
    with database.transaction(community) as session:
        one = storing.stored(session, MONDAY, [FLEET])[FLEET]
        assert approval.approve(session, one.id, "小王", NOW)
        assert approval.withdraw(session, one.id, "小王", NOW)
    assert tick(community, wanted, NOW) == 0
    with database.transaction(community) as session:
        assert approval.approve(session, one.id, "小王", NOW)
    assert tick(community, wanted, NOW) == 2
    with database.transaction(community) as session:
        assert not approval.withdraw(session, one.id, "小王", NOW)


@pytest.mark.parametrize("word", ["=fleet", "r=month", "r=vertical", "r=vertical:", "r=fleet:x"])
def test_a_room_for_digests_that_makes_no_sense_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(InvalidInput, match="QUNYUN_DIGEST_ROOMS"):
        dispatch.wanted(settings(tmp_path, word))


def test_what_is_wanted_is_read_as_it_is_written(tmp_path: Path) -> None:
    wanted = dispatch.wanted(
        settings(tmp_path, "a", "b=fleet", "c=vertical:宝妈:育儿", "d=room:x@y")
    )
    assert [each.subject for each in wanted] == [
        FLEET,
        FLEET,
        Subject(DigestScope.VERTICAL, "宝妈:育儿"),
        Subject(DigestScope.ROOM, "x@y"),
    ]


def test_a_room_that_nobody_knows_waits_until_it_is_known(
    community: Engine, tmp_path: Path
) -> None:
    wanted = settings(tmp_path, "later@chatroom")
    assert tick(community, wanted, NOW) == 0
    with database.reading(community) as session:
        assert dispatch.unknown(session, wanted) == ["later@chatroom"]
    with database.transaction(community) as session:
        session.add(Room(id=9, platform_id="later@chatroom", account_id=1))
    assert tick(community, wanted, NOW) == 2


async def test_the_app_posts_text_and_card_once_also_after_a_restart(
    engine: Engine, tmp_path: Path
) -> None:
    gateway = MemoryGateway("demo", clock=lambda: NOW)
    gateway.add_room(OPERATORS, "运营", [])
    wanted = settings(tmp_path, OPERATORS, random_gap_seconds=(0.0, 0.0), room_gap_seconds=0)

    def arrived() -> bool:
        found = posts(engine)
        return len(found) == 2 and {one.state for one in found} == {DeliveryState.SENT}

    first = app_module.build(wanted, engine, [gateway], lambda: NOW)
    with database.transaction(engine) as session:
        session.add(Room(id=9, platform_id=OPERATORS, account_id=1))
    async with running(first) as app:
        await until(app, arrived)
    assert [post.image is not None for post in gateway.sent] == [False, True]
    again = MemoryGateway("demo", clock=lambda: NOW)
    again.add_room(OPERATORS, "运营", [])
    async with running(app_module.build(wanted, engine, [again], lambda: NOW)) as app:
        await until(app, lambda: bool(app.online))
    assert again.sent == []
    assert len(posts(engine)) == 2
