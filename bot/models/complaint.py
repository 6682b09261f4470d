"""Complaints (投诉): cases that the rules open and a person closes."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, serial


class ComplaintState(StrEnum):
    """The life of a case; its transitions are drawn in `bot/complaints.py`."""

    OPEN = "open"
    CLAIMED = "claimed"
    CLOSED = "closed"


class ComplaintOutcome(StrEnum):
    """What a case came to. The last one says that the rules were wrong."""

    SOLVED = "solved"
    REFUNDED = "refunded"
    EXPLAINED = "explained"
    NONE = "none"


class Complaint(SQLModel, table=True):
    """One complaint, due 24 hours after `at`; `day`, `room_id` and `message_id` name its message.

    `severity` is 1 (displeased), 2 (something went wrong) or 3 (harm, law, public threat), and
    `rule` what was heard. `opened_by` is "" where the rules opened it. A fact of what was live:
    no rebuild makes or drops one.
    """

    __table_args__ = (
        Index("ix_complaint_list", "state", "due_at"),
        Index("ix_complaint_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(sa_type=serial(), unique=True)
    day: dt.date
    room_id: int = Field(foreign_key="room.id", index=True)
    contact_id: int = Field(foreign_key="contact.id", index=True)
    at: dt.datetime
    due_at: dt.datetime
    severity: int
    rule: str = ""
    opened_by: str = ""
    state: ComplaintState = Field(default=ComplaintState.OPEN, sa_type=choice(ComplaintState))
    owner: str | None = None
    claimed_at: dt.datetime | None = None
    outcome: ComplaintOutcome | None = Field(default=None, sa_type=choice(ComplaintOutcome))
    note: str = ""
    closed_by: str | None = None
    closed_at: dt.datetime | None = None
