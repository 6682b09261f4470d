"""One process plans, and another one goes on where it has fallen silent."""

import datetime as dt
from pathlib import Path

from sqlalchemy import Engine

from bot import app as app_module
from bot import database, heartbeats
from bot.gateways.memory import MemoryGateway
from bot.heartbeats import PLANNER, SILENT
from bot.models import Heartbeat
from bot.settings import Settings
from tests.saying import local, rows

NOW = local("2026-11-11 20:00")
SECOND = dt.timedelta(seconds=1)


def takes(engine: Engine, owner: str, now: dt.datetime, dead: str = "") -> bool:
    with database.transaction(engine) as session:
        return heartbeats.take(session, PLANNER, owner, now, is_dead=lambda one: one == dead)


def test_a_round_is_anothers_while_its_beat_is_fresh(engine: Engine) -> None:
    assert takes(engine, "a:1", NOW)
    assert takes(engine, "a:1", NOW + 30 * SECOND)
    assert not takes(engine, "b:2", NOW + 31 * SECOND)
    assert takes(engine, "b:2", NOW + 30 * SECOND + SILENT)
    assert not takes(engine, "a:1", NOW + 31 * SECOND + SILENT)
    assert heartbeats_of(engine) == [("b:2", NOW + 30 * SECOND + SILENT)]


def test_whoever_is_dead_or_has_left_is_not_waited_for(engine: Engine) -> None:
    assert takes(engine, "a:1", NOW)
    assert takes(engine, "b:2", NOW + SECOND, dead="a:1")
    with database.transaction(engine) as session:
        heartbeats.leave(session, PLANNER, "a:1")
    assert not takes(engine, "c:3", NOW + 2 * SECOND), "the one that plans has not left"
    with database.transaction(engine) as session:
        heartbeats.leave(session, PLANNER, "b:2")
    assert takes(engine, "c:3", NOW + 3 * SECOND)


def test_a_beat_of_a_clock_that_was_wrong_is_not_waited_for(engine: Engine) -> None:
    assert takes(engine, "a:1", NOW + dt.timedelta(hours=1))
    assert takes(engine, "b:2", NOW)


def test_a_process_leaves_the_round_to_the_one_that_plans(engine: Engine, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=tmp_path)
    first, second = (
        app_module.build(settings, engine, [MemoryGateway(name, clock=lambda: NOW)], lambda: NOW)
        for name in "ab"
    )
    second.owner = "elsewhere:2"
    for app, plans in ((second, True), (first, False), (second, True)):
        app_module.tick(app)
        assert app.plans == plans


def heartbeats_of(engine: Engine) -> list[tuple[str, dt.datetime]]:
    return [(row.owner, row.at) for row in rows(engine, Heartbeat)]
