"""Accounts (机器人账号): one logged-in bot identity behind one gateway."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from bot.models.columns import json


class Account(SQLModel, table=True):
    """An account, named without secrets, and the lease of the one process that owns it.

    `lease_epoch` only grows, and no two accounts share one: claims, begins and settles under an
    older epoch are refused.
    `capabilities` is what its gateway last said of itself, None before it ever ran.
    `posting` is `confirm` where people carry posts out (see `gateway.Posting`).
    `first_online_at` starts the warm-up of a new account. Until `rests_until` it sends nothing: its
    platform said that it does too much. `spooled` events that it heard waited for the database when
    its process last said so, the oldest since `spooled_since`, and `refused` were kept aside.
    `logins` are the log-ins recorded, one too many where a crash had one taken on twice.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    gateway: str
    posting: str = "direct"
    contact_id: int | None = Field(default=None, foreign_key="contact.id")
    capabilities: dict[str, Any] | None = Field(default=None, sa_type=json())
    online: bool = False
    state_at: datetime | None = None
    state_reason: str = ""
    first_online_at: datetime | None = None
    lease_owner: str | None = None
    lease_epoch: int = 0
    lease_until: datetime | None = None
    rests_until: datetime | None = None
    spooled: int = 0
    spooled_since: datetime | None = None
    refused: int = 0
    logins: int = 0
