"""What changed after attribution had read it: talk and stays of the past.

    deriving, stays → note → late_talk → (attribution takes it)

What is new at the end of the log, as live messages are, costs one look at one row.
"""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlmodel import Session

from bot import database
from bot.models import AttributionReach, LateTalk
from bot.times import Stretch

LATE, REACH = database.tables(LateTalk, AttributionReach)
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


def note(session: Session, stretches: Iterable[Stretch]) -> None:
    """Note stretches that begin before what attribution has read."""
    reached = reach(session)
    if reached is None:
        return
    rows = sorted({(one.room_id, one.since, one.until) for one in stretches if one.since < reached})
    database.insert_rows(
        session,
        LateTalk,
        [{"room_id": room, "since": since, "until": until} for room, since, until in rows],
    )


def note_stays(session: Session, rooms: Iterable[int], since: dt.datetime) -> None:
    """Note that who was in these rooms changed from `since` on."""
    note(session, [Stretch(room, since, NEVER) for room in set(rooms)])


def take(session: Session) -> list[Stretch]:
    """What was noted, and forget it: in the transaction that marks the lines concerned."""
    rows = session.connection().execute(
        select(LATE.c.id, LATE.c.room_id, LATE.c.since, LATE.c.until).order_by(LATE.c.id)
    )
    found = rows.all()
    if found:
        session.connection().execute(delete(LATE).where(LATE.c.id <= found[-1].id))
    return [Stretch(row.room_id, row.since, row.until) for row in found]


def reach(session: Session) -> dt.datetime | None:
    """Up to when attribution has read the log; None where it never did."""
    return session.connection().scalar(select(REACH.c.until))


def reached(session: Session, until: dt.datetime) -> None:
    """Note how far attribution has read; never back."""
    before = reach(session)
    if before is None or before < until:
        database.insert_rows(
            session, AttributionReach, [{"id": 1, "until": until}], replace=("until",)
        )
