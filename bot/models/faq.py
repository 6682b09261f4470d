"""Curated answers of a vertical."""

import datetime as dt

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.models.columns import json


class Faq(SQLModel, table=True):
    """One question, its answer and other ways to ask it; vertical "" stands for every one.

    The bot gives no answer that was retired. `question_id` is the open question whose answer the
    entry was made of.
    """

    __table_args__ = (UniqueConstraint("vertical", "question"),)

    id: int | None = Field(default=None, primary_key=True)
    vertical: str = ""
    question: str
    answer: str
    alternatives: list[str] = Field(default_factory=list, sa_type=json())
    retired_at: dt.datetime | None = None
    question_id: int | None = None
