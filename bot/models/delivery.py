"""Deliveries (投递): one post to one room. Only `outbox` and `by_hand` change them."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from bot.models.columns import LogText, choice, json, serial


class DeliveryKind(StrEnum):
    """What is being delivered; replies and alerts go ahead of bulk posts."""

    REPLY = "reply"
    POST = "post"
    DIGEST = "digest"
    ALERT = "alert"


class DeliveryState(StrEnum):
    """The life of a delivery; its transitions are drawn in `bot/outbox.py`."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


def _sent(name: str, column: str) -> Index:
    # Planning writes many rows at once, and none of them has been sent yet.
    sent = text("sending_at IS NOT NULL")
    return Index(name, column, "sending_at", sqlite_where=sent, postgresql_where=sent)


class Delivery(SQLModel, table=True):
    """One intent, named by `key`: `post:<series>:<original date>:<step>:<room>`, `reply:<message>`,
    `digest:<scope>:<week>:<target>`, `alert:<about>:<room>`. Text is rendered
    and checked when the row is planned.

    `not_before` holds a retry back. `message_id` is the platform's id of what arrived.
    `epoch` is the lease under which the row was claimed. `withdrawn` marks a CANCELLED row that
    the calendar took back to plan otherwise. `image` names a file, `card` holds a link or a mini
    program. `topic` and `variant` are what was drawn for the room, whether it went out or not.
    `doubtful_since` is when the first sending of a row was begun that did not arrive as an operator
    says: if its echo comes after all, it did.
    `recall_asked_at` and `recalled_at`: when a person wanted a sent one back, and when the
    platform took it back.
    """

    __table_args__ = (
        Index(
            "ix_delivery_pending",
            "account_id",
            "priority",
            "due_at",
            # A Q&A day is due in thousands of rooms at one moment: they are found in order.
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_delivery_waiting",
            "room_id",
            "due_at",
            sqlite_where=text("state IN ('pending', 'claimed', 'sending')"),
            postgresql_where=text("state IN ('pending', 'claimed', 'sending')"),
        ),
        _sent("ix_delivery_room", "room_id"),
        _sent("ix_delivery_account", "account_id"),
        # Covers the count of what rooms receive in a day.
        Index("ix_delivery_state", "state", "due_at", "room_id", "kind"),
        Index("ix_delivery_occurrence", "occurrence_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    key: str = Field(sa_type=LogText, unique=True)
    kind: DeliveryKind = Field(sa_type=choice(DeliveryKind))
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_type=choice(DeliveryState))
    priority: int = 1
    series_id: int | None = Field(default=None, foreign_key="series.id")
    occurrence_id: int | None = Field(default=None, foreign_key="occurrence.id")
    step: str | None = None
    room_id: int = Field(foreign_key="room.id")
    account_id: int | None = Field(default=None, foreign_key="account.id")
    text: str = Field(default="", sa_type=LogText)
    mentions: list[str] = Field(default_factory=list, sa_type=json())
    mention_all: bool = False
    image: str | None = None
    card: dict[str, Any] | None = Field(default=None, sa_type=json())
    topic: str | None = None
    variant: str | None = None
    planned_at: dt.datetime
    due_at: dt.datetime
    expires_at: dt.datetime
    not_before: dt.datetime | None = None
    epoch: int | None = None
    claimed_at: dt.datetime | None = None
    sending_at: dt.datetime | None = None
    fingerprint: str | None = None
    sent_at: dt.datetime | None = None
    attempts: int = 0
    doubtful_since: dt.datetime | None = None
    recall_asked_at: dt.datetime | None = None
    recalled_at: dt.datetime | None = None
    message_id: str | None = Field(default=None, sa_type=LogText)
    reason: str | None = None
    withdrawn: bool = False
