"""/metrics: what processes wrote down of themselves and of their accounts, read by another one."""

import asyncio
import datetime as dt
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bot import database, owning, receiving, refusing, vitals
from bot.gateway import LoggedIn, LoggedOut, Person
from bot.loop_lag import Lag
from bot.models import Person as Human
from bot.spool import Spool
from tests.console.conftest import NOW, Desk
from tests.saying import member_says, rules

ME = Person("wxid_bot", "小助手")
HELD_FOR = 0.05


async def shown(desk: Desk) -> dict[tuple[str, str], float]:
    """Each figure by its name and the value of its label, if any."""
    async with desk.client() as prometheus:
        told = (await prometheus.get("/metrics")).text
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


async def test_log_ins_and_what_a_spool_holds_are_shown_by_account(
    desk: Desk, tmp_path: Path
) -> None:
    desk.rooms(1)
    for event in (LoggedIn(ME, NOW), LoggedOut("断了", NOW), LoggedIn(ME, NOW)):
        receiving.take(desk.engine, 1, [event], rules(desk.engine), NOW)
    spool = Spool(tmp_path / "spool" / "a.db", 100, "one")
    await spool.append([member_says("在吗"), member_says("在")], NOW - dt.timedelta(seconds=90))
    refusing.refuse(spool.path, member_says("?"), "DataError", NOW, NOW - dt.timedelta(days=90))
    owning.note_spool(desk.engine, 1, await spool.held())
    await spool.close()
    figures = await shown(desk)
    assert figures["qunyun_account_logins_total", "1"] == 2
    assert ("qunyun_account_logins_created", "1") not in figures
    assert figures["qunyun_account_online", "1"] == 1
    assert figures["qunyun_spooled_events", "1"] == 2
    assert figures["qunyun_spool_lag_seconds", "1"] == 90
    assert figures["qunyun_refused_events", "1"] == 1


async def test_each_process_says_how_late_its_loop_is_until_it_ends_or_falls_silent(
    desk: Desk,
) -> None:
    name = "qunyun_loop_lag_seconds"
    with database.transaction(desk.engine) as session:
        vitals.tell(session, "one:1", 2.5, NOW)
        vitals.tell(session, "two:2", 0.5, NOW)
        vitals.tell(session, "two:2", 0.25, NOW)
    figures = await shown(desk)
    assert (figures[name, "one:1"], figures[name, "two:2"]) == (2.5, 0.25)
    desk.now += vitals.SILENT + dt.timedelta(seconds=1)
    with database.transaction(desk.engine) as session:
        vitals.tell(session, "two:2", 0.75, desk.now)
    figures = await shown(desk)
    assert (name, "one:1") not in figures
    assert figures[name, "two:2"] == 0.75
    with database.transaction(desk.engine) as session:
        vitals.leave(session, "two:2")
    assert (name, "two:2") not in await shown(desk)


async def test_a_loop_that_is_held_is_late_by_as_much() -> None:
    lag = Lag()
    beating = asyncio.create_task(lag.beat(0))
    await asyncio.sleep(0)
    # Work that gives nobody else a turn: what must not happen is what is measured.
    until = time.perf_counter() + HELD_FOR
    while time.perf_counter() < until:
        pass
    await asyncio.sleep(0)
    beating.cancel()
    assert lag.taken() >= HELD_FOR
    assert lag.taken() == 0


async def test_identities_in_quarantine_are_counted(desk: Desk) -> None:
    with database.transaction(desk.engine) as session:
        reasons = [{"quarantined": reason} for reason in ("两个 unionid", "两个 unionid", None)]
        database.insert_rows(session, Human, reasons)
    assert (await shown(desk))["qunyun_people_quarantined", ""] == 2
