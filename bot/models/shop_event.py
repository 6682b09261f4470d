"""Shop events (店铺消息): what shops pushed here, kept before it is answered, read later."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.models.columns import LogText, choice, json, serial


class EventState(StrEnum):
    """The life of a shop event; its transitions are drawn in `bot/orders/shop_events.py`."""

    RECEIVED = "received"
    HELD = "held"
    DONE = "done"
    IGNORED = "ignored"
    FAILED = "failed"


class ShopEvent(SQLModel, table=True):
    """One genuine event of one shop, named as the shop names it.

    `body` is what came, and holds names and addresses: it goes once it has been read.
    `contents` are its rows without them, while they wait for a product or for lines. `digest` is
    of the body. `answered` is whether the shop has our answer, as far as we can know.
    """

    __tablename__ = "shop_event"
    __table_args__ = (
        UniqueConstraint("source", "event_id"),
        Index("ix_shop_event_digest", "source", "digest"),
        Index(
            "ix_shop_event_waiting",
            "not_before",
            sqlite_where=text("state IN ('received', 'held')"),
            postgresql_where=text("state IN ('received', 'held')"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    source: str
    event_id: str = Field(sa_type=LogText)
    topic: str = Field(sa_type=LogText)
    digest: str
    received_at: dt.datetime = Field(index=True)
    answered: bool = False
    state: EventState = Field(default=EventState.RECEIVED, sa_type=choice(EventState))
    body: str | None = Field(default=None, sa_type=LogText)
    contents: list[Any] | None = Field(default=None, sa_type=json())
    missing: list[Any] | None = Field(default=None, sa_type=json())
    attempts: int = 0
    not_before: dt.datetime
    worked_at: dt.datetime | None = None
    reason: str = ""


class ShopCursor(SQLModel, table=True):
    """Up to where a shop's orders were fetched: those changed before `modified_at` are here.

    `reason` is why the last time failed; "" where it did not.
    """

    __tablename__ = "shop_cursor"

    source: str = Field(primary_key=True)
    modified_at: dt.datetime | None = None
    tried_at: dt.datetime
    reason: str = ""
