"""Messages (消息): the log. Rows are never edited; everything else is derived from them."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.models.columns import LogText, json, serial


class MessageIdentity(SQLModel, table=True):
    """(room, platform id) names a message; narrow, never partitioned, outlives the text.

    `id` is the order of arrival and the message's short key everywhere else. `day` says in which
    partition the message stands.
    """

    __tablename__ = "message_identity"
    __table_args__ = (UniqueConstraint("room_id", "platform_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    room_id: int
    platform_id: str = Field(sa_type=LogText)
    day: dt.date


def _replies() -> Index:
    # What somebody answered, in which room and when: few messages quote or call anybody.
    told = text("quote IS NOT NULL OR mentions IS NOT NULL")
    columns = ("room_id", "contact_id", "at")
    return Index("ix_message_reply", *columns, sqlite_where=told, postgresql_where=told)


class Message(SQLModel, table=True):
    """One message as it came. Leads with the UTC day, so that a room-day is read in one stretch.

    `topic` and `name` are those of the moment. `mentions` holds contacts' platform ids; `quote`
    and `recalls` hold platform ids of messages, which may come later or never.
    """

    __table_args__ = (
        _replies(),
        {
            "sqlite_with_rowid": False,
            # One default partition now; daily ones can be cut without touching the table.
            "postgresql_partition_by": "RANGE (day)",
        },
    )

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True)
    id: int = Field(primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False})
    contact_id: int
    account_id: int | None = None
    at: dt.datetime
    type: str = Field(sa_type=LogText)
    text: str | None = Field(default=None, sa_type=LogText)
    name: str | None = Field(default=None, sa_type=LogText)
    topic: str | None = Field(default=None, sa_type=LogText)
    mentions: list[str] | None = Field(default=None, sa_type=json())
    quote: str | None = Field(default=None, sa_type=LogText)
    recalls: str | None = Field(default=None, sa_type=LogText)
    own: bool = False


class MessageVersion(SQLModel, table=True):
    """A version that lost an id conflict, kept aside (see `ingest.stands`)."""

    __tablename__ = "message_version"

    message_id: int = Field(primary_key=True, sa_type=serial(), foreign_key="message_identity.id")
    digest: str = Field(primary_key=True)
    content: dict[str, Any] = Field(sa_type=json())


class Redacted(SQLModel, table=True):
    """A message from which something of a forgotten person was taken out: another version of it is
    not kept aside when it comes again.
    """

    message_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )
    at: dt.datetime


class Recall(SQLModel, table=True):
    """That somebody in the room took a message back; may stand before the message itself comes."""

    __table_args__ = (Index("ix_recall_message", "message_id"),)

    room_id: int = Field(primary_key=True)
    recalled: str = Field(primary_key=True, sa_type=LogText)
    message_id: int = Field(primary_key=True, sa_type=serial())
