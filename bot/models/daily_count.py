"""Daily counters: what one contact did in one room on one room-local day. Derived."""

import datetime as dt

from sqlmodel import Field, SQLModel


class DailyCount(SQLModel, table=True):
    """Counts per (room-local day, room, contact), whatever the contact's role.

    Who is left out (operators, bots) is decided when the counts are read, because a role can
    become known later. Own messages, system ones and recalled ones are never counted.
    """

    __tablename__ = "daily_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True)
    contact_id: int = Field(primary_key=True)
    messages: int
    effective_messages: int
    questions: int
    answers: int
    shares: int
    product_mentions: int
    rule_version: int
