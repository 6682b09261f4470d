"""Copy a whole installation from one database to another, row by row, ids and all; prove it.

    qunyun move     SQLite → PostgreSQL, in parts that each commit with their own progress, so that
                    a move that was killed goes on where it stopped
    qunyun backup   any database → a SQLite file, read in one consistent view
    qunyun restore  that file → an empty database of either kind

Every table is copied in order of its key. Rows are counted and summed up on both sides: each row is
hashed by itself and the hashes are added, so that order does not matter.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    Select,
    Table,
    Text,
    delete,
    func,
    inspect,
    literal,
    select,
    tuple_,
)
from sqlalchemy import MetaData as Metadata
from sqlmodel import Session, SQLModel

from bot import database, heartbeats, leases, models, partitions
from bot.errors import Fault, InvalidInput
from bot.models import Message

CHUNK = 2_000
# Sums of hashes stay in 63 bits, which every database can hold.
MODULUS = 1 << 63

PROGRESS = Table(
    "move_progress",
    Metadata(),
    Column("table_name", Text, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("last_key", Text),
    Column("checksum", Text, nullable=False),
    Column("done", Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Copied:
    """One table: how many rows stand there now, and whether both sides sum up to the same."""

    table: str
    rows: int
    agrees: bool


@dataclass(frozen=True, slots=True)
class _Progress:
    rows: int = 0
    last: tuple[object, ...] | None = None
    checksum: int = 0
    done: bool = False


def every() -> list[type[SQLModel]]:
    """Every table's model, parents first."""
    known = {
        database.table(model): model
        for name in models.__all__
        if isinstance(model := getattr(models, name), type) and issubclass(model, SQLModel)
    }
    return [known[table] for table in SQLModel.metadata.sorted_tables]


@contextmanager
def view(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database, whatever is written meanwhile."""
    with engine.connect() as opened:
        if engine.dialect.name == "sqlite":
            # A read transaction of the WAL is such a view.
            yield opened.execution_options(reads=True)
        else:
            seen = opened.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            partitions.hold(seen)
            yield seen
        opened.rollback()


@contextmanager
def at_rest(engine: Engine) -> Iterator[Connection]:
    """A view of a database to which nobody writes meanwhile: whoever wants to waits."""
    with engine.connect() as opened:
        # SQLite's writer is one, and this is it (see `database`).
        if engine.dialect.name != "sqlite":
            names = ", ".join(f'"{table.name}"' for table in map(database.table, every()))
            opened.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")
        yield opened
        opened.rollback()


def still_running(source: Connection, now: dt.datetime) -> bool:
    """Whether a process works on the database: it holds the lease of an account, or a part of it
    went its round a moment ago.
    """
    account, beat = database.tables(models.Account, models.Heartbeat)
    leased = select(account.c.id).where(leases.runs(account, now)).limit(1)
    fresh = select(beat.c.part).where(beat.c.at > now - heartbeats.SILENT).limit(1)
    return any(source.execute(look).first() is not None for look in (leased, fresh))


def copy(source: Connection, target: Engine) -> Iterator[tuple[str, int]]:
    """Copy what is not copied yet, a part a transaction; tells (table, rows so far) after each.

    `source` is one consistent view, or a database at rest. Raises InvalidInput where `target`
    holds rows that no copying put there. Repeating it goes on where it stopped.
    """
    _begin(target)
    for model in every():
        table = database.table(model)
        progress = _read(target, table)
        while not progress.done:
            rows = source.execute(_next(table, progress.last)).mappings().all()
            with database.transaction(target) as session:
                progress = _put(session, model, [dict(row) for row in rows], progress)
            yield table.name, progress.rows


def prepare(source: Connection, target: Engine) -> None:
    """Make room in an empty target: schema at head, a partition for each day of the log."""
    database.migrate(target)
    if target.dialect.name == "sqlite":
        return
    message = database.table(Message)
    for day in source.scalars(select(message.c.day).distinct().order_by(message.c.day)):
        partitions.make(target, day)


def verify(source: Connection, target: Engine) -> list[Copied]:
    """Count and sum up every table on both sides again, from what stands there."""
    found = []
    with database.reading(target) as session:
        for table in map(database.table, every()):
            here, there = _sum(source, table), _sum(session.connection(), table)
            found.append(Copied(table.name, there[0], here == there))
    return found


def finish(target: Engine) -> None:
    """Let numbering go on after the highest id, and drop what kept the progress."""
    with database.transaction(target) as session:
        if not database.is_sqlite(session):
            _set_sequences(session)
        PROGRESS.drop(session.connection())


def _begin(target: Engine) -> None:
    """Start, or go on: the table of progress is made in the same transaction that finds the target
    empty of everything but what migrations put there.
    """
    with database.transaction(target) as session:
        connection = session.connection()
        if inspect(connection).has_table(PROGRESS.name):
            return
        full = [
            table.name
            for table in map(database.table, every())
            if connection.execute(select(*table.primary_key).limit(1)).first() is not None
        ]
        if full:
            remedy = "换一个空的数据库;上次没做完的,原样再运行一次即可"
            raise InvalidInput(Fault(full[0], 0, "", "目标数据库里已有数据", remedy))
        PROGRESS.create(connection)


def _read(target: Engine, table: Table) -> _Progress:
    with database.reading(target) as session:
        row = (
            session.connection()
            .execute(select(PROGRESS).where(PROGRESS.c.table_name == table.name))
            .first()
        )
    if row is None:
        return _Progress()
    last = None if row.last_key is None else _key_of(table, json.loads(row.last_key))
    return _Progress(row.rows, last, int(row.checksum), bool(row.done))


def _next(table: Table, last: tuple[object, ...] | None) -> Select[Any]:
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(CHUNK)
    if last is None:
        return query
    after = (literal(value, key.type) for key, value in zip(keys, last, strict=True))
    return query.where(tuple_(*keys) > tuple_(*after))


def _put(
    session: Session,
    model: type[SQLModel],
    rows: Sequence[dict[str, object]],
    before: _Progress,
) -> _Progress:
    table = database.table(model)
    database.insert_rows(session, model, rows)
    last = tuple(rows[-1][key.name] for key in table.primary_key) if rows else before.last
    after = _Progress(
        before.rows + len(rows),
        last,
        (before.checksum + sum(map(_hash, rows))) % MODULUS,
        len(rows) < CHUNK,
    )
    connection = session.connection()
    connection.execute(delete(PROGRESS).where(PROGRESS.c.table_name == table.name))
    connection.execute(
        PROGRESS.insert().values(
            table_name=table.name,
            rows=after.rows,
            last_key=None if last is None else json.dumps([_plain(each) for each in last]),
            checksum=str(after.checksum),
            done=int(after.done),
        )
    )
    return after


def _key_of(table: Table, stored: Sequence[object]) -> tuple[object, ...]:
    """A key as it was written down, in the types of its columns."""
    return tuple(
        _typed(column, value) for column, value in zip(table.primary_key, stored, strict=True)
    )


def _typed(column: Column[Any], value: object) -> object:
    kind = column.type.python_type
    if kind is dt.datetime:
        return dt.datetime.fromisoformat(str(value))
    if kind is dt.date:
        return dt.date.fromisoformat(str(value))
    if issubclass(kind, Enum):
        return kind(value)
    return value


def _sum(connection: Connection, table: Table) -> tuple[int, int]:
    count = total = 0
    rows = connection.execution_options(yield_per=CHUNK).execute(select(table)).mappings()
    for part in rows.partitions(CHUNK):
        count += len(part)
        total = (total + sum(_hash(dict(row)) for row in part)) % MODULUS
    return count, total


def _hash(row: Mapping[str, object]) -> int:
    told = json.dumps({name: _plain(value) for name, value in row.items()}, sort_keys=True)
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:8]) % MODULUS


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _set_sequences(session: Session) -> None:
    connection = session.connection()
    for table in map(database.table, every()):
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = connection.scalar(
            select(func.pg_get_serial_sequence(f'"{table.name}"', column.name))
        )
        if sequence is not None:
            highest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
            connection.execute(select(func.setval(sequence, highest, False)))
