"""Days that differ from what is published: holidays, make-up workdays, days without posts."""

import datetime as dt
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import choice


class DayKind(StrEnum):
    """A statutory holiday, a workday (also on a weekend), or a day on which nothing is posted."""

    HOLIDAY = "holiday"
    WORKDAY = "workday"
    BLACKOUT = "blackout"


class SpecialDay(SQLModel, table=True):
    """What an operator says of one local date; goes before the published calendar."""

    __tablename__ = "special_day"

    day: dt.date = Field(primary_key=True)
    kind: DayKind = Field(sa_type=choice(DayKind))
    note: str = ""
