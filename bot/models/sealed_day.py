"""Seals: room-days whose figures stand although the text behind them is gone or may go."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json, serial


class SealedFor(StrEnum):
    """Why a room-day was sealed."""

    RETENTION = "retention"
    FORGOTTEN = "forgotten"


class LateKind(StrEnum):
    """What came for a sealed day: a message, a recall of one, another version of one."""

    MESSAGE = "message"
    RECALL = "recall"
    VERSION = "version"


class SealedDay(SQLModel, table=True):
    """One sealed room-local day, `[since_at, until_at)` in the room's zone as it was then.

    What is derived from it (counters, signals, mentions) is kept as it was under `rule_version`,
    and `checksum` names it. `messages` were in the log then; `hours` are those of members that
    count, by hour of the wall clock.
    """

    __tablename__ = "sealed_day"
    __table_args__ = (
        Index("ix_sealed_day_room", "room_id", "since_at"),
        {"sqlite_with_rowid": False},
    )

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True, foreign_key="room.id")
    since_at: dt.datetime
    until_at: dt.datetime
    messages: int
    hours: list[int] = Field(sa_type=json())
    rule_version: int
    checksum: str
    why: SealedFor = Field(sa_type=choice(SealedFor))
    sealed_at: dt.datetime


class LateEvent(SQLModel, table=True):
    """Something that came for a sealed day: logged, listed here, and in no figure.

    `message_id` is the message that came late, was recalled, or has another version; `day` is the
    sealed local day, `at` when that message was said.
    """

    __tablename__ = "late_event"

    message_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )
    kind: LateKind = Field(primary_key=True, sa_type=choice(LateKind))
    room_id: int = Field(foreign_key="room.id")
    day: dt.date = Field(index=True)
    at: dt.datetime


class DroppedDay(SQLModel, table=True):
    """One UTC day whose messages were dropped; their ids stay, so that none comes in again."""

    __tablename__ = "dropped_day"

    day: dt.date = Field(primary_key=True)
    messages: int
    dropped_at: dt.datetime
