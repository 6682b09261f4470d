"""Operators are told of trouble once, at once, whatever else stands still."""

import datetime as dt

import pytest
from sqlalchemy import Engine, update
from sqlmodel import Session

from bot import alerting, database, leases, outbox, owning, pacing, pauses, receiving, upkeep
from bot.gateway import LoggedOut
from bot.gateways import memory
from bot.gateways.robots import dingtalk, feishu
from bot.intents import Intent
from bot.memory import Memory
from bot.models import Account, Delivery, DeliveryKind, DeliveryState, Room
from bot.models.pause import PauseScope
from bot.sending import Begun, Sender, begin_next
from bot.settings import QuietHours, Settings
from tests.saying import local, rows, rules

NOW = local("2026-11-11 20:00")
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
DESK = "feishu-robot-abc123"
SETTINGS = Settings(_env_file=None, alert_rooms=(DESK,))


@pytest.fixture
def epoch(engine: Engine) -> int:
    """The lease of account `bot`, which serves rooms 1 to 9; a robot serves the operators' room."""
    with database.transaction(engine) as session:
        for key, name in ((1, "bot"), (2, DESK)):
            session.add(Account(id=key, name=name, gateway="memory", online=True, state_at=NOW))
        session.flush()
        session.add(Room(id=10, platform_id=DESK, account_id=2))
        for number in range(1, 10):
            session.add(Room(id=number, platform_id=f"r{number}@chatroom", account_id=1))
        session.flush()
        epoch = leases.take(session, 1, "here:1", NOW)
        assert leases.take(session, 2, "here:2", NOW) == 2
    assert epoch is not None
    return epoch


def keep(engine: Engine, now: dt.datetime = NOW, settings: Settings = SETTINGS) -> int:
    """One tick's upkeep, with both leases renewed; returns the new alerts."""
    with database.transaction(engine) as session:
        leases.renew(session, 1, 1, now)
        leases.renew(session, 2, 2, now)
        return upkeep.keep(session, settings, rules(engine), Memory(), now).alerts


def alerts(engine: Engine) -> list[str]:
    return [row.text for row in rows(engine, Delivery) if row.kind is DeliveryKind.ALERT]


def sending(session: Session, room: int, epoch: int) -> int:
    intent = Intent(
        f"post:qa:2026-11-11:开场:r{room}", DeliveryKind.POST, room, 1, "开始啦", NOW,
        NOW + dt.timedelta(hours=1),
    )  # fmt: skip
    outbox.plan(session, [intent], NOW)
    (claimed,) = outbox.claim(session, 1, epoch, NOW, room_id=room)
    assert outbox.begin(session, claimed.id, epoch, NOW) is not None
    return claimed.id


def test_an_account_that_risk_control_stopped_is_told_once(engine: Engine, epoch: int) -> None:
    with database.transaction(engine) as session:
        outbox.throttled(session, sending(session, 1, epoch), epoch, "操作过于频繁", NOW)
    assert [keep(engine), keep(engine, NOW + SECOND)] == [1, 0]
    (text,) = alerts(engine)
    assert "账号 bot 被风控" in text
    assert "操作过于频繁" in text
    assert "qunyun resume --account bot" in text


def test_an_account_that_goes_away_is_told_after_two_minutes_and_each_time(
    engine: Engine, epoch: int
) -> None:
    def goes(online: bool, at: dt.datetime) -> None:
        account = database.table(Account)
        with database.transaction(engine) as session:
            session.connection().execute(
                update(account)
                .where(account.c.id == 1)
                .values(online=online, state_at=at, state_reason="" if online else "被顶号")
            )

    goes(False, NOW)
    told = [keep(engine, NOW + n * MINUTE) for n in (1, 2, 3)]
    goes(True, NOW + 4 * MINUTE)
    told.append(keep(engine, NOW + 7 * MINUTE))
    goes(False, NOW + 8 * MINUTE)
    told.append(keep(engine, NOW + 10 * MINUTE))
    assert told == [0, 1, 0, 0, 1]
    assert all("账号 bot 已离线:被顶号" in text for text in alerts(engine))


def test_missing_posts_are_told_as_they_double(engine: Engine, epoch: int) -> None:
    told = []
    for room in range(1, 10):
        with database.transaction(engine) as session:
            outbox.unanswered(session, sending(session, room, epoch), epoch, "超时")
        told.append(keep(engine))
    assert told == [1, 1, 0, 1, 0, 0, 0, 1, 0]
    assert "20 点的投递里有 8 条可能没有送到" in alerts(engine)[-1]


def test_an_alert_goes_out_at_night_and_while_everything_is_paused(
    engine: Engine, epoch: int
) -> None:
    night = local("2026-11-11 23:30")
    with database.transaction(engine) as session:
        outbox.throttled(session, sending(session, 1, epoch), epoch, "操作过于频繁", NOW)
        pauses.pause(session, PauseScope.ALL, None, "出事了", "小李", NOW)
    keep(engine, night)
    quiet = Settings(_env_file=None, quiet_hours=QuietHours(dt.time(22, 30), dt.time(8)))
    with database.transaction(engine) as session:
        resting = pacing.resting_rooms(session, night, pacing.pace(quiet))
        (claimed,) = outbox.claim(session, 2, 2, night, resting_rooms=resting)
        assert outbox.begin(session, claimed.id, 2, night) is not None


def test_without_a_room_for_them_there_are_no_alerts(engine: Engine, epoch: int) -> None:
    with database.transaction(engine) as session:
        outbox.unanswered(session, sending(session, 1, epoch), epoch, "超时")
    assert keep(engine, settings=Settings(_env_file=None)) == 0


def test_a_robot_that_is_too_fast_rests_as_long_as_its_platform_says(
    engine: Engine, epoch: int
) -> None:
    with database.transaction(engine) as session:
        first = sending(session, 1, epoch)
        outbox.plan(
            session,
            [
                Intent("post:qa:2026-11-11:开场:r2", DeliveryKind.POST, 2, 1, "开始啦", NOW,
                       NOW + dt.timedelta(hours=1))
            ],
            NOW,
        )  # fmt: skip
        rest = dingtalk.DIALECT.rest
        assert outbox.throttled(session, first, epoch, "限流", NOW, rest)
        # What comes up while it rests waits as well, urgent or not.
        alert = Intent(
            "alert:x:r1", DeliveryKind.ALERT, 1, 1, "有投诉", NOW + MINUTE,
            NOW + dt.timedelta(hours=6), priority=0,
        )  # fmt: skip
        outbox.plan(session, [alert], NOW + MINUTE)
        leases.renew(session, 1, epoch, NOW + rest)
        assert outbox.claim(session, 1, epoch, NOW + rest - SECOND, limit=9) == []
        assert len(outbox.claim(session, 1, epoch, NOW + rest, limit=9)) == 3
    assert rest == 10 * MINUTE
    assert [row.state for row in rows(engine, Delivery)] == [DeliveryState.CLAIMED] * 3


def test_feishus_crowded_minutes_are_waited_out(engine: Engine, epoch: int) -> None:
    pace = pacing.pace(SETTINGS, feishu.PLATFORM.capabilities)
    with database.reading(engine) as session:
        slots = [
            pacing.slot(session, 2, local(f"2026-11-11 20:{at}"), pace).ready_at
            for at in ("00:00", "00:59", "01:00", "30:07", "29:59")
        ]
    assert slots == [
        local(f"2026-11-11 20:{at}") for at in ("01:00", "01:00", "01:00", "31:00", "29:59")
    ]


def test_an_account_that_asks_to_be_scanned_again_and_again_is_away_since_the_first_time(
    engine: Engine, epoch: int
) -> None:
    def asks(minute: int) -> None:
        code = LoggedOut(f"请扫码登录:https://login.example/{minute}", NOW + minute * MINUTE)
        receiving.take(engine, 1, [code], rules(engine), code.at, epoch=epoch)

    told = []
    for minute in range(6):
        asks(minute)
        told.append(keep(engine, NOW + minute * MINUTE))
    assert sum(told) == 1
    (text,) = alerts(engine)
    assert "等待扫码登录" in text
    assert "login.example" not in text


def test_a_program_that_falls_silent_after_weeks_is_told(engine: Engine, epoch: int) -> None:
    account = database.table(Account)
    with database.transaction(engine) as session:
        session.connection().execute(update(account).values(state_at=NOW - dt.timedelta(days=30)))
    later = NOW + 5 * MINUTE
    with database.transaction(engine) as session:
        leases.renew(session, 2, 2, later)
        upkeep.keep(session, SETTINGS, rules(engine), Memory(), later)
    (text,) = alerts(engine)
    assert "账号 bot 已离线:它的程序没有了动静" in text


def test_trouble_around_midnight_is_told(engine: Engine, epoch: int) -> None:
    with database.transaction(engine) as session:
        outbox.unanswered(session, sending(session, 1, epoch), epoch, "超时")
    assert keep(engine, local("2026-11-12 00:10")) >= 1
    assert "11-11 20 点的投递里有 1 条可能没有送到" in "".join(alerts(engine))


def test_an_account_that_never_came_is_told_once_something_of_its_is_due(engine: Engine) -> None:
    with database.transaction(engine) as session:
        session.add(Account(id=2, name=DESK, gateway="feishu", online=True, state_at=NOW))
        session.add(Account(id=3, name="mispelt", gateway=""))
        session.flush()
        assert leases.take(session, 2, "here:2", NOW) == 1
        session.add(Room(id=10, platform_id=DESK, account_id=2))
        session.add(Room(id=1, platform_id="r1@chatroom", account_id=3))
        session.flush()
        waiting = Intent(
            "post:qa:2026-11-11:开场:r1", DeliveryKind.POST, 1, 3, "开始啦", NOW + MINUTE,
            NOW + 60 * MINUTE,
        )  # fmt: skip
        outbox.plan(session, [waiting], NOW)
    told = []
    for n in range(5):
        with database.transaction(engine) as session:
            leases.renew(session, 2, 1, NOW + n * MINUTE)
            kept = upkeep.keep(session, SETTINGS, rules(engine), Memory(), NOW + n * MINUTE)
        told.append(kept.alerts)
    assert told == [0, 0, 0, 1, 0]
    assert "账号 mispelt 从来没有连上过" in alerts(engine)[0]


def test_an_account_that_was_stopped_and_left_while_posts_are_due_is_told(
    engine: Engine, epoch: int
) -> None:
    with database.transaction(engine) as session:
        outbox.unanswered(session, sending(session, 1, epoch), epoch, "超时")
        intent = Intent(
            "post:qa:2026-11-11:开场:r2", DeliveryKind.POST, 2, 1, "开始啦", NOW,
            NOW + 60 * MINUTE,
        )  # fmt: skip
        outbox.plan(session, [intent], NOW)
    owning.stop(engine, 1, epoch, NOW)
    keep(engine, NOW + 3 * MINUTE)
    assert "账号 bot 的程序停着" in "".join(alerts(engine))


def test_alerts_neither_count_in_a_days_posts_nor_wait_for_the_next_day(
    engine: Engine, epoch: int
) -> None:
    pace = pacing.Pace((0, 0), 0, 40, 2, 9, 0, None, SETTINGS.zone)
    sender = Sender(1, epoch, memory.MemoryGateway("bot", clock=lambda: NOW), pace, 15)
    later = NOW + dt.timedelta(hours=1)
    with database.transaction(engine) as session:
        wanted = [
            Intent(f"{kind}:{n}", kind, 1, 1, f"{n}", NOW, later, priority=priority)
            for n in (1, 2, 3)
            for kind, priority in ((DeliveryKind.ALERT, alerting.FIRST), (DeliveryKind.POST, 1))
        ]
        outbox.plan(session, wanted, NOW)
    went = []
    for n in range(6):
        now = NOW + n * MINUTE
        begun = begin_next(engine, sender, now)
        if isinstance(begun, Begun):
            with database.transaction(engine) as session:
                outbox.sent(session, begun.delivery_id, None, now)
        went.append(begun.post.text if isinstance(begun, Begun) else begun)
        if n == 4:
            with database.transaction(engine) as session:
                last = Intent("alert:4", DeliveryKind.ALERT, 1, 1, "4", now, later)
                outbox.plan(session, [last._replace(priority=alerting.FIRST)], now)
    assert went == ["1", "2", "3", "1", "2", "4"]
    assert begin_next(engine, sender, NOW + 7 * MINUTE) == local("2026-11-12 00:00")
