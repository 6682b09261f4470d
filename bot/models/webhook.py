"""Webhooks out (事件推送): where other programs want to be told, and what each was told."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.models.columns import LogText, choice, json, serial


class CallState(StrEnum):
    """The life of a call; its transitions are drawn in `bot/webhooks/calls.py`."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Webhook(SQLModel, table=True):
    """One address of another program. `nonce` and the installation's secret make the secret that
    its calls are signed with, which is kept nowhere.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str
    url: str
    nonce: str
    events: list[str] = Field(sa_type=json())
    created_at: dt.datetime
    created_by: str
    revoked_at: dt.datetime | None = None
    revoked_reason: str | None = None


class WebhookCall(SQLModel, table=True):
    """One event for one webhook. `about` names the event and never changes, so that looking again
    tells nobody twice. `not_before` holds the next attempt back; `status` and `answer` are what
    came of the last one.
    """

    __tablename__ = "webhook_call"
    __table_args__ = (
        UniqueConstraint("webhook_id", "about"),
        Index(
            "ix_webhook_call_pending",
            "not_before",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_webhook_call_created_at", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    webhook_id: int = Field(foreign_key="webhook.id")
    about: str = Field(sa_type=LogText)
    event: str
    data: dict[str, Any] = Field(sa_type=json())
    happened_at: dt.datetime
    created_at: dt.datetime
    state: CallState = Field(default=CallState.PENDING, sa_type=choice(CallState))
    not_before: dt.datetime
    attempts: int = 0
    status: int | None = None
    answer: str | None = None
    done_at: dt.datetime | None = None
