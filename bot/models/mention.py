"""Mentions: that a message names a product. Derived; the ground that attribution stands on."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, serial


class Touch(StrEnum):
    """The class of a touch (ATTRIBUTION §1)."""

    PROMO = "promo"
    PROMPT = "prompt"
    PROMO_ECHO = "promo_echo"
    ORGANIC = "organic"


class Mention(SQLModel, table=True):
    """One product named by one message; `touch` is filled by `attribute`."""

    __table_args__ = (
        Index("ix_mention_touch", "room_id", "product_id", "at", "contact_id", "message_id"),
        {"sqlite_with_rowid": False},
    )

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True)
    message_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )
    product_id: int = Field(primary_key=True, foreign_key="product.id")
    at: dt.datetime
    contact_id: int
    touch: Touch | None = Field(default=None, sa_type=choice(Touch))
    rule_version: int
