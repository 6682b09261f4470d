"""Digests (周报): a week of a room, a vertical, an operator's rooms or the fleet, as computed."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json


class DigestScope(StrEnum):
    """What a digest is about."""

    ROOM = "room"
    VERTICAL = "vertical"
    OWNER = "owner"
    FLEET = "fleet"


class DigestState(StrEnum):
    """The life of a digest; its transitions are drawn in `bot/digest/approval.py`."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENT = "sent"


class Digest(SQLModel, table=True):
    """One digest. `week` is its Monday; `target` is the room's platform id, the vertical, the
    owner of rooms, or "" for the fleet.

    `figures` is what was shown, so that a sent digest can be read again word for word. `comment`
    stands at its top; `approved_by` is "" where no approval was asked for.
    """

    __table_args__ = (UniqueConstraint("week", "scope", "target"),)

    id: int | None = Field(default=None, primary_key=True)
    week: dt.date
    scope: DigestScope = Field(sa_type=choice(DigestScope))
    target: str = ""
    state: DigestState = Field(default=DigestState.DRAFT, sa_type=choice(DigestState))
    figures: dict[str, Any] = Field(sa_type=json())
    computed_at: dt.datetime
    comment: str = ""
    approved_by: str | None = None
    approved_at: dt.datetime | None = None
    sent_at: dt.datetime | None = None
