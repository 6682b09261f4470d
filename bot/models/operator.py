"""Operators (运营): people who run rooms and use the console."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import choice


class OperatorRole(StrEnum):
    """What an operator may do, least first."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Operator(SQLModel, table=True):
    """One operator; no password until one is set; `contact_id` is who they are in rooms."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    role: OperatorRole = Field(default=OperatorRole.OPERATOR, sa_type=choice(OperatorRole))
    password_hash: str | None = None
    contact_id: int | None = Field(default=None, foreign_key="contact.id")
    created_at: datetime
    disabled_at: datetime | None = None
