"""What is spooled comes into the log once, whatever happened between the two."""

import asyncio
import datetime as dt
import random
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from bot import app as app_module
from bot import database, from_stream, incoming, leases, process, refusing, spool_file
from bot.gateway import Event, Joined, LoggedIn, Person, Said
from bot.models import DailyCount, Membership, Message, MessageIdentity
from bot.privacy import forgetting, subject
from bot.process import App
from tests.journeys.test_app import Clock, community, settings
from tests.saying import local, rows, rules
from tests.watching import running, until

NOON = local("2026-11-11 12:00")


def talk(at: dt.datetime) -> list[Event]:
    """A log-in of then, and five things said and one who came in."""
    said = [
        Said(f"m{n}", "r0@chatroom", f"wxid_0_{n % 2}", at, "text", f"今天说第 {n} 句话")
        for n in range(5)
    ]
    return [
        LoggedIn(Person("wxid_bot"), at),
        *said,
        Joined("r0@chatroom", (Person("wxid_new", "新人"),), at),
    ]


async def test_what_a_killed_process_had_recorded_and_not_dropped_is_counted_once(
    engine: Engine, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    killed = app_module.build(settings(tmp_path), engine, [community(clock)], clock)
    (account,) = killed.accounts
    events = talk(clock.now - dt.timedelta(minutes=10))
    await killed.spools[account].append(events, clock.now)
    # Recorded, and killed before it was dropped.
    process.take(killed, account, events)
    await killed.spools[account].close()
    counted = [(row.contact_id, row.messages) for row in rows(engine, DailyCount)]
    clock.now += dt.timedelta(minutes=1)
    app = app_module.build(settings(tmp_path), engine, [community(clock)], clock)
    async with running(app):
        await until(app, lambda: len(rows(engine, Membership)) >= 12)
    found = [row.platform_id for row in rows(engine, MessageIdentity)]
    assert sorted(found) == [f"m{n}" for n in range(5)]
    assert [(row.contact_id, row.messages) for row in rows(engine, DailyCount)] == counted
    assert spool_file.look(spool_file.path(tmp_path, "demo")) == spool_file.NOTHING


async def test_what_an_earlier_life_left_is_recorded_and_who_was_in_then_is_not_in_now(
    engine: Engine, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    killed = app_module.build(settings(tmp_path), engine, [community(clock)], clock)
    (account,) = killed.accounts
    await killed.spools[account].append(talk(clock.now - dt.timedelta(minutes=10)), clock.now)
    await killed.spools[account].close()
    clock.now += dt.timedelta(minutes=1)
    with database.transaction(engine) as session:
        assert leases.take(session, account, "elsewhere:1", clock.now) is not None
    app = app_module.build(settings(tmp_path), engine, [], clock, [community(clock)])
    async with running(app):
        await until(app, lambda: len(rows(engine, Message)) == 5)
        assert app.online == set()
        assert app.senders == {}


def said(number: int, words: str = "晚上好", room: str = "r0@chatroom") -> Said:
    return Said(f"m{number}", room, "wxid_0_1", NOON, "text", words)


def built(engine: Engine, home: Path) -> tuple[App, int]:
    clock = Clock(NOON)
    app = app_module.build(settings(home), engine, [community(clock)], clock)
    (account,) = app.accounts
    return app, account


def execute(engine: Engine, statement: str) -> None:
    with database.transaction(engine) as session:
        session.connection().execute(text(statement))


def logged(engine: Engine) -> list[str]:
    return sorted(row.platform_id for row in rows(engine, MessageIdentity))


async def test_a_database_that_takes_nothing_for_a_while_is_waited_for(
    engine: Engine, tmp_path: Path
) -> None:
    app, account = built(engine, tmp_path)
    # As in the middle of a migration.
    execute(engine, "ALTER TABLE message RENAME TO elsewhere")
    app.changed.clear()
    accepting = asyncio.create_task(
        incoming.accept(app, asyncio.Event(), account, "demo", [said(1), said(2)])
    )
    for _ in range(2):
        await app.changed.wait()
        app.changed.clear()
    execute(engine, "ALTER TABLE elsewhere RENAME TO message")
    await accepting
    assert logged(engine) == ["m1", "m2"]
    assert refusing.refused(spool_file.path(tmp_path, "demo")) == 0


async def test_what_alone_is_refused_is_kept_and_its_neighbours_are_recorded(
    engine: Engine, tmp_path: Path
) -> None:
    app, account = built(engine, tmp_path)
    if engine.dialect.name == "postgresql":
        # Too long for an index, and nothing that compresses.
        room = random.Random(1).randbytes(9_000).hex()
        batch = [said(1), said(2, room=room), said(3)]
    else:
        refuse_all(engine, "NEW.text = '坏'")
        batch = [said(1), said(2, "坏"), said(3)]
    await incoming.accept(app, asyncio.Event(), account, "demo", batch)
    assert logged(engine) == ["m1", "m3"]
    path = spool_file.path(tmp_path, "demo")
    assert refusing.refused(path) == 1
    # For as long as messages are kept.
    later = NOON + dt.timedelta(days=app.settings.message_retention_days, seconds=1)
    refusing.refuse(path, said(4), "ValueError", later, NOON + dt.timedelta(seconds=1))
    assert refusing.refused(path) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_was_refused_and_waits_again_comes_into_the_log_with_what_comes_next(
    engine: Engine, tmp_path: Path
) -> None:
    app, account = built(engine, tmp_path)
    path = spool_file.path(tmp_path, "demo")
    refuse_all(engine, "NEW.text = '坏'")
    await incoming.accept(
        app, asyncio.Event(), account, "demo", [said(1), said(2, "坏"), said(3, "坏")]
    )
    assert (logged(engine), refusing.refused(path)) == (["m1"], 2)
    execute(engine, "DROP TRIGGER refused")
    assert refusing.retry(path, NOON) == 2
    assert (refusing.refused(path), spool_file.look(path)) == (0, (2, NOON))
    await app.spools[account].append([said(4)], NOON)
    async with running(app):
        await until(app, lambda: len(logged(engine)) == 4)
    assert logged(engine) == ["m1", "m2", "m3", "m4"]
    assert refusing.retry(path, NOON) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_where_every_event_is_refused_nothing_is_given_up(
    engine: Engine, tmp_path: Path
) -> None:
    app, account = built(engine, tmp_path)
    refuse_all(engine, "1")
    with pytest.raises(IntegrityError):
        await incoming.accept(app, asyncio.Event(), account, "demo", [said(1), said(2)])
    assert refusing.refused(spool_file.path(tmp_path, "demo")) == 0


async def test_what_waits_on_another_machine_comes_in_without_who_was_forgotten_meanwhile(
    engine: Engine, tmp_path: Path
) -> None:
    app, account = built(engine, tmp_path / "there")
    earlier = NOON - dt.timedelta(minutes=5)
    process.take(app, account, [Said("m0", "r0@chatroom", "wxid_0_1", earlier, "text", "先说一句")])
    await app.spools[account].append([said(1), replace(said(2), sender="wxid_0_2")], NOON)
    forget(engine, tmp_path / "here", "wxid_0_1", NOON)
    async with running(app):
        await until(app, lambda: logged(engine) == ["m0", "m2"])
    waiting = spool_file.look(spool_file.path(tmp_path / "there", "demo"))
    assert waiting == spool_file.NOTHING


def forget(engine: Engine, home: Path, contact: str, now: dt.datetime) -> None:
    with database.reading(engine) as session:
        known = subject.find(session, f"contact:{contact}", b"secret")
    forgetting.forget(engine, home, known, rules(engine), now, "小李")


async def test_a_lot_of_an_account_that_the_database_does_not_know_is_recorded(
    engine: Engine, tmp_path: Path
) -> None:
    app, known = built(engine, tmp_path)
    assert from_stream.account_of(app, "demo") == known
    account = from_stream.account_of(app, "elsewhere")
    assert from_stream.account_of(app, "elsewhere") == account != known
    await incoming.accept(app, asyncio.Event(), account, "elsewhere", [said(1)])
    assert logged(engine) == ["m1"]


def refuse_all(engine: Engine, when: str) -> None:
    execute(
        engine,
        f"CREATE TRIGGER refused BEFORE INSERT ON message WHEN {when} "
        "BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
