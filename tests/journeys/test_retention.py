"""Text goes after its time; the figures that stood on it are sealed before, and stay."""

import datetime as dt
import json
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import cli, database, membership_files, nightly, rebuilding, retention
from bot.gateway import Said
from bot.insights import attributing, rolling
from bot.models import (
    Attribution,
    AttributionEvidence,
    Contact,
    DailyCount,
    DroppedDay,
    EngagementWeek,
    LateEvent,
    LateKind,
    Mention,
    Message,
    MessageIdentity,
    MessageVersion,
    Product,
    Room,
    RoomDay,
    SealedDay,
    SealedFor,
    Signal,
)
from bot.orders import intake
from bot.settings import Settings
from tests.saying import ROOM, SHANGHAI, local, member_says, record, rows, rules

DAYS = 30
FIRST = dt.date(2026, 9, 14)
NOW = local("2026-10-20 04:00")
# Kept since 2026-09-20 04:00 in Shanghai, which is the 19th in UTC.
LAST_DROPPED = dt.date(2026, 9, 18)
LAST_SEALED = dt.date(2026, 9, 21)
DERIVED = (Signal, Mention, DailyCount)
ROOMS = {ROOM: SHANGHAI, "west@chatroom": ZoneInfo("America/New_York")}


def test_what_comes_between_sealing_and_dropping_is_sealed_too(engine: Engine) -> None:
    record(engine, member_says("早上好", "2026-09-14 10:00", id="a", room=ROOM))
    record(engine, member_says("早上好", "2026-09-14 10:00", id="b", room="west@chatroom"))
    work = retention.steps(engine, SHANGHAI, DAYS, NOW)
    assert next(work) == 0, "sealed first"
    record(engine, member_says("晚到的一句", "2026-09-14 11:00", id="c", room="late@chatroom"))
    assert sum(work) == 3
    assert not rows(engine, Message)
    late = next(row.id for row in rows(engine, Room) if row.platform_id == "late@chatroom")
    assert late in {row.room_id for row in rows(engine, SealedDay)}
    assert all(one.agrees for one in rebuilding.check(engine, rules(engine), NOW))


def talk(seed: int = 2) -> list[Said]:
    """Five weeks of two rooms: questions, answers, copies of what was said the day before."""
    rng, said = Random(seed), list[Said]()
    for n in range(36 * 4):
        for room in ROOMS:
            at = local(f"{FIRST} 00:00") + dt.timedelta(hours=6 * n, seconds=rng.randrange(21_000))
            texts = [
                f"第{n}天米粉怎么冲?", "每天来说一遍同样的话,看看算不算重复", "打卡", f"今天第{n}次散步",
            ]  # fmt: skip
            quote = f"{room[0]}{n - 1}" if rng.random() < 0.4 else None
            said.append(
                Said(f"{room[0]}{n}", room, f"wxid_{rng.randrange(5)}", at, "text",
                     rng.choice(texts), quote=quote, name="小雨妈")
            )  # fmt: skip
    return said


def settle(engine: Engine) -> list[Said]:
    with database.transaction(engine) as session:
        session.add(Product(sku="RICE", name="米粉"))
        session.add_all(Room(platform_id=room, zone=zone.key) for room, zone in ROOMS.items())
    said = talk()
    known = Random(1).sample(said, len(said))
    for start in range(0, len(known), 200):
        record(engine, *known[start : start + 200])
    rolling.catch_up(engine, SHANGHAI, NOW)
    with database.transaction(engine) as session:
        attributing.attribute_all(session, NOW)
    return said


def keep(engine: Engine, now: dt.datetime = NOW) -> int:
    """One night of retention; returns how many messages went."""
    return sum(retention.steps(engine, SHANGHAI, DAYS, now))


def figures(engine: Engine) -> dict[str, list[Any]]:
    models = (*DERIVED, RoomDay, EngagementWeek)
    return {model.__name__: [tuple(row) for row in rows(engine, model)] for model in models}


def agrees(engine: Engine) -> bool:
    return all(one.agrees for one in rebuilding.check(engine, rules(engine), NOW))


def test_text_goes_after_its_time_and_every_figure_stays(engine: Engine) -> None:
    said = settle(engine)
    before = figures(engine)
    dropped = keep(engine)
    left = rows(engine, Message)
    assert dropped == sum(one.at.date() <= LAST_DROPPED for one in said)
    assert len(left) == len(said) - dropped
    assert min(row.day for row in left) == LAST_DROPPED + dt.timedelta(days=1)
    assert len(rows(engine, MessageIdentity)) == len(said)
    assert sum(row.messages for row in rows(engine, DroppedDay)) == dropped
    sealed = rows(engine, SealedDay)
    assert {row.why for row in sealed} == {SealedFor.RETENTION}
    assert max(row.day for row in sealed if row.room_id == 1) == LAST_SEALED
    assert sum(row.messages for row in sealed if row.day <= LAST_SEALED) == sum(
        one.at.astimezone(ROOMS[one.room]).date() <= LAST_SEALED for one in said
    ) - _unsealed_in_the_west(said, sealed)
    assert figures(engine) == before
    assert agrees(engine)
    assert keep(engine) == 0


def _unsealed_in_the_west(said: list[Said], sealed: Any) -> int:
    west = {row.day for row in sealed if row.room_id == 2}
    days = [one.at.astimezone(ROOMS[one.room]).date() for one in said if one.room != ROOM]
    return sum(day <= LAST_SEALED and day not in west for day in days)


def test_a_rebuild_covers_unsealed_days_and_leaves_sealed_ones(engine: Engine) -> None:
    settle(engine)
    before = figures(engine)
    keep(engine)
    with database.transaction(engine) as session:
        for model in DERIVED:
            table = database.table(model)
            open_days = table.c.day > LAST_SEALED + dt.timedelta(days=1)
            session.connection().execute(table.delete().where(open_days))
    rebuilding.rebuild(engine, rules(engine), NOW)
    assert figures(engine) == before
    days = rebuilding.days(engine)
    assert days.broken == ()
    assert days.sealed == len(rows(engine, SealedDay))
    counted = {(row.day, row.room_id) for row in rows(engine, DailyCount)}
    sealed = {(row.day, row.room_id) for row in rows(engine, SealedDay)}
    assert days.unsealed == len(counted - sealed)


@pytest.mark.tampers
@pytest.mark.parametrize("model", DERIVED, ids=lambda model: model.__name__)
def test_a_sealed_figure_that_was_changed_is_found(engine: Engine, model: Any) -> None:
    settle(engine)
    keep(engine)
    table = database.table(model)
    (row, *_) = rows(engine, model)
    with database.transaction(engine) as session:
        one = [table.c[key.name] == row._mapping[key.name] for key in table.primary_key]
        session.connection().execute(table.delete().where(*one))
    assert len(rebuilding.days(engine).broken) == 1
    assert not agrees(engine)


def test_a_replay_of_what_was_dropped_inserts_nothing(engine: Engine) -> None:
    said = settle(engine)
    keep(engine)
    before = (figures(engine), rows(engine, Message), rows(engine, Contact))
    outcome = record(engine, *said)
    assert (outcome.accepted, outcome.duplicates) == (0, len(said))
    assert outcome.conflicts == 0
    assert rows(engine, MessageVersion) == []
    assert rows(engine, LateEvent) == []
    assert (figures(engine), rows(engine, Message), rows(engine, Contact)) == before
    rebuilding.rebuild(engine, rules(engine), NOW)
    assert figures(engine) == before[0]


def test_what_comes_late_for_a_sealed_day_is_listed_and_changes_no_sealed_figure(
    engine: Engine,
) -> None:
    said = settle(engine)
    keep(engine)
    before = figures(engine)
    standing = {row.id: row for row in rows(engine, Message)}
    long_ago = next(one for one in said if one.room == ROOM and one.at.date() < LAST_DROPPED)
    kept = next(one for one in said if one.room == ROOM and one.at.date() == LAST_SEALED)
    outcome = record(
        engine,
        member_says("迟到很久的一句话?", "2026-09-15 12:00", id="late1", sender="wxid_late"),
        member_says("封存的最后一天", "2026-09-21 23:50", id="late2"),
        member_says(None, "2026-10-19 12:00", id="back1", type="recall", recalls=long_ago.id),
        member_says(None, "2026-10-19 12:01", id="back2", type="recall", recalls=kept.id),
        Said(kept.id, ROOM, kept.sender, kept.at - dt.timedelta(seconds=9), "text", "另一个说法"),
    )
    assert (outcome.accepted, outcome.conflicts) == (4, 1)
    names = {row.id: row.platform_id for row in rows(engine, MessageIdentity)}
    listed = {(names[row.message_id], row.kind) for row in rows(engine, LateEvent)}
    assert listed == {
        ("late1", LateKind.MESSAGE),
        ("late2", LateKind.MESSAGE),
        (long_ago.id, LateKind.RECALL),
        (kept.id, LateKind.RECALL),
        (kept.id, LateKind.VERSION),
    }
    assert next(row for row in rows(engine, Message) if names[row.id] == kept.id).text == kept.text
    assert rebuilding.days(engine).broken == ()
    after = figures(engine)
    sealed = {(row.day, row.room_id) for row in rows(engine, SealedDay)}
    for name in ("DailyCount", "RoomDay"):
        assert [row for row in after[name] if row[:2] in sealed] == [
            row for row in before[name] if row[:2] in sealed
        ]
    assert agrees(engine)
    # What came late is dropped like the rest of its day; what is in time stays as it was.
    assert keep(engine) == 1
    kept_rows = {row.id: row for row in rows(engine, Message)}
    assert {id: kept_rows[id] for id in standing} == standing
    assert agrees(engine)


def test_night_after_night_as_much_is_kept(engine: Engine) -> None:
    said = settle(engine)
    before = figures(engine)
    for night in range(5):
        now = NOW + dt.timedelta(days=night)
        keep(engine, now)
        kept_since = (now - dt.timedelta(days=DAYS)).date()
        assert {row.day for row in rows(engine, Message)} == {
            one.at.date() for one in said if one.at.date() >= kept_since
        }
    assert figures(engine) == before
    assert agrees(engine)


def test_work_that_stops_anywhere_is_finished_the_next_time(engine: Engine) -> None:
    settle(engine)
    before = figures(engine)
    for steps in (1, 3, 9):
        work = retention.steps(engine, SHANGHAI, DAYS, NOW)
        for _ in range(steps):
            next(work)
        work.close()  # type: ignore[attr-defined]
        assert rebuilding.days(engine).broken == ()
    rebuilding.rebuild(engine, rules(engine), NOW)
    assert figures(engine) == before
    keep(engine)
    assert figures(engine) == before
    assert agrees(engine)


@pytest.mark.tampers
def test_nights_do_the_work_and_rebuild_says_both_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    settings = Settings(_env_file=None, home=tmp_path, message_retention_days=DAYS)
    engine = database.connect(settings.database)
    database.migrate(engine)
    settle(engine)
    for _ in nightly.steps(settings, engine, NOW):
        pass
    engine.dispose()
    run = CliRunner().invoke(cli.app, ["rebuild", "--json"])
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert told["sealed_days"] == len(rows(engine, SealedDay)) > 10
    assert told["unsealed_days"] > 10
    assert told["broken"] == []
    run = CliRunner().invoke(cli.app, ["rebuild", "--check"])
    assert f"封存 {told['sealed_days']} 个,校验一致" in run.stdout
    assert f"未封存 {told['unsealed_days']} 个" in run.stdout
    with database.transaction(engine) as session:
        counts = database.table(DailyCount)
        first = counts.c.day == FIRST
        session.connection().execute(counts.update().where(first).values(messages=99))
    run = CliRunner().invoke(cli.app, ["rebuild", "--json"])
    assert run.exit_code == 1
    assert json.loads(run.stdout)["broken"] != []


def test_orders_stay_attributed_as_they_were(engine: Engine, tmp_path: Path) -> None:
    said = [one for one in settle(engine) if one.room == ROOM and "米粉" in (one.text or "")]
    paid = [
        (one.at + dt.timedelta(hours=1)).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        for one in (said[3], said[-3])
    ]
    members, orders = tmp_path / "members.csv", tmp_path / "orders.csv"
    members.write_text("room,sender,unionid\n" + f"{ROOM},wxid_buyer,u1\n", "utf-8")
    header = "order_id,line_no,sku,quantity,amount,paid_at,status,buyer_id,buyer_phone,unionid,coupon,channel\n"
    orders.write_text(
        header
        + f"O1,1,RICE,1,99.00,{paid[0]},paid,b1,,u1,,shop\n"
        + f"O2,1,RICE,1,99.00,{paid[1]},paid,b1,,u1,,shop\n",
        "utf-8",
    )
    with database.transaction(engine) as session:
        told = membership_files.read_rows(members, SHANGHAI).rows
        membership_files.record(session, told, b"secret", NOW)
    with database.transaction(engine) as session:
        bought = intake.read_rows(orders, SHANGHAI).rows
        intake.record(session, bought, "shop", b"secret", NOW)
        attributing.attribute_all(session, NOW)
    before = [tuple(row)[:-3] for row in rows(engine, AttributionEvidence)]
    assert len({row[0] for row in before}) == 2, "both orders met talk of the product"
    keep(engine)
    assert {row.order_line_id: row.sealed for row in rows(engine, Attribution)} == {
        1: True,
        2: False,
    }
    with database.transaction(engine) as session:
        again = attributing.attribute_all(session, NOW)
    assert (again.lines, again.changed) == (2, 0)
    assert [tuple(row)[:-3] for row in rows(engine, AttributionEvidence)] == before
    rebuilding.rebuild(engine, rules(engine), NOW)
    assert [tuple(row)[:-3] for row in rows(engine, AttributionEvidence)] == before
    assert agrees(engine)
