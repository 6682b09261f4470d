"""Which order lines attribution must look at again: marked by what changed them, taken by it.

order events, identity evidence, cuts → mark → dirty_line → take → attribute
"""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import delete, select
from sqlmodel import Session

from bot import bulk, database
from bot.models import DirtyLine


def mark(session: Session, line_ids: Iterable[int]) -> None:
    """Mark order lines; marking one twice is marking it once."""
    rows = [{"order_line_id": each} for each in sorted(set(line_ids))]
    database.insert_rows(session, DirtyLine, rows, skip_existing=True)


def marked(session: Session) -> list[int]:
    """The lines that are marked, in order."""
    line = database.table(DirtyLine).c
    rows = session.connection().scalars(select(line.order_line_id).order_by(line.order_line_id))
    return list(rows)


def clear(session: Session, line_ids: Iterable[int]) -> None:
    """Forget the marks of lines that were looked at, in the transaction that looked."""
    line = database.table(DirtyLine)
    given = bulk.given(session, {"id": np.array(list(line_ids), np.int64)})
    session.connection().execute(delete(line).where(line.c.order_line_id.in_(select(given.c.id))))
