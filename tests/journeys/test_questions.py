"""What members asked comes back in a post of their room: quotable, once, and theirs alone."""

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import Engine

from bot import database
from bot.errors import InvalidInput
from bot.gateway import Said
from bot.models import Account, Contact, Membership, Role, Room, Series, SeriesKind
from content_calendar import questions, words
from tests.saying import ROOM, local, member_says, record, rows
from tests.statements import counted

OTHER = "room2@chatroom"
SINCE, UNTIL = local("2026-11-09 00:00"), local("2026-11-10 00:00")
WEDNESDAY = dt.date(2026, 11, 4)


def test_a_room_gets_its_questions_in_the_order_of_asking(engine: Engine) -> None:
    record(
        engine,
        member_says("面霜一天涂几次?", "2026-11-09 21:00", name="小雨妈"),
        member_says("宝宝湿疹怎么办?", "2026-11-09 20:00", sender="wxid_b"),
        member_says("今天降温了", "2026-11-09 20:30"),
        member_says("前一天的问题怎么算?", "2026-11-08 23:59"),
        member_says("后一天的问题怎么算?", "2026-11-10 00:00"),
        member_says("口红哪个色号好看?", "2026-11-09 20:00", room=OTHER),
    )
    assert asked(engine) == {
        ROOM: ("宝宝湿疹怎么办?", "面霜一天涂几次?"),
        OTHER: ("口红哪个色号好看?",),
    }
    assert asked(engine, only=[OTHER]) == {OTHER: ("口红哪个色号好看?",)}
    assert asked(engine, most=1)[ROOM] == ("宝宝湿疹怎么办?",)
    assert asked(engine, only=[]) == {}


def test_recalled_operators_and_bots_questions_are_left_out(engine: Engine) -> None:
    record(
        engine,
        member_says("撤回的问题怎么办?", "2026-11-09 20:00", id="gone"),
        member_says("运营问大家什么?", "2026-11-09 20:01", sender="wxid_operator"),
        member_says("机器人问大家什么?", "2026-11-09 20:02", sender="wxid_bot"),
        member_says("账号自己问什么?", "2026-11-09 20:03", sender="wxid_ours"),
        member_says("自己发出去的问什么?", "2026-11-09 20:04", sender="wxid_echo", own=True),
        member_says("留下的问题怎么办?", "2026-11-09 20:05", sender="wxid_c"),
        member_says(None, "2026-11-09 20:06", type="recall", recalls="gone"),
    )
    people = {row.platform_id: row.id for row in rows(engine, Contact)}
    (room,) = rows(engine, Room)
    with database.transaction(engine) as session:
        session.add(Account(name="bot", gateway="memory", contact_id=people["wxid_ours"]))
        for sender, role in (("wxid_operator", Role.OPERATOR), ("wxid_bot", Role.BOT)):
            session.add(Membership(room_id=room.id, contact_id=people[sender], role=role))
    assert asked(engine) == {ROOM: ("留下的问题怎么办?",)}


def test_names_links_and_numbers_are_stripped_and_likes_said_once(engine: Engine) -> None:
    record(
        engine,
        *asking(
            "@小雨妈\u2005这个 https://a.cn/x 怎么用?",
            "@Amy Chen\u2005湿疹能涂吗?",
            "请问@小雨妈 几点开播?",
            "哪里买?打 13800138000",
            "哪里买 打",
            "https://a.cn/y ?",
            "@所有人 宝宝换季皮肤干应该用什么面霜比较好呢?",
            "宝宝换季皮肤干应该用什么面霜比较好呢谢谢?",
        ),
    )
    assert asked(engine, most=10)[ROOM] == (
        "这个 怎么用?",
        "湿疹能涂吗?",
        "请问 几点开播?",
        "哪里买?打",
        "宝宝换季皮肤干应该用什么面霜比较好呢?",
    )


def test_a_question_with_a_forbidden_word_leaves_its_place_to_the_next(engine: Engine) -> None:
    record(engine, *asking("怎么加\u200b微信?", "怎么加微https://a.cn/x 信?", "怎么清洗?"))
    with database.transaction(engine) as session:
        words.add(session, ["加微信", "加微 信"])
    assert asked(engine, most=1) == {ROOM: ("怎么清洗?",)}


def test_one_statement_serves_all_rooms(engine: Engine) -> None:
    record(engine, *(member_says("怎么用?", room=f"r{n}@chatroom") for n in range(9)))
    ids = [row.id for row in rows(engine, Room)]
    with counted(engine) as seen, database.reading(engine) as session:
        found = questions.gathered(session, ids, SINCE, UNTIL, words.NONE)
    assert (len(found), len(seen)) == (9, 1)


def test_picked_questions_stand_in_order_once_and_can_be_taken_back(engine: Engine) -> None:
    a_series(engine)
    assert [pick(engine, text) for text in ("湿疹怎么办?", "几点开播? 13800138000")] == [True, True]
    assert not pick(engine, "湿疹怎么办? https://a.cn/x")
    assert picked(engine) == ("湿疹怎么办?", "几点开播?")
    assert questions.lines(picked(engine)) == "1. 湿疹怎么办?\n2. 几点开播?"
    with database.transaction(engine) as session:
        assert questions.unpick(session, 1, WEDNESDAY, "湿疹怎么办?")
        assert not questions.unpick(session, 1, WEDNESDAY, "湿疹怎么办?")
    assert picked(engine) == ("几点开播?",)
    with database.reading(engine) as session:
        assert questions.picked(session, [(1, dt.date(2026, 11, 11))]) == {}
        assert questions.picked(session, []) == {}
    assert questions.lines(()) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("https://a.cn/x", "什么也没剩下"),
        ("怎么加\u200b微信?", "违禁词“加微信”"),
        ("问" * 201, "201 个字"),
    ],
)
def test_what_must_not_be_posted_cannot_be_picked(engine: Engine, text: str, problem: str) -> None:
    a_series(engine)
    with database.transaction(engine) as session:
        words.add(session, ["加微信"])
    with pytest.raises(InvalidInput, match=problem):
        pick(engine, text)
    assert picked(engine) == ()


def asked(
    engine: Engine, most: int = 5, only: Sequence[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """What was gathered on the ninth, by the rooms' platform ids."""
    known = {row.id: row.platform_id for row in rows(engine, Room)}
    ids = [id for id, platform_id in known.items() if only is None or platform_id in only]
    with database.reading(engine) as session:
        forbidden = words.load(session)
        found = questions.gathered(session, ids, SINCE, UNTIL, forbidden, most)
    return {known[room]: texts for room, texts in found.items()}


def asking(*texts: str) -> list[Said]:
    """Members who ask one thing each, a minute apart."""
    return [
        member_says(text, f"2026-11-09 20:{n:02}", sender=f"wxid_{n}")
        for n, text in enumerate(texts)
    ]


def a_series(engine: Engine) -> None:
    with database.transaction(engine) as session:
        session.add(
            Series(
                id=1,
                key="qa",
                name="问题解答日",
                kind=SeriesKind.QA_DAY,
                starts=WEDNESDAY,
                ends=WEDNESDAY,
                recurrence={"weekly": ["周三"]},
                at=dt.time(20),
                audience={"all": True},
            )
        )


def pick(engine: Engine, text: str) -> bool:
    with database.transaction(engine) as session:
        return questions.pick(session, 1, WEDNESDAY, text, "小李", SINCE)


def picked(engine: Engine) -> tuple[str, ...]:
    with database.reading(engine) as session:
        return questions.picked(session, [(1, WEDNESDAY)]).get((1, WEDNESDAY), ())
