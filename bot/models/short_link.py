"""Short links (短链接) of ours, and who followed them. Facts, never derived."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import LogText, choice, serial


class ClickKind(StrEnum):
    """Who followed a link, as far as can be told: a person, or a program that looks ahead."""

    PERSON = "person"
    PREVIEW = "preview"


class ShortLink(SQLModel, table=True):
    """One code and where it leads.

    That of a post knows its series, room and delivery (by key); one that an operator asked for may
    know a room, and the member whom it was made for. `people` and `previews` count all clicks,
    `unlogged` those of them that were too many to be written down one by one (`ClickHour`).
    """

    __tablename__ = "short_link"

    code: str = Field(primary_key=True)
    url: str
    note: str = ""
    series_id: int | None = Field(default=None, foreign_key="series.id", index=True)
    room_id: int | None = Field(default=None, foreign_key="room.id", index=True)
    delivery_key: str | None = Field(default=None, sa_type=LogText, index=True)
    contact_id: int | None = Field(default=None, foreign_key="contact.id")
    made_by: str
    made_at: dt.datetime
    stopped_at: dt.datetime | None = None
    people: int = 0
    previews: int = 0
    unlogged: int = 0


class Click(SQLModel, table=True):
    """That a short link was followed, and when: no address, no browser."""

    __table_args__ = (Index("ix_click_code", "code", "at"), Index("ix_click_at", "at"))

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    code: str = Field(foreign_key="short_link.code")
    at: dt.datetime
    kind: ClickKind = Field(sa_type=choice(ClickKind))


class ClickHour(SQLModel, table=True):
    """How often a link was followed in an hour beyond what is listed, and when last: one row,
    however often that is.
    """

    __tablename__ = "click_hour"

    code: str = Field(primary_key=True, foreign_key="short_link.code")
    hour: dt.datetime = Field(primary_key=True, index=True)
    kind: ClickKind = Field(primary_key=True, sa_type=choice(ClickKind))
    clicks: int
    last_at: dt.datetime
