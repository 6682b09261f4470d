"""A calendar file travels into the database, and what is due out of it into deliveries."""

import datetime as dt

import pytest
from sqlalchemy import Engine, select

from bot import database, outbox
from bot.errors import InvalidInput
from bot.models import (
    Account,
    Audit,
    Delivery,
    DeliveryState,
    Occurrence,
    Room,
    RoomTag,
    Series,
    SeriesState,
)
from bot.settings import Settings
from content_calendar import (
    contact,
    definition,
    editing,
    interchange,
    lifecycle,
    planning,
)
from content_calendar.contact import Rules
from content_calendar.interchange import Difference
from content_calendar.planning import Planned
from content_calendar.preview import Previewed, preview, remarks
from tests import drafts
from tests.saying import SHANGHAI, local
from tests.statements import counted

RULES: Rules = contact.rules(Settings(_env_file=None))
DAY = dt.timedelta(days=1)

CALENDAR = """\
version: 1
zone: Asia/Shanghai
series:
  - key: qa
    name: 问题解答日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2026-11-30
    recurrence: {weekly: [周三]}
    at: "20:00"
    audience: {verticals: [宝妈育儿, 美妆], exclude: [r9]}
    steps:
      - {name: 预告, days: -1, at: "19:00", text: "{{ room }}:明天见"}
      - {name: 开场, text: "开始啦", texts: {美妆: "{{ vertical }}开始啦"}}
"""


MONDAY = local("2026-11-02 09:00")


def a_community(engine: Engine) -> None:
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        for n, vertical in enumerate(["宝妈育儿", "宝妈育儿", "美妆", "穿搭"], start=1):
            session.add(
                Room(id=n, platform_id=f"r{n}", topic=f"{n} 群", vertical=vertical, account_id=1)
            )
        session.add(Room(id=8, platform_id="r8", vertical="美妆", unavailable_reason="已被移出群"))
        session.add(Room(id=9, platform_id="r9", vertical="美妆", account_id=1))
        session.flush()
        session.add(RoomTag(tag="重点", room_id=4))


def imported(engine: Engine, text: str = CALENDAR, now: dt.datetime = MONDAY) -> list[Difference]:
    with database.transaction(engine) as session:
        changes = drafts.take_in(session, text, now)
    return [change.difference for change in changes]


def test_a_post_moved_minutes_before_it_is_due_goes_out_on_its_new_day(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    soon, tomorrow = local("2026-11-04 19:50"), local("2026-11-05 19:50")
    with database.transaction(engine) as session:
        announced = planning.plan_due(session, local("2026-11-03 18:50"), RULES)
        assert announced.new == 3
        assert outbox.expire(session, local("2026-11-03 23:00")) == 3
        assert planning.plan_due(session, soon, RULES).new == 3
        moved = editing.move(
            session, "qa", dt.date(2026, 11, 4), dt.date(2026, 11, 5), "小李", soon
        )
        assert moved == 3
        assert planning.plan_due(session, soon, RULES).new == 0
        assert planning.plan_due(session, tomorrow, RULES).new == 3
        assert planning.plan_due(session, tomorrow, RULES).new == 0
    with database.reading(engine) as session:
        delivery = database.table(Delivery)
        due = session.connection().scalars(
            select(delivery.c.due_at).where(delivery.c.step == "开场")
        )
        assert set(due) == {local("2026-11-05 20:00")}


def approved(engine: Engine, now: dt.datetime = MONDAY) -> bool:
    with database.transaction(engine) as session:
        return bool(lifecycle.approve(session, ["qa"], "小李", now, RULES))


def planned(engine: Engine, now: dt.datetime) -> Planned:
    with database.transaction(engine) as session:
        return planning.plan_due(session, now, RULES)


def deliveries(engine: Engine) -> list[tuple[str, str, str]]:
    """(key, due, text) of what is pending, in order of key."""
    table = database.table(Delivery)
    pending = select(table).where(table.c.state == DeliveryState.PENDING)
    with database.reading(engine) as session:
        return sorted(
            (row.key, f"{row.due_at.astimezone(SHANGHAI):%m-%d %H:%M}", row.text)
            for row in session.connection().execute(pending)
        )


def previewed(engine: Engine, text: str, since: str, until: str) -> list[Previewed]:
    first, end = dt.date.fromisoformat(since), dt.date.fromisoformat(until)
    with database.reading(engine) as session:
        return list(preview(session, drafts.written(text), first, end, RULES))


def test_a_step_is_planned_for_its_rooms_a_quarter_of_an_hour_ahead(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    assert planned(engine, local("2026-11-03 18:44")) == Planned(0)
    assert planned(engine, local("2026-11-03 18:46")) == Planned(3)
    assert deliveries(engine) == [
        ("post:qa:2026-11-04:预告:r1", "11-03 19:00", "1 群:明天见"),
        ("post:qa:2026-11-04:预告:r2", "11-03 19:00", "2 群:明天见"),
        ("post:qa:2026-11-04:预告:r3", "11-03 19:00", "3 群:明天见"),
    ]
    assert planned(engine, local("2026-11-04 19:50")) == Planned(3)
    assert ("post:qa:2026-11-04:开场:r3", "11-04 20:00", "美妆开始啦") in deliveries(engine)


def test_planning_the_same_moment_again_adds_nothing(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    now = local("2026-11-04 20:00")
    assert [planned(engine, now + dt.timedelta(seconds=30 * n)).new for n in range(4)] == [
        3,
        0,
        0,
        0,
    ]


def test_one_planned_series_does_not_hide_another_that_is_due_with_it(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    assert planned(engine, local("2026-11-04 20:00")).new == 3
    second = CALENDAR.replace("key: qa", "key: b").replace('at: "20:00"', 'at: "20:10"')
    third = CALENDAR.replace("key: qa", "key: z").replace('at: "20:00"', 'at: "20:10"')
    for text, key in ((second, "b"), (third, "z")):
        imported(engine, text)
        with database.transaction(engine) as session:
            lifecycle.approve(session, [key], "小李", local("2026-11-04 20:01"), RULES)
    assert planned(engine, local("2026-11-04 20:02")).new == 6


def test_a_draft_is_never_planned(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    assert planned(engine, local("2026-11-04 20:00")) == Planned(0)


def test_what_was_due_before_the_approval_is_never_posted(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine, local("2026-11-04 20:01"))
    assert planned(engine, local("2026-11-04 20:02")) == Planned(0)
    assert planned(engine, local("2026-11-10 19:00")) == Planned(3)


def test_after_an_outage_a_step_is_planned_until_quiet_hours_and_no_later(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    assert planned(engine, local("2026-11-03 22:29")) == Planned(3)
    assert planned(engine, local("2026-11-04 22:30")) == Planned(0)
    table = database.table(Delivery)
    with database.reading(engine) as session:
        ends = set(session.connection().scalars(select(table.c.expires_at)))
    assert ends == {local("2026-11-03 22:30")}


def test_a_lateness_limit_ends_a_post(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace("audience:", "late_by_minutes: 30\n    audience:"))
    approved(engine)
    assert planned(engine, local("2026-11-03 19:30")) == Planned(0)
    assert planned(engine, local("2026-11-04 20:29")) == Planned(3)


def test_each_room_has_its_own_wall_clock(engine: Engine) -> None:
    a_community(engine)
    with database.transaction(engine) as session:
        session.add(Room(id=20, platform_id="r20", vertical="美妆", zone="Europe/Berlin"))
    imported(engine)
    approved(engine)
    assert planned(engine, local("2026-11-04 20:00")) == Planned(3)
    assert planned(engine, local("2026-11-05 03:00")) == Planned(1)
    assert deliveries(engine)[-2:][0][1] == "11-05 03:00"


def test_a_series_with_a_zone_posts_everywhere_at_once(engine: Engine) -> None:
    a_community(engine)
    with database.transaction(engine) as session:
        session.add(Room(id=20, platform_id="r20", vertical="美妆", zone="Europe/Berlin"))
    imported(engine, CALENDAR.replace("audience:", "zone: Asia/Shanghai\n    audience:"))
    approved(engine)
    assert planned(engine, local("2026-11-04 20:00")) == Planned(4)


def test_audiences_combine_verticals_tags_rooms_and_exclusions(engine: Engine) -> None:
    a_community(engine)
    audiences = {
        "{all: true}": ["r1", "r2", "r3", "r4", "r9"],
        "{all: true, exclude: [r1]}": ["r2", "r3", "r4", "r9"],
        "{tags: [重点]}": ["r4"],
        "{verticals: [美妆], tags: [重点]}": [],
        "{verticals: [美妆], rooms: [r1, nobody]}": ["r1", "r3", "r9"],
        "{}": [],
    }
    for said, rooms in audiences.items():
        text = CALENDAR.replace("{verticals: [宝妈育儿, 美妆], exclude: [r9]}", said)
        posts = previewed(engine, text, "2026-11-04", "2026-11-05")
        assert (
            sorted(
                room.platform_id for post in posts if post.excluded is None for room in post.rooms
            )
            == rooms
        ), said


def test_a_preview_shows_each_post_and_what_speaks_against_it(engine: Engine) -> None:
    a_community(engine)
    text = CALENDAR.replace('at: "20:00"', 'at: "23:00"').replace(
        "audience:", "late_by_minutes: 60\n    audience:"
    )
    posts = previewed(engine, text, "2026-11-03", "2026-11-05")
    shown = [
        (f"{post.at:%m-%d %H:%M}", post.step, room.platform_id, post.excluded)
        for post in posts
        for room in post.rooms
    ]
    assert shown == [
        ("11-03 19:00", "预告", "r1", None),
        ("11-03 19:00", "预告", "r2", None),
        ("11-03 19:00", "预告", "r3", None),
        ("11-03 19:00", "预告", "r8", "已被移出群"),
        ("11-04 23:00", "开场", "r1", None),
        ("11-04 23:00", "开场", "r2", None),
        ("11-04 23:00", "开场", "r3", None),
        ("11-04 23:00", "开场", "r8", "已被移出群"),
    ]
    assert posts[4].warnings == ("在静默时段里,到 08:00 已经过期,发不出去",)
    with database.reading(engine) as session:
        text = CALENDAR.replace("[宝妈育儿, 美妆]", "[宠物]")
        assert remarks(session, drafts.written(text), dt.date(2026, 11, 3)) == [
            "qa: 一个群也没有选到"
        ]


def test_a_preview_is_what_will_be_planned(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    for hour in range(24 * 28):
        planned(engine, MONDAY + dt.timedelta(hours=hour))
    shown = [
        (f"post:{post.series}:{post.original_date}:{post.step}:{room.platform_id}", post.text)
        for post in previewed(engine, CALENDAR, "2026-11-02", "2026-11-30")
        if post.excluded is None
        for room in post.rooms
    ]
    assert sorted(shown) == [(key, text) for key, _, text in deliveries(engine)]


def test_importing_again_changes_nothing_and_an_edit_goes_back_to_draft(engine: Engine) -> None:
    a_community(engine)
    assert imported(engine) == [Difference.NEW]
    approved(engine)
    assert imported(engine) == [Difference.SAME]
    planned(engine, local("2026-11-04 19:50"))
    assert imported(engine, CALENDAR.replace("明天见", "明晚见")) == [Difference.CHANGED]
    assert deliveries(engine) == []
    with database.reading(engine) as session:
        (stands,) = definition.stored(session)
        actions = session.connection().scalars(select(database.table(Audit).c.action)).all()
    assert (stands.state, stands.version, stands.approved_at) == (SeriesState.DRAFT, 2, None)
    assert actions == ["series.import", "series.approve", "series.change"]


def test_series_absent_from_a_file_stay_and_the_export_holds_all(engine: Engine) -> None:
    imported(engine)
    imported(engine, CALENDAR.replace("key: qa", "key: 分享日"))
    with database.reading(engine) as session:
        exported = interchange.export(session, "Asia/Shanghai")
    assert imported(engine, exported) == [Difference.SAME, Difference.SAME]
    with database.reading(engine) as session:
        assert interchange.export(session, "Asia/Shanghai") == exported


def test_a_skipped_occurrence_is_taken_back_and_never_planned_again(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    planned(engine, local("2026-11-04 19:50"))
    with database.transaction(engine) as session:
        day = dt.date(2026, 11, 4)
        assert editing.skip(session, "qa", day, "小李", local("2026-11-04 19:51")) == 3
    assert planned(engine, local("2026-11-04 19:52")) == Planned(0)
    assert deliveries(engine) == []


def test_a_skipped_occurrence_that_is_restored_is_planned_again(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    planned(engine, local("2026-11-04 19:50"))
    with database.transaction(engine) as session:
        day = dt.date(2026, 11, 4)
        assert editing.skip(session, "qa", day, "小李", local("2026-11-04 19:51")) == 3
        editing.restore(session, "qa", day, "小李", local("2026-11-04 19:52"))
        with pytest.raises(InvalidInput):
            editing.restore(session, "qa", day, "小李", local("2026-11-04 19:52"))
    assert planned(engine, local("2026-11-04 19:53")) == Planned(3)
    assert len(deliveries(engine)) == 3


def test_a_moved_occurrence_keeps_its_key_and_never_repeats_what_was_sent(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    assert planned(engine, local("2026-11-03 19:00")) == Planned(3)
    with database.transaction(engine) as session:
        table = database.table(Delivery)
        session.connection().execute(table.update().values(state=DeliveryState.SENT))
        day, to = dt.date(2026, 11, 4), dt.date(2026, 11, 5)
        assert editing.move(session, "qa", day, to, "小李", local("2026-11-04 12:00")) == 0
    assert planned(engine, local("2026-11-04 19:00")) == Planned(0)
    assert planned(engine, local("2026-11-05 20:00")) == Planned(3)
    assert [key for key, _, _ in deliveries(engine)] == [
        f"post:qa:2026-11-04:开场:r{n}" for n in (1, 2, 3)
    ]
    with database.reading(engine) as session:
        occurrence = session.connection().execute(select(database.table(Occurrence))).one()
    assert (occurrence.original_date, occurrence.date) == (day, to)


def test_a_text_that_cannot_be_made_holds_up_nobody_else(engine: Engine) -> None:
    a_community(engine)
    with database.transaction(engine) as session:
        session.add(Room(id=20, platform_id="r20", topic="群" * 1999, vertical="美妆"))
    imported(engine)
    approved(engine)
    done = planned(engine, local("2026-11-03 19:00"))
    assert done.new == 3
    (refused,) = done.refused
    assert (refused.series, refused.step, refused.rooms) == ("qa", "预告", 1)
    assert "2003 个字" in refused.reason


def test_unknown_series_and_days_are_refused_with_what_was_probably_meant(engine: Engine) -> None:
    imported(engine)
    with database.transaction(engine) as session:
        with pytest.raises(InvalidInput, match="是不是 qa"):
            lifecycle.approve(session, ["qaa"], "小李", MONDAY, RULES)
        with pytest.raises(InvalidInput, match="下一期是 2026-11-11"):
            editing.skip(session, "qa", dt.date(2026, 11, 5), "小李", MONDAY)
        with pytest.raises(InvalidInput, match="已经过去"):
            editing.move(session, "qa", dt.date(2026, 11, 4), dt.date(2026, 10, 4), "小李", MONDAY)
    with database.reading(engine) as session:
        row = session.connection().execute(select(database.table(Series))).one()
    assert (row.version, row.skip, row.move) == (1, [], {})


def test_an_idle_tick_asks_one_question_and_a_step_costs_the_same_for_any_number_of_rooms(
    engine: Engine,
) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    assert _statements(engine, local("2026-11-02 12:00")) > 1, "the first look since the approval"
    assert _statements(engine, local("2026-11-02 12:00")) == 1
    few = _statements(engine, local("2026-11-03 19:00"))
    assert _statements(engine, local("2026-11-03 19:01")) == 1, "a step is looked at once"
    with database.transaction(engine) as session:
        rooms = [{"id": n, "platform_id": f"x{n}", "vertical": "美妆"} for n in range(100, 400)]
        database.insert_rows(session, Room, [row | {"topic": "", "owner": ""} for row in rooms])
    planned(engine, local("2026-11-04 20:00"))
    assert _statements(engine, local("2026-11-10 19:00")) == few


def _statements(engine: Engine, now: dt.datetime) -> int:
    with counted(engine) as seen:
        planned(engine, now)
    return len(seen)


def test_taking_back_a_series_leaves_what_is_under_way(engine: Engine) -> None:
    a_community(engine)
    imported(engine)
    approved(engine)
    planned(engine, local("2026-11-04 20:00"))
    with database.transaction(engine) as session:
        table = database.table(Delivery)
        under_way = table.c.room_id == 1
        session.connection().execute(
            table.update().where(under_way).values(state=DeliveryState.SENDING)
        )
        assert outbox.cancel_series(session, 1, "试") == 2


def test_rooms_that_a_gateway_lists_later_are_planned_for(engine: Engine) -> None:
    with database.transaction(engine) as session:
        session.add(Room(id=1, platform_id="far", vertical="美妆", zone="America/New_York"))
    imported(engine)
    approved(engine)
    planned(engine, MONDAY)
    with database.transaction(engine) as session:
        session.add(Room(id=2, platform_id="here", vertical="美妆"))
    assert planned(engine, local("2026-11-03 18:50")).new == 1
    assert deliveries(engine)[0][0] == "post:qa:2026-11-04:预告:here"


def test_an_occurrence_moved_into_the_day_posts_what_is_still_to_come(engine: Engine) -> None:
    a_community(engine)
    steps = '      - {name: 开场, at: "10:00", text: 早}\n      - {name: 提醒, text: 晚}\n'
    imported(engine, CALENDAR[: CALENDAR.index("      - {name")] + steps)
    approved(engine)
    now = local("2026-11-05 12:00")
    with database.transaction(engine) as session:
        editing.move(session, "qa", dt.date(2026, 11, 11), dt.date(2026, 11, 5), "小李", now)
    assert planned(engine, now).new == 0, "ten o'clock is over"
    assert planned(engine, local("2026-11-05 19:50")).new == 3
    assert {text for _, _, text in deliveries(engine)} == {"晚"}
