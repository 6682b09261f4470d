"""Persons (用户): one human across channels, as deterministic evidence joins them."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json, serial


class IdentityKind(StrEnum):
    """What an identifier is. Phones and shop buyer ids are stored as HMAC-SHA256 only; an order
    number stands for whoever typed it in a room.
    """

    CONTACT = "contact"
    UNIONID = "unionid"
    PHONE = "phone"
    BUYER = "buyer"
    ORDER = "order"


class Person(SQLModel, table=True):
    """One human. `quarantined` waits for a person to look: its identifiers give no credit."""

    id: int | None = Field(default=None, primary_key=True)
    quarantined: str | None = None


class Identity(SQLModel, table=True):
    """An identifier and the person it belongs to: derived from the edges by union-find."""

    kind: IdentityKind = Field(primary_key=True, sa_type=choice(IdentityKind))
    value: str = Field(primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)


class IdentityEdge(SQLModel, table=True):
    """Evidence that two identifiers are one human: where it came from and when. Never edited."""

    __tablename__ = "identity_edge"
    __table_args__ = (
        UniqueConstraint("left_kind", "left_value", "right_kind", "right_value", "source"),
        Index("ix_identity_edge_right", "right_kind", "right_value"),
    )

    id: int | None = Field(default=None, primary_key=True)
    left_kind: IdentityKind = Field(sa_type=choice(IdentityKind))
    left_value: str
    right_kind: IdentityKind = Field(sa_type=choice(IdentityKind))
    right_value: str
    source: str
    at: dt.datetime


class TypedNumber(SQLModel, table=True):
    """That a message holds what may be an order number. The number itself stays in the text."""

    __tablename__ = "typed_number"
    __table_args__ = ({"sqlite_with_rowid": False},)

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True)
    message_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )


class IdentityCut(SQLModel, table=True):
    """That somebody found two identifiers to be two humans: edges between them, whoever says so,
    count for nothing while this stands.
    """

    __tablename__ = "identity_cut"

    left_kind: IdentityKind = Field(primary_key=True, sa_type=choice(IdentityKind))
    left_value: str = Field(primary_key=True)
    right_kind: IdentityKind = Field(primary_key=True, sa_type=choice(IdentityKind))
    right_value: str = Field(primary_key=True)
    by: str
    at: dt.datetime
    reason: str


class IdentityAcceptance(SQLModel, table=True):
    """That somebody found these unionids and contacts to be one human; more of them are not.

    `members` is a list of (kind, value), in order.
    """

    __tablename__ = "identity_acceptance"

    id: int | None = Field(default=None, primary_key=True)
    members: list[Any] = Field(sa_type=json())
    by: str
    at: dt.datetime
    reason: str
