"""Opt-outs (不留名): who asked that what they say is nobody's from now on."""

import datetime as dt

from sqlmodel import Field, SQLModel


class OptOut(SQLModel, table=True):
    """One contact who opted out, told again by a salted hash alone: no id of a forgotten person
    is kept. `contact_id` is the contact whose past we still hold; None once it was forgotten.
    """

    __tablename__ = "opt_out"

    mark: str = Field(primary_key=True)
    salt: str
    contact_id: int | None = Field(default=None, foreign_key="contact.id", index=True)
    at: dt.datetime
    by: str
