"""What comes in is recorded once, whatever its order, and counted so that it can be rebuilt."""

import datetime as dt
import os
import random
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Engine

from bot import database, ingest, message_log, rebuilding, rederiving
from bot.errors import InvalidInput
from bot.gateway import Joined, Left, Person, Said
from bot.memory import Memory
from bot.models import (
    Contact,
    DailyCount,
    Membership,
    Mention,
    Message,
    MessageIdentity,
    MessageVersion,
    Product,
    Recall,
    Room,
    Signal,
)
from tests.saying import ROOM, local, member_says, names, record, rows, rules

# `make faults` asks for many more.
SHUFFLES = int(os.environ.get("QUNYUN_SHUFFLES", "50"))


def derived(engine: Engine) -> dict[str, Any]:
    """The derived tables by names that do not depend on the order of arrival."""
    message, room, contact = (
        names(engine),
        {row.id: row.platform_id for row in rows(engine, Room)},
        {row.id: row.platform_id for row in rows(engine, Contact)},
    )
    return {
        "signals": {
            (row.day, message[row.message_id], row.kind, contact[row.contact_id],
             message.get(row.target_id))
            for row in rows(engine, Signal)
        },
        "mentions": {(message[row.message_id], row.product_id) for row in rows(engine, Mention)},
        "counts": {
            (row.day, room[row.room_id], contact[row.contact_id], *row[3:])
            for row in rows(engine, DailyCount)
        },
        "standing": {
            (message[row.id], row.at, row.text) for row in rows(engine, Message)
        },
    }  # fmt: skip


def agrees(engine: Engine) -> bool:
    return all(one.agrees for one in rebuilding.check(engine, rules(engine), local("2026-12-01")))


def test_a_message_that_comes_twice_is_recorded_once(engine: Engine) -> None:
    said = member_says("今天吃什么呢")
    first, again = record(engine, said, said), record(engine, said)
    assert (first.accepted, first.duplicates, first.conflicts) == (1, 1, 0)
    assert (again.accepted, again.duplicates, again.conflicts) == (0, 1, 0)
    assert [row.messages for row in rows(engine, DailyCount)] == [1]


@pytest.mark.parametrize("late_first", [False, True])
def test_of_two_contents_under_one_id_the_earlier_stands(engine: Engine, late_first: bool) -> None:
    early = member_says("早的", "2026-11-09 23:59", id="m1")
    late = member_says("晚的", "2026-11-10 00:01", id="m1")
    told = [late, early] if late_first else [early, late]
    outcomes = [record(engine, said) for said in told]
    assert [one.conflicts for one in outcomes] == [0, 1]
    assert [row.text for row in rows(engine, Message)] == ["早的"]
    assert [row.content["text"] for row in rows(engine, MessageVersion)] == ["晚的"]
    assert [(row.day, row.messages) for row in rows(engine, DailyCount)] == [
        (dt.date(2026, 11, 9), 1)
    ]
    assert agrees(engine)


@pytest.mark.parametrize("recall_first", [False, True])
def test_a_recalled_message_leaves_every_count(engine: Engine, recall_first: bool) -> None:
    said = member_says("发错群了", id="m1")
    recall = member_says(None, "2026-11-10 09:00", id="m2", type="recall", recalls="m1")
    for event in [recall, said] if recall_first else [said, recall]:
        record(engine, event)
    assert rows(engine, DailyCount) == []
    assert agrees(engine)


def test_a_local_day_ends_at_local_midnight(engine: Engine) -> None:
    record(
        engine,
        member_says("睡前一句", "2026-11-09 23:59:59"),
        member_says("过了零点", "2026-11-10 00:00:00"),
        member_says("早起", "2026-11-10 08:30:00"),
    )
    counted = {row.day.isoformat(): row.messages for row in rows(engine, DailyCount)}
    assert counted == {"2026-11-09": 1, "2026-11-10": 2}


def test_members_are_told_apart_by_id_and_never_by_name(engine: Engine) -> None:
    record(
        engine,
        member_says("我是甲", "2026-11-09 20:00", sender="wxid_1", name="宝妈"),
        member_says("我是乙", "2026-11-09 20:01", sender="wxid_2", name="宝妈"),
        member_says("我改名了", "2026-11-09 20:02", sender="wxid_1", name="小雨妈"),
    )
    assert sorted(row.messages for row in rows(engine, DailyCount)) == [1, 2]
    assert sorted(row.name for row in rows(engine, Contact)) == ["宝妈", "小雨妈"]


def test_our_own_and_system_messages_are_logged_and_not_counted(engine: Engine) -> None:
    record(
        engine,
        member_says("问题解答日开始啦", own=True, sender="bot"),
        member_says("小雨妈加入了群聊", type="system"),
        member_says(None, type="image"),
    )
    assert len(rows(engine, Message)) == 3
    assert [row.messages for row in rows(engine, DailyCount)] == [1]


def test_arrivals_and_departures_make_stays(engine: Engine) -> None:
    ann = Person("wxid_1", "小雨妈")
    record(engine, Joined(ROOM, (ann,), local("2026-11-09 10:00")))
    record(engine, Left(ROOM, (ann,), local("2026-11-10 10:00")))
    stays = [(row.joined_at, row.left_at) for row in rows(engine, Membership)]
    assert stays == [(local("2026-11-09 10:00"), local("2026-11-10 10:00"))]


def test_a_hundred_kilobytes_and_broken_text_pass_through(engine: Engine) -> None:
    texts = ["长" * 50_000, "😀" * 5_000, "lone \ud83d and NUL \x00", "", "\ufdd0", "ﷺ" * 1_000]
    record(engine, *(member_says(text, f"2026-11-09 20:0{n}") for n, text in enumerate(texts)))
    assert [row.text for row in rows(engine, Message)] == texts
    assert agrees(engine)


def everything(rng: random.Random, count: int = 120) -> list[Said]:
    """A few busy days of two rooms with every trap: recalls, conflicts, quotes, floods, copies."""
    said: list[Said] = []
    for number in range(count):
        at = local("2026-11-08 20:00") + dt.timedelta(seconds=rng.randrange(3 * 86_400))
        if rng.random() < 0.3 and said:
            at = rng.choice(said).at + dt.timedelta(seconds=rng.randrange(30))
        text = rng.choice(
            ["云柔纸尿裤好用吗", "打卡", "+1", "我家用的云柔纸尿裤,分享一下真实感受,很不错",
             f"随便聊聊第{number % 7}个话题今天天气真不错啊", None]
        )  # fmt: skip
        said.append(
            Said(
                f"m{number}", rng.choice(["r1@chatroom", "r2@chatroom"]),
                f"wxid_{rng.randrange(4)}", at, "text" if text else "image", text,
                mentions=(f"wxid_{rng.randrange(4)}",) if rng.random() < 0.3 else (),
                quote=f"m{rng.randrange(count)}" if rng.random() < 0.3 else None,
            )
        )  # fmt: skip
    for number in range(count // 15):
        one = rng.choice(said)
        said.append(Said(f"x{number}", one.room, one.sender, one.at + dt.timedelta(minutes=2),
                         "recall", None, recalls=one.id))  # fmt: skip
        other = rng.choice(said[:count])
        said.append(Said(other.id, other.room, other.sender, other.at + dt.timedelta(hours=30),
                         "text", f"另一个版本{number}"))  # fmt: skip
    return said


def test_any_order_of_arrival_gives_the_same_derived_tables(engine: Engine) -> None:
    """Other messages every ten shuffles, and each time some that come twice and some much later."""
    with database.transaction(engine) as session:
        session.add(Product(id=1, sku="N1", name="云柔纸尿裤"))
    known = rules(engine)
    for seed in range(0, SHUFFLES, 10):
        rng = random.Random(seed)
        told = everything(rng, 36)
        results = []
        for shuffle in range(min(10, SHUFFLES - seed)):
            start_again(engine)
            order = sorted(told, key=lambda one: one.at)
            if shuffle:
                order += rng.sample(told, 10)
                rng.shuffle(order)
            # Two processes that take turns: neither memory may be taken in by the other's batches.
            memories = [Memory(), Memory()]
            while order:
                size, memory = rng.randint(1, 25), rng.choice(memories)
                if rng.random() < 0.1:
                    with suppress(Undone), database.transaction(engine) as session:
                        ingest.record(session, order[:size], known, memory)
                        raise Undone
                with database.transaction(engine) as session:
                    ingest.record(session, order[:size], known, rng.choice(memories))
                order = order[size:]
            results.append(derived(engine))
        assert len(results[0]["counts"]) > 5 and len(results[0]["signals"]) > 5
        assert results == results[:1] * len(results)
    assert agrees(engine)


class Undone(Exception):  # nothing went wrong
    """A batch that is rolled back after it was recorded."""


def start_again(engine: Engine) -> None:
    """The database without any message, and with everybody who ever spoke."""
    with database.transaction(engine) as session:
        for model in (
            Signal,
            Mention,
            DailyCount,
            MessageVersion,
            Message,
            Recall,
            MessageIdentity,
        ):
            session.connection().execute(database.table(model).delete())


def test_a_rebuild_in_place_gives_back_what_was_lost_and_drops_what_is_too_much(
    engine: Engine,
) -> None:
    record(engine, *everything(random.Random(3)))
    before = derived(engine)
    signal, counts = database.tables(Signal, DailyCount)
    with database.transaction(engine) as session:
        session.connection().execute(signal.delete())
        session.connection().execute(counts.update().values(messages=999))
        stray = dict(rows(engine, DailyCount)[0]._mapping) | {"day": dt.date(2020, 1, 1)}
        database.insert_rows(session, DailyCount, [stray])
    assert not agrees(engine)
    rederiving.from_log(engine, rules(engine))
    assert derived(engine) == before
    assert agrees(engine)


def test_a_room_that_moves_to_another_zone_is_counted_anew(engine: Engine) -> None:
    record(engine, member_says("早", "2026-11-09 01:00"), member_says("晚", "2026-11-09 23:00"))
    room = database.table(Room)
    with database.transaction(engine) as session:
        session.connection().execute(room.update().values(zone="America/Los_Angeles"))
    assert not agrees(engine)
    rederiving.from_log(engine, rules(engine))
    counted = {row.day.isoformat(): row.messages for row in rows(engine, DailyCount)}
    assert counted == {"2026-11-08": 1, "2026-11-09": 1}
    assert agrees(engine)


def test_the_log_leaves_as_it_came(engine: Engine, tmp_path: Any) -> None:
    lines = [
        '{"id": "m1", "room": "r1@chatroom", "sender": "a", "at": "2026-11-09T08:01:02.9+08:00", "type": "text", "text": "早\\ud83d"}',
        '{"id": "m2", "room": "r1@chatroom", "sender": "a", "at": "2026-11-09T08:02:02+08:00", "type": "recall", "text": null, "recalls": "m1"}',
        '{"id": "m3", "room": "r0@chatroom", "sender": "b", "name": "乙", "topic": "一群", "at": "2026-11-09T00:00:00Z", "type": "image", "text": null, "mentions": ["a"], "quote": "m9", "self": true}',
    ]  # fmt: skip
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode() + b"\r\n")
    report = message_log.replay(engine, path, rules(engine))
    assert (report.lines, report.accepted, report.rejected) == (3, 3, [])
    with database.reading(engine) as session:
        ever = (local("1990-01-01"), local("2090-01-01"))
        out = [message_log.parse(line.encode()) for line in message_log.lines(session, *ever)]
    given = [message_log.parse(line.encode()) for line in lines]
    assert out == [given[2], given[0], given[1]]
    assert given[0].at == local("2026-11-09 08:01:02")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("nonsense", ""),
        ("[1]", ""),
        ("[" * 100_000, ""),
        ('{"id": "", "room": "r", "sender": "s", "at": "2026-11-09T08:00:00Z", "type": "text", "text": ""}', "id"),
        ('{"id": "1", "room": 5, "sender": "s", "at": "2026-11-09T08:00:00Z", "type": "text", "text": ""}', "room"),
        ('{"id": "1", "room": "r", "sender": "s", "at": "2026-11-09T08:00:00", "type": "text", "text": ""}', "at"),
        ('{"id": "1", "room": "r", "sender": "s", "at": "9999-12-31T23:00:00Z", "type": "text", "text": ""}', "at"),
        ('{"id": "1", "room": "r", "sender": "s", "at": "0001-01-01T00:00:00+08:00", "type": "text", "text": ""}', "at"),
        ('{"id": "1", "room": "r", "sender": "s", "at": "2026-11-09T08:00:00Z", "type": "text"}', "text"),
        ('{"id": "1", "room": "r", "sender": "s", "at": "2026-11-09T08:00:00Z", "type": "recall", "text": null}', "recalls"),
        ('{"id": "1", "room": "r", "sender": "s", "at": "2026-11-09T08:00:00Z", "type": "text", "text": "", "mentions": "a"}', "mentions"),
        ('{"id": "1", "room": "r", "sender": "s", "at": "2026-11-09T08:00:00Z", "type": "text", "text": "", "self": "yes"}', "self"),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_by_name(line: str, column: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        message_log.parse(line.encode())
    assert [fault.column for fault in refused.value.faults] == [column]


def test_a_bad_line_costs_none_of_its_neighbours(engine: Engine, tmp_path: Any) -> None:
    good = '{{"id": "{}", "room": "r", "sender": "s", "at": "2026-11-09T08:00:00Z", "type": "text", "text": "好"}}'
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([good.format("1"), "", "bad", good.format("2")]))
    report = message_log.replay(engine, path, rules(engine))
    assert (report.lines, report.accepted, [fault.line for fault in report.rejected]) == (3, 2, [3])
    assert Counter(row.text for row in rows(engine, Message)) == {"好": 2}
