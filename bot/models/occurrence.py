"""Occurrences (排期): one local date of a series."""

import datetime as dt

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Occurrence(SQLModel, table=True):
    """Named by its original local date for ever; `date` is where it takes place after moves."""

    __table_args__ = (UniqueConstraint("series_id", "original_date"),)

    id: int | None = Field(default=None, primary_key=True)
    series_id: int = Field(foreign_key="series.id")
    original_date: dt.date
    date: dt.date
