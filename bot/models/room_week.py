"""Weeks of a room that the log does not hold: roll-ups brought from elsewhere, marked as such."""

import datetime as dt

from sqlmodel import Field, SQLModel


class RoomWeek(SQLModel, table=True):
    """One Monday-to-Sunday week of one room before the log begins; `origin` says whose it is."""

    __tablename__ = "room_week"
    __table_args__ = ({"sqlite_with_rowid": False},)

    week: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True, foreign_key="room.id")
    messages: int
    effective_messages: int
    speakers: int
    members: int
    questions: int
    shares: int
    origin: str
