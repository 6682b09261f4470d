"""The running app on a memory gateway: messages in, posts out, replies, and what goes wrong."""

import datetime as dt
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bot import app as app_module
from bot import database, outgoing, process
from bot.gateway import Person, Said
from bot.gateways.memory import MemoryGateway
from bot.models import Account, Delivery, DeliveryState, Faq, Membership, Message, Room
from bot.settings import Settings
from content_calendar import contact, interchange
from handlers import HANDLERS
from handlers.moment import Moment, Reply
from tests import drafts
from tests.saying import local, rows
from tests.watching import running, until


class Clock:
    """A clock that the test sets."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now


def settings(tmp_path: Path, **rest: Any) -> Settings:
    return Settings(_env_file=None, home=tmp_path, random_gap_seconds=(0.0, 0.0), **rest)


def community(clock: Clock, rooms: int = 3) -> MemoryGateway:
    gateway = MemoryGateway("demo", clock=clock)
    for number in range(rooms):
        people = [Person(f"wxid_{number}_{m}", f"成员{m}") for m in range(4)]
        gateway.add_room(f"r{number}@chatroom", f"宝妈育儿 {number} 群", people)
    return gateway


CALENDAR = """
version: 1
zone: Asia/Shanghai
series:
  - key: qa
    name: 问题解答日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2026-12-31
    recurrence: {weekly: [周三]}
    at: "20:00"
    audience: {all: true}
    late_by_minutes: 60
    steps:
      - {name: 开场, text: "{{ room }}的问题解答日开始啦"}
"""


def approve(engine: Engine, at: dt.datetime) -> None:
    with database.transaction(engine) as session:
        changes = drafts.take_in(session, CALENDAR, at)
        assert interchange.approve(session, changes, "小李", at, contact.rules(Settings())) == [
            "qa"
        ]


async def test_a_message_travels_into_the_log_and_a_question_gets_its_answer(
    engine: Engine, tmp_path: Path
) -> None:
    clock = Clock(local("2026-11-11 12:00"))
    gateway = community(clock)
    with database.transaction(engine) as session:
        session.add(Faq(vertical="", question="几点开始?", answer="晚上八点哦"))
    app = app_module.build(settings(tmp_path), engine, [gateway], clock)
    async with running(app):
        await until(app, lambda: len(rows(engine, Membership)) == 12)
        gateway.say("r0@chatroom", "wxid_0_0", "几点开始")
        gateway.say("r1@chatroom", "wxid_1_0", "随便聊聊")
        await until(app, lambda: len(rows(engine, Message)) == 3)
        await until(app, lambda: [d.state for d in rows(engine, Delivery)] == [DeliveryState.SENT])
    assert [(sent.room, sent.text.rpartition("\u2005")[2]) for sent in gateway.sent] == [
        ("r0@chatroom", "晚上八点哦")
    ]
    (account,) = rows(engine, Account)
    assert account.lease_owner is None


async def test_a_qa_day_reaches_every_room_once(engine: Engine, tmp_path: Path) -> None:
    clock = Clock(local("2026-11-11 19:59"))
    gateway = community(clock, 5)
    app = app_module.build(settings(tmp_path), engine, [gateway], clock)
    async with running(app):
        await until(app, lambda: len(rows(engine, Membership)) == 20)
        approve(engine, clock.now)
        await app.write(lambda: app_module.tick(app))
        assert gateway.sent == []
        clock.now = local("2026-11-11 20:00:10")
        for _ in range(3):
            await app.write(lambda: app_module.tick(app))
        process.wake(app)
        await until(app, lambda: {d.state for d in rows(engine, Delivery)} == {DeliveryState.SENT})
    assert sorted(sent.text for sent in gateway.sent) == [
        f"宝妈育儿 {number} 群的问题解答日开始啦" for number in range(5)
    ]
    echoes = [row for row in rows(engine, Message) if row.own]
    assert len(echoes) == 5


async def test_an_old_message_is_logged_and_never_answered(engine: Engine, tmp_path: Path) -> None:
    clock = Clock(local("2026-11-11 12:00"))
    gateway = community(clock)
    app = app_module.build(settings(tmp_path), engine, [gateway], clock)
    old = [
        Said("m1", "r0@chatroom", "wxid_0_0", clock.now - dt.timedelta(minutes=6), "text", "打卡"),
        Said("m2", "r0@chatroom", "wxid_0_1", clock.now - dt.timedelta(minutes=4), "text", "打卡"),
    ]
    taken = process.take(app, next(iter(app.accounts)), old)
    assert (taken.outcome.accepted, taken.replies) == (2, 0)


async def test_a_handler_that_raises_takes_neither_the_message_nor_its_neighbours_along(
    engine: Engine, tmp_path: Path
) -> None:
    def broken(moment: Moment) -> Reply | None:
        if isinstance(moment.event, Said) and moment.event.text == "坏":
            raise LookupError("坏")
        return Reply(f"好的:{moment.event}")

    clock = Clock(local("2026-11-11 12:00"))
    app = app_module.build(settings(tmp_path), engine, [community(clock)], clock)
    app.handlers = (*HANDLERS, broken)
    said = [
        Said(f"m{n}", "r0@chatroom", "wxid_0_0", clock.now, "text", text)
        for n, text in enumerate(["好", "坏", "好好"])
    ]
    taken = process.take(app, next(iter(app.accounts)), said)
    assert (taken.outcome.accepted, taken.replies) == (3, 2)
    assert len(rows(engine, Message)) == 3


async def test_a_post_without_answer_is_held_until_its_echo_comes(
    engine: Engine, tmp_path: Path
) -> None:
    clock = Clock(local("2026-11-11 20:00"))
    gateway = community(clock, 1)
    app = app_module.build(settings(tmp_path), engine, [gateway], clock)
    account = next(iter(app.accounts))
    async with running(app):
        await until(app, lambda: len(rows(engine, Room)) == 1)
        approve(engine, clock.now - dt.timedelta(hours=1))
        gateway.time_out(times=1)
        await app.write(lambda: app_module.tick(app))
        process.wake(app)
        await until(app, lambda: [d.state for d in rows(engine, Delivery)] == [DeliveryState.SENT])
        assert await outgoing.deliver(app, account) is None
    assert len(gateway.sent) == 1
