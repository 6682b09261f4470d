"""What accounts hear in rooms that another one listens to: kept aside for ten minutes."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import LogText, json, serial


class Overheard(SQLModel, table=True):
    """One message as an account heard it, not in the log under this account's id for it.

    `said` is the whole of it. `settled` once it was looked for in the log: `twin` is then the
    platform id under which the log has it from another account, None where it was missing there
    and has been recorded.
    """

    __table_args__ = (
        UniqueConstraint("account_id", "room_id", "platform_id"),
        Index("ix_overheard_room", "room_id", "settled"),
        Index("ix_overheard_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    account_id: int = Field(foreign_key="account.id")
    room_id: int = Field(foreign_key="room.id")
    platform_id: str = Field(sa_type=LogText)
    at: dt.datetime
    said: dict[str, Any] = Field(sa_type=json())
    settled: bool = False
    twin: str | None = Field(default=None, sa_type=LogText)
