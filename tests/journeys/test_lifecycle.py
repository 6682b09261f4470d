"""A series from draft to end: every arrow of its life, who is told what, and what it does to posts."""

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlmodel import Session

from bot import database, leases, outbox
from bot.errors import InvalidInput
from bot.models import (
    Account,
    Audit,
    DayKind,
    Delivery,
    DeliveryState,
    Pause,
    PickedQuestion,
    Room,
    RoomTag,
    SeriesState,
)
from bot.settings import Settings
from content_calendar import (
    contact,
    definition,
    editing,
    holidays,
    interchange,
    lifecycle,
    planning,
)
from content_calendar.contact import Rules
from content_calendar.definition import Stored
from tests import drafts
from tests.saying import local, rows

RULES: Rules = contact.rules(Settings(_env_file=None))
MONDAY = local("2026-11-02 09:00")
WEDNESDAY = dt.date(2026, 11, 4)
EIGHT = local("2026-11-04 20:00")
MINUTE = dt.timedelta(minutes=1)
DRAFT, IN_REVIEW, APPROVED, PAUSED, ENDED = SeriesState

CALENDAR = """\
version: 1
series:
  - key: qa
    name: 问题解答日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2026-11-30
    recurrence: {weekly: [周三]}
    at: "20:00"
    holidays: keep
    audience: {verticals: [宝妈育儿]}
    steps:
      - {name: 开场, text: "{{ room }}开始啦"}
"""


def a_community(engine: Engine, count: int = 4) -> None:
    """So many rooms, one more for tests, and the series as a draft of 小李."""
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        for n in range(1, count + 1):
            session.add(
                Room(id=n, platform_id=f"r{n}", topic=f"{n} 群", vertical="宝妈育儿", account_id=1)
            )
        session.add(Room(id=99, platform_id="r99", topic="试验田", vertical="内部", account_id=1))
        session.flush()
        session.add(RoomTag(tag="测试", room_id=99))
    imported(engine)


def imported(
    engine: Engine, text: str = CALENDAR, now: dt.datetime = MONDAY, by: str = "小李"
) -> None:
    with database.transaction(engine) as session:
        drafts.take_in(session, text, now, by)


def approved(engine: Engine, now: dt.datetime = MONDAY) -> list[str]:
    with database.transaction(engine) as session:
        return lifecycle.approve(session, ["qa"], "小王", now, RULES)


def planned(engine: Engine, now: dt.datetime) -> int:
    with database.transaction(engine) as session:
        return planning.plan_due(session, now, RULES).new


def sent(engine: Engine, now: dt.datetime, limit: int = 100) -> list[str]:
    """The keys of what goes out now."""
    keys = []
    with database.transaction(engine) as session:
        epoch = leases.take(session, 1, "here:1", now)
        assert epoch is not None
        for each in outbox.claim(session, 1, epoch, now, limit=limit):
            if outbox.begin(session, each.id, epoch, now) is not None:
                assert outbox.sent(session, each.id, f"m{each.id}", now)
                keys.append(each.id)
    by_id = {row.id: row.key for row in rows(engine, Delivery)}
    return sorted(by_id[each] for each in keys)


def stands(engine: Engine, key: str = "qa") -> Stored:
    with database.reading(engine) as session:
        (found,) = definition.stored(session, keys=[key])
    return found


def audits(engine: Engine) -> list[tuple[str, str, Any, Any]]:
    """(action, by, before, after) of every change of a series, in order."""
    return [
        (row.action, row.by, row.before, row.after)
        for row in rows(engine, Audit)
        if row.action.startswith("series.")
    ]


def outcomes(engine: Engine) -> list[tuple[str, DeliveryState, str]]:
    """(room, state, text) of every delivery, in order of key."""
    return sorted(
        (row.key.rpartition(":")[2], row.state, row.text) for row in rows(engine, Delivery)
    )


ARROWS: dict[str, tuple[set[SeriesState], SeriesState]] = {
    "submit": ({DRAFT}, IN_REVIEW),
    "send_back": ({IN_REVIEW}, DRAFT),
    "approve": ({DRAFT, IN_REVIEW}, APPROVED),
    "pause": ({APPROVED}, PAUSED),
    "resume": ({PAUSED}, APPROVED),
    "end": ({DRAFT, IN_REVIEW, APPROVED, PAUSED}, ENDED),
    "edit": (set(SeriesState), DRAFT),
}
ROADS: dict[SeriesState, list[str]] = {
    DRAFT: [],
    IN_REVIEW: ["submit"],
    APPROVED: ["approve"],
    PAUSED: ["approve", "pause"],
    ENDED: ["end"],
}


def act(engine: Engine, action: str, now: dt.datetime = MONDAY) -> None:
    """One arrow, as an operator takes it; a refusal leaves everything as it was."""
    if action == "edit":
        wanted = stands(engine).definition
        with database.transaction(engine) as session:
            interchange.take_in(session, [replace(wanted, name=wanted.name + "改")], "小李", now)
        return
    commands: dict[str, Callable[[Session], object]] = {
        "submit": lambda session: lifecycle.submit(session, "qa", "小李", now),
        "send_back": lambda session: lifecycle.send_back(session, "qa", "再改改", "小王", now),
        "approve": lambda session: lifecycle.approve(session, ["qa"], "小王", now, RULES),
        "pause": lambda session: lifecycle.pause(session, "qa", "有误", "小李", now),
        "resume": lambda session: lifecycle.resume(session, "qa", "好了", "小李", now),
        "end": lambda session: lifecycle.end(session, "qa", "下线", "小李", now),
    }
    try:
        with database.transaction(engine) as session:
            commands[action](session)
    except InvalidInput as error:
        assert action == "approve"
        assert "已经结束" in str(error)


@pytest.mark.parametrize("action", ARROWS)
@pytest.mark.parametrize("state", SeriesState)
def test_every_arrow_leads_where_it_is_drawn_and_nothing_else_leads_anywhere(
    engine: Engine, state: SeriesState, action: str
) -> None:
    a_community(engine)
    for step in ROADS[state]:
        act(engine, step)
    before, noted = stands(engine), audits(engine)
    assert before.state is state
    act(engine, action)
    starts, end = ARROWS[action]
    after = stands(engine)
    assert after.state is (end if state in starts else state)
    assert after.version == before.version + (action == "edit")
    fresh = audits(engine)[len(noted) :]
    assert len(fresh) == (1 if state in starts else 0)
    if fresh and action != "edit":
        ((_, _, was, became),) = fresh
        assert (was["state"], became["state"]) == (state.value, end.value)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(st.sampled_from(sorted(ARROWS)), max_size=8))
def test_a_series_is_where_its_arrows_led_it_and_held_just_while_it_is_paused(
    sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    path = tmp_path_factory.mktemp("life") / "a.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = database.connect(f"sqlite:///{path}")
    a_community(engine)
    state = DRAFT
    for number, action in enumerate(actions):
        act(engine, action, MONDAY + number * MINUTE)
        starts, end = ARROWS[action]
        state = end if state in starts else state
        assert stands(engine).state is state
    standing_pauses = [row for row in rows(engine, Pause) if row.resumed_at is None]
    engine.dispose()
    if state is APPROVED:
        assert not standing_pauses, "what is approved would be planned and silently never sent"
    if state is PAUSED:
        assert standing_pauses


def test_an_edited_series_that_was_paused_goes_out_once_it_is_approved(engine: Engine) -> None:
    a_community(engine, 1)
    approved(engine)
    act(engine, "pause")
    imported(engine, CALENDAR.replace("开始啦", "改好了"))
    assert approved(engine) == ["qa"]
    assert planned(engine, EIGHT) == 1
    assert sent(engine, EIGHT) == ["post:qa:2026-11-04:开场:r1"], (
        "approved, and nobody is told that it is held"
    )


def test_asking_twice_changes_nothing_and_says_so(engine: Engine) -> None:
    a_community(engine)
    with database.transaction(engine) as session:
        assert lifecycle.submit(session, "qa", "小李", MONDAY)
        assert not lifecycle.submit(session, "qa", "小李", MONDAY)
        assert lifecycle.send_back(session, "qa", "再改改", "小王", MONDAY)
        assert not lifecycle.send_back(session, "qa", "再改改", "小王", MONDAY)
        assert lifecycle.approve(session, ["qa"], "小王", MONDAY, RULES) == ["qa"]
        assert lifecycle.approve(session, ["qa"], "小王", MONDAY, RULES) == []
        assert lifecycle.pause(session, "qa", "有误", "小李", MONDAY)
        assert not lifecycle.pause(session, "qa", "有误", "小李", MONDAY)
        assert lifecycle.resume(session, "qa", "", "小李", MONDAY)
        assert not lifecycle.resume(session, "qa", "", "小李", MONDAY)
        lifecycle.end(session, "qa", "下线", "小李", MONDAY)
        lifecycle.end(session, "qa", "下线", "小李", MONDAY)
    assert [action for action, *_ in audits(engine)] == [
        "series.import", "series.submit", "series.send_back", "series.approve", "series.pause",
        "series.resume", "series.end",
    ]  # fmt: skip


def test_naming_a_series_twice_approves_it_once(engine: Engine) -> None:
    a_community(engine)
    with database.transaction(engine) as session:
        assert lifecycle.approve(session, ["qa", "qa"], "小王", MONDAY, RULES) == ["qa"]


def test_one_series_that_cannot_be_approved_holds_back_all_that_were_named(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace("key: qa", "key: over"))
    with database.transaction(engine) as session:
        lifecycle.end(session, "over", "下线", "小李", MONDAY)
    with (
        pytest.raises(InvalidInput, match="over 已经结束"),
        database.transaction(engine) as session,
    ):
        lifecycle.approve(session, ["qa", "over"], "小王", MONDAY, RULES)
    assert stands(engine).state is DRAFT


def test_a_series_whose_last_post_is_over_has_ended_by_itself(engine: Engine) -> None:
    a_community(engine)
    approved(engine)
    planned(engine, local("2026-11-25 20:00"))
    planned(engine, local("2026-12-02 12:00"))
    assert stands(engine).state is ENDED


COMMANDS: dict[str, Callable[[Session, int], object]] = {
    "submit": lambda session, seen: lifecycle.submit(session, "qa", "小张", MONDAY, version=seen),
    "approve": lambda session, seen: lifecycle.approve(
        session, ["qa"], "小张", MONDAY, RULES, version=seen
    ),
    "skip": lambda session, seen: editing.skip(
        session, "qa", WEDNESDAY, "小张", MONDAY, version=seen
    ),
    "move": lambda session, seen: editing.move(
        session, "qa", WEDNESDAY, WEDNESDAY, "小张", MONDAY, version=seen
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_second_editor_is_told_who_was_first_and_overwrites_nothing(
    engine: Engine, command: str
) -> None:
    a_community(engine)
    seen = stands(engine).version
    with database.transaction(engine) as session:
        editing.skip(session, "qa", dt.date(2026, 11, 11), "小李", MONDAY, version=seen)
    first = stands(engine)
    with pytest.raises(InvalidInput, match="小李 改过它"), database.transaction(engine) as session:
        COMMANDS[command](session, seen)
    assert stands(engine) == first
    with database.transaction(engine) as session:
        COMMANDS[command](session, first.version)
    assert dt.date(2026, 11, 11) in stands(engine).definition.schedule.skip


def test_of_two_who_edit_at_the_same_moment_neither_is_overwritten(engine: Engine) -> None:
    """The second has looked when the first has not committed yet."""
    a_community(engine)
    told: list[InvalidInput] = []

    def second() -> None:
        try:
            with database.transaction(engine) as session:
                editing.skip(session, "qa", dt.date(2026, 11, 18), "小张", MONDAY)
        except InvalidInput as error:
            told.append(error)

    thread = threading.Thread(target=second)
    with database.transaction(engine) as session:
        editing.skip(session, "qa", dt.date(2026, 11, 11), "小李", MONDAY)
        thread.start()
        # It comes to wait for us, whether for the row or for the whole database.
        thread.join(0.5)
    thread.join()
    skipped = stands(engine).definition.schedule.skip
    assert dt.date(2026, 11, 11) in skipped
    assert told or dt.date(2026, 11, 18) in skipped


def test_every_change_is_written_down_with_what_was_before_and_after(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace('at: "20:00"', 'at: "19:00"'), by="小张")
    with database.transaction(engine) as session:
        editing.skip(session, "qa", WEDNESDAY, "小李", MONDAY)
        editing.move(session, "qa", dt.date(2026, 11, 11), dt.date(2026, 11, 12), "小李", MONDAY)
        editing.copy_week(session, dt.date(2026, 11, 12), 1, "小李", MONDAY)
        editing.copy(session, "qa", "qa2", ["r1"], "小李", MONDAY)
        editing.pick(session, "qa", WEDNESDAY, "湿疹怎么办?", "小李", MONDAY)
        lifecycle.end(session, "qa", "下线", "小李", MONDAY)
    found = {action: (by, before, after) for action, by, before, after in audits(engine)}
    assert list(found) == [
        "series.import", "series.change", "series.skip", "series.move", "series.copy_week",
        "series.copy", "series.pick", "series.end",
    ]  # fmt: skip
    by, before, after = found["series.change"]
    assert (by, before["at"], after["at"]) == ("小张", "20:00", "19:00")
    assert found["series.import"][1] is None
    _, before, after = found["series.skip"]
    assert (before["skip"], after["skip"]) == ([], ["2026-11-04"])
    _, before, after = found["series.move"]
    assert (before["move"], after["move"]) == ({}, {"2026-11-11": "2026-11-12"})
    _, before, after = found["series.copy_week"]
    assert (before["also"], after["also"]) == ([], ["2026-11-19"])
    assert found["series.copy"][2] == {"copied_from": "qa", "rooms": ["r1"]}
    assert found["series.pick"][2] == {"date": "2026-11-04", "question": "湿疹怎么办?"}
    _, before, after = found["series.end"]
    assert (before["state"], after) == ("draft", {"state": "ended", "reason": "下线"})


def test_an_edit_while_half_is_sent_changes_the_other_half_and_repeats_nothing(
    engine: Engine,
) -> None:
    a_community(engine)
    approved(engine)
    assert planned(engine, EIGHT) == 4
    assert len(sent(engine, EIGHT, limit=2)) == 2
    before = [row for row in rows(engine, Delivery) if row.state is DeliveryState.SENT]
    imported(engine, CALENDAR.replace("开始啦", "这就开始"), EIGHT + MINUTE)
    assert planned(engine, EIGHT + 2 * MINUTE) == 0, "a draft is not planned"
    assert sent(engine, EIGHT + 2 * MINUTE) == []
    approved(engine, EIGHT + 10 * MINUTE)
    assert planned(engine, EIGHT + 11 * MINUTE) == 2
    assert planned(engine, EIGHT + 12 * MINUTE) == 0
    assert len(sent(engine, EIGHT + 12 * MINUTE)) == 2
    assert outcomes(engine) == [
        ("r1", DeliveryState.SENT, "1 群开始啦"),
        ("r2", DeliveryState.SENT, "2 群开始啦"),
        ("r3", DeliveryState.SENT, "3 群这就开始"),
        ("r4", DeliveryState.SENT, "4 群这就开始"),
    ]
    assert [row for row in rows(engine, Delivery) if row.id in {row.id for row in before}] == before


def test_an_edit_that_is_approved_too_late_sends_nothing_more(engine: Engine) -> None:
    a_community(engine)
    approved(engine)
    planned(engine, EIGHT)
    sent(engine, EIGHT, limit=2)
    imported(engine, CALENDAR.replace("开始啦", "这就开始"), EIGHT + MINUTE)
    night = local("2026-11-04 22:31")
    approved(engine, night)
    assert planned(engine, night) == 0
    states = [state for _, state, _ in outcomes(engine)]
    assert states == [DeliveryState.SENT] * 2 + [DeliveryState.CANCELLED] * 2


def test_an_edit_of_the_time_takes_the_unsent_along_and_leaves_the_sent(engine: Engine) -> None:
    a_community(engine)
    approved(engine)
    planned(engine, EIGHT)
    sent(engine, EIGHT, limit=3)
    imported(engine, CALENDAR.replace('at: "20:00"', 'at: "21:00"'), EIGHT + MINUTE)
    approved(engine, EIGHT + 2 * MINUTE)
    assert planned(engine, local("2026-11-04 20:50")) == 1
    assert sent(engine, local("2026-11-04 20:59")) == []
    assert sent(engine, local("2026-11-04 21:00")) == ["post:qa:2026-11-04:开场:r4"]


def test_an_edit_of_the_audience_takes_back_who_left_and_adds_who_came(engine: Engine) -> None:
    a_community(engine)
    approved(engine)
    planned(engine, EIGHT - 5 * MINUTE)
    imported(
        engine,
        CALENDAR.replace("{verticals: [宝妈育儿]}", "{rooms: [r1, r99]}"),
        EIGHT - 4 * MINUTE,
    )
    approved(engine, EIGHT - 3 * MINUTE)
    assert planned(engine, EIGHT - 2 * MINUTE) == 2
    assert sent(engine, EIGHT) == ["post:qa:2026-11-04:开场:r1", "post:qa:2026-11-04:开场:r99"]


def test_a_paused_series_is_neither_planned_nor_sent_and_goes_on_where_it_is_not_too_late(
    engine: Engine,
) -> None:
    a_community(engine)
    approved(engine)
    assert planned(engine, EIGHT - 5 * MINUTE) == 4
    assert len(sent(engine, EIGHT, limit=1)) == 1
    act(engine, "pause", EIGHT)
    assert sent(engine, EIGHT + MINUTE) == []
    assert planned(engine, local("2026-11-11 20:00")) == 0
    act(engine, "resume", local("2026-11-11 20:30"))
    assert planned(engine, local("2026-11-11 20:30")) == 4
    with database.transaction(engine) as session:
        outbox.expire(session, local("2026-11-11 20:30"))
    assert len(sent(engine, local("2026-11-11 20:31"))) == 4
    assert sum(state is DeliveryState.EXPIRED for _, state, _ in outcomes(engine)) == 3


def test_an_end_takes_back_what_is_pending_and_keeps_what_was_sent(engine: Engine) -> None:
    a_community(engine)
    approved(engine)
    planned(engine, EIGHT)
    sent(engine, EIGHT, limit=1)
    with database.transaction(engine) as session:
        assert lifecycle.end(session, "qa", "下线", "小李", EIGHT + MINUTE) == 3
        assert lifecycle.end(session, "qa", "下线", "小李", EIGHT + MINUTE) == 0
    assert sent(engine, EIGHT + MINUTE) == []
    assert planned(engine, local("2026-11-11 20:00")) == 0
    reasons = {row.reason for row in rows(engine, Delivery) if row.state is DeliveryState.CANCELLED}
    assert reasons == {"小李 结束了栏目"}


def test_one_occurrence_that_moves_onto_another_leaves_one_post_to_a_room(engine: Engine) -> None:
    """Both were to be posted on the fifth; the one that was there already gives way."""
    a_community(engine, 1)
    daily = CALENDAR.replace("{weekly: [周三]}", "{every_days: 1}")
    imported(engine, daily)
    approved(engine)
    fourth, fifth, sixth = (dt.date(2026, 11, day) for day in (4, 5, 6))
    with database.transaction(engine) as session:
        editing.skip(session, "qa", fifth, "小李", MONDAY)
        editing.move(session, "qa", sixth, fifth, "小李", MONDAY)
    now = local("2026-11-05 19:50")
    assert planned(engine, now) == 1
    with database.transaction(engine) as session:
        editing.move(session, "qa", fourth, fifth, "小李", now)
    planned(engine, now)
    # A room gets one post at a time.
    twice = [sent(engine, local("2026-11-05 20:00") + n * MINUTE) for n in range(2)]
    assert len(twice[0] + twice[1]) == 1


def test_a_holiday_that_becomes_known_takes_back_what_is_pending(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace("holidays: keep", "holidays: skip"))
    approved(engine)
    assert planned(engine, EIGHT - 10 * MINUTE) == 4
    with database.transaction(engine) as session:
        holidays.say(session, WEDNESDAY, DayKind.HOLIDAY, "临时放假", "小李", EIGHT - 9 * MINUTE)
    planned(engine, EIGHT - 8 * MINUTE)
    assert sent(engine, EIGHT) == []


def test_a_blackout_that_is_declared_takes_back_what_is_pending(engine: Engine) -> None:
    a_community(engine)
    approved(engine)
    assert planned(engine, EIGHT - 10 * MINUTE) == 4
    with database.transaction(engine) as session:
        holidays.say(session, WEDNESDAY, DayKind.BLACKOUT, "哀悼日", "小李", EIGHT - 9 * MINUTE)
    planned(engine, EIGHT - 8 * MINUTE)
    assert sent(engine, EIGHT) == []


def test_a_copy_is_a_draft_of_its_own_for_the_rooms_that_were_named(engine: Engine) -> None:
    a_community(engine)
    approved(engine)
    with database.transaction(engine) as session:
        editing.copy(session, "qa", "qa2", ["r2", "r2", "r99"], "小李", MONDAY)
        editing.copy(session, "qa", "qa3", [], "小李", MONDAY)
        with pytest.raises(InvalidInput, match="已经有栏目 qa2"):
            editing.copy(session, "qa", "qa2", [], "小李", MONDAY)
        with pytest.raises(InvalidInput, match="没有栏目"):
            editing.copy(session, "nobody", "qa4", [], "小李", MONDAY)
    first, second, third = stands(engine), stands(engine, "qa2"), stands(engine, "qa3")
    assert (second.state, second.version, second.definition.audience.rooms) == (
        DRAFT,
        1,
        ("r2", "r99"),
    )
    assert second.definition.audience.verticals == ()
    assert third.definition == replace(first.definition, key="qa3")
    assert len({each.seed for each in (first, second, third)}) == 3
    assert planned(engine, EIGHT) == 4, "only the first is approved"


def test_last_week_takes_place_again_where_nothing_does_anyway(engine: Engine) -> None:
    a_community(engine)
    text = CALENDAR.replace("{weekly: [周三]}", "{dates: [2026-11-04, 2026-11-05, 2026-11-11]}")
    imported(engine, text)
    imported(engine, text.replace("key: qa", "key: over"))
    with database.transaction(engine) as session:
        lifecycle.end(session, "over", "下线", "小李", MONDAY)
    approved(engine)
    with database.transaction(engine) as session:
        copied = editing.copy_week(session, WEDNESDAY, 1, "小李", MONDAY)
        assert copied == {"qa": (dt.date(2026, 11, 12),)}
        assert editing.copy_week(session, WEDNESDAY, 1, "小李", MONDAY) == {}
        assert editing.copy_week(session, WEDNESDAY, 5, "小李", MONDAY) == {}, "after its end"
    for day in (4, 5, 11, 12):
        now = local(f"2026-11-{day:02} 20:00")
        assert planned(engine, now) == 4
        assert len(sent(engine, now)) == 4


def test_what_somebody_skipped_does_not_come_back_with_a_copied_week(
    engine: Engine,
) -> None:
    a_community(engine)
    approved(engine)
    with database.transaction(engine) as session:
        editing.skip(session, "qa", dt.date(2026, 11, 11), "小李", MONDAY)
        copied = editing.copy_week(session, WEDNESDAY, 1, "小李", MONDAY)
    assert copied == {}
    assert planned(engine, local("2026-11-11 20:00")) == 0


def test_what_is_copied_onto_a_day_whose_own_occurrence_moved_away_takes_place_there(
    engine: Engine,
) -> None:
    a_community(engine)
    approved(engine)
    with database.transaction(engine) as session:
        editing.move(session, "qa", dt.date(2026, 11, 11), dt.date(2026, 11, 13), "小李", MONDAY)
        copied = editing.copy_week(session, WEDNESDAY, 1, "小李", MONDAY)
    if dt.date(2026, 11, 11) in copied.get("qa", ()):
        assert planned(engine, local("2026-11-11 20:00")) == 4, "it was said to take place"


def test_a_draft_goes_to_a_test_room_at_once_and_to_no_other(engine: Engine) -> None:
    a_community(engine)
    with database.transaction(engine) as session:
        text = editing.post_test(session, "qa", "开场", "r99", "小李", MONDAY, RULES)
        for room, problem in (("r1", "不是测试群"), ("nobody", "没有群")):
            with pytest.raises(InvalidInput, match=problem):
                editing.post_test(session, "qa", "开场", room, "小李", MONDAY, RULES)
        with pytest.raises(InvalidInput, match="可用:开场"):
            editing.post_test(session, "qa", "收场", "r99", "小李", MONDAY, RULES)
    assert text == "试验田开始啦"
    assert stands(engine).state is DRAFT
    (key,) = sent(engine, MONDAY)
    assert key.startswith("test:qa:")
    assert audits(engine)[-1] == ("series.test", "小李", None, {"step": "开场", "room": "r99"})


def test_a_test_does_not_stand_in_for_the_post_itself(engine: Engine) -> None:
    a_community(engine)
    imported(engine, CALENDAR.replace("{verticals: [宝妈育儿]}", "{rooms: [r99]}"))
    approved(engine)
    with database.transaction(engine) as session:
        editing.post_test(session, "qa", "开场", "r99", "小李", MONDAY, RULES)
    assert len(sent(engine, MONDAY)) == 1
    assert planned(engine, EIGHT) == 1
    assert sent(engine, EIGHT) == ["post:qa:2026-11-04:开场:r99"]


def test_picked_questions_stand_in_the_post_of_their_occurrence_alone(engine: Engine) -> None:
    a_community(engine, 1)
    imported(engine, CALENDAR.replace("{{ room }}开始啦", "{{ picked | default('没有') }}"))
    approved(engine)
    with database.transaction(engine) as session:
        assert editing.pick(session, "qa", WEDNESDAY, "湿疹怎么办?", "小李", MONDAY)
        assert not editing.pick(session, "qa", WEDNESDAY, "湿疹怎么办?", "小李", MONDAY)
        with pytest.raises(InvalidInput, match="下一期是 2026-11-11"):
            editing.pick(session, "qa", dt.date(2026, 11, 5), "湿疹怎么办?", "小李", MONDAY)
    assert len(rows(engine, PickedQuestion)) == 1
    planned(engine, EIGHT)
    planned(engine, local("2026-11-11 20:00"))
    with database.reading(engine) as session:
        delivery = database.table(Delivery)
        texts = session.connection().scalars(select(delivery.c.text).order_by(delivery.c.due_at))
        assert list(texts) == ["1. 湿疹怎么办?", "没有"]
