"""Long lists, a page at a time: the database counts and cuts, the browser never holds them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Row, Select, Subquery, func, select
from sqlmodel import Session

SIZE = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. `number` counts from 1; `filters` are the query that leads here."""

    rows: tuple[Row[Any], ...]
    total: int
    number: int
    size: int
    path: str
    filters: tuple[tuple[str, str], ...]

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The place of the first row shown, from 1; 0 for an empty list."""
        return (self.number - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        """The place of the last row shown."""
        return min(self.number * self.size, self.total)

    def link(self, number: int) -> str:
        """Where another page of the same list is."""
        return f"{self.path}?{urlencode([*self.filters, ('number', str(number))])}"


def cut(
    session: Session,
    query: Select[Any],
    order: tuple[ColumnElement[Any], ...],
    number: int,
    path: str,
    filters: dict[str, str],
    size: int = SIZE,
    told: Callable[[Subquery], Select[Any]] | None = None,
) -> Listing:
    """One page of `query` in `order`, in two queries; a page beyond the end is the last one.

    `told` looks up what the rows of the page name, in order, so that nothing is looked up for rows
    that are not shown.
    """
    total = session.connection().scalar(select(func.count()).select_from(query.subquery())) or 0
    number = within(number, total, size)
    shown = query.order_by(*order).limit(size).offset((number - 1) * size)
    if told is not None:
        shown = told(shown.subquery("shown"))
    rows = tuple(session.connection().execute(shown))
    kept = tuple((name, value) for name, value in filters.items() if value)
    return Listing(rows, total, number, size, path, kept)


def within(number: int, total: int, size: int = SIZE) -> int:
    """The page that there is: one beyond the end is the last one."""
    return min(max(number, 1), max(1, -(-total // size)))
