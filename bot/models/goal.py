"""Goals (目标): what operators want a metric to reach, by when."""

import datetime as dt

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Goal(SQLModel, table=True):
    """One goal of one vertical, "" for the fleet. `metric` is a digest figure's key.

    `value` is in the figure's own unit: a rate is a share of 1, a time is seconds. `baseline` is
    the figure of the digest of the week `baseline_week`, the last one when the goal was set; None
    where none was known. `until` is the last day.
    """

    __table_args__ = (UniqueConstraint("metric", "vertical"),)

    id: int | None = Field(default=None, primary_key=True)
    metric: str
    vertical: str = ""
    value: float
    since: dt.date
    until: dt.date
    baseline: float | None = None
    baseline_week: dt.date | None = None
    note: str = ""
    set_by: str
    set_at: dt.datetime
