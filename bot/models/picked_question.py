"""Questions that an operator picked for an occurrence; these may leave the room they came from."""

import datetime as dt

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import LogText


class PickedQuestion(SQLModel, table=True):
    """One question for one occurrence of a series, in order of `id`."""

    __tablename__ = "picked_question"
    __table_args__ = (UniqueConstraint("series_id", "original_date", "text"),)

    id: int | None = Field(default=None, primary_key=True)
    series_id: int = Field(foreign_key="series.id")
    original_date: dt.date
    text: str = Field(sa_type=LogText)
    by: str
    at: dt.datetime
