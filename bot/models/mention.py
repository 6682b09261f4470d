"""Mentions: that a message names a product. Derived; the ground that attribution stands on."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, serial


class Touch(StrEnum):
    """The class of a touch (ATTRIBUTION §1)."""

    PROMO = "promo"
    PROMPT = "prompt"
    PROMO_ECHO = "promo_echo"
    ORGANIC = "organic"


def _unclassed() -> Index:
    waiting = text("touch IS NULL")
    return Index(
        "ix_mention_unclassed", "day", "room_id", sqlite_where=waiting, postgresql_where=waiting
    )


def _long() -> Index:
    told = text("text_key IS NOT NULL")
    return Index("ix_mention_text", "text_key", "at", sqlite_where=told, postgresql_where=told)


class Mention(SQLModel, table=True):
    """One product named by one message; `touch` waits for `insights/classing.py`.

    `text_key` is a hash of the normalised text where that is long: the same is the same text.
    """

    __table_args__ = (
        # Covers the meeting of order lines with what was said before them.
        Index(
            "ix_mention_touch",
            *("room_id", "product_id", "at", "touch", "contact_id", "message_id"),
        ),
        _unclassed(),
        _long(),
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
    text_key: int | None = Field(default=None, sa_type=BigInteger())
    rule_version: int
