"""Marks (人工标注): what a person says a message is, to judge the rules by."""

import datetime as dt

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
