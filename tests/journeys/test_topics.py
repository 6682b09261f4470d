"""What rose in a week is stored, read, and goes when its message goes."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import cli, database
from bot.errors import InvalidInput
from bot.gateway import Said
from bot.insights import rising_questions, topics
from bot.models import DigestScope, Message, MessageIdentity, Room, Topic, TopicKind
from bot.text import similarity
from tests.saying import ROOM, SHANGHAI, local, member_says, record, rows

MONDAY = dt.date(2026, 11, 2)
NEXT, ELSE = "room2@chatroom", "room3@chatroom"


def row(kind: TopicKind, rank: int, **rest: object) -> dict[str, object]:
    return {
        "week": MONDAY, "scope": DigestScope.VERTICAL, "target": "宝妈育儿", "kind": kind,
        "rank": rank, "text": None, "day": None, "room_id": None, "message_id": None,
        "messages": None, "score": 4.5, "count": 12, "before": 2.5, "members": 9, "rooms": 3, "rule_version": 1,
        "computed_at": local("2026-11-09 03:00"),
    } | rest  # fmt: skip


def test_a_week_is_read_by_scope_and_a_recalled_question_without_its_words(engine: Engine) -> None:
    record(engine, member_says("红屁屁怎么办", "2026-11-04 10:00", id="asked-1"))
    (message,) = rows(engine, Message)
    named = {"day": message.day, "room_id": message.room_id, "message_id": message.id}
    with database.transaction(engine) as session:
        database.insert_rows(
            session,
            Topic,
            [
                row(TopicKind.WORD, 2, text="纸尿裤"),
                row(TopicKind.WORD, 1, text="红屁屁"),
                row(TopicKind.QUESTION, 1, score=None, **named),
                row(TopicKind.WORD, 1, text="穿搭", target="职场穿搭"),
            ],
        )
        found = topics.of_week(session, MONDAY)
        assert set(found) == {(DigestScope.VERTICAL, name) for name in ("宝妈育儿", "职场穿搭")}
        ours = found[DigestScope.VERTICAL, "宝妈育儿"]
        assert [word.text for word in ours.words] == ["红屁屁", "纸尿裤"]
        assert [(one.text, one.count) for one in ours.questions] == [("红屁屁怎么办", 12)]
        assert topics.of_week(session, MONDAY, DigestScope.ROOM) == {}
        assert topics.of_week(session, MONDAY + dt.timedelta(days=7)) == {}
    record(engine, member_says(None, "2026-11-04 10:01", type="recall", recalls="asked-1"))
    with database.reading(engine) as session:
        ours = topics.of_week(session, MONDAY, target="宝妈育儿")[DigestScope.VERTICAL, "宝妈育儿"]
    assert [one.text for one in ours.questions] == [None]


def test_the_night_stores_the_words_that_rose_once(engine: Engine) -> None:
    usual = [
        member_says(
            f"今天聊聊天气第{n}天", f"2026-10-{6 + n % 20:02} 10:{n % 60:02}", sender=f"w{n % 9}"
        )
        for n in range(200)
    ]
    fresh = [
        member_says(f"红屁屁第{n}次了真愁人", f"2026-11-0{3 + n % 5} 10:{n:02}", sender=f"w{n % 9}")
        for n in range(40)
    ]
    lone = [member_says("水痘水痘", f"2026-11-04 11:{n:02}", sender="w1") for n in range(40)]
    record(engine, *usual, *fresh, *lone)
    today, now = dt.date(2026, 11, 10), local("2026-11-10 04:00")
    assert sum(topics.steps(engine, today, SHANGHAI, now)) > 0
    assert list(topics.steps(engine, today, SHANGHAI, now)) == []
    with database.reading(engine) as session:
        read = topics.of_week(session, MONDAY)
    assert set(read) == {(DigestScope.ROOM, ROOM), (DigestScope.FLEET, "")}
    found = read[DigestScope.FLEET, ""]
    words = {word.text: word for word in found.words}
    assert words["红屁屁"].count == 40 and words["红屁屁"].members == 9
    assert "天气" not in words and "水痘" not in words


def asked(
    text: str,
    day: int,
    member: str,
    room: str = ROOM,
    month: str = "2026-11",
    id: str | None = None,
) -> Said:
    return member_says(text, f"{month}-{day:02} 10:00", sender=member, room=room, id=id)


def settle(engine: Engine) -> None:
    """Two rooms of a vertical and one of another ask; what they ask changes."""
    with database.transaction(engine) as session:
        for name, vertical in ((ROOM, "宝妈育儿"), (NEXT, "宝妈育儿"), (ELSE, "职场穿搭")):
            session.add(Room(platform_id=name, topic=name, vertical=vertical))
    usual = [
        asked(
            f"第{n}样东西要多少钱呢?", 6 + n % 20, f"w{n % 9}", (ROOM, NEXT, ELSE)[n % 3], "2026-10"
        )
        for n in range(180)
    ]
    like = (
        "宝宝红屁屁反复发作怎么办啊?",
        "请问宝宝红屁屁反复发作怎么办?",
        "宝宝红屁屁老是反复发作怎么办呢?",
    )
    rose = [
        asked(like[n % 3], 3 + n % 5, f"w{n}", ROOM if n < 5 else NEXT, id=f"red-{n}")
        for n in range(7)
    ]
    # Four of one room ask: that stays there. One person asks and asks: that is nobody's topic.
    few = [asked("地铁通勤穿什么鞋不累脚?", 3 + n, f"s{n}", ELSE) for n in range(4)]
    lone = [asked("为什么没有人理我这个问题?", 3 + n, "w1", NEXT, id=f"lone-{n}") for n in range(5)]
    other = [asked(f"第{n}样东西要多少钱呢?", 4, f"w{n}", ELSE) for n in range(8)]
    record(engine, *usual, *rose, *few, *lone, *other)
    record(engine, member_says(None, "2026-11-08 12:00", type="recall", recalls="red-6", room=NEXT))


def test_like_questions_are_one_that_rises_by_room_vertical_and_fleet(engine: Engine) -> None:
    settle(engine)
    today, now = dt.date(2026, 11, 10), local("2026-11-10 04:00")
    assert sum(topics.steps(engine, today, SHANGHAI, now)) > 0
    ids = {row.id: row.platform_id for row in rows(engine, MessageIdentity)}
    with database.reading(engine) as session:
        found = {target: each.questions for target, each in topics.of_week(session, MONDAY).items()}
    (fleet,) = found[DigestScope.FLEET, ""]
    # A recalled question is none; the wording is the one that was used most, without politeness.
    assert (fleet.count, fleet.members, fleet.rooms, fleet.before) == (6, 6, 2, 0.0)
    assert fleet.text == "宝宝红屁屁反复发作怎么办啊?"
    assert sorted(ids[id] for id in fleet.messages) == [f"red-{n}" for n in range(6)]
    assert fleet.score is not None and fleet.score > 1.96
    (vertical,) = found[DigestScope.VERTICAL, "宝妈育儿"]
    assert replace(vertical, score=fleet.score) == fleet
    (ours,) = found[DigestScope.ROOM, ROOM]
    assert (ours.count, ours.members, ours.rooms) == (5, 5, 1)
    (shoes,) = found[DigestScope.ROOM, ELSE]
    assert (shoes.text, shoes.members) == ("地铁通勤穿什么鞋不累脚?", 4)
    assert found.get((DigestScope.VERTICAL, "职场穿搭"), ()) == ()
    assert found.get((DigestScope.ROOM, NEXT), ()) == ()


def test_the_command_tells_words_and_questions_of_one_scope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path
) -> None:
    (tmp_path / "qunyun.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    engine = database.connect(f"sqlite:///{tmp_path / 'qunyun.db'}")
    settle(engine)
    list(topics.steps(engine, dt.date(2026, 11, 10), SHANGHAI, local("2026-11-10 04:00")))
    engine.dispose()
    runner = CliRunner()

    def told(*rest: str) -> str:
        run = runner.invoke(cli.app, ["topics", "--week", "2026-W45", *rest])
        assert run.exit_code == 0, run.output
        return run.stdout

    assert "问:宝宝红屁屁反复发作怎么办啊?  6 条(往常 0),6 人,2 个群,z" in told("--questions")
    assert "问:地铁通勤穿什么鞋不累脚?  4 条" in told("--room", ELSE)
    assert "地铁" not in told("--vertical", "职场穿搭", "--questions")
    (asked,) = json.loads(told("--json", "--questions"))["questions"]
    assert len(asked["messages"]) == 6
    assert all(
        one["members"] >= topics.FEWEST_MEMBERS for one in json.loads(told("--json"))["words"]
    )
    # Four members are enough in their own room alone.
    assert "4 人" not in told()
    both = ["topics", "--week", "2026-W45", "--room", ROOM, "--vertical", "x"]
    assert isinstance(runner.invoke(cli.app, both).exception, InvalidInput)


def test_politeness_is_no_part_of_a_question_and_a_bare_one_asks_nothing() -> None:
    assert rising_questions.form("请问大家红屁屁怎么办呢?谢谢") == "红屁屁怎么办"
    assert rising_questions.form("怎么办?") == ""
    groups = rising_questions.Groups()
    first = groups.put("宝宝红屁屁反复发作怎么办")
    assert groups.find("宝宝红屁屁老是反复发作怎么办") == first
    assert groups.find("地铁通勤穿什么鞋不累脚") is None
    assert groups.put("地铁通勤穿什么鞋不累脚") != first


FORMS = st.lists(st.text("宝红屁怎么办多少钱", min_size=4, max_size=24), max_size=30)


@given(FORMS, FORMS)
def test_a_group_is_found_by_marks_as_it_is_by_comparing_with_every_first(
    forms: list[str], common: list[str]
) -> None:
    # Whatever is taken for common: it decides what is compared, not what is found.
    groups = rising_questions.groups(common)
    for form in forms:
        own = similarity.grams(form)
        likeness = [
            len(own & other) / len(own | other) if len(form) >= 12 and len(first) >= 12 else 0.0
            for first in groups.first
            for other in (similarity.grams(first),)
        ]
        found = groups.find(form)
        if form not in groups.by_form:
            best = max(likeness, default=0.0)
            assert found == (likeness.index(best) if best >= 0.5 else None)
        groups.put(form)
