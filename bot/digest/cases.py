"""Complaints of a week and their clock: what was heard, what became a case, what became of it."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlmodel import Session

from bot import database
from bot.insights.engagement import Days, RoomView
from bot.models import (
    Complaint,
    ComplaintOutcome,
    ComplaintState,
    MessageIdentity,
    Role,
    Signal,
    SignalKind,
)

COMPLAINTS, SIGNALS = database.table(Complaint).c, database.table(Signal).c
NAMES = database.table(MessageIdentity).c
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """One case, by its id; `name` is what the platform calls its message.

    `waited` is from the message to the first operator who took it up, None where nobody did.
    `none`: a person said that it was no complaint. `overdue`: still open after its 24 hours.
    """

    id: int
    message_id: int
    name: str
    at: dt.datetime
    severity: int
    closed: bool
    none: bool
    waited: dt.timedelta | None
    overdue: bool


@dataclass(slots=True)
class Cases:
    """Complaints of one room: `heard` by the rules in members' messages, and the cases opened."""

    heard: int = 0
    opened: list[Case] = field(default_factory=list)


def of_week(
    session: Session,
    views: Mapping[int, RoomView],
    roles: Mapping[tuple[int, int], Role],
    days: Days,
    now: dt.datetime,
) -> dict[int, Cases]:
    """Complaints said in these days, by room. Two queries for all rooms."""
    bounds = {view.zone: days.instants(view.zone) for view in views.values()}
    found: dict[int, Cases] = defaultdict(Cases)
    heard = session.connection().execute(
        select(SIGNALS.room_id, SIGNALS.contact_id, SIGNALS.at)
        .where(SIGNALS.kind == SignalKind.COMPLAINT)
        .where(SIGNALS.day >= days.since - DAY, SIGNALS.day < days.until + DAY)
    )
    for room, contact, at in heard.all():
        since, until = bounds[views[room].zone]
        if since <= at < until and (room, contact) not in roles:
            found[room].heard += 1
    columns = ("id", "room_id", "message_id", "at", "severity", "state", "outcome", "due_at")
    opened = session.connection().execute(
        select(
            *(COMPLAINTS[name] for name in columns),
            func.coalesce(COMPLAINTS.claimed_at, COMPLAINTS.closed_at).label("taken_at"),
            NAMES.platform_id,
        )
        .where(NAMES.id == COMPLAINTS.message_id)
        .where(COMPLAINTS.day >= days.since - DAY, COMPLAINTS.day < days.until + DAY)
        .order_by(COMPLAINTS.at, COMPLAINTS.id)
    )
    for row in opened.all():
        since, until = bounds[views[row.room_id].zone]
        if since <= row.at < until:
            closed = row.state is ComplaintState.CLOSED
            found[row.room_id].opened.append(
                Case(
                    id=row.id,
                    message_id=row.message_id,
                    name=row.platform_id,
                    at=row.at,
                    severity=row.severity,
                    closed=closed,
                    none=row.outcome is ComplaintOutcome.NONE,
                    waited=row.taken_at - row.at if row.taken_at is not None else None,
                    overdue=not closed and row.due_at < now,
                )
            )
    return dict(found)
