"""Persons (用户): one human across channels, as deterministic evidence joins them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import choice


class IdentityKind(StrEnum):
    """What an identifier is. Phones and shop buyer ids are stored as HMAC-SHA256 only."""

    CONTACT = "contact"
    UNIONID = "unionid"
    PHONE = "phone"
    BUYER = "buyer"


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
    )

    id: int | None = Field(default=None, primary_key=True)
    left_kind: IdentityKind = Field(sa_type=choice(IdentityKind))
    left_value: str
    right_kind: IdentityKind = Field(sa_type=choice(IdentityKind))
    right_value: str
    source: str
    at: datetime
