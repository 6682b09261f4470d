"""Contacts who were forgotten: what they did before and what comes in later is dropped."""

import datetime as dt

from sqlmodel import Field, SQLModel


class ForgottenContact(SQLModel, table=True):
    """One contact, told again by a salted hash alone, and up to when nothing of them is taken in.

    Goes when nothing of that time can be waiting any more.
    """

    __tablename__ = "forgotten_contact"

    mark: str = Field(primary_key=True)
    salt: str
    until: dt.datetime = Field(index=True)
