"""Many rows at once, straight through the driver: what SQLAlchemy does for every value of every
row costs several times what the database does.

Rows come column by column, so that what has to be done to values is done to a whole column: text
is looked through once for what no database can hold, and only then value by value. What is
written is what SQLAlchemy would write (tests/journeys/test_appending.py).
"""

import datetime as dt
import functools
import json
from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Boolean, Connection, Date, Integer, Table
from sqlalchemy.types import JSON, TypeEngine
from sqlmodel import Session, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database
from bot.models.columns import LogText, escape, is_storable

Column = Sequence[object]
Columns = Mapping[str, Column]


def append(session: Session, model: type[SQLModel], columns: Columns) -> None:
    """Insert rows whose keys are known to be new. Columns are of one length, by name.

    Enums as their values, instants in UTC. Raises IntegrityError where a key stands already.
    """
    _insert(session, database.table(model), columns, "")


def append_new(session: Session, model: type[SQLModel], columns: Columns) -> int:
    """Insert those rows, in order, whose keys do not stand yet; returns how many were written."""
    return _insert(session, database.table(model), columns, " ON CONFLICT DO NOTHING")


def add_up(session: Session, model: type[SQLModel], columns: Columns, sums: Sequence[str]) -> None:
    """Insert rows; where a key stands, add `sums` to what it has, and replace its other values."""
    target = database.table(model)
    keys = [column.name for column in target.primary_key]
    changes = ", ".join(
        f"{name} = {target.name}.{name} + excluded.{name}"
        if name in sums
        else f"{name} = excluded.{name}"
        for name in columns
        if name not in keys
    )
    _insert(session, target, columns, f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}")


def _insert(session: Session, target: Table, columns: Columns, unless: str) -> int:
    if not next(iter(columns.values())):
        return 0
    connection = session.connection()
    filled = _filled(target, columns)
    if database.is_sqlite(connection):
        return _insert_sqlite(connection, target, filled, unless)
    return _insert_postgresql(connection, target, filled, unless)


def _filled(target: Table, columns: Columns) -> Columns:
    """Without what no row of the batch has, as nobody's quote: a column of NULLs costs 0.2 µs a
    row on SQLite, and leaving it out says the same.
    """
    return {
        name: values
        for name, values in columns.items()
        if not target.c[name].nullable or values.count(None) < len(values)
    }


def _insert_sqlite(connection: Connection, target: Table, columns: Columns, unless: str) -> int:
    stored = [_for_sqlite(target.c[name].type, values) for name, values in columns.items()]
    places = ", ".join("?" * len(columns))
    names = ", ".join(columns)
    statement = f"INSERT INTO {target.name} ({names}) VALUES ({places}){unless}"  # noqa: S608  # our own names
    return connection.exec_driver_sql(statement, list(zip(*stored, strict=True))).rowcount


def _insert_postgresql(connection: Connection, target: Table, columns: Columns, unless: str) -> int:
    # One parameter a column, written by ourselves: psycopg packs arrays value by value.
    kinds = [target.c[name].type for name in columns]
    packed = tuple(map(_packed, kinds, columns.values()))
    written = [kind.compile(connection.dialect) for kind in kinds]
    cells = ", ".join(f"c{place}::{kind}" for place, kind in enumerate(written))
    each = ", ".join(
        f"unnest(%s::{name}[])" if _plain(kind) else "json_array_elements_text(%s::json)"
        for kind, name in zip(kinds, written, strict=True)
    )
    called = ", ".join(f"c{place}" for place in range(len(columns)))
    statement = (
        f"INSERT INTO {target.name} ({', '.join(columns)}) SELECT {cells}"  # noqa: S608  # our own names
        f" FROM ROWS FROM ({each}) WITH ORDINALITY AS given({called}, n) ORDER BY n{unless}"
    )
    return connection.exec_driver_sql(statement, packed).rowcount


def _for_sqlite(kind: TypeEngine[object], values: Column) -> Column:
    match kind:
        case Date():
            # A batch is of few days.
            days = {value: str(value) for value in set(values) if value is not None}
            return list(map(days.get, values))
        case UTCDateTime():
            # The same instant often stands in every row: each is written once.
            instants = {id(each): each for each in values if isinstance(each, dt.datetime)}
            written = {name: _written(each) for name, each in instants.items()}
            return [written.get(id(value)) for value in values]
    return _as_text(kind, values)


# A message and what is derived from it are of the same instant, written in the same transaction;
# to look it up takes a tenth of the 0.8 µs of writing it again.
@functools.lru_cache(maxsize=16_384)
def _written(at: dt.datetime) -> str:
    # SQLite has no type for instants: SQLAlchemy's way of writing one, always UTC.
    return at.isoformat(" ", "microseconds")[:26]


def _packed(kind: TypeEngine[object], values: Column) -> str:
    packed = orjson.dumps(list(_as_text(kind, values))).decode()
    return "{" + packed[1:-1] + "}" if _plain(kind) else packed


def _plain(kind: TypeEngine[object]) -> bool:
    """Whether values are written in arrays as in JSON: arrays are read in less time."""
    return isinstance(kind, Integer | Boolean)


def _as_text(kind: TypeEngine[object], values: Column) -> Column:
    """Text from outside as both databases can hold it, and JSON; other values as they are."""
    match kind:
        case JSON():
            return [value if value is None else json.dumps(value) for value in values]
        case LogText():
            texts = [value for value in values if isinstance(value, str)]
            if not is_storable("".join(texts)):
                return [escape(value) if isinstance(value, str) else value for value in values]
    return values
