"""Marks (人工标注): what a person says a message is, to judge the rules by; and how messages were
drawn to be marked.
"""

import datetime as dt

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import json, serial


class Mark(SQLModel, table=True):
    """One message as a person reads it; `day` and `room_id` say where it stands.

    `kinds` are signal kinds, `products` are product ids; an empty list says "none", None "not
    asked". `drawn` tells a random sample, which rates may be taken from, from picked messages.
    """

    message_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )
    day: dt.date
    room_id: int
    kinds: list[str] | None = Field(default=None, sa_type=json())
    products: list[int] | None = Field(default=None, sa_type=json())
    drawn: bool = False
    by: str
    at: dt.datetime


class MarkDraw(SQLModel, table=True):
    """One random draw (抽样) among the messages of `[since, until)`; draws never overlap in time.

    `sizes` says of how many messages each stratum consisted. The same seed, messages and rules
    draw the same messages.
    """

    __tablename__ = "mark_draw"

    id: int | None = Field(default=None, primary_key=True)
    seed: int
    since: dt.datetime
    until: dt.datetime
    sizes: dict[str, int] = Field(sa_type=json())
    rule_version: int
    by: str
    at: dt.datetime


class DrawnMessage(SQLModel, table=True):
    """One message of a draw, at its `place` in the order of marking, which is random, too.

    `probability` is that with which a message of its stratum was drawn. `skipped_at`: a person
    could not say what it is.
    """

    __tablename__ = "drawn_message"
    __table_args__ = (Index("ix_drawn_message", "message_id"),)

    draw_id: int = Field(primary_key=True, foreign_key="mark_draw.id")
    place: int = Field(primary_key=True)
    message_id: int = Field(sa_type=serial())
    day: dt.date
    room_id: int
    stratum: str = Field(max_length=16)
    probability: float
    skipped_at: dt.datetime | None = None
