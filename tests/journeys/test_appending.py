"""Rows that go straight through the driver are those that SQLAlchemy would write."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from bot import appending, database
from bot.models import DailyCount, Message, MessageIdentity, Signal, SignalKind
from tests.saying import rows

AT = dt.datetime(2026, 11, 9, 12, 0, 5, tzinfo=dt.UTC)
Row = Mapping[str, object]


def said(number: int, text: str | None, **rest: object) -> dict[str, object]:
    return {
        "day": AT.date(), "room_id": 1, "id": number, "contact_id": 7, "account_id": None, "at": AT,
        "type": "text", "text": text, "name": None, "topic": "一群", "mentions": None, "quote": None,
        "recalls": None, "own": False,
    } | rest  # fmt: skip


MESSAGES = [
    said(1, "早"),
    said(2, None, type="image", own=True, account_id=3),
    said(3, "lone \ud83d and NUL \0 and \ufdd0", name="\udfff", quote="m\0"),
    said(4, "", mentions=["wxid_a", "引号\"和\\", "\ud83d"], at=AT.replace(microsecond=7)),
    said(5, "{1,2},NULL,\\N,\t\n'", recalls="m9", type="recall"),
]  # fmt: skip
SIGNALS = [
    {"day": AT.date(), "room_id": 1, "message_id": 1, "kind": kind, "at": AT, "contact_id": 7,
     "target_id": target, "rule": "word", "severity": severity, "rule_version": 5}
    for kind, target, severity in [
        (SignalKind.ANSWER, 2**40, None), (SignalKind.COMPLAINT, None, 3),
    ]
]  # fmt: skip


@pytest.mark.parametrize(("model", "given"), [(Message, MESSAGES), (Signal, SIGNALS)])
@pytest.mark.tampers
def test_rows_are_stored_as_sqlalchemy_stores_them(
    engine: Engine, model: type[SQLModel], given: list[Row]
) -> None:
    with database.transaction(engine) as session:
        database.insert_rows(session, model, given)
    usual, read = stored(engine, model), rows(engine, model)
    with database.transaction(engine) as session:
        session.connection().execute(database.table(model).delete())
        columns = {name: [row[name] for row in given] for name in given[0]}
        appending.append(session, model, columns)
    assert stored(engine, model) == usual
    assert rows(engine, model) == read


def stored(engine: Engine, model: type[SQLModel]) -> list[tuple[Any, ...]]:
    """Every row as the driver gives it, types included where the database has loose ones."""
    table = database.table(model)
    with database.reading(engine) as session:
        found = session.connection().exec_driver_sql(f"SELECT * FROM {table.name}")
        return sorted((tuple(map(repr, row)) for row in found), key=repr)


def test_a_key_that_stands_is_refused_or_passed_over(engine: Engine) -> None:
    columns: dict[str, list[object]] = {
        "id": [1, 2], "room_id": [1, 1], "platform_id": ["m1", "m1"], "day": [AT.date()] * 2,
    }  # fmt: skip
    with database.transaction(engine) as session:
        assert appending.append_new(session, MessageIdentity, columns) == 1
        assert appending.append_new(session, MessageIdentity, columns) == 0
        empty = {name: values[:0] for name, values in columns.items()}
        assert appending.append_new(session, MessageIdentity, empty) == 0
    with pytest.raises(IntegrityError), database.transaction(engine) as session:
        appending.append(session, MessageIdentity, columns)
    assert [(row.id, row.platform_id) for row in rows(engine, MessageIdentity)] == [(1, "m1")]


def test_sums_are_added_to_what_stands(engine: Engine) -> None:
    def day(contact: int, messages: int, version: int) -> dict[str, list[object]]:
        return {
            "day": [AT.date()], "room_id": [1], "contact_id": [contact], "messages": [messages],
            "effective_messages": [0], "questions": [0], "answers": [0], "shares": [0],
            "product_mentions": [1], "rule_version": [version],
        }  # fmt: skip

    with database.transaction(engine) as session:
        for one in (day(7, 2, 4), day(7, 3, 5), day(8, 1, 5)):
            appending.add_up(session, DailyCount, one, ("messages", "product_mentions"))
    counted = [
        (row.contact_id, row.messages, row.product_mentions, row.rule_version)
        for row in rows(engine, DailyCount)
    ]
    assert counted == [(7, 5, 2, 5), (8, 1, 1, 5)]
