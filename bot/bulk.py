"""Whole numbers in and out of statements by the column: for hundreds of thousands of rows, where an
object for each of them would be most of the work. (`appending` writes rows by the column.)

columns   what a statement finds, an array for each column
given     arrays of ours as a FROM clause
among     whether a column's number is one of ours
instant   whole seconds since 1970 as an instant, day as a date, inside a statement
look_up   until the transaction ends, rather by index than by reading and sorting whole tables
"""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database

Ints = NDArray[np.int64]
EPOCH = dt.date(1970, 1, 1)


def columns(session: Session, statement: Select[tuple[int, ...]]) -> list[Ints]:
    """What a statement of whole numbers finds, one array a column, all in one unknown order.

    Each column travels as one value, which is many times quicker than a row at a time. Raises
    TypeError where a value is NULL.
    """
    found = statement.subquery("found")
    if database.is_sqlite(session):
        texts = (cast(func.json_group_array(each), Text) for each in found.c)
        written = session.connection().execute(select(*texts)).one()
        return [np.array(orjson.loads(each), np.int64) for each in written]
    # Eight bytes a number, as the server has them in memory; on the wire they are two hexadecimal
    # digits a byte, which both ends write and read with no division and no object a number.
    packed = (
        func.string_agg(func.int8send(cast(each, BigInteger)), literal(b"", LargeBinary()))
        for each in found.c
    )
    count, *row = session.connection().execute(select(func.count(), *packed)).one()
    told = [np.frombuffer(each or b"", ">i8").astype(np.int64) for each in row]
    if any(len(each) != count for each in told):
        raise TypeError("a value is NULL")
    return told


def given(session: Session, told: Mapping[str, Ints]) -> FromClause:
    """Columns of whole numbers as a FROM clause; the same statement, and cached, for any number of
    rows.
    """
    if database.is_sqlite(session):
        rows = np.stack(list(told.values()), axis=1)
        each = func.json_each(_packed(rows)).table_valued("value")
        fields = [
            func.json_extract(each.c.value, f"$[{place}]", type_=BigInteger()).label(name)
            for place, name in enumerate(told)
        ]
        # The limit holds SQLite from taking the rows apart again for each row of another table.
        return select(*fields).limit(-1).subquery("given")
    arrays = [
        cast(bindparam(None, _literal(values), type_=Text(), unique=True), ARRAY(BigInteger))
        for values in told.values()
    ]
    names = (column(name, BigInteger()) for name in told)
    return func.unnest(*arrays).table_valued(*names, name="given").render_derived()


def among(column: ColumnElement[int], numbers: Ints, session: Session) -> ColumnElement[bool]:
    """Whether what a column holds is one of these numbers, each looked up once."""
    if database.is_sqlite(session):
        return column.in_(select(func.json_each(_packed(numbers)).table_valued("value").c.value))
    wanted = cast(bindparam(None, _literal(numbers), type_=Text(), unique=True), ARRAY(BigInteger))
    return column == any_(wanted)


def instant(seconds: ColumnElement[int], session: Session) -> ColumnElement[dt.datetime]:
    """Whole seconds since 1970 as the instant that a column holds; the inverse of
    `database.seconds`.
    """
    if database.is_sqlite(session):
        return func.strftime("%Y-%m-%d %H:%M:%S.000000", seconds, "unixepoch", type_=UTCDateTime())
    return func.to_timestamp(seconds, type_=UTCDateTime())


def day(number: ColumnElement[int], session: Session) -> ColumnElement[dt.date]:
    """Days since 1970 as the date that a column holds."""
    if database.is_sqlite(session):
        return func.date(number * 86_400, "unixepoch", type_=Date())
    return cast(literal(EPOCH, Date()) + cast(number, Integer), Date)


def look_up(session: Session) -> None:
    """Let PostgreSQL find rows by index until the transaction ends.

    As delivered it takes a row found by index for four times as dear as the next one of a table,
    as on turning disks, and reads and sorts whole logs to meet some thousand windows. What this
    changes is which way it goes, never what it finds.
    """
    if not database.is_sqlite(session):
        session.connection().exec_driver_sql("SET LOCAL random_page_cost = 1.1")


def _packed(rows: Ints) -> ColumnElement[str]:
    packed = orjson.dumps(np.ascontiguousarray(rows), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return bindparam(None, packed, type_=Text(), unique=True)


def _literal(values: Ints) -> str:
    """An array of PostgreSQL's as it is written."""
    packed = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    return "{" + packed.decode()[1:-1] + "}"
