"""Calendar feeds (日历订阅): links that calendar programs read without signing in."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class CalendarFeed(SQLModel, table=True):
    """One link, known by the hash of its token; it shows what its operator may see, narrowed to a
    vertical, a tag or a room where one is named.
    """

    __tablename__ = "calendar_feed"

    id: int | None = Field(default=None, primary_key=True)
    operator_id: int = Field(foreign_key="operator.id", index=True)
    name: str
    hash: str = Field(unique=True)
    vertical: str | None = None
    tag: str | None = None
    room_id: int | None = Field(default=None, foreign_key="room.id")
    created_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
