"""Who was in which room, from when to when, in which role."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import choice

# Stands for "was there before we could see": such a member never counts as new.
SINCE_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Role(StrEnum):
    """What a member is in one room. Operators and bots are left out of engagement."""

    MEMBER = "member"
    OPERATOR = "operator"
    KOC = "koc"
    BOT = "bot"


class Membership(SQLModel, table=True):
    """One stay of one contact in one room, `[joined_at, left_at)`; open while `left_at` is None."""

    __table_args__ = (
        UniqueConstraint("room_id", "contact_id", "joined_at"),
        Index("ix_membership_contact", "contact_id", "room_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    room_id: int = Field(foreign_key="room.id")
    contact_id: int = Field(foreign_key="contact.id")
    joined_at: datetime = SINCE_EVER
    left_at: datetime | None = None
    role: Role = Field(default=Role.MEMBER, sa_type=choice(Role))
