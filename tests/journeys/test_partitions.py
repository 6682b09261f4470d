"""Making a partition of the log: whoever writes goes first, and no message is lost for it."""

import asyncio
import datetime as dt
import functools
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event, func, select

from bot import app as app_module
from bot import database, incoming, ingest, moving, nightly, partitions, refusing, spool_file
from bot.models import Message
from bot.process import App
from tests.journeys.test_app import Clock, community, settings
from tests.saying import local, member_says, record, rows, rules

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@ON_POSTGRESQL
def test_members_are_heard_at_every_step_of_making_a_partition(engine: Engine) -> None:
    ours = database.connect(engine.url.render_as_string(False), pooled=False)
    record(engine, member_says("很久以前的一句", "2026-09-01 12:00", id="old"))
    day, told, proofs = dt.date(2026, 11, 22), list[str](), list[str]()

    def somebody_speaks(*_: object) -> None:
        told.append(f"n{len(told)}")
        record(engine, member_says("正说着话", "2026-09-01 12:00", id=told[-1]))

    def proved(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        # The proof's lock is still held; the second time it is only asked whether it stands.
        if "VALIDATE" in statement and not proofs:
            proofs.append(statement)
            somebody_speaks()

    notices: list[str] = []
    event.listen(ours, "connect", functools.partial(_listen, notices))
    event.listen(ours, "begin", somebody_speaks)
    event.listen(ours, "after_cursor_execute", proved)
    assert partitions.make(ours, day, may_close=True, small=0) == 1
    assert len(told) > 5
    assert len(rows(engine, Message)) == 1 + len(told)
    # PostgreSQL's own word that it read nothing under its lock.
    assert any("implied by existing constraints" in each for each in notices)
    assert partitions.existing(engine) == {day}
    record(engine, member_says("有了自己的一天", f"{day} 12:00", id="new"))
    with engine.connect() as connection:
        counted = f"SELECT count(*) FROM {partitions.name(day)}"
        assert connection.exec_driver_sql(counted).scalar() == 1
    ours.dispose()


def _listen(notices: list[str], connection: psycopg.Connection[object], _record: object) -> None:
    connection.execute("SET client_min_messages = debug1")
    connection.commit()
    connection.add_notice_handler(lambda told: notices.append(told.message_primary or ""))


@ON_POSTGRESQL
def test_a_partition_gives_way_to_whoever_writes_and_is_made_later(engine: Engine) -> None:
    day = dt.date(2026, 11, 22)
    late = member_says("迟到的一句", "2026-09-01 12:00", id="late")
    with database.transaction(engine) as writing:
        ingest.record(writing, [late], rules(engine))
        assert sum(partitions.steps(engine, day, 3, small=0)) == 0
        # Nobody waits behind it, in another room and in the same partition.
        record(engine, member_says("照样记", "2026-09-02 12:00", room="r2", sender="o", id="other"))
    assert sum(partitions.steps(engine, day, 3, small=0)) == 2
    # Today and tomorrow are never closed: they stay where they are.
    assert partitions.existing(engine) == {day + dt.timedelta(days=n) for n in (2, 3)}
    assert len(rows(engine, Message)) == 2


@ON_POSTGRESQL
async def test_a_message_of_a_closed_day_is_recorded_at_once_with_its_batch(
    engine: Engine, tmp_path: Path
) -> None:
    day, app = dt.date(2026, 11, 22), _app(engine, tmp_path)
    _close(engine, day, f"day <> '{day}'")
    said = [
        member_says("今天的一句", "2026-11-11 12:00"),
        member_says("钟快了好几天", f"{day} 12:00"),
    ]
    await incoming.accept(app, asyncio.Event(), next(iter(app.accounts)), "demo", said)
    assert {row.day for row in rows(engine, Message)} == {dt.date(2026, 11, 11), day}
    assert sum(partitions.steps(engine, day - dt.timedelta(days=2), 2)) == 3
    assert refusing.refused(spool_file.path(tmp_path, "demo")) == 0


@ON_POSTGRESQL
async def test_a_proof_at_work_is_broken_off_for_a_message(engine: Engine, tmp_path: Path) -> None:
    day, app = dt.date(2026, 11, 22), _app(engine, tmp_path)
    record(engine, member_says("很久以前的一句", "2026-09-01 12:00"))
    # A default partition that would take minutes to read.
    slow = "pg_sleep(600) IS NOT NULL"
    _close(engine, day, f"CASE day WHEN '2026-09-01' THEN {slow} ELSE day <> '{day}' END")
    make = functools.partial(partitions.make, engine, day, may_close=True, small=0)
    making = asyncio.create_task(asyncio.to_thread(make))
    proving = (
        "SELECT 1 FROM pg_locks WHERE mode = 'ShareUpdateExclusiveLock' AND granted"
        f" AND relation = '{partitions.DEFAULT}'::regclass"
    )
    while not await asyncio.to_thread(_scalar, engine, proving):
        pass
    said = member_says("钟快了好几天", f"{day} 12:00")
    await incoming.accept(app, asyncio.Event(), next(iter(app.accounts)), "demo", [said])
    assert await making == 0
    assert len(rows(engine, Message)) == 2


@ON_POSTGRESQL
def test_what_a_killed_process_left_is_cleared_away_and_another_day_s_proof_is_no_proof(
    engine: Engine,
) -> None:
    day = dt.date(2026, 11, 22)
    record(engine, member_says("很久以前的一句", "2026-09-01 12:00"))
    _close(engine, day - dt.timedelta(days=30), "day <> '2026-10-23'")
    _close(engine, day + dt.timedelta(days=2), "day <> '2026-11-24'")
    with engine.begin() as connection:
        # Of before a column was added, attached to nothing.
        connection.exec_driver_sql(f"CREATE TABLE {partitions.name(day)} (id bigint)")
    # Nobody needs it, and another's of a day to come is left alone.
    assert partitions.make(engine, day, may_close=True, small=0) == 1
    assert _scalar(engine, CLOSED) == 2
    assert sum(partitions.steps(engine, day, 2, small=0)) == 1
    assert _scalar(engine, CLOSED) == 0
    assert partitions.existing(engine) == {day, day + dt.timedelta(days=2)}
    assert (
        _scalar(engine, "SELECT count(*) FROM pg_class WHERE relname ~ '^message_p_[0-9]+$'") == 2
    )


@ON_POSTGRESQL
@pytest.mark.tampers
def test_what_came_before_its_partition_moves_into_it_and_goes_with_it(engine: Engine) -> None:
    day = dt.date(2026, 11, 11)
    said = [member_says(f"第 {n} 句", f"{day} 12:00", id=f"m{n}") for n in range(3)]
    record(engine, *said, member_says("另一天", "2026-09-01 12:00", id="other"))
    before = rows(engine, Message)
    with moving.view(engine) as backup:
        # Nothing moves under somebody who sees the log as it was, before they look at it.
        assert partitions.make(engine, day) == 0
        assert backup.scalar(select(func.count()).where(partitions.MESSAGE.c.day == day)) == 3
    told, ours = list[list[Message]](), database.connect(engine.url.render_as_string(False))

    def cut_off(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "ATTACH PARTITION" in statement and not told:
            told.append([])
            raise KeyboardInterrupt

    event.listen(ours, "before_cursor_execute", cut_off)
    with pytest.raises(KeyboardInterrupt):
        partitions.make(ours, day)
    assert rows(engine, Message) == before
    assert partitions.existing(engine) == set()
    assert partitions.make(ours, day) == 1
    ours.dispose()
    assert rows(engine, Message) == before
    assert _scalar(engine, f"SELECT count(*) FROM {partitions.name(day)}") == 3
    assert _scalar(engine, f"SELECT count(*) FROM {partitions.DEFAULT}") == 1
    with database.transaction(engine) as session:
        partitions.drop(session, day)
    assert [row.day for row in rows(engine, Message)] == [dt.date(2026, 9, 1)]


@ON_POSTGRESQL
def test_messages_are_moved_once_a_round_while_somebody_reads_on(engine: Engine) -> None:
    day, asked = dt.date(2026, 11, 11), list[str]()
    record(engine, member_says("一句", f"{day} 12:00", id="m0"))

    def noted(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "ONLY message IN ACCESS EXCLUSIVE" in statement:
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", noted)
    with database.transaction(engine) as reading:
        reading.connection().execute(select(partitions.MESSAGE)).all()
        assert sum(partitions.steps(engine, day, 0)) == 0
    assert len(asked) == 1
    with engine.begin() as tidying:
        tidying.exec_driver_sql(f"LOCK TABLE ONLY {partitions.DEFAULT} IN SHARE MODE")
        assert sum(partitions.steps(engine, day, 0)) == 0
    assert len(asked) == 2
    assert sum(partitions.steps(engine, day, 0)) == 1
    event.remove(engine, "before_cursor_execute", noted)


@ON_POSTGRESQL
@pytest.mark.tampers
def test_a_day_with_too_many_messages_stays_in_the_default_partition(engine: Engine) -> None:
    day = dt.date(2026, 11, 11)
    record(engine, member_says("一句", f"{day} 12:00", id="m0"))
    # Beside a large default partition nothing moves: it would be read through under the lock.
    assert partitions.make(engine, day, may_close=True, small=0) == 0
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO message (day, room_id, id, contact_id, at, type, own)"
            f" SELECT day, room_id, -n, contact_id, at, type, own FROM message,"
            f" generate_series(1, {partitions.MOVED}) AS n"
        )
    assert partitions.make(engine, day) == 0
    assert _scalar(engine, f"SELECT count(*) FROM {partitions.DEFAULT}") == partitions.MOVED + 1


@ON_POSTGRESQL
def test_a_day_that_cannot_be_made_ends_nothing_else(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    day = dt.date(2026, 11, 22)
    with engine.begin() as connection:
        # Its name is taken by what is no table.
        connection.exec_driver_sql(f"CREATE SEQUENCE {partitions.name(day)}")
    assert sum(partitions.steps(engine, day, 2)) == 2
    assert partitions.existing(engine) == {day + dt.timedelta(days=n) for n in (1, 2)}
    assert f"no partition of {day}" in caplog.text


@ON_POSTGRESQL
async def test_partitions_are_made_beside_the_writer(engine: Engine, tmp_path: Path) -> None:
    app, stop = _app(engine, tmp_path), asyncio.Event()
    made_by = set[str]()

    def noted(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "ATTACH PARTITION" in statement:
            made_by.add(threading.current_thread().name)

    async def write(work: Callable[[], int | None]) -> int | None:
        stop.set()
        return await app.write(work)

    event.listen(engine, "before_cursor_execute", noted)
    night = nightly.Night(app.settings, engine, write, app.clock)
    await nightly.run(night, stop, first=dt.timedelta(0))
    event.remove(engine, "before_cursor_execute", noted)
    assert len(partitions.existing(engine)) == partitions.AHEAD + 1
    assert made_by
    assert not any(each.startswith("writer") for each in made_by)


CLOSED = f"SELECT count(*) FROM pg_constraint WHERE starts_with(conname, '{partitions.CLOSED}')"


def _app(engine: Engine, home: Path) -> App:
    clock = Clock(local("2026-11-11 12:00"))
    return app_module.build(settings(home), engine, [community(clock)], clock)


def _close(engine: Engine, day: dt.date, check: str) -> None:
    """Close a day as a process does that is killed over it."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"ALTER TABLE {partitions.DEFAULT} ADD CONSTRAINT {partitions.closing(day)} "
            f"CHECK ({check}) NOT VALID"
        )


def _scalar(engine: Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(query).scalar()
