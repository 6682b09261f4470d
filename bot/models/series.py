"""Series (栏目): planned content with a recurrence and an audience."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json


class SeriesKind(StrEnum):
    """What a series is for: 问题解答日, 用户分享日, 公告, 促销, 自定义."""

    QA_DAY = "qa_day"
    SHARING_DAY = "sharing_day"
    ANNOUNCEMENT = "announcement"
    PROMO = "promo"
    CUSTOM = "custom"


class SeriesState(StrEnum):
    """draft → in_review → approved ⇄ paused → ended; an edit takes an approved series to draft."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    PAUSED = "paused"
    ENDED = "ended"


class HolidayPolicy(StrEnum):
    """What an occurrence does on a statutory holiday."""

    KEEP = "keep"
    SKIP = "skip"
    NEXT_WORKDAY = "next_workday"


class Series(SQLModel, table=True):
    """One series as the calendar file gives it; `key` is stable, `version` guards edits.

    `recurrence`, `audience`, `topic`, `also`, `skip` and `move` hold what the file holds, checked.
    `at` is wall-clock time; `zone` None means each room's own, and `default_zone` that of rooms
    which name none. `seed` decides topics and variants (drawn once, logged). Nothing is due before
    `next_due_at` that the planner has not looked at; None makes it look.
    """

    __table_args__ = (Index("ix_series_due", "state", "next_due_at"),)

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    name: str
    kind: SeriesKind = Field(sa_type=choice(SeriesKind))
    state: SeriesState = Field(default=SeriesState.DRAFT, sa_type=choice(SeriesState))
    starts: dt.date
    ends: dt.date
    recurrence: dict[str, Any] = Field(sa_type=json())
    at: dt.time
    zone: str | None = None
    default_zone: str | None = None
    holidays: HolidayPolicy = Field(default=HolidayPolicy.KEEP, sa_type=choice(HolidayPolicy))
    audience: dict[str, Any] = Field(sa_type=json())
    priority: int = 5
    late_by_minutes: int | None = None
    topic: dict[str, Any] | None = Field(default=None, sa_type=json())
    also: list[str] = Field(default_factory=list, sa_type=json())
    skip: list[str] = Field(default_factory=list, sa_type=json())
    move: dict[str, str] = Field(default_factory=dict, sa_type=json())
    version: int = 1
    seed: int = 0
    changed_by: str = ""
    changed_at: dt.datetime | None = None
    approved_by: str | None = None
    approved_at: dt.datetime | None = None
    next_due_at: dt.datetime | None = None


class SeriesStep(SQLModel, table=True):
    """One step (预告, 开场, 提醒, 总结) of every occurrence of a series.

    `days` shifts the local date; `at` None means the series' own time. `rooms` overrides `text` by
    room, `texts` by vertical; `rotate` holds more wordings, `ab` the other arms of a comparison.
    `target` is where the link in a text leads.
    """

    __tablename__ = "series_step"
    __table_args__ = (UniqueConstraint("series_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    series_id: int = Field(foreign_key="series.id")
    position: int
    name: str
    days: int = 0
    at: dt.time | None = None
    text: str
    texts: dict[str, str] = Field(default_factory=dict, sa_type=json())
    rooms: dict[str, str] = Field(default_factory=dict, sa_type=json())
    rotate: list[str] = Field(default_factory=list, sa_type=json())
    ab: dict[str, str] = Field(default_factory=dict, sa_type=json())
    target: str | None = None
    image: str | None = None
    link: dict[str, str] | None = Field(default=None, sa_type=json())
    mini_program: dict[str, str] | None = Field(default=None, sa_type=json())
    mention_all: bool = False
