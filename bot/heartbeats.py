"""Whether the parts of the program go their rounds, and whose turn a round is.

Each part writes down when it went its last one, in the transaction of what it did. The planner's is
its lease as well: a process that finds a fresh beat of another one leaves the round to it.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from bot import database
from bot.leases import CLOCKS_APART
from bot.models import Heartbeat

PLANNER = "planner"
# A round comes every thirty seconds; whoever is this late is no more, or busy for too long.
SILENT = dt.timedelta(seconds=45)

BEAT = database.table(Heartbeat)


@dataclass(frozen=True, slots=True)
class Beat:
    """The last round of a part: in which process, and when."""

    owner: str
    at: dt.datetime


def take(
    session: Session,
    part: str,
    owner: str,
    now: dt.datetime,
    *,
    is_dead: Callable[[str], bool] = lambda _: False,
) -> bool:
    """Whether this round is ours, and then its beat: belongs into the transaction of what the round
    does, so that no two processes do it at once.

    It is another's while that one's last beat is fresh, unless `is_dead` knows better.
    """
    before = session.connection().execute(
        select(BEAT.c.owner, BEAT.c.at).where(BEAT.c.part == part)
    )
    last_beat = before.first()
    ours = [owner]
    if last_beat is not None and (not last_beat.owner or is_dead(last_beat.owner)):
        ours.append(last_beat.owner)
    elif last_beat is not None and last_beat.owner != owner and _is_fresh(last_beat.at, now):
        # Whoever plans may hold the row for seconds: looking must not wait for that.
        return False
    insert = sqlite.insert if database.is_sqlite(session) else postgresql.insert
    writing = insert(BEAT).values(part=part, owner=owner, at=now)
    taken = session.connection().execute(
        writing.on_conflict_do_update(
            index_elements=[BEAT.c.part],
            set_={"owner": owner, "at": now},
            where=or_(
                BEAT.c.owner.in_(ours),
                BEAT.c.at <= now - SILENT,
                # Written by a clock that was wrong.
                BEAT.c.at > now + CLOCKS_APART,
            ),
        ).returning(BEAT.c.part)
    )
    return taken.first() is not None


def _is_fresh(beat: dt.datetime, now: dt.datetime) -> bool:
    return now - SILENT < beat <= now + CLOCKS_APART


def leave(session: Session, part: str, owner: str) -> None:
    """Leave the next round to whoever comes first."""
    session.connection().execute(
        update(BEAT).where(BEAT.c.part == part, BEAT.c.owner == owner).values(owner="")
    )


def last(session: Session) -> Mapping[str, Beat]:
    """The last round of every part that ever went one."""
    rows = session.connection().execute(select(BEAT.c.part, BEAT.c.owner, BEAT.c.at))
    return {row.part: Beat(row.owner, row.at) for row in rows}
