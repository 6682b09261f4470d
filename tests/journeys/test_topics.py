"""What rose in a week is stored, read, and goes when its message goes."""

import datetime as dt

from sqlalchemy import Engine

from bot import database
from bot.insights import topics
from bot.models import DigestScope, Message, Topic, TopicKind
from tests.saying import SHANGHAI, local, member_says, record, rows

MONDAY = dt.date(2026, 11, 2)


def row(kind: TopicKind, rank: int, **rest: object) -> dict[str, object]:
    return {
        "week": MONDAY, "scope": DigestScope.VERTICAL, "target": "宝妈育儿", "kind": kind,
        "rank": rank, "text": None, "day": None, "room_id": None, "message_id": None,
        "score": 4.5, "count": 12, "before": 2.5, "members": 9, "rooms": 3, "rule_version": 1,
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
        (found,) = topics.of_week(session, MONDAY).values()
    words = {word.text: word for word in found.words}
    assert words["红屁屁"].count == 40 and words["红屁屁"].members == 9
    assert "天气" not in words and "水痘" not in words
