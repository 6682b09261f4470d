"""What is spooled comes into the log once, whatever happened between the two."""

import datetime as dt
from pathlib import Path

from sqlalchemy import Engine

from bot import app as app_module
from bot import database, leases, process, spool
from bot.gateway import Event, Joined, LoggedIn, Person, Said
from bot.models import DailyCount, Membership, Message, MessageIdentity
from tests.journeys.test_app import Clock, community, settings
from tests.saying import local, rows
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
    assert spool.look(spool.path(tmp_path, "demo")) == spool.NOTHING


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
