"""Operators (运营): people who run rooms and use the console, and what lets them in."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json


class OperatorRole(StrEnum):
    """What an operator may do, least first."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Operator(SQLModel, table=True):
    """One operator; no password until one is set; `contact_id` is who they are in rooms.

    `verticals` and `tags` narrow the rooms that they see and touch: a room must match both; None
    matches every room. `language` None follows the browser.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    role: OperatorRole = Field(default=OperatorRole.OPERATOR, sa_type=choice(OperatorRole))
    password_hash: str | None = None
    contact_id: int | None = Field(default=None, foreign_key="contact.id")
    verticals: list[str] | None = Field(default=None, sa_type=json())
    tags: list[str] | None = Field(default=None, sa_type=json())
    language: str | None = None
    created_at: datetime
    disabled_at: datetime | None = None


class OperatorSession(SQLModel, table=True):
    """One signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "operator_session"

    hash: str = Field(primary_key=True)
    operator_id: int = Field(foreign_key="operator.id", index=True)
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str = ""
    browser: str = ""


class OperatorLink(SQLModel, table=True):
    """A one-time link to set a password with; `operator_id` None makes the first admin."""

    __tablename__ = "operator_link"

    hash: str = Field(primary_key=True)
    operator_id: int | None = Field(default=None, foreign_key="operator.id", index=True)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class LoginFailure(SQLModel, table=True):
    """Wrong passwords of late, by name or by address; `subject` is a hash of either."""

    __tablename__ = "login_failure"

    subject: str = Field(primary_key=True)
    failures: int
    at: datetime = Field(index=True)


class ApiToken(SQLModel, table=True):
    """A token for programs, which acts as its operator within `scopes`; only its hash is kept."""

    __tablename__ = "api_token"

    id: int | None = Field(default=None, primary_key=True)
    operator_id: int = Field(foreign_key="operator.id", index=True)
    name: str
    hash: str = Field(unique=True)
    scopes: list[str] = Field(sa_type=json())
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
