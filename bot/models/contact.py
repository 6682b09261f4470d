"""Contacts (联系人): a person as the chat platform knows them, across rooms."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from bot.models.columns import LogText


class Contact(SQLModel, table=True):
    """A contact, keyed by platform id and never by nickname; `name` is only the latest seen."""

    id: int | None = Field(default=None, primary_key=True)
    platform_id: str = Field(sa_type=LogText, unique=True)
    name: str = Field(default="", sa_type=LogText)
    name_at: datetime | None = None
