"""The database: one engine, one SQLite writer, transactions at the edge, bulk statements.

SQLite runs in WAL with `synchronous=NORMAL`: a commit survives the death of the process. A
*durable* transaction also survives the death of the machine; the outbox uses it right before
it sends. PostgreSQL commits are always durable.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import orjson
from alembic import command
from alembic.config import Config
from sqlalchemy import (
    ARRAY,
    JSON,
    URL,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    FromClause,
    Integer,
    Table,
    Text,
    bindparam,
    collate,
    column,
    create_engine,
    event,
    func,
    inspect,
    select,
    true,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel

from bot.errors import Fault, InvalidInput

MIGRATIONS = Path(__file__).parent / "migrations"


def connect(url: str, *, pooled: bool = True) -> Engine:
    """An engine for a SQLite or PostgreSQL URL (`postgresql://` uses psycopg 3).

    Without a pool every connection is closed after its use, which suits a short command.
    """
    parsed = _parsed(url)
    pool = None if pooled else NullPool
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_pre_ping=pooled, poolclass=pool, hide_parameters=True)
    if parsed.database and parsed.database != ":memory:":
        path = Path(parsed.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        # It will hold what members say: nobody else's business.
        path.touch(mode=0o600)
    # Errors are logged, and parameters hold what members said.
    engine = create_engine(parsed, poolclass=pool, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql"):
        remedy = "写成 sqlite:///路径 或 postgresql://用户@主机/库名"
        raise InvalidInput(Fault("QUNYUN_DATABASE_URL", 0, "", "不是可用的数据库地址", remedy))
    return parsed


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's driver would open transactions by itself, too late for savepoints and locks.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-32768",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock first, so that it waits its turn instead of failing half-way.
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: Engine, *, durable: bool = False) -> Iterator[Session]:
    """One unit of work: committed at the end, rolled back on any error.

    `durable` waits for the disk on SQLite too.
    """
    with engine.connect() as connection:
        full_sync = durable and is_sqlite(connection)
        if full_sync:
            connection.connection.cursor().execute("PRAGMA synchronous=FULL")
        try:
            with Session(connection, expire_on_commit=False) as session, connection.begin():
                yield session
                session.flush()
        finally:
            if full_sync:
                connection.connection.cursor().execute("PRAGMA synchronous=NORMAL")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One consistent view of the database; waits for no writer, and nothing is kept."""
    with engine.connect() as opened:
        connection = opened.execution_options(reads=True, postgresql_readonly=True)
        with Session(connection, expire_on_commit=False) as session:
            yield session
            session.rollback()


def overwrite_deleted(engine: Engine) -> bool:
    """Let nothing that was deleted be read from the files: SQLite writes its file anew, and others
    wait for it; PostgreSQL marks the space as free and overwrites it in time.

    False where a reader keeps SQLite's log from being cut.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect() as opened:
            opened.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM")
        return True
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        # What stands in the log goes into the file, and the log is cut to nothing.
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        checkpoint = cursor.fetchone()
        return checkpoint is not None and not checkpoint[0]
    finally:
        connection.close()


def is_sqlite(at: Connection | Session) -> bool:
    """Whether this is SQLite (else it is PostgreSQL)."""
    connection = at.connection() if isinstance(at, Session) else at
    return connection.dialect.name == "sqlite"


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model, for bulk statements."""
    return cast(Table, inspect(model).local_table)


def tables(*models: type[SQLModel]) -> tuple[Table, ...]:
    """The Core tables of several models."""
    return tuple(table(model) for model in models)


def code_points(expression: ColumnElement[str], session: Session) -> ColumnElement[str]:
    """An ORDER BY key that sorts text by code point on both databases."""
    return expression if is_sqlite(session) else collate(expression, "C")


def migrate(engine: Engine) -> None:
    """Bring the schema to head. Repeating it changes nothing."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def given(
    session: Session, types: Mapping[str, TypeEngine[Any]], rows: Iterable[Sequence[object]]
) -> FromClause:
    """Rows of ours as a FROM clause: columns by name, and `n`, by which they sort.

    One parameter per column (unnest) on PostgreSQL, one in all (json_each) on SQLite, so that
    the statement stays the same, and cached, whatever the number of rows.
    """
    if is_sqlite(session):
        return _given_sqlite(session, types, rows)
    columns: list[Sequence[object]] = list(zip(*rows, strict=True)) or [()] * len(types)
    dialect = session.connection().dialect
    arrays = [
        _array(dialect, kind, values) for kind, values in zip(types.values(), columns, strict=True)
    ]
    return (
        func.unnest(*arrays)
        .table_valued(
            *(column(name, kind) for name, kind in types.items()), with_ordinality="n", name="given"
        )
        .render_derived()
    )


def _given_sqlite(
    session: Session, types: Mapping[str, TypeEngine[Any]], rows: Iterable[Sequence[object]]
) -> FromClause:
    dialect = session.connection().dialect
    # Column by column, which is much quicker than value by value.
    columns = [
        _processed(dialect, kind, values)
        for kind, values in zip(types.values(), zip(*rows, strict=True), strict=False)
    ]
    stored = list(zip(*columns, strict=True))
    packed: BindParameter[str] = bindparam(
        None, json.dumps(stored, ensure_ascii=False), unique=True
    )
    each = func.json_each(packed).table_valued("key", "value")
    fields = [
        func.json_extract(each.c.value, f"$[{position}]", type_=kind).label(name)
        for position, (name, kind) in enumerate(types.items())
    ]
    return select(*fields, each.c.key.cast(Integer).label("n")).subquery("given")


def _array(
    dialect: Dialect, kind: TypeEngine[Any], values: Sequence[object]
) -> ColumnElement[Sequence[Any]]:
    """Values as an array of PostgreSQL's, written by us: psycopg packs lists value by value, which
    takes two to four times as long.
    """
    array = ARRAY(kind, dimensions=1)
    if isinstance(kind, JSON):
        # The driver's own wrapper of it.
        return bindparam(None, list(values), type_=array, unique=True)
    written = _literal(_processed(dialect, kind, values))
    return cast_to(bindparam(None, written, type_=Text(), unique=True), array)


def _literal(values: Sequence[object]) -> str:
    """Plain values as PostgreSQL writes an array."""
    packed = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    if packed.count("null") == values.count(None) and _ESCAPED.search(packed) is None:
        return "{" + packed[1:-1] + "}"
    # JSON has no infinity, and writes a line end as a letter with a backslash, an array as it is.
    cells = (
        "NULL" if value is None else '"' + _QUOTED.sub(r"\\\g<0>", str(value)) + '"'
        for value in values
    )
    return "{" + ",".join(cells) + "}"


def _processed(
    dialect: Dialect, kind: TypeEngine[Any], values: Sequence[object]
) -> Sequence[object]:
    """A column's values as the driver takes them."""
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return values if process is None else list(map(process, values))


_ESCAPED = re.compile(r'\\[^"\\]')
_QUOTED = re.compile(r'["\\]')


def insert_rows(
    session: Session,
    model: type[SQLModel],
    rows: Sequence[Mapping[str, object]],
    *,
    skip_existing: bool = False,
    replace: Sequence[str] = (),
) -> int:
    """Insert many rows of one shape in few statements; returns how many were written.

    `skip_existing` leaves rows alone whose key stands already; `replace` overwrites the named
    columns of such rows.
    """
    if not rows:
        return 0
    target = table(model)
    if is_sqlite(session):
        statement = sqlite.insert(target)
        if skip_existing:
            statement = statement.on_conflict_do_nothing()
        elif replace:
            statement = statement.on_conflict_do_update(
                index_elements=list(target.primary_key),
                set_={name: statement.excluded[name] for name in replace},
            )
        return session.connection().execute(statement, list(rows)).rowcount
    names = list(rows[0])
    source = given(
        session, {name: target.c[name].type for name in names}, [list(row.values()) for row in rows]
    )
    chosen = select(*(source.c[name] for name in names)).order_by(source.c.n)
    writing = postgresql.insert(target).from_select(names, chosen)
    if skip_existing:
        writing = writing.on_conflict_do_nothing()
    elif replace:
        writing = writing.on_conflict_do_update(
            index_elements=list(target.primary_key),
            set_={name: writing.excluded[name] for name in replace},
        )
    counted = writing.execution_options(preserve_rowcount=True)
    return session.connection().execute(counted).rowcount


def insert_alike(
    session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, object]]
) -> int:
    """Insert many rows whose key does not stand yet; returns how many were written.

    One statement: what all rows agree on travels once, the rest as one parameter a column.
    """
    if not rows:
        return 0
    target, first = table(model), rows[0]
    columns = {name: [row[name] for row in rows] for name in first}
    alike = [name for name, values in columns.items() if values.count(first[name]) == len(rows)]
    differing = [name for name in first if name not in alike] or [alike.pop(0)]
    types = {name: target.c[name].type for name in differing}
    source = given(session, types, zip(*(columns[name] for name in differing), strict=True))
    constants = [
        bindparam(None, first[name], type_=target.c[name].type, unique=True).label(name)
        for name in alike
    ]
    chosen = select(*(source.c[name] for name in differing), *constants).where(true())
    dialect_insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    writing = dialect_insert(target).from_select(
        [*differing, *alike], chosen.order_by(source.c.n), include_defaults=False
    )
    counted = writing.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return session.connection().execute(counted).rowcount


def insert_new(
    session: Session,
    model: type[SQLModel],
    names: Sequence[str],
    rows: Iterable[Sequence[object]],
    returning: Sequence[str],
) -> Sequence[Any]:
    """Insert rows whose key does not stand yet, in order; returns `returning` of just those."""
    target = table(model)
    source = given(session, {name: target.c[name].type for name in names}, rows)
    # SQLite needs the WHERE to tell ON CONFLICT from a join's ON.
    chosen = select(*(source.c[name] for name in names)).where(true()).order_by(source.c.n)
    dialect_insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    writing = dialect_insert(target).from_select(list(names), chosen)
    statement = writing.on_conflict_do_nothing().returning(*(target.c[name] for name in returning))
    return session.connection().execute(statement).all()


def seconds(instant: ColumnElement[Any], at: Connection | Session) -> ColumnElement[int]:
    """An instant as whole seconds since 1970, cut and never rounded: quicker to read by the
    hundred thousand than a datetime.
    """
    if is_sqlite(at):
        return cast_to(func.unixepoch(instant), BigInteger)
    # `extract` counts in decimals, which takes twice as long; a double holds these exactly enough.
    return cast_to(func.floor(func.date_part("epoch", instant)), BigInteger)
