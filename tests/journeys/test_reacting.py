"""What comes of what is said: answers, open questions, cases, alerts, orders; and what does not."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from bot import app as app_module
from bot import database, desk, leases, message_log, outbox, process, rebuilding
from bot.gateway import Event, Joined, Person, Said
from bot.gateways.memory import MemoryGateway
from bot.intents import Intent
from bot.models import (
    Complaint,
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Faq,
    Membership,
    Message,
    OpenQuestion,
    Operator,
    Pause,
    QuestionState,
    Role,
    Room,
)
from bot.process import App
from bot.receiving import Taken
from bot.settings import Settings
from handlers.moment import Moment, Reply
from tests.saying import ROOM, local, member_says, record, rows, rules
from tests.statements import counted

NOON = "2026-11-11 12:00"
DESK = "desk@chatroom"
MINUTE = dt.timedelta(minutes=1)


def running_app(engine: Engine, tmp_path: Path, **rest: Any) -> App:
    """An app whose one account serves the room and the operators' room; nothing runs by itself."""
    settings = Settings(_env_file=None, home=tmp_path, alert_rooms=(DESK,), **rest)
    app = app_module.build(
        settings, engine, [MemoryGateway("demo", clock=lambda: local(NOON))], lambda: local(NOON)
    )
    (account,) = app.accounts
    with database.transaction(engine) as session:
        session.add(Room(platform_id=DESK, topic="运营", account_id=account))
        session.add(
            Room(platform_id=ROOM, topic="宝妈一群", vertical="宝妈育儿", account_id=account)
        )
        session.add(Faq(vertical="", question="怎么退货", answer="在订单里申请"))
        session.add(Faq(vertical="", question="群规", answer="不发广告"))
    return app


def hears(app: App, *events: Event) -> Taken:
    (account,) = app.accounts
    return process.take(app, account, events)


def said(engine: Engine, room: str = ROOM) -> list[str]:
    ids = {row.id: row.platform_id for row in rows(engine, Room)}
    return [row.text for row in rows(engine, Delivery) if ids[row.room_id] == room]


def at(minutes: float) -> str:
    return (dt.datetime.fromisoformat(NOON) + dt.timedelta(minutes=minutes)).isoformat(" ")


def at_minute(minute: float) -> Callable[[], dt.datetime]:
    """A clock that stands."""
    return lambda: local(at(minute))


def make_operator(engine: Engine, sender: str = "wxid_boss") -> None:
    record(engine, member_says("我是运营", at(-60), sender=sender))
    contact = next(row.id for row in rows(engine, Contact) if row.platform_id == sender)
    room = next(row.id for row in rows(engine, Room) if row.platform_id == ROOM)
    with database.transaction(engine) as session:
        session.add(Membership(room_id=room, contact_id=contact, role=Role.OPERATOR))


def test_a_question_is_answered_where_a_curated_answer_surely_fits(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    taken = hears(app, member_says("请问一下怎么退货呀", NOON), member_says("群规", NOON))
    assert taken.replies == 2
    assert said(engine) == ["在订单里申请", "不发广告"]
    assert rows(engine, OpenQuestion) == []


def test_other_questions_wait_at_the_desk_until_somebody_answers(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    hears(
        app,
        member_says("退货要运费吗", NOON, id="q1"),
        member_says("辅食几个月加?", NOON, id="q2", sender="wxid_b"),
        member_says("随便聊聊", NOON, sender="wxid_c"),
    )
    assert said(engine) == []
    assert len(rows(engine, OpenQuestion)) == 2
    app.clock = at_minute(40)
    hears(app, member_says("要的,十块", at(40), sender="wxid_c", quote="q1"))
    states = {row.message_id: row.state for row in rows(engine, OpenQuestion)}
    assert sorted(states.values()) == [QuestionState.ANSWERED, QuestionState.OPEN]
    with database.reading(engine) as session:
        (waiting,) = desk.listed(session, local(at(40)))
    assert waiting.text == "辅食几个月加?"


def test_a_question_answered_right_away_never_reaches_the_desk(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    hears(
        app,
        member_says("退货要运费吗", NOON, id="q1"),
        member_says("要的", at(1), sender="wxid_b", quote="q1"),
    )
    assert rows(engine, OpenQuestion) == []


def test_a_complaint_opens_a_case_and_alerts_at_once_without_the_words(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    hears(app, member_says("收到就漏液了,我要投诉", NOON))
    (case,) = rows(engine, Complaint)
    assert (case.severity, case.due_at) == (3, local(NOON) + dt.timedelta(hours=24))
    (alert,) = said(engine, DESK)
    assert "宝妈一群" in alert and "3/3" in alert and "漏液" not in alert
    assert said(engine) == []
    app_module.tick(app)
    assert len(said(engine, DESK)) == 1


def test_in_a_bad_hour_alerts_come_as_complaints_double(engine: Engine, tmp_path: Path) -> None:
    app = running_app(engine, tmp_path)
    for number in range(20):
        hears(app, member_says(f"第{number}件收到就漏液了", NOON, sender=f"wxid_{number}"))
    assert len(rows(engine, Complaint)) == 20
    assert len(said(engine, DESK)) == 8 + 1


def test_operators_questions_and_complaints_are_nobodys_case(
    engine: Engine, tmp_path: Path
) -> None:
    make_operator(engine)
    app = running_app_with(engine, tmp_path)
    hears(app, member_says("有人收到漏液的吗?我去投诉", NOON, sender="wxid_boss"))
    assert rows(engine, Complaint) == [] and rows(engine, OpenQuestion) == []


def running_app_with(engine: Engine, tmp_path: Path, **rest: Any) -> App:
    """As `running_app`, where the room is known already."""
    room = database.table(Room)
    settings = Settings(_env_file=None, home=tmp_path, alert_rooms=(DESK,), **rest)
    app = app_module.build(
        settings, engine, [MemoryGateway("demo", clock=lambda: local(NOON))], lambda: local(NOON)
    )
    (account,) = app.accounts
    with database.transaction(engine) as session:
        session.connection().execute(update(room).values(account_id=account, topic="宝妈一群"))
    return app


def test_an_operator_sees_the_week_and_a_member_does_not(engine: Engine, tmp_path: Path) -> None:
    make_operator(engine)
    app = running_app_with(engine, tmp_path)
    record(
        engine,
        member_says("辅食几个月加?", "2026-11-10 09:00", id="q1"),
        member_says("六个月", "2026-11-10 09:05", sender="wxid_b", quote="q1"),
        member_says("上周的话", "2026-11-08 23:00"),
    )
    assert hears(app, member_says("/本周", NOON)).replies == 0
    hears(app, member_says("/本周", NOON, sender="wxid_boss"))
    assert said(engine) == [
        "本周(11-09 起)到现在:3 条消息,2 人发言,1 个提问(1 个有人答),0 次分享。不含运营和机器人。"
    ]


def test_an_operator_pauses_a_room_is_told_so_and_lets_it_go_on(
    engine: Engine, tmp_path: Path
) -> None:
    make_operator(engine)
    app = running_app_with(engine, tmp_path)
    (account,) = app.accounts
    hears(
        app,
        member_says("群规是什么", NOON),
        member_says("/暂停 活动改期", NOON, sender="wxid_boss"),
    )
    hears(
        app,
        member_says("早上好,打卡", NOON, sender="wxid_c"),
        member_says("打卡", NOON, sender="wxid_d"),
    )
    (pause,) = rows(engine, Pause)
    assert (pause.reason, pause.by) == ("活动改期", "wxid_boss(群里)")
    with database.transaction(engine) as session:
        epoch = leases.take(session, account, "here", local(NOON))
        assert epoch is not None
        claimed = outbox.claim(session, account, epoch, local(NOON), limit=9)
    sent = {one.id for one in claimed}
    assert [row.text for row in rows(engine, Delivery) if row.id in sent] == [
        "已暂停,本群的内容都不再发,直到发 /恢复。"
    ]
    hears(app, member_says("／恢复", NOON, sender="wxid_boss"))
    assert said(engine)[-1] == "已恢复,本群的内容照常发。"
    assert rows(engine, Pause)[0].resumed_at is not None


def test_an_operator_takes_back_what_waits_to_be_posted(engine: Engine, tmp_path: Path) -> None:
    make_operator(engine)
    app = running_app_with(engine, tmp_path)
    (account,) = app.accounts
    room = rows(engine, Room)[0].id
    later = local(at(10))
    post = Intent("post:1", DeliveryKind.POST, room, account, "开场", later, later + MINUTE)
    with database.transaction(engine) as session:
        outbox.plan(session, [post], local(NOON))
    hears(app, member_says("/取消", NOON))
    assert rows(engine, Delivery)[0].state is DeliveryState.PENDING
    hears(app, member_says("/取消 老师病了", NOON, sender="wxid_boss"))
    cancelled, told = rows(engine, Delivery)
    assert cancelled.state is DeliveryState.CANCELLED and "老师病了" in cancelled.reason
    assert told.text == "已取消 1 条等着发的内容。"


def test_an_operator_of_the_console_commands_in_every_room(engine: Engine, tmp_path: Path) -> None:
    app = running_app(engine, tmp_path)
    record(engine, member_says("早", at(-60), sender="wxid_boss", room=DESK))
    contact = rows(engine, Contact)[0].id
    with database.transaction(engine) as session:
        session.add(Operator(name="小李", contact_id=contact, created_at=local(NOON)))
    hears(app, member_says("/暂停", NOON, sender="wxid_boss"))
    assert [pause.by for pause in rows(engine, Pause)] == ["小李(群里)"]


def test_the_bot_never_floods_a_room(engine: Engine, tmp_path: Path) -> None:
    app = running_app(engine, tmp_path, replies_per_room_hour=5)
    with database.transaction(engine) as session:
        session.add_all(Faq(question=f"口令{n}号", answer=f"答案{n}") for n in range(20))
    for minute in range(20):
        app.clock = at_minute(minute)
        hears(
            app,
            *(member_says(f"口令{n}号", at(minute), sender=f"w{n}") for n in (minute, 19 - minute)),
        )
    planned = [row.due_at for row in rows(engine, Delivery)]
    assert len(planned) == 5


def test_the_same_words_are_not_repeated_within_ten_minutes(engine: Engine, tmp_path: Path) -> None:
    app = running_app(engine, tmp_path)
    for minute, sender in ((0, "a"), (3, "b"), (9, "c"), (11, "d")):
        app.clock = at_minute(minute)
        hears(app, member_says("怎么退货", at(minute), sender=sender))
    assert len(said(engine)) == 2


def test_everybody_who_comes_is_told_of_the_bot_and_a_rush_gets_one_welcome(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    for minute in (0, 1, 2, 3):
        app.clock = at_minute(minute)
        hears(app, Joined(ROOM, (Person(f"wxid_{minute}", f"新人{minute}"),), local(at(minute))))
    first, second = rows(engine, Delivery)
    assert "机器人" in first.text and first.text == second.text
    assert second.due_at - first.due_at == dt.timedelta(minutes=10)


def test_an_echo_that_is_in_the_log_has_settled_its_post_whatever_ends_the_process(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    (account,) = app.accounts
    room = next(row.id for row in rows(engine, Room) if row.platform_id == ROOM)
    now = local(NOON)
    post = Intent("post:qa", DeliveryKind.POST, room, account, "开始啦", now, now + MINUTE)
    with database.transaction(engine) as session:
        outbox.plan(session, [post], now)
        epoch = leases.take(session, account, "host:1", now)
        assert epoch is not None
        (claimed,) = outbox.claim(session, account, epoch, now)
        assert outbox.begin(session, claimed.id, epoch, now) is not None
        assert outbox.unanswered(session, claimed.id, epoch, "超时")

    def dies(_: Moment) -> Reply:
        raise SystemExit

    app.handlers = (dies,)
    echo = Said("own1", ROOM, "wxid_me", now, "text", "开始啦", own=True)
    with pytest.raises(SystemExit):
        hears(app, echo, member_says("在吗", NOON))
    assert {row.text for row in rows(engine, Message)} == {"开始啦", "在吗"}
    (row,) = rows(engine, Delivery)
    assert (row.state, row.message_id) == (DeliveryState.SENT, "own1")


def test_the_first_and_every_tenth_member_who_checks_in_today_is_cheered(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    # Before midnight in Shanghai, and of the same UTC day; and in another room.
    record(engine, member_says("打卡", "2026-11-10 23:59:59", sender="wxid_0"))
    record(engine, member_says("打卡", "2026-11-11 00:05", sender="wxid_9", room="other@chatroom"))
    early = [f"wxid_{number}" for number in range(9)]
    hears(app, *(member_says("打卡", at(n / 60), sender=who) for n, who in enumerate(early)))
    assert said(engine) == ["今天第一个打卡,真棒!"]
    again = [member_says("再打卡一次", at(0.5), sender=who) for who in early]
    hears(app, *again, member_says("打卡", at(0.5), sender="wxid_late"))
    assert sorted(said(engine))[0] == "今天已经有 10 位朋友打卡啦,继续保持!"


def test_arrivals_of_one_moment_take_one_place_of_the_hour(engine: Engine, tmp_path: Path) -> None:
    app = running_app(engine, tmp_path, replies_per_room_hour=3)
    arrivals = [Joined(ROOM, (Person(f"wxid_n{n}", f"新人{n}"),), local(NOON)) for n in range(5)]
    hears(app, *arrivals, member_says("怎么退货", NOON))
    assert said(engine)[-1] == "在订单里申请"


def test_a_lot_of_many_rooms_asks_the_database_as_often_as_one_of_one_room(
    engine: Engine, tmp_path: Path
) -> None:
    app = running_app(engine, tmp_path)
    texts = ("怎么退货", "退货要运费吗", "收到就漏液了,我要投诉", "打卡", "大家早")

    def talk(minute: float, rooms: int) -> list[Event]:
        return [
            member_says(text, at(minute), sender=f"wxid_{n}", room=f"r{room}@chatroom")
            for room in range(rooms)
            for n, text in enumerate(texts)
        ]

    app.clock = at_minute(0)
    hears(app, *talk(0, 40))
    app.clock = at_minute(11)
    with counted(engine) as few:
        one = hears(app, *talk(11, 1))
    app.clock = at_minute(22)
    with counted(engine) as many:
        all_of_them = hears(app, *talk(22, 40))
    assert one.replies > 0
    assert all_of_them.replies == 40 * one.replies
    assert len(many) == len(few)


def test_replay_and_old_messages_lead_to_nothing(engine: Engine, tmp_path: Path) -> None:
    app = running_app(engine, tmp_path)
    log = tmp_path / "log.jsonl"
    line = '{{"id": "{}", "room": "{}", "sender": "a", "at": "2026-11-11T12:00:00+08:00", "type": "text", "text": "{}"}}'
    texts = ("怎么退货", "退货要运费吗", "收到就漏液了,我要投诉", "打卡", "/暂停")
    log.write_text("\n".join(line.format(n, ROOM, text) for n, text in enumerate(texts)), "utf-8")
    message_log.replay(engine, log, rules(engine))
    rebuilding.rebuild(engine, rules(engine), local(NOON))
    old = local(NOON) - dt.timedelta(minutes=6)
    hears(app, *(member_says(text, f"{old:%Y-%m-%d} 11:54", sender="b") for text in texts))
    app_module.tick(app)
    for model in (Delivery, OpenQuestion, Complaint, Pause):
        assert rows(engine, model) == [], model


@pytest.mark.parametrize(
    "text", ["长怎么" * 33_000, "😀?" * 5_000, "怎么办\ud83d?", "/" * 1_000, "/本周\x00"]
)
def test_any_text_may_be_reacted_to(engine: Engine, tmp_path: Path, text: str) -> None:
    make_operator(engine)
    app = running_app_with(engine, tmp_path)
    hears(app, member_says(text, NOON), member_says(text, NOON, sender="wxid_boss"))
