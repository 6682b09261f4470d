"""Work that one person at a time looks after, as its pages list it, take it and give it back."""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import Response
from sqlalchemy import ColumnElement, Select, case, func, select

from bot import holding
from bot.console.page import Page
from bot.console.paging import SIZE, Listing
from bot.errors import Fault
from bot.holding import Work

LATE = "同事刚刚接手了，或者已经了结"


def cut(
    page: Page,
    work: Work,
    told: Select[Any],
    wanted: list[ColumnElement[bool]],
    number: int,
    path: str,
    given: dict[str, str],
    *,
    waiting: bool,
) -> Listing:
    """One page of the rows that are wanted: what waits, the most pressing first; else the latest.

    `told` selects them with all that is shown; only those of the page are joined.
    """
    row = work.table.c
    counted = select(func.count()).select_from(work.table).where(*wanted)
    total = page.session.connection().scalar(counted) or 0
    number = min(max(number, 1), max(1, -(-total // SIZE)))
    order = work.order if waiting else (row.due_at.desc(), row.id)
    ids = select(row.id).where(*wanted).order_by(*order).limit(SIZE)
    chosen = ids.offset((number - 1) * SIZE).subquery()
    rows = page.session.connection().execute(
        told.where(row.id.in_(select(chosen.c.id))).order_by(*order)
    )
    kept = tuple((name, value) for name, value in given.items() if value)
    return Listing(tuple(rows), total, number, SIZE, path, kept)


def sums(
    page: Page, named: Mapping[str, ColumnElement[bool]], *where: ColumnElement[bool]
) -> dict[str, int]:
    """How many rows meet each of the named conditions, of those that are looked at: one query."""
    counted = (func.coalesce(func.sum(case((one, 1), else_=0)), 0) for one in named.values())
    row = page.session.connection().execute(select(*counted).where(*where)).one()
    return {name: int(number) for name, number in zip(named, row, strict=True)}


def claim(page: Page, work: Work, row_id: int, room: str, path: str) -> Response:
    """Look after it; `path` is where it stands."""
    if not holding.claim(page.session, work, row_id, page.by, page.now):
        return late(page)
    return page.to(page.back(), page.tr("{name}：你接手了", name=room), undo=f"{path}/release")


def release(page: Page, work: Work, row_id: int, room: str) -> Response:
    """Give it back to everybody."""
    if not holding.release(page.session, work, row_id, page.by, page.now):
        return page.to(page.back(), page.tr("没有人接手它"), kind="warning")
    return page.to(page.back(), page.tr("{name}：放回给大家", name=room))


def late(page: Page) -> Response:
    """Somebody else was first."""
    return page.to(page.back(), page.tr(LATE), kind="warning")


def refused(page: Page) -> Fault:
    """Somebody else was first, and there is text that must not be lost: for the page with it."""
    return Fault("", 0, "", page.tr(LATE), page.tr("写的没有存；要留着先复制出来"))
