"""Pauses: a standing "do not send", by everything, series, account or room, with a reason."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import choice


class PauseScope(StrEnum):
    """How much a pause holds back."""

    ALL = "all"
    SERIES = "series"
    ACCOUNT = "account"
    ROOM = "room"


class Pause(SQLModel, table=True):
    """One pause; in force while `resumed_at` is None. `target_id` is None for everything.

    `besides` is the key of the one delivery that still goes out: the word that the pause stands.
    """

    __table_args__ = (Index("ix_pause_open", "scope", "target_id", "resumed_at"),)

    id: int | None = Field(default=None, primary_key=True)
    scope: PauseScope = Field(sa_type=choice(PauseScope))
    target_id: int | None = None
    reason: str
    by: str
    at: datetime
    besides: str | None = None
    resumed_at: datetime | None = None
