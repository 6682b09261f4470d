"""Derive everything again from the facts, in place or in a temporary database to compare with."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, Table, select
from sqlmodel import Session, SQLModel

from bot import database, deriving
from bot.deriving import Rules
from bot.models import (
    Account,
    Campaign,
    Contact,
    DailyCount,
    Mention,
    Message,
    MessageIdentity,
    Product,
    ProductAlias,
    Recall,
    Room,
    Signal,
)

# What derivation reads, parents first.
FACTS: tuple[type[SQLModel], ...] = (
    Contact, Account, Room, Product, ProductAlias, Campaign, MessageIdentity, Message, Recall,
)  # fmt: skip
DERIVED: tuple[type[SQLModel], ...] = (Signal, Mention, DailyCount)
# `attribute` fills the class of a mention later, from deliveries.
LEFT_OUT: Mapping[type[SQLModel], set[str]] = {Mention: {"touch"}}
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One derived table against itself derived again: rows only here, rows only there."""

    table: str
    rows: int
    missing: int
    surplus: int

    @property
    def agrees(self) -> bool:
        """Whether both hold the same rows."""
        return not (self.missing or self.surplus)


def check(
    engine: Engine, rules: Rules, progress: Callable[[str], None] = lambda _: None
) -> list[Comparison]:
    """Copy the facts into a temporary database, derive there, and compare every derived row.

    Changes nothing here. Ids are copied too, so rows are compared as they are.
    """
    with tempfile.TemporaryDirectory(prefix="qunyun-check-") as folder:
        temporary = database.connect(f"sqlite:///{Path(folder) / 'check.db'}")
        try:
            database.migrate(temporary)
            with database.reading(engine) as ours:
                for fact in FACTS:
                    progress(database.table(fact).name)
                    _copy(ours, temporary, fact)
                progress("derive")
                deriving.rebuild(temporary, rules)
                with database.reading(temporary) as theirs:
                    return [_compare(ours, theirs, derived) for derived in DERIVED]
        finally:
            temporary.dispose()


def _copy(source: Session, target: Engine, model: type[SQLModel]) -> None:
    rows = (
        source.connection()
        .execution_options(yield_per=CHUNK)
        .execute(select(database.table(model)))
    )
    for chunk in rows.mappings().partitions(CHUNK):
        with database.transaction(target) as session:
            database.insert_rows(session, model, [dict(row) for row in chunk])


def _compare(ours: Session, theirs: Session, model: type[SQLModel]) -> Comparison:
    """Merge two ordered readings of one table; neither is held in memory."""
    table = database.table(model)
    here, there = _ordered(ours, model), _ordered(theirs, model)
    left, right = next(here, None), next(there, None)
    rows = missing = surplus = 0
    while left is not None or right is not None:
        rows += left is not None
        if left == right:
            left, right = next(here, None), next(there, None)
        elif right is None or (left is not None and _key(table, left) < _key(table, right)):
            surplus += 1
            left = next(here, None)
        elif left is None or _key(table, right) < _key(table, left):
            missing += 1
            right = next(there, None)
        else:
            surplus, missing = surplus + 1, missing + 1
            left, right = next(here, None), next(there, None)
    return Comparison(table.name, rows, missing, surplus)


def _ordered(session: Session, model: type[SQLModel]) -> Iterator[tuple[object, ...]]:
    table = database.table(model)
    keys = [
        database.code_points(column, session) if column.type.python_type is str else column
        for column in table.primary_key
    ]
    named = [column for column in table.c if column.name not in LEFT_OUT.get(model, set())]
    rows = (
        session.connection()
        .execution_options(yield_per=CHUNK)
        .execute(select(*named).order_by(*keys))
    )
    return (tuple(row) for row in rows)


def _key(table: Table, row: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(_sortable(row[place]) for place in range(len(table.primary_key)))


def _sortable(value: object) -> str:
    return f"{value:020d}" if isinstance(value, int) else str(value)
