"""Words for tests: who says what, where and when; and what then stands in the database."""

import datetime as dt
from collections.abc import Sequence
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlmodel import SQLModel

from bot import database, deriving, ingest, terms
from bot.deriving import Rules
from bot.gateway import Event, Said
from bot.ingest import Outcome
from bot.memory import Memory
from bot.models import MessageIdentity

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROOM = "room1@chatroom"
_NUMBERS = count(1)
# Rules by the version of their terms: immutable, and a quarter of a second to make.
_RULES: dict[str, Rules] = {}


def local(text: str) -> dt.datetime:
    """An instant by its wall clock in Shanghai: `local("2026-11-09 20:00:05")`."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(dt.UTC)


def member_says(
    text: str | None,
    at: str = "2026-11-09 20:00",
    *,
    sender: str = "wxid_a",
    room: str = ROOM,
    id: str | None = None,
    type: str = "text",
    **rest: Any,
) -> Said:
    """One message; a new id where none is given."""
    name = id or f"m{next(_NUMBERS)}"
    return Said(name, room, sender, local(at), type, text, **rest)


def rules(engine: Engine) -> Rules:
    """The rules as the database's products stand, in Shanghai."""
    with database.reading(engine) as session:
        known = terms.load(session)
    version = terms.version(known)
    if version not in _RULES:
        _RULES[version] = deriving.rules_of(known, SHANGHAI)
    return _RULES[version]


def record(engine: Engine, *events: Event, memory: Memory | None = None) -> Outcome:
    """Record one batch in a transaction of its own."""
    known = rules(engine)
    with database.transaction(engine) as session:
        return ingest.record(session, events, known, memory)


def rows(engine: Engine, model: type[SQLModel]) -> Sequence[Any]:
    """Every row of a table, by primary key."""
    table = database.table(model)
    with database.reading(engine) as session:
        return session.connection().execute(select(table).order_by(*table.primary_key)).all()


def contents(engine: Engine, *models: type[SQLModel]) -> list[list[tuple[object, ...]]]:
    """Every row of some tables, to be compared with what stands there later."""
    return [sorted((tuple(row) for row in rows(engine, model)), key=repr) for model in models]


def names(engine: Engine) -> dict[int, str]:
    """Messages' platform ids by id."""
    return {row.id: row.platform_id for row in rows(engine, MessageIdentity)}
