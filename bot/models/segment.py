"""Segments (人群): what people buy, want and do in the rooms, as of one day. Derived.

A need (`NeedMention`) is kept per message, so that every tag of preference can show the messages
behind it; profiles and their tags are made afresh as of a day.
"""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json, serial


class Dimension(StrEnum):
    """The three dimensions of 三维标签: 消费, 偏好, 互动."""

    SPEND = "spend"
    PREFERENCE = "preference"
    INTERACTION = "interaction"


class Arm(StrEnum):
    """What chance decided for one candidate of an invitation."""

    INVITED = "invited"
    CONTROL = "control"


class NeedMention(SQLModel, table=True):
    """That one message of a member shows a need (成分党, 颜值党 …), by its words."""

    __tablename__ = "need_mention"
    __table_args__ = ({"sqlite_with_rowid": False},)

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True)
    message_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )
    need: str = Field(primary_key=True)
    contact_id: int
    at: dt.datetime


class Profile(SQLModel, table=True):
    """One human as of a local day: a person, or a contact whom no evidence ties to a buyer.

    Money is fen, net of refunds, of orders that were not cancelled. `orders_90` is of the 90 local
    days before `as_of`, and so on; talk is of the 28 days before. Scores are 1 (low) to 5,
    None where there are too few buyers or the person is none. `contact_id` is the contact who
    speaks most; None where the buyer is in no room.
    """

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    as_of: dt.date
    person_id: int | None = Field(default=None, index=True)
    contact_id: int | None = Field(default=None, index=True)
    orders: int = 0
    net: int = Field(default=0, sa_type=serial())
    first_paid_at: dt.datetime | None = None
    last_paid_at: dt.datetime | None = None
    orders_90: int = 0
    net_90: int = Field(default=0, sa_type=serial())
    orders_365: int = 0
    net_365: int = Field(default=0, sa_type=serial())
    recency: int | None = None
    frequency: int | None = None
    monetary: int | None = None
    active_days: int = 0
    effective: int = 0
    questions: int = 0
    answers: int = 0
    shares: int = 0


class ProfileTag(SQLModel, table=True):
    """One tag of a profile and why it holds: figures, order ids, message ids."""

    __tablename__ = "profile_tag"
    __table_args__ = (Index("ix_profile_tag", "tag", "profile_id"),)

    profile_id: int = Field(
        primary_key=True,
        sa_type=serial(),
        foreign_key="profile.id",
        sa_column_kwargs={"autoincrement": False},
    )
    tag: str = Field(primary_key=True)
    dimension: Dimension = Field(sa_type=choice(Dimension))
    why: dict[str, Any] = Field(sa_type=json())


class Invitation(SQLModel, table=True):
    """What chance decided for one candidate of a program, before anybody was invited. A fact.

    `draw` is the number that decided, from `seed`, the program and the contact: anybody can
    compute it again.
    """

    program: str = Field(primary_key=True)
    contact_id: int = Field(primary_key=True, foreign_key="contact.id")
    arm: Arm = Field(sa_type=choice(Arm))
    seed: int
    draw: str
    drawn_at: dt.datetime
    by: str
