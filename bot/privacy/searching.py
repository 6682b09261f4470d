"""Look through everything that is kept for some words: the proof that nothing is left."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Enum,
    String,
    Table,
    Text,
    case,
    cast,
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.types import JSON
from sqlmodel import AutoString, Session, SQLModel

from bot.models.columns import LogText, escape
from bot.privacy import files


@dataclass(frozen=True, slots=True)
class Place:
    """Where words still stand: a column, and how many of its rows hold them."""

    table: str
    column: str
    rows: int


@dataclass(frozen=True, slots=True)
class Search:
    """What was looked through, and what was found there; `files` of ours, and
    events in spools, that hold the words.
    """

    tables: int
    columns: int
    places: tuple[Place, ...]
    files: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found anywhere."""
        return not (self.places or self.files)


def search(session: Session, home: Path, words: str) -> Search:
    """Every column of text of every table, and the digests, uploads and spools below `home`.

    Reads all rows: seconds a GB. ASCII letters are found in either case on SQLite.
    """
    tables = [
        (table, columns)
        for table in SQLModel.metadata.sorted_tables
        if (columns := [column for column in table.columns if _holds_text(column)])
    ]
    places = [place for each in tables for place in _places(session, *each, words)]
    return Search(
        len(tables), sum(len(columns) for _, columns in tables), tuple(places),
        files.holding(home, words),
    )  # fmt: skip


def _holds_text(column: Column[Any]) -> bool:
    kinds = (String, AutoString, LogText, JSON)
    return isinstance(column.type, kinds) and not isinstance(column.type, Enum)


def _places(
    session: Session, table: Table, columns: list[Column[Any]], words: str
) -> Iterator[Place]:
    """One query a table."""
    counts = [func.sum(case((_holds(column, words), 1), else_=0)) for column in columns]
    found = session.connection().execute(select(*counts).select_from(table)).one()
    for column, rows in zip(columns, found, strict=True):
        if rows:
            yield Place(table.name, column.name, int(rows))


def _holds(column: Column[Any], words: str) -> ColumnElement[bool]:
    if isinstance(column.type, JSON):
        # SQLite keeps JSON as it is written, which escapes what is not ASCII.
        ways = {words, json.dumps(words)[1:-1], json.dumps(words, ensure_ascii=False)[1:-1]}
        text = cast(column, Text)
        return or_(*(text.contains(way, autoescape=True) for way in sorted(ways)))
    return type_coerce(column, Text).contains(escape(words), autoescape=True)
