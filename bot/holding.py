"""Work that one person at a time looks after: questions of the desk, complaints.

    OPEN    → CLAIMED    claim
    CLAIMED → OPEN       release
    OPEN, CLAIMED → …    finish (each kind of work says how it ends)

Each arrow is safe to repeat: a row that is not in the state it starts from stays as it is. Who
took, gave back or finished what stands in the audit.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, or_, select, tuple_, update
from sqlmodel import Session

from bot.models import Audit


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work: `name` as the audit calls it, its table with `id`, `state`, `claimed_at`,
    `closed_by`, `closed_at` and `due_at`, and the column that says who looks after it.
    """

    name: str
    table: Table
    holder: str
    open: StrEnum
    claimed: StrEnum

    @property
    def waiting(self) -> ColumnElement[bool]:
        """Nobody has finished it."""
        return self.table.c.state.in_((self.open, self.claimed))

    @property
    def order(self) -> tuple[ColumnElement[Any], ...]:
        """The most pressing first."""
        return self.table.c.due_at, self.table.c.id


def claim(session: Session, work: Work, row_id: int, by: str, now: dt.datetime) -> bool:
    """Say that one looks after it. False where somebody else does, or it is finished."""
    table = work.table
    values = {"state": work.claimed, work.holder: by, "claimed_at": now}
    if _change(session, work, row_id, table.c.state == work.open, values):
        _note(session, work, row_id, "claim", by, now)
        return True
    held = select(table.c.id).where(table.c.id == row_id, _by(work, by))
    return session.connection().scalar(held) is not None


def release(session: Session, work: Work, row_id: int, by: str, now: dt.datetime) -> bool:
    """Give it back to everybody, also what somebody else held. False where nobody holds it."""
    claimed = work.table.c.state == work.claimed
    values = {"state": work.open, work.holder: None, "claimed_at": None}
    if not _change(session, work, row_id, claimed, values):
        return False
    _note(session, work, row_id, "release", by, now)
    return True


def finish(
    session: Session,
    work: Work,
    row_id: int,
    action: str,
    values: Mapping[str, object],
    by: str,
    now: dt.datetime,
    **told: object,
) -> bool:
    """End it; `values` hold the state that it ends in, `told` is for the audit. False where
    somebody else looks after it, or it is finished.
    """
    free = or_(work.table.c.state == work.open, _by(work, by))
    if not _change(session, work, row_id, free, {**values, "closed_by": by, "closed_at": now}):
        return False
    _note(session, work, row_id, action, by, now, told)
    return True


def pressing(
    work: Work,
    query: Select[Any],
    rooms: ColumnElement[bool] | None,
    after: tuple[dt.datetime, int] | None,
    most: int,
) -> Select[Any]:
    """What waits among the rows of a query that joins the room table, the most pressing first.

    `rooms` is a condition on the room table; `after` is (due_at, id) of the last one seen.
    """
    query = query.where(work.waiting)
    if rooms is not None:
        query = query.where(rooms)
    if after is not None:
        query = query.where(tuple_(work.table.c.due_at, work.table.c.id) > after)
    return query.order_by(*work.order).limit(most)


def _by(work: Work, by: str) -> ColumnElement[bool]:
    """This person looks after it."""
    return and_(work.table.c.state == work.claimed, work.table.c[work.holder] == by)


def _change(
    session: Session,
    work: Work,
    row_id: int,
    condition: ColumnElement[bool],
    values: Mapping[str, object],
) -> bool:
    wanted = update(work.table).where(work.table.c.id == row_id, condition)
    return session.connection().execute(wanted.values(dict(values))).rowcount > 0


def _note(
    session: Session,
    work: Work,
    row_id: int,
    action: str,
    by: str,
    now: dt.datetime,
    told: Mapping[str, object] | None = None,
) -> None:
    after = dict(told) if told else None
    session.add(Audit(at=now, by=by, action=action, object=f"{work.name}:{row_id}", after=after))
