"""Making a partition of the log: whoever writes goes first, and no message is lost for it."""

import datetime as dt
import functools

import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError

from bot import database, ingest, partitions, process
from bot.models import Message
from tests.saying import member_says, record, rows, rules

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@ON_POSTGRESQL
def test_members_are_heard_at_every_step_of_making_a_partition(engine: Engine) -> None:
    ours = database.connect(engine.url.render_as_string(False), pooled=False)
    record(engine, member_says("很久以前的一句", "2026-09-01 12:00", id="old"))
    day, told = dt.date(2026, 11, 22), list[str]()

    def somebody_speaks(*_: object) -> None:
        told.append(f"n{len(told)}")
        record(engine, member_says("正说着话", "2026-09-01 12:00", id=told[-1]))

    def proved(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        # Its lock is still held.
        if "VALIDATE" in statement:
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
def test_a_day_that_a_killed_process_left_closed_loses_nothing(engine: Engine) -> None:
    day = dt.date(2026, 11, 22)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"ALTER TABLE {partitions.DEFAULT} ADD CONSTRAINT {partitions.CLOSED} "
            f"CHECK (day <> '{day}') NOT VALID"
        )
    said = member_says("钟快了两天", f"{day} 12:00")
    with pytest.raises(IntegrityError) as refused:
        record(engine, said)
    # It waits in its spool, as if the database were away, and is not put aside.
    assert process.is_away(refused.value)
    assert sum(partitions.steps(engine, day - dt.timedelta(days=2), 2)) == 3
    record(engine, said)
    assert len(rows(engine, Message)) == 1
