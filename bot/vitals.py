"""How each process is, as it last said: figures are shown by one process, and are of all."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlmodel import Session

from bot import database
from bot.models import ProcessVital

# A process says how it is every half minute; whoever is silent for so long is shown no more.
SILENT = dt.timedelta(minutes=2)
# Long after, so that a clock that is ahead strikes nobody off who is there.
FORGOTTEN = dt.timedelta(days=1)

VITAL = database.table(ProcessVital)


def tell(session: Session, owner: str, loop_lag: float, now: dt.datetime) -> None:
    """Say how a process is; whoever is long silent is struck off. `loop_lag` in seconds."""
    connection = session.connection()
    old = (VITAL.c.owner == owner) | (VITAL.c.at < now - FORGOTTEN)
    connection.execute(delete(VITAL).where(old))
    connection.execute(VITAL.insert().values(owner=owner, at=now, loop_lag=loop_lag))


def leave(session: Session, owner: str) -> None:
    """Strike a process off that ends."""
    session.connection().execute(delete(VITAL).where(VITAL.c.owner == owner))


def loop_lags(session: Session, now: dt.datetime) -> Mapping[str, float]:
    """How late the event loops come to their work, in seconds, by process."""
    lately = select(VITAL.c.owner, VITAL.c.loop_lag).where(VITAL.c.at >= now - SILENT)
    return {row.owner: row.loop_lag for row in session.connection().execute(lately)}
