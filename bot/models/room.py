"""Rooms (群) and their tags."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from bot.models.columns import LogText


class Room(SQLModel, table=True):
    """A chat group. `platform_id` is its identity; the topic is only its latest name.

    `zone` is an IANA name, None for the installation's. `unavailable_reason` is set where posts
    cannot arrive (bot removed, room dissolved). `mention_all` allows posts to call everyone.
    `account_id` serves the room; `listener_id` is the account whose stream is logged, since
    `listener_since` where another one was before (`bot/listening.py`).
    """

    id: int | None = Field(default=None, primary_key=True)
    platform_id: str = Field(sa_type=LogText, unique=True)
    topic: str = Field(default="", sa_type=LogText)
    topic_at: datetime | None = None
    vertical: str = Field(default="", index=True)
    zone: str | None = None
    account_id: int | None = Field(default=None, foreign_key="account.id", index=True)
    listener_id: int | None = None
    listener_since: datetime | None = None
    owner: str = ""
    mention_all: bool = False
    unavailable_reason: str | None = None


class AccountRoom(SQLModel, table=True):
    """An account that is in a room, whether it serves the room or stands by."""

    __tablename__ = "account_room"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    room_id: int = Field(primary_key=True, foreign_key="room.id", index=True)


class RoomTag(SQLModel, table=True):
    """One tag of one room."""

    __tablename__ = "room_tag"

    tag: str = Field(primary_key=True)
    room_id: int = Field(primary_key=True, foreign_key="room.id")
