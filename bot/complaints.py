"""Complaints (投诉): cases under a 24-hour clock, opened by the rules, closed by a person.

    (heard, live) → OPEN    open_cases
    OPEN    ⇄ CLAIMED       holding.claim, holding.release (of `WORK`)
    OPEN, CLAIMED → CLOSED  close
    CLOSED  → OPEN          reopen

Each arrow is one function, safe to repeat: a row that is not in the state it starts from stays
as it is. How many cases a person closes as no complaint at all is the rules' precision.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, select, update
from sqlmodel import Session

from bot import database, holding, standing
from bot.models import Audit, Complaint, ComplaintOutcome, ComplaintState, Contact, Room

CLOCK = dt.timedelta(hours=24)

COMPLAINT, ROOM, CONTACT = database.tables(Complaint, Room, Contact)
WORK = holding.Work("complaint", COMPLAINT, "owner", ComplaintState.OPEN, ComplaintState.CLAIMED)


class Heard(NamedTuple):
    """A live complaint; `message_id` is our id of its message."""

    message_id: int
    room_id: int
    contact_id: int
    at: dt.datetime
    severity: int
    rule: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is shown; `text` is None where it was recalled or has been dropped.

    `name` is the member's latest one.
    """

    id: int
    message_id: int
    room_id: int
    room: str
    topic: str
    vertical: str
    contact_id: int
    name: str
    text: str | None
    at: dt.datetime
    due_at: dt.datetime
    severity: int
    rule: str
    opened_by: str
    state: ComplaintState
    owner: str | None
    outcome: ComplaintOutcome | None
    note: str
    closed_by: str | None
    closed_at: dt.datetime | None


def open_cases(session: Session, heard: Sequence[Heard], by: str = "") -> int:
    """Open cases, one a message; returns how many are new. `by` is "" where the rules heard it."""
    rows = [
        {
            "message_id": one.message_id,
            "day": one.at.date(),
            "room_id": one.room_id,
            "contact_id": one.contact_id,
            "at": one.at,
            "due_at": one.at + CLOCK,
            "severity": one.severity,
            "rule": one.rule,
            "opened_by": by,
            "state": ComplaintState.OPEN,
            "note": "",
        }
        for one in heard
    ]
    return database.insert_rows(session, Complaint, rows, skip_existing=True)


def standing_cases(
    session: Session,
    *,
    rooms: ColumnElement[bool] | None = None,
    after: tuple[dt.datetime, int] | None = None,
    most: int = 100,
) -> list[Case]:
    """The cases that nobody has closed, the most pressing first.

    `rooms` is a condition on the room table; `after` is (due_at, id) of the last one seen.
    """
    query = holding.pressing(WORK, _shown(), rooms, after, most)
    return [_case(row) for row in session.connection().execute(query)]


def one(session: Session, case_id: int) -> Case | None:
    """One case, whatever its state; None where there is none."""
    row = session.connection().execute(_shown().where(COMPLAINT.c.id == case_id)).first()
    return _case(row) if row is not None else None


def close(
    session: Session,
    case_id: int,
    outcome: ComplaintOutcome,
    note: str,
    by: str,
    now: dt.datetime,
) -> bool:
    """Say what a case came to. False where somebody else looks after it, or it is closed."""
    ends = {"state": ComplaintState.CLOSED, "outcome": outcome, "note": note}
    return holding.finish(
        session, WORK, case_id, "close", ends, by, now, outcome=outcome.value, note=note
    )


def reopen(session: Session, case_id: int, by: str, now: dt.datetime) -> bool:
    """Open a closed case again; its clock goes on from the message, as before."""
    opened = session.connection().execute(
        update(COMPLAINT)
        .where(COMPLAINT.c.id == case_id, COMPLAINT.c.state == ComplaintState.CLOSED)
        .values(
            state=ComplaintState.OPEN, owner=None, claimed_at=None, outcome=None, closed_by=None,
            closed_at=None,
        )
    )  # fmt: skip
    if not opened.rowcount:
        return False
    session.add(Audit(at=now, by=by, action="reopen", object=f"complaint:{case_id}"))
    return True


def _shown() -> Select[Any]:
    own = (
        *("id", "message_id", "room_id", "contact_id", "at", "due_at", "severity", "rule"),
        *("opened_by", "state", "owner", "outcome", "note", "closed_by", "closed_at"),
    )
    return (
        select(
            *(COMPLAINT.c[name] for name in own),
            ROOM.c.platform_id.label("room"),
            ROOM.c.topic,
            ROOM.c.vertical,
            CONTACT.c.name,
            standing.text(COMPLAINT).label("text"),
        )
        .join(ROOM, ROOM.c.id == COMPLAINT.c.room_id)
        .join(CONTACT, CONTACT.c.id == COMPLAINT.c.contact_id)
    )


def _case(row: Row[Any]) -> Case:
    return Case(**row._mapping)
