"""A person who asks for it is forgotten: no file holds a trace, and every figure stays."""

import datetime as dt
import io
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Text, cast, event, select
from sqlmodel import SQLModel
from typer.testing import CliRunner

from bot import cli, database, ingest, membership_files, models, rebuilding, retention
from bot.errors import InvalidInput
from bot.gateway import Joined, Person, Said
from bot.insights import attributing, rolling
from bot.models import (
    Account,
    Attribution,
    Audit,
    Contact,
    DailyCount,
    Delivery,
    DeliveryKind,
    Digest,
    DigestScope,
    EngagementWeek,
    EventState,
    Faq,
    ForgottenContact,
    LateEvent,
    Membership,
    Message,
    MessageIdentity,
    MessageVersion,
    OrderLine,
    Overheard,
    PickedQuestion,
    Product,
    Room,
    RoomDay,
    SealedDay,
    SealedFor,
    Series,
    SeriesKind,
    ShopEvent,
    Signal,
)
from bot.orders import intake, people
from bot.privacy import files as clearing
from bot.privacy import forgetting, places, subject, telling, turns
from bot.privacy.traces import Traces
from tests.saying import ROOM, SHANGHAI, local, member_says, record, rows, rules

SECRET = b"secret of the installation"
NOW = local("2026-11-20 15:00")
FAR = "far@chatroom"
WHO, NAME, RENAMED = "wxid_qingtian77", "晴天小满妈", "晴天改名了"
PHONE, UNION = "13800138000", "union-o6_bmasdasdsad6"
ASKED = "宝宝半夜总是踢被子受凉怎么办呢?"
TOLD = "我家三岁了,用的是云柔睡袋,晚上再没踢过被子"
TODAY = "今天带娃去打了流感疫苗,排队两个小时"
# What asks for no database in particular.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TRACES = (WHO, NAME, RENAMED, PHONE, UNION, ASKED, TOLD, TODAY, "踢被子", "流感疫苗")


def talk() -> list[Said]:
    """Three weeks of a room: somebody asks, tells, is called, quoted and answered."""
    said: list[Said] = []
    for n in range(20):
        day = dt.date(2026, 11, 1) + dt.timedelta(days=n)
        said += [
            member_says(f"第{n}天路过公园", f"{day} 09:00", sender="wxid_other01", id=f"o{n}"),
            member_says("每天来打个招呼说一样的话哦", f"{day} 10:00", sender=f"wxid_other0{n % 3}", id=f"c{n}"),
        ]  # fmt: skip
    said += [
        member_says(ASKED, "2026-11-05 20:00", sender=WHO, id="asked", name=NAME),
        member_says(
            f"@{NAME}\u2005给他穿睡袋", "2026-11-05 20:05", sender="wxid_other01", id="called",
            mentions=(WHO,), quote="asked",
        ),
        member_says(
            f"「{NAME}：{ASKED}」\n- - - - -\n同问", "2026-11-05 21:00", sender="wxid_other02",
            id="quoted", quote="asked",
        ),
        member_says(TOLD, "2026-11-06 20:00", sender=WHO, id="told", name=RENAMED),
        member_says("我家三岁了,用的也是云柔睡袋,晚上再没踢过", "2026-11-06 23:00", sender="wxid_other01", id="copied"),
        member_says(TODAY, "2026-11-20 09:00", sender=WHO, id="today", name=RENAMED),
        member_says(f"@{RENAMED}\u2005辛苦啦", "2026-11-20 09:30", sender="wxid_other02", id="now",
                    mentions=(WHO,)),
        member_says("别的群里也在", "2026-11-07 20:00", sender=WHO, id="far", room=FAR),
    ]  # fmt: skip
    return said


def settle(engine: Engine, tmp_path: Path) -> list[Said]:
    with database.transaction(engine) as session:
        session.add(Product(sku="BAG", name="云柔睡袋"))
        session.add(Account(name="bot", gateway="memory"))
    said = talk()
    record(engine, Joined(ROOM, (Person(WHO, NAME),), local("2026-11-02 08:00")), *said)
    # Another version of what they said, and another account that heard them.
    record(engine, member_says("改口说了别的很长的话", "2026-11-05 20:01", sender=WHO, id="asked"))
    _shop(engine, tmp_path)
    _quote(engine)
    rolling.catch_up(engine, SHANGHAI, NOW)
    return said


def _shop(engine: Engine, tmp_path: Path) -> None:
    members, orders = tmp_path / "members.csv", tmp_path / "orders.csv"
    members.write_text(
        f"room,sender,unionid,phone\n{ROOM},{WHO},{UNION},{PHONE}\n{ROOM},wxid_other02,u2,\n",
        "utf-8",
    )
    head = "order_id,line_no,sku,quantity,amount,paid_at,status,buyer_id,buyer_phone,unionid,coupon,channel\n"
    orders.write_text(
        f"{head}O1,1,BAG,1,99.00,2026-11-06 22:00,paid,b1,{PHONE},,,shop\n"
        "O2,1,BAG,1,99.00,2026-11-07 12:00,paid,b2,,u2,,shop\n",
        "utf-8",
    )
    with database.transaction(engine) as session:
        told = membership_files.read_rows(members, SHANGHAI).rows
        membership_files.record(session, told, SECRET, NOW)
    with database.transaction(engine) as session:
        intake.record(session, intake.read_rows(orders, SHANGHAI).rows, "shop", SECRET, NOW)
        attributing.attribute_all(session, NOW)


def _quote(engine: Engine) -> None:
    """Whatever else quotes members."""
    with database.transaction(engine) as session:
        session.add(
            Delivery(
                key="post:qa:2026-11-06:总结:1", kind=DeliveryKind.POST, room_id=1,
                text=f"昨天大家问:\n1. {ASKED}\n谢谢 {NAME}", mentions=[WHO], planned_at=NOW,
                due_at=NOW, expires_at=NOW,
            )
        )  # fmt: skip
        session.add(Digest(week=dt.date(2026, 11, 2), scope=DigestScope.ROOM, target=ROOM, computed_at=NOW,
                           figures={"quotes": [{"text": ASKED, "by": f"{NAME} · 3 人回应"}]}))  # fmt: skip
        session.add(Faq(question=ASKED, answer="穿睡袋", alternatives=[TOLD]))
        session.add(
            Audit(at=NOW, by="小李", action="faq.add", object="faq:1", after={"question": ASKED})
        )
        session.add(
            Series(id=1, key="qa", name="问题解答日", kind=SeriesKind.QA_DAY, starts=NOW.date(),
                   ends=NOW.date(), recurrence={}, at=dt.time(20), audience={})
        )  # fmt: skip
        session.flush()
        session.add(
            PickedQuestion(series_id=1, original_date=NOW.date(), text=ASKED, by="小李", at=NOW)
        )
        for name, body in (
            ("e1", f'{{"order": "O1", "name": "{NAME}"}}'),
            ("e2", "别人的订单 O77"),
        ):
            session.add(
                ShopEvent(source="shop", event_id=name, topic="t", digest=name, received_at=NOW,
                          not_before=NOW, state=EventState.FAILED, body=body)
            )  # fmt: skip
        session.add(
            Overheard(account_id=1, room_id=1, platform_id="x1", at=NOW,
                      said={"sender": WHO, "text": TODAY, "name": RENAMED})
        )  # fmt: skip


def forget(engine: Engine, tmp_path: Path, asked: str = f"contact:{WHO}") -> forgetting.Forgotten:
    with database.reading(engine) as session:
        known = subject.find(session, asked, SECRET)
    return forgetting.forget(engine, tmp_path, known, rules(engine), NOW, "小李(命令行)")


def whole(engine: Engine) -> str:
    """Everything that a query can find."""
    found: list[str] = []
    with database.reading(engine) as session:
        for table in SQLModel.metadata.sorted_tables:
            found += [
                str(tuple(row))
                for row in session.connection().execute(
                    select(*(cast(column, Text) for column in table.c))
                )
            ]
    return "\n".join(found).encode().decode("unicode_escape", "replace") + "\n".join(found)


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("qunyun.db*"))


def figures(engine: Engine) -> dict[str, list[Any]]:
    models = (DailyCount, Signal, RoomDay, EngagementWeek, Membership)
    return {model.__name__: [tuple(row) for row in rows(engine, model)] for model in models}


def agrees(engine: Engine) -> bool:
    return all(one.agrees for one in rebuilding.check(engine, rules(engine), NOW))


def test_no_trace_is_left_in_the_database_its_files_or_the_logs(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settle(engine, tmp_path)
    before = whole(engine)
    assert all(trace in before for trace in TRACES if trace != PHONE)
    done = forget(engine, tmp_path, f"phone:{PHONE}")
    for _ in range(2):
        assert forgetting.sweep(engine, NOW, "小李(命令行)")
    actions = [row.action for row in rows(engine, Audit) if row.object == done.pseudonym]
    assert actions == [forgetting.BEGUN, forgetting.FORGOTTEN, forgetting.SWEPT]
    left = whole(engine)
    assert [trace for trace in TRACES if trace in left] == []
    if engine.dialect.name == "sqlite":
        engine.dispose()
        stored = files(tmp_path)
        assert [trace for trace in TRACES if trace.encode() in stored] == []
        escaped = [json.dumps(trace)[1:-1].encode() for trace in TRACES]
        assert [trace for trace in escaped if trace in stored] == []
    assert not any(trace in caplog.text for trace in TRACES)
    assert done.messages == 4
    assert done.pseudonym in left
    # What shops told of others stays.
    assert [row.body for row in rows(engine, ShopEvent)] == [None, "别人的订单 O77"]


def test_a_buyer_who_is_in_no_room_is_forgotten_before_anybody_was(
    engine: Engine, tmp_path: Path
) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text(
        "order_id,line_no,sku,quantity,amount,paid_at,status,buyer_id,buyer_phone,unionid,coupon,channel\n"
        f"O1,1,BAG,1,99.00,2026-11-06 22:00,paid,b1,{PHONE},u1,,shop\n",
        "utf-8",
    )
    with database.transaction(engine) as session:
        session.add(Product(sku="BAG", name="妈咪包"))
    with database.transaction(engine) as session:
        intake.record(session, intake.read_rows(orders, SHANGHAI).rows, "shop", SECRET, NOW)
        attributing.attribute_all(session, NOW)
    done = forget(engine, tmp_path, "unionid:u1")
    assert {row.action for row in rows(engine, Audit) if row.object == done.pseudonym} == {
        forgetting.BEGUN, forgetting.FORGOTTEN
    }  # fmt: skip
    (line,) = rows(engine, OrderLine)
    assert line.unionid is None or line.unionid == done.pseudonym


@ON_SQLITE
def test_whoever_is_asked_for_is_the_same_human(engine: Engine, tmp_path: Path) -> None:
    settle(engine, tmp_path)
    with database.reading(engine) as session:
        named = subject.find(session, f"contact:{WHO}", SECRET)
        assert subject.find(session, f"unionid:{UNION}", SECRET) == named
        (person,) = named.person_ids
        assert subject.find(session, f"person:{person}", SECRET) == named
        called = subject.find(session, f"phone:+86 {PHONE}", SECRET)
    assert called.contacts == named.contacts
    assert called.numbers == {PHONE, f"+86{PHONE}"}


class Killed(Exception):
    """What stands for the end of the process."""


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(
    engine: Engine, tmp_path: Path
) -> None:
    settle(engine, tmp_path)
    left = [0]

    def die(_connection: Connection) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    event.listen(engine, "commit", die)
    kills, done = 0, None
    # Each life gets a little further than the one before.
    while done is None:
        left[0] = kills
        try:
            done = forget(engine, tmp_path)
        except Killed:
            kills += 1
    event.remove(engine, "commit", die)
    assert kills > 5, "it ended before it could be killed"
    assert forgetting.sweep(engine, NOW, "小李(命令行)")
    stands = whole(engine)
    assert [trace for trace in TRACES if trace in stands] == []
    # One random name, whichever life wrote it.
    assert set(re.findall(r"forgotten:[0-9a-f]{16}", stands)) == {done.pseudonym}
    assert rows(engine, OrderLine)[0].buyer == done.pseudonym
    assert agrees(engine)
    assert rebuilding.days(engine).broken == ()


def test_files_that_quote_them_go_and_others_stay(tmp_path: Path) -> None:
    traces = Traces(frozenset({WHO}), frozenset({NAME}), frozenset({ASKED}), "forgotten:1")
    week = tmp_path / "digests" / "2026-W45"
    week.mkdir(parents=True)
    for stem, text in (("room-1", f"大家问:{ASKED}"), ("room-2", "没有他")):
        for ending in ("md", "html", "png", "xlsx"):
            (week / f"{stem}.{ending}").write_text(text if ending == "md" else "", "utf-8")
    (week / "fleet-unnamed.png").write_bytes(b"nobody can tell")
    waiting = tmp_path / "uploads" / "ticket"
    waiting.mkdir(parents=True)
    (waiting / "orders.csv").write_bytes(f"成员\n{NAME}".encode("gb18030"))
    (waiting / "rooms.csv").write_text("群\n1", "utf-8")
    assert clearing.clean(tmp_path, traces) == 6
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["room-2.html", "room-2.md", "room-2.png", "room-2.xlsx", "rooms.csv"]
    assert clearing.clean(tmp_path, traces) == 0


def test_figures_stay_and_what_they_stood_on_is_sealed(engine: Engine, tmp_path: Path) -> None:
    settle(engine, tmp_path)
    before = figures(engine)
    done = forget(engine, tmp_path)
    sealed = rows(engine, SealedDay)
    rooms = {row.id: row.platform_id for row in rows(engine, Room)}
    days = {(rooms[row.room_id], row.day.day) for row in sealed}
    assert {row.why for row in sealed} == {SealedFor.FORGOTTEN}
    # The days on which they spoke or were named, and each day after; not today, which goes on.
    assert days == {(ROOM, 5), (ROOM, 6), (ROOM, 7), (FAR, 7), (FAR, 8)}
    assert (done.sealed, done.open_days) == (5, 1)
    after = figures(engine)
    for name in ("DailyCount", "RoomDay", "Membership"):
        assert after[name] == before[name]
    assert agrees(engine)
    rebuilding.rebuild(engine, rules(engine), NOW)
    assert figures(engine) == after
    assert rebuilding.days(engine).broken == ()


@ON_SQLITE
def test_orders_stay_under_a_random_name_as_they_were_attributed(
    engine: Engine, tmp_path: Path
) -> None:
    settle(engine, tmp_path)
    labels = {row.order_line_id: (row.label, row.message_id) for row in rows(engine, Attribution)}
    sums = [(row.order_id, row.amount, row.paid_at) for row in rows(engine, OrderLine)]
    done = forget(engine, tmp_path)
    first, second = rows(engine, OrderLine)
    assert [(row.order_id, row.amount, row.paid_at) for row in (first, second)] == sums
    assert first.buyer == first.phone == done.pseudonym
    assert second.unionid == "u2"
    with database.transaction(engine) as session:
        attributing.attribute_all(session, NOW)
    told = {row.order_line_id: (row.label, row.message_id) for row in rows(engine, Attribution)}
    assert told == labels
    # The neighbour bought after what they said: that order stands as it was attributed, too.
    assert all(row.sealed for row in rows(engine, Attribution))
    rebuilding.rebuild(engine, rules(engine), NOW)
    assert {row.buyer for row in rows(engine, OrderLine)} == {first.buyer, second.buyer}
    assert agrees(engine)


def test_a_replay_brings_nothing_back(engine: Engine, tmp_path: Path) -> None:
    said = settle(engine, tmp_path)
    forget(engine, tmp_path)
    before = whole(engine)
    outcome = record(engine, *said)
    assert (outcome.accepted, outcome.conflicts) == (0, 0)
    assert whole(engine) == before
    assert rows(engine, MessageVersion) == []
    assert rows(engine, LateEvent) == []


def test_others_keep_their_words_but_the_name(engine: Engine, tmp_path: Path) -> None:
    settle(engine, tmp_path)
    done = forget(engine, tmp_path)
    names = {row.id: row.platform_id for row in rows(engine, MessageIdentity)}
    texts = {names[row.id]: row for row in rows(engine, Message)}
    assert texts["called"].text == "@已注销\u2005给他穿睡袋"
    assert texts["called"].mentions == [done.pseudonym]
    assert texts["quoted"].text == "「已注销：〔已删除〕」\n- - - - -\n同问"
    assert texts["o3"].text == "第3天路过公园"
    assert (texts["today"].text, texts["today"].name) == (None, None)
    assert "told" not in texts
    assert {row.platform_id for row in rows(engine, MessageIdentity)} >= {"asked", "told", "far"}
    assert [row.name for row in rows(engine, Contact) if row.platform_id == done.pseudonym] == [""]


@ON_SQLITE
def test_who_speaks_again_is_somebody_new(engine: Engine, tmp_path: Path) -> None:
    settle(engine, tmp_path)
    done = forget(engine, tmp_path)
    record(engine, member_says("我又回来了", "2026-11-20 15:30", sender=WHO, id="back", name=NAME))
    contacts = {row.platform_id for row in rows(engine, Contact)}
    assert {WHO, done.pseudonym} <= contacts
    assert forget(engine, tmp_path).messages == 1


def test_what_waited_elsewhere_comes_in_without_them(engine: Engine, tmp_path: Path) -> None:
    settle(engine, tmp_path)
    forget(engine, tmp_path)
    before = whole(engine)
    at, other = "2026-11-20 14:59", Person("wxid_z", "另一位")
    waiting = (
        member_says("还在路上的一句", at, sender=WHO, id="waiting", name=NAME),
        Joined(ROOM, (Person(WHO, NAME), other), local(at)),
        member_says("知道了", at, sender="wxid_z", id="kept", mentions=(WHO, "wxid_other01")),
        member_says(f"「{NAME}：短话」\n- -\n同问", at, sender="wxid_z", id="by name"),
        member_says(f"「老名字:{TOLD}」\n- -\n真的", at, sender="wxid_z", id="by words"),
        member_says(f"@{RENAMED}\u2005@{NAME} 看这里", at, sender="wxid_z", id="by call"),
        member_says("「另一位：别的话」\n- -\n同问", at, sender="wxid_z", id="another's"),
    )
    assert record(engine, *waiting).accepted == 5
    names = {row.id: row.platform_id for row in rows(engine, MessageIdentity)}
    texts = {names[row.id]: row.text for row in rows(engine, Message)}
    assert texts["by name"] == "「已注销：〔已删除〕」\n- -\n同问"
    assert texts["by words"] == "「已注销：〔已删除〕」\n- -\n真的"
    assert texts["by call"] == "@已注销\u2005@已注销 看这里"
    assert texts["another's"] == "「另一位：别的话」\n- -\n同问"
    left = whole(engine)
    assert [trace for trace in (*TRACES, "还在路上") if trace in left and trace not in before] == []
    (kept,) = [row for row in rows(engine, Message) if row.text == "知道了"]
    assert kept.mentions == ["wxid_other01"]
    # What waited for longer than messages are kept is nowhere any more, nor are the marks.
    assert len(rows(engine, ForgottenContact)) > 1
    for _ in retention.steps(engine, SHANGHAI, 30, NOW + dt.timedelta(days=31)):
        pass
    assert rows(engine, ForgottenContact) == []


def test_two_processes_forget_one_after_the_other(engine: Engine) -> None:
    other = database.connect(engine.url.render_as_string(False), pooled=False)
    with turns.taken(engine):
        with pytest.raises(InvalidInput, match="另一个进程"), turns.taken(other, patience=0.01):
            pytest.fail("both at once")
        # Whoever records is not held up.
        record(engine, member_says("照样记", "2026-11-20 12:00"))
    with turns.taken(other, patience=0.01):
        pass
    other.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_another_process_had_in_its_hands_is_forgotten_too(
    engine: Engine, tmp_path: Path
) -> None:
    settle(engine, tmp_path)
    known, late = (
        rules(engine),
        member_says("刚好在这时说的", "2026-11-20 14:59", sender=WHO, id="late"),
    )
    with ThreadPoolExecutor(1) as thread:
        with database.transaction(engine) as recording:
            ingest.record(recording, [late], known)
            forgotten = thread.submit(forget, engine, tmp_path)
            while not _waits(engine):
                assert not forgotten.done()
        assert forgotten.result().messages == 5
    assert "刚好在这时说的" not in whole(engine)


def _waits(engine: Engine) -> bool:
    asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(asked).scalar())


@ON_SQLITE
def test_everything_held_of_a_person_is_told(engine: Engine, tmp_path: Path) -> None:
    settle(engine, tmp_path)
    with database.reading(engine) as session:
        told = telling.everything(session, subject.find(session, f"unionid:{UNION}", SECRET))
    text = json.dumps(told, ensure_ascii=False)
    assert all(words in text for words in (WHO, NAME, RENAMED, UNION, ASKED, TOLD, TODAY))
    messages: Any = told["message"]
    assert [row["platform_id"] for row in messages] == ["asked", "told", "far", "today"]
    orders: Any = told["order_line"]
    assert [row["order_id"] for row in orders] == ["O1"]
    assert PHONE not in text
    assert "给他穿睡袋" not in text, "what others said is theirs"
    quoted: Any = told["digest"]
    assert quoted == [
        {"week": "2026-11-02", "scope": "room", "target": ROOM,
         "quoted": [ASKED, f"{NAME} · 3 人回应"]}
    ]  # fmt: skip
    assert told["attribution"]
    rooms: Any = told["rooms"]
    assert {room["platform_id"] for room in rooms.values()} == {ROOM, FAR}


@ON_SQLITE
def test_nobody_else_is_forgotten(engine: Engine) -> None:
    with database.transaction(engine) as session:
        ours = Contact(platform_id="wxid_ours")
        session.add(ours)
        session.flush()
        session.add(Account(name="own", gateway="memory", contact_id=ours.id))
    for asked, problem in (
        ("contact:nobody", "没有这个人"),
        ("person:77", "没有这个编号的人"),
        ("person:x", "没有这个编号的人"),
        ("wxid_qingtian77", "不知道说的是谁"),
        ("phone:138****8000", "不是一个能指到人的手机号"),
        ("contact:wxid_ours", "我们自己的机器人账号"),
    ):
        with database.reading(engine) as session, pytest.raises(InvalidInput, match=problem):
            subject.find(session, asked, SECRET)


def test_every_column_that_could_hold_a_person_is_looked_after() -> None:
    own = {
        models.Contact, models.Message, models.MessageIdentity, models.Identity,
        models.IdentityEdge, models.Person, models.Redacted,
    }  # fmt: skip
    about = own | places.KEPT | places.ERASED.keys()
    for model in (getattr(models, name) for name in models.__all__):
        if not (isinstance(model, type) and issubclass(model, SQLModel)):
            continue
        table = database.table(model)
        if {"contact_id", "person_id"} & {column.name for column in table.c}:
            assert model in about, f"{table.name} names somebody: KEPT or ERASED?"
        texts = {
            column.name
            for column in table.c
            if type(column.type).__name__ in {"LogText", "JSON", "AutoString"}
        }
        listed = set(places.QUOTING.get(model, ())) | set(places.SAFE.get(model, "").split())
        if model not in own:
            assert texts == listed & texts, f"{table.name}: {sorted(texts - listed)}"


def test_a_short_or_common_name_is_taken_out_only_where_it_is_one() -> None:
    traces = Traces(
        ids=frozenset({"a1"}), names=frozenset({"妈妈", "宝妈育儿"}), texts=frozenset({"好的"}),
        pseudonym="forgotten:1", common=frozenset({"宝妈育儿"}),
    )  # fmt: skip
    assert traces.clean("我是妈妈,好的,a1") == "我是妈妈,好的,a1"
    assert traces.clean("@妈妈\u2005在吗") == "@已注销\u2005在吗"
    assert traces.clean({"vertical": "宝妈育儿", "by": "妈妈", "ids": ["a1", 3]}) == {
        "vertical": "宝妈育儿", "by": "已注销", "ids": ["forgotten:1", 3],
    }  # fmt: skip
    assert traces.clean("\ud83d@宝妈育儿") == "\ud83d@已注销"


def test_the_commands_ask_for_the_number_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path
) -> None:
    (tmp_path / "qunyun.db").write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    (tmp_path / "secret").write_text(SECRET.ljust(32, b"-").hex())
    engine = database.connect(f"sqlite:///{tmp_path / 'qunyun.db'}")
    record(engine, *talk())
    members = tmp_path / "m.csv"
    members.write_text(f"room,sender,phone\n{ROOM},{WHO},{PHONE}\n", "utf-8")
    with database.transaction(engine) as session:
        told = membership_files.read_rows(members, SHANGHAI).rows
        membership_files.record(session, told, SECRET.ljust(32, b"-"), NOW)
        people.resolve(session)
    engine.dispose()
    runner = CliRunner()
    out = tmp_path / "told"
    run = runner.invoke(
        cli.app, ["privacy", "export", "phone:-", "--out", str(out)], input=f"{PHONE}\n"
    )
    assert run.exit_code == 0, run.output
    assert json.loads((out / "全部.json").read_text("utf-8"))["contacts"] == [WHO]
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}
    assert ASKED in (out / "消息.csv").read_text("utf-8-sig")
    assert "消息.csv  4 行" in (out / "说明.txt").read_text("utf-8-sig")
    refused = runner.invoke(cli.app, ["privacy", "forget", f"phone:{PHONE}"])
    assert isinstance(refused.exception, InvalidInput)
    run = runner.invoke(
        cli.app, ["privacy", "forget", "phone:-", "--yes", "--json"], input=f"{PHONE}\n"
    )
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["messages"] == 4
    assert io.BytesIO(files(tmp_path)).getvalue().find(WHO.encode()) < 0
