"""The schema and the bulk statements hold on both databases."""

import datetime as dt
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Date, Engine, Float, Integer, Text, select
from sqlalchemy.sql.schema import SchemaItem
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database
from bot.models import Delivery, Message, MessageIdentity, Room
from bot.models.columns import LogText


def test_migrations_give_what_the_models_say(engine: Engine) -> None:
    def ours(item: SchemaItem, name: str | None, kind: str, *_: object) -> bool:
        return not (kind == "table" and (name or "").startswith("message_p_"))

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": True}
        )
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    database.migrate(engine)
    with database.reading(engine) as session:
        assert session.connection().execute(select(database.table(Room))).all() == []


def test_rows_of_ours_come_back_as_they_were_given(engine: Engine) -> None:
    at = dt.datetime(2026, 11, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
    rows: list[tuple[object, ...]] = [
        (1, 1.5, True, '奶粉"b\\c{},NULL', "\0 a\ud800", at, at.date()),
        (None, None, False, "null", None, None, None),
        (2**31 - 1, 1e-300, None, 'line\nend\t\\n "', "", at, at.date()),
        (0, -2.0, True, "\x01\U0001f600", "b", at, None),
    ]
    with database.reading(engine) as session:
        for some in (rows, rows[:1], rows[1:2], []):
            given = database.given(
                session,
                {
                    "number": Integer(),
                    "share": Float(),
                    "flag": Boolean(),
                    "words": Text(),
                    "log": LogText(),
                    "at": UTCDateTime(),
                    "day": Date(),
                },
                some,
            )
            columns = select(*(each for each in given.c if each.name != "n")).order_by(given.c.n)
            assert [tuple(row) for row in session.connection().execute(columns)] == some


def test_insert_new_returns_only_what_was_new_in_order(engine: Engine) -> None:
    day = dt.date(2026, 11, 2)
    names, returning = ("room_id", "platform_id", "day"), ("id", "platform_id")
    with database.transaction(engine) as session:
        first = database.insert_new(
            session, MessageIdentity, names, [(1, "b", day), (1, "a", day)], returning
        )
        again = database.insert_new(
            session,
            MessageIdentity,
            names,
            [(1, "a", day), (1, "c", day), (2, "a", day)],
            returning,
        )
    assert [row.platform_id for row in sorted(first)] == ["b", "a"]
    assert [row.platform_id for row in sorted(again)] == ["c", "a"]


@pytest.mark.tampers
def test_text_that_no_database_can_hold_survives(engine: Engine) -> None:
    text = "NUL \x00, lone \ud83d, and the escape \ufdd0 itself"
    at = dt.datetime(2026, 11, 2, 1, 2, 3, tzinfo=dt.UTC)
    row = {
        "day": at.date(),
        "room_id": 1,
        "id": 1,
        "contact_id": 1,
        "at": at,
        "type": "text",
        "text": text,
        "mentions": ["\udc00"],
        "own": False,
    }
    with database.transaction(engine) as session:
        assert database.insert_rows(session, Message, [row]) == 1
        assert database.insert_rows(session, Message, [row], skip_existing=True) == 0
    with database.reading(engine) as session:
        stored = session.connection().execute(select(database.table(Message))).one()
    assert (stored.text, stored.mentions, stored.at) == (text, ["\udc00"], at)


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def interrupted() -> None:
        with database.transaction(engine) as session:
            session.add(Room(platform_id="room@chatroom"))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        interrupted()
    with database.reading(engine) as session:
        assert session.connection().execute(select(database.table(Room))).all() == []


def test_a_database_of_the_first_version_grows_with_its_rows(tmp_path: Path) -> None:
    engine = database.connect(f"sqlite:///{tmp_path / 'old.db'}")
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO room(id, platform_id, topic, vertical, owner) "
            "VALUES(1, 'r1', '1 群', '美妆', '')"
        )
        connection.exec_driver_sql(
            "INSERT INTO delivery(key, kind, state, priority, room_id, text, mentions, planned_at,"
            " due_at, expires_at, attempts, withdrawn) VALUES('post:qa', 'post', 'pending', 1, 1,"
            " '开始啦', '[]', '2026-11-11 12:00', '2026-11-11 12:00', '2026-11-11 14:00', 0, 0)"
        )
    database.migrate(engine)
    with database.reading(engine) as session:
        delivery = session.connection().execute(select(database.table(Delivery))).one()
        room = session.connection().execute(select(database.table(Room))).one()
    engine.dispose()
    assert (delivery.text, delivery.mention_all, delivery.topic) == ("开始啦", False, None)
    assert (room.topic, room.mention_all) == ("1 群", False)
