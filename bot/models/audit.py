"""Audit (审计): who changed what, with the state before and after."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from bot.models.columns import json, serial


class Audit(SQLModel, table=True):
    """One change by a person or by the command line. `object` is like `series:qa-mother-baby`."""

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    at: datetime = Field(index=True)
    by: str
    action: str
    object: str = Field(index=True)
    before: dict[str, Any] | None = Field(default=None, sa_type=json())
    after: dict[str, Any] | None = Field(default=None, sa_type=json())
