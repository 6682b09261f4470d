"""Which state of a day's log something was derived from, day by day."""

import datetime as dt

from sqlmodel import Field, SQLModel

from bot.models.columns import serial


class DayRead(SQLModel, table=True):
    """The log of a UTC day as `kind` (needs, typed order numbers) last read it: another is read
    again.
    """

    __tablename__ = "day_read"

    kind: str = Field(primary_key=True)
    day: dt.date = Field(primary_key=True)
    messages: int
    newest: int = Field(sa_type=serial())
    recalled: int
    version: int
