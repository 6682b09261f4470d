"""Whether the parts of the program go their rounds: each writes down when, with what it did."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.models import Heartbeat

PLANNER = "planner"


@dataclass(frozen=True, slots=True)
class Beat:
    """The last round of a part: in which process, and when."""

    owner: str
    at: dt.datetime


def beat(session: Session, part: str, owner: str, now: dt.datetime) -> None:
    """Say that a round is done; belongs into the transaction of what it did."""
    row = {"part": part, "owner": owner, "at": now}
    database.insert_rows(session, Heartbeat, [row], replace=("owner", "at"))


def last(session: Session) -> Mapping[str, Beat]:
    """The last round of every part that ever went one."""
    table = database.table(Heartbeat)
    rows = session.connection().execute(select(table.c.part, table.c.owner, table.c.at))
    return {row.part: Beat(row.owner, row.at) for row in rows}
