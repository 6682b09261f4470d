"""Open questions (待答问题): what members asked and no curated answer fitted."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import choice, serial


class QuestionState(StrEnum):
    """The life of an open question; its transitions are drawn in `bot/desk.py`."""

    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    DISMISSED = "dismissed"


class OpenQuestion(SQLModel, table=True):
    """One question for the operators' list; `day`, `room_id` and `message_id` name its message.

    Members come first: it is listed from `listed_at` on, and is due 24 hours after it was asked.
    `maybe_at`: when something was said that may be an answer, bound by nothing but time.
    `draft` is an answer that nobody has sent yet.
    `answer_id` is the message, `answer_key` the delivery that answered it. A fact of what was
    live: no rebuild makes or drops one.
    """

    __tablename__ = "open_question"
    __table_args__ = (
        Index("ix_open_question_list", "state", "due_at"),
        Index("ix_open_question_room", "room_id", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(sa_type=serial(), unique=True)
    day: dt.date
    room_id: int = Field(foreign_key="room.id")
    contact_id: int = Field(foreign_key="contact.id", index=True)
    asked_at: dt.datetime
    listed_at: dt.datetime
    due_at: dt.datetime
    state: QuestionState = Field(default=QuestionState.OPEN, sa_type=choice(QuestionState))
    claimed_by: str | None = None
    claimed_at: dt.datetime | None = None
    maybe_at: dt.datetime | None = None
    draft: str = ""
    answer_id: int | None = Field(default=None, sa_type=serial())
    answer_key: str | None = None
    closed_by: str | None = None
    closed_at: dt.datetime | None = None
    reason: str = ""
