"""What an approval would do is said before it is done, and what must not be done is refused."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from bot import database, gateway, outbox
from bot.errors import InvalidInput
from bot.gateway import Capabilities, Posting, Read
from bot.models import Account, DayKind, Delivery, DeliveryState, Product, Room
from bot.settings import Settings
from content_calendar import (
    calendar_file,
    contact,
    definition,
    dry_run,
    holidays,
    interchange,
    lifecycle,
    planning,
    words,
)
from content_calendar.contact import Rules
from content_calendar.dry_run import DryRun
from content_calendar.estimating import Sending
from tests import calendars, drafts
from tests.saying import local, rows
from tests.statements import counted

RULES: Rules = contact.rules(Settings(_env_file=None))
MONDAY = local("2026-11-02 09:00")
EIGHT = local("2026-11-04 20:00")
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)

CALENDAR = """\
version: 1
series:
  - key: qa
    name: 问题解答日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2026-11-08
    recurrence: {weekly: [周三]}
    at: "20:00"
    holidays: keep
    audience: {verticals: [宝妈育儿]}
    steps:
      - {name: 开场, text: "{{ room }}开始啦"}
"""


def a_community(engine: Engine, count: int = 6) -> None:
    """So many rooms, shared out between two accounts."""
    with database.transaction(engine) as session:
        for account in (1, 2):
            session.add(Account(id=account, name=f"bot{account}", gateway="memory"))
        session.flush()
        for n in range(1, count + 1):
            session.add(
                Room(
                    id=n,
                    platform_id=f"r{n}",
                    topic=f"{n} 群",
                    vertical="宝妈育儿",
                    account_id=1 + n % 2,
                )
            )


def imported(engine: Engine, *texts: str, by: str = "小李") -> None:
    for text in texts or (CALENDAR,):
        with database.transaction(engine) as session:
            drafts.take_in(session, text, MONDAY, by)


def approve(
    engine: Engine,
    key: str = "qa",
    rules: Rules = RULES,
    by: str = "小王",
    *,
    both_eyes: bool = False,
) -> None:
    with database.transaction(engine) as session:
        lifecycle.approve(session, [key], by, MONDAY, rules, both_eyes=both_eyes)


def dry(engine: Engine, key: str = "qa", rules: Rules = RULES, now: dt.datetime = MONDAY) -> DryRun:
    with database.reading(engine) as session:
        (found,) = dry_run.run(session, definition.stored(session, keys=[key]), now, rules)
    return found


def change(engine: Engine, room: int, **values: object) -> None:
    table = database.table(Room)
    with database.transaction(engine) as session:
        session.connection().execute(table.update().where(table.c.id == room).values(values))


def another(key: str, at: str, *, kind: str = "公告", priority: int = 5, audience: str = "{all: true}") -> str:  # fmt: skip
    """A series of one step on the same days."""
    return (
        CALENDAR.replace("key: qa", f"key: {key}")
        .replace("kind: 问题解答日", f"kind: {kind}")
        .replace('at: "20:00"', f'at: "{at}"\n    priority: {priority}')
        .replace("{verticals: [宝妈育儿]}", audience)
    )


def refused(engine: Engine, rules: Rules = RULES) -> str:
    """What the refusal of an approval says; everything stays as it was."""
    before = everything(engine)
    with pytest.raises(InvalidInput) as caught:
        approve(engine, rules=rules)
    assert everything(engine) == before
    assert all(fault.remedy for fault in caught.value.faults)
    return str(caught.value)


def everything(engine: Engine) -> list[object]:
    models: list[type[SQLModel]] = [each.class_ for each in SQLModel._sa_registry.mappers]
    return [rows(engine, model) for model in sorted(models, key=lambda model: model.__name__)]


def test_each_account_sends_its_own_share_side_by_side(engine: Engine) -> None:
    a_community(engine, 7)
    imported(engine)
    found = dry(engine)
    (step,) = found.steps
    # r1, r3, r5 and r7 are one account's: three gaps of four seconds.
    assert (found.rooms, step.rooms, step.quiet, step.conflicts) == (7, 7, 0, 0)
    assert (step.original_date, step.step, step.due_at) == (dt.date(2026, 11, 4), "开场", EIGHT)
    assert step.sending is not None
    assert (step.sending.first_at, step.sending.last_at) == (EIGHT, EIGHT + 12 * SECOND)
    assert step.minutes == 1
    assert dry_run.summary(found) == "将发给 7 群,约 1 分钟,0 群静默,0 群冲突"


def test_two_series_on_one_account_wait_for_each_other(engine: Engine) -> None:
    a_community(engine, 8)
    imported(engine, CALENDAR, another("aa", "20:00"))
    approve(engine, "aa")
    (step,) = dry(engine).steps
    assert step.sending is not None
    assert step.sending.first_at == EIGHT + 16 * SECOND
    assert step.sending.last_at == EIGHT + 28 * SECOND


def test_a_draft_beside_it_takes_no_time_but_one_that_is_asked_about_with_it_does(
    engine: Engine,
) -> None:
    a_community(engine, 2)
    imported(engine, CALENDAR, another("aa", "20:00"))
    assert dry(engine).steps[0].sending == Sending(EIGHT, EIGHT)
    with database.reading(engine) as session:
        together = dry_run.run(session, definition.stored(session), MONDAY, RULES)
    assert [run.key for run in together] == ["aa", "qa"]
    second = together[1].steps[0].sending
    assert second is not None
    assert second.first_at == EIGHT + 4 * SECOND


def test_rooms_that_say_their_zone_and_rooms_that_do_not_are_sent_to_at_once(
    engine: Engine,
) -> None:
    a_community(engine, 4)
    change(engine, 2, zone="Asia/Shanghai", account_id=1)
    change(engine, 4, account_id=1)
    change(engine, 1, zone="Asia/Shanghai", account_id=1)
    change(engine, 3, account_id=1)
    imported(engine)
    (step,) = dry(engine).steps
    assert step.sending == Sending(EIGHT, EIGHT + 12 * SECOND)


def test_every_room_that_gets_nothing_is_named_with_its_reason(engine: Engine) -> None:
    a_community(engine)
    change(engine, 1, account_id=None)
    change(engine, 2, unavailable_reason="已被移出群")
    change(engine, 3, topic="群" * 1999)
    with database.transaction(engine) as session:
        words.add(session, ["代购"])
    change(engine, 4, topic="代购 4 群")
    change(engine, 5, vertical="美妆")
    imported(engine)
    found = dry(engine)
    reasons = {each.room: each.reason for each in found.excluded}
    assert set(reasons) == {"r1", "r2", "r3", "r4"}, "r5 is not of the audience at all"
    assert reasons["r1"] == "还没有机器人账号"
    assert reasons["r2"] == "已被移出群"
    assert "2002 个字" in reasons["r3"]
    assert "代购" in reasons["r4"]
    assert (found.rooms, found.steps[0].rooms) == (1, 1)
    assert dry_run.summary(found).startswith("将发给 1 群")
    assert dry_run.summary(found).endswith("4 群不发")


def test_a_room_whose_gateway_cannot_show_a_picture_is_left_out(
    engine: Engine, tmp_path: Path
) -> None:
    a_community(engine)
    can = {
        account: gateway.capabilities_as_json(
            Capabilities(Read.ALL, Posting.DIRECT, images=account == 1)
        )
        for account in (1, 2)
    }
    table = database.table(Account)
    with database.transaction(engine) as session:
        for account, able in can.items():
            session.connection().execute(
                table.update().where(table.c.id == account).values(capabilities=able)
            )
    imported(engine, CALENDAR.replace('开始啦"', '开始啦", image: a.png'))
    found = dry(engine)
    assert {each.room for each in found.excluded} == {"r1", "r3", "r5"}
    assert {each.reason for each in found.excluded} == {"这个通道发不了图片"}


def test_rooms_in_their_quiet_hours_are_counted_by_their_own_clock(engine: Engine) -> None:
    a_community(engine)
    change(engine, 1, zone="Asia/Tokyo")
    change(engine, 2, zone="Europe/Berlin")
    imported(
        engine,
        CALENDAR.replace(
            'at: "20:00"', 'at: "22:00"\n    zone: Asia/Shanghai\n    late_by_minutes: 900'
        ),
    )
    found = dry(engine)
    assert found.steps[0].quiet == 1, (
        "22:00 in Shanghai is 23:00 in Tokyo and the afternoon in Berlin"
    )
    assert "1 群静默" in dry_run.summary(found)


def test_a_step_is_counted_once_though_rooms_have_many_clocks(engine: Engine) -> None:
    a_community(engine)
    change(engine, 1, zone="Asia/Tokyo")
    change(engine, 2, zone="Europe/Berlin")
    imported(engine)
    (step,) = dry(engine).steps
    assert (step.rooms, step.due_at) == (6, EIGHT - 60 * MINUTE)
    assert step.sending is not None
    assert step.sending.first_at == EIGHT - 60 * MINUTE
    assert step.sending.last_at == local("2026-11-05 03:00")


def test_conflicts_name_the_series_that_gives_way_and_its_rooms(engine: Engine) -> None:
    a_community(engine)
    close = replace(RULES, gap=30 * MINUTE)
    imported(engine, CALENDAR, another("news", "20:10", priority=9, audience="{rooms: [r1, r2]}"))
    approve(engine, "news")
    found = dry(engine, rules=close)
    ((conflict),) = found.conflicts
    assert (conflict.series, conflict.step, conflict.due_at) == ("qa", "开场", EIGHT)
    assert conflict.rooms == ("r1", "r2")
    assert "news·开场" in conflict.reason
    assert found.steps[0].conflicts == 2
    assert "2 群冲突" in dry_run.summary(found)
    assert dry(engine).conflicts == (), "without a gap there is nothing to give way to"


def test_what_others_give_up_for_it_is_shown_and_what_they_give_up_anyway_is_not(
    engine: Engine,
) -> None:
    a_community(engine)
    close = replace(RULES, gap=30 * MINUTE)
    ours = CALENDAR.replace('at: "20:00"', 'at: "20:00"\n    priority: 9')
    imported(
        engine, ours, another("news", "20:10", audience="{rooms: [r1]}"),
        another("x", "10:00", priority=8), another("y", "10:10"),
    )  # fmt: skip
    for key in ("news", "x", "y"):
        approve(engine, key, close)
    (conflict,) = dry(engine, rules=close).conflicts
    assert (conflict.series, conflict.rooms) == ("news", ("r1",))


def test_what_a_dry_run_says_is_what_the_planner_does(engine: Engine) -> None:
    a_community(engine)
    close = replace(RULES, gap=30 * MINUTE, pace=replace(RULES.pace, per_room_day=2))
    imported(
        engine, CALENDAR, another("a", "19:50", audience="{rooms: [r1]}", priority=6),
        another("b", "12:00", audience="{rooms: [r2]}"), another("c", "13:00", audience="{rooms: [r2]}"),
        another("d", "20:20", audience="{rooms: [r3]}", priority=4),
    )  # fmt: skip
    for key in ("a", "b", "c", "d", "qa"):
        approve(engine, key, close)
    shown = {
        (conflict.series, room)
        for key in ("a", "b", "c", "d", "qa")
        for conflict in dry(engine, key, close).conflicts
        for room in conflict.rooms
    }
    assert given_way(engine, close) == shown == {("qa", "r1"), ("qa", "r2"), ("d", "r3")}


def given_way(engine: Engine, rules: Rules) -> set[tuple[str, str]]:
    """(series, room) of what the planner refuses in the week."""
    for hour in range(6 * 24):
        with database.transaction(engine) as session:
            planning.plan_due(session, MONDAY + hour * 60 * MINUTE, rules)
            outbox.expire(session, MONDAY + hour * 60 * MINUTE)
    return {
        (row.key.split(":")[1], row.key.rpartition(":")[2])
        for row in rows(engine, Delivery)
        if row.state is DeliveryState.CANCELLED
    }


def test_a_promo_that_the_dry_run_lets_through_goes_out(engine: Engine) -> None:
    """What else the room gets that week comes later, and is no more important."""
    a_community(engine, 1)
    rules = replace(RULES, promo_share=0.5)
    imported(engine, CALENDAR.replace("kind: 问题解答日", "kind: 促销"), another("b", "20:30"))
    for key in ("b", "qa"):
        approve(engine, key, rules)
    shown = {each.series for each in dry(engine, rules=rules).conflicts}
    assert {series for series, _ in given_way(engine, rules)} == shown


def test_a_blackout_date_shows_every_room(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    with database.transaction(engine) as session:
        holidays.say(session, dt.date(2026, 11, 4), DayKind.BLACKOUT, "", "小李", MONDAY)
    (conflict,) = dry(engine).conflicts
    assert conflict.reason == "2026-11-04 是停发日"
    assert len(conflict.rooms) == 6


def test_the_platforms_quota_shows_the_rooms_of_its_accounts(engine: Engine) -> None:
    a_community(engine)
    able = gateway.capabilities_as_json(
        Capabilities(Read.ALL, Posting.DIRECT, posts_per_room_month=1)
    )
    table = database.table(Account)
    with database.transaction(engine) as session:
        session.connection().execute(
            table.update().where(table.c.id == 1).values(capabilities=able)
        )
    imported(engine, CALENDAR.replace("[周三]", "[周三, 周五]"))
    (conflict,) = dry(engine).conflicts
    assert conflict.due_at == local("2026-11-06 20:00")
    assert conflict.rooms == ("r2", "r4", "r6")


def test_an_estimate_past_the_lateness_limit_refuses_the_approval(engine: Engine) -> None:
    a_community(engine)
    slow = replace(RULES, pace=replace(RULES.pace, gap=(60, 60)))
    # Three rooms an account, a minute apart: the last goes out at 20:02.
    imported(engine, CALENDAR.replace("audience:", "late_by_minutes: 1\n    audience:"))
    said = refused(engine, slow)
    assert "qa·开场 11-04 20:00" in said
    assert "2 分钟,会超过时限 1 分钟" in said
    assert "加机器人账号" in said
    approve(engine)


def test_the_end_of_the_send_window_is_a_limit_too(engine: Engine) -> None:
    a_community(engine)
    slow = replace(RULES, pace=replace(RULES.pace, gap=(4400, 4400)))
    imported(engine)
    approve(engine, rules=slow)
    with database.transaction(engine) as session:
        lifecycle.end(session, "qa", "", "小李", MONDAY)
    imported(engine, CALENDAR.replace('at: "20:00"', 'at: "20:05"'))
    # What is left over at half past ten waits for eight in the morning.
    assert "时限 570 分钟" in refused(engine, slow)


def test_an_account_that_has_sent_its_share_of_the_day_makes_it_late(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    few = replace(RULES, pace=replace(RULES.pace, per_day=2))
    assert "会超过时限" in refused(engine, few)


def test_above_the_limit_whoever_changed_it_cannot_approve_it(engine: Engine) -> None:
    a_community(engine)
    imported(engine, by="小王")
    two = replace(RULES, four_eyes_rooms=5)
    said = refused(engine, two)
    assert "发给 6 个群" in said
    assert "请另一个人批准" in said
    approve(engine, rules=two, by="小张")


@pytest.mark.parametrize(("limit", "both"), [(6, False), (5, True)])
def test_up_to_the_limit_or_with_both_eyes_one_person_is_enough(
    engine: Engine, limit: int, both: bool
) -> None:
    a_community(engine)
    imported(engine, by="小王")
    approve(engine, rules=replace(RULES, four_eyes_rooms=limit), both_eyes=both)


def test_rooms_whose_account_is_yet_to_come_count_for_four_eyes(engine: Engine) -> None:
    """Nobody is asked again when it is there."""
    a_community(engine)
    change(engine, 1, account_id=None)
    imported(engine, by="小王")
    assert "不能自己批准" in refused(engine, replace(RULES, four_eyes_rooms=5))


def test_a_year_whose_holidays_nobody_knows_is_refused_until_they_are_told(engine: Engine) -> None:
    a_community(engine)
    wanted = CALENDAR.replace("2026-11-08", "2031-01-31").replace(
        "holidays: keep", "holidays: skip"
    )
    series = calendar_file.read(
        wanted.encode(), "calendar.yaml", "Asia/Shanghai", calendars.KNOWN
    ).series
    with database.transaction(engine) as session:
        interchange.take_in(session, series, "小李", MONDAY)
    said = refused(engine)
    assert "2031 年的放假安排还不知道" in said
    assert "2030-12-31" in said
    with database.transaction(engine) as session:
        for day in calendars.KNOWN.special:
            if 2027 <= day.year <= 2031:
                holidays.say(session, day, DayKind.HOLIDAY, "", "小李", MONDAY)
    approve(engine)


def test_a_missing_or_huge_picture_is_refused(engine: Engine, tmp_path: Path) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace('开始啦"', '开始啦", image: a.png'))
    rules = replace(RULES, attachments=tmp_path)
    assert "没有图片 a.png" in refused(engine, rules)
    (tmp_path / "a.png").write_bytes(b"0" * 3_000_001)
    assert "3.0 MB" in refused(engine, rules)
    (tmp_path / "a.png").write_bytes(b"0")
    approve(engine, rules=rules)


def test_an_unknown_product_is_refused(engine: Engine) -> None:
    a_community(engine)
    topic = "topic: {draw: rotate, products: [sku-1, sku-2]}\n    audience:"
    imported(engine, CALENDAR.replace("audience:", topic))
    with database.transaction(engine) as session:
        session.add(Product(sku="sku-1", name="面霜"))
    said = refused(engine)
    assert "没有商品 sku-2" in said
    assert "sku-1" not in said
    with database.transaction(engine) as session:
        session.add(Product(sku="sku-2", name="口红"))
    approve(engine)


def test_a_forbidden_word_is_refused_wherever_it_stands(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace('开始啦"', '开始啦", texts: {美妆: 加微 信}'))
    with database.transaction(engine) as session:
        words.add(session, ["加微 信"])
    said = refused(engine)
    assert "qa·开场" in said
    assert "违禁词“加微 信”" in said


def test_everything_that_stands_against_it_is_said_at_once(engine: Engine, tmp_path: Path) -> None:
    a_community(engine)
    wrong = CALENDAR.replace('开始啦"', '最便宜", image: a.png')
    topic = "topic: {draw: rotate, products: [sku-1]}\n    audience:"
    imported(engine, wrong.replace("audience:", topic))
    with database.transaction(engine) as session:
        words.add(session, ["最便宜"])
    said = refused(engine, replace(RULES, attachments=tmp_path))
    assert [word for word in ("最便宜", "a.png", "sku-1") if word in said] == [
        "最便宜",
        "a.png",
        "sku-1",
    ]
    assert len(said.splitlines()) == 3


def test_a_dry_run_changes_nothing_whatever_it_looks_at(engine: Engine) -> None:
    a_community(engine)
    change(engine, 1, zone="Europe/Berlin")
    imported(engine, CALENDAR, another("news", "20:10", priority=9))
    approve(engine, "news")
    before = everything(engine)
    with database.transaction(engine) as session:
        dry_run.run(session, definition.stored(session), MONDAY, replace(RULES, gap=30 * MINUTE))
    assert everything(engine) == before


def test_a_series_far_ahead_shows_its_next_occurrence_and_one_that_is_over_shows_none(
    engine: Engine,
) -> None:
    a_community(engine)
    imported(engine)
    early = dry(engine, now=local("2026-08-01 09:00"))
    assert [step.due_at for step in early.steps] == [EIGHT]
    assert early.steps[0].sending is not None
    over = dry(engine, now=local("2026-12-01 09:00"))
    assert over.steps == ()
    assert dry_run.summary(over) == "四周内没有要发的内容"


def test_asking_costs_the_same_for_any_number_of_rooms(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR, another("news", "20:10"))
    approve(engine, "news")
    with counted(engine) as few:
        dry(engine)
    with database.transaction(engine) as session:
        more = [
            {"id": n, "platform_id": f"x{n}", "topic": "", "vertical": "宝妈育儿", "owner": "",
             "account_id": 1, "mention_all": False}
            for n in range(100, 400)
        ]  # fmt: skip
        database.insert_rows(session, Room, more)
    with counted(engine) as many:
        dry(engine)
    assert len(many) == len(few)


def test_rooms_asleep_then_are_counted_and_get_nothing(engine: Engine) -> None:
    a_community(engine)
    change(engine, 1, zone="America/New_York")
    fixed = CALENDAR.replace("audience:", "zone: Asia/Shanghai\n    audience:")
    wanted = fixed.replace('at: "20:00"', 'at: "12:30"\n    late_by_minutes: 60')
    imported(engine, wanted)
    found = dry(engine)
    # Half past eleven at night in New York; the lateness limit is over long before eight there.
    assert (found.steps[0].quiet, found.steps[0].rooms) == (1, found.rooms - 1)
    approve(engine)


def test_a_post_that_everybody_would_sleep_through_is_refused(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace('at: "20:00"', 'at: "03:00"\n    late_by_minutes: 120'))
    assert "一条也发不出去" in refused(engine)
