"""Topics (话题): the words and questions that rose in a week. Derived, from closed weeks."""

import datetime as dt
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import LogText, choice, json, serial
from bot.models.digest import DigestScope


class TopicKind(StrEnum):
    """What rose."""

    WORD = "word"
    QUESTION = "question"


class Topic(SQLModel, table=True):
    """One word or one group of like questions of one scope in one week (its Monday).

    `target` is the room's platform id, the vertical, or "" for the fleet. `rank` begins at 1.
    A word has `text`; a question is named by its clearest wording, `day`, `room_id` and
    `message_id`, so that its text goes when the message goes; `messages` are the ids of all that
    asked it. `count` and `members`: messages and members of the week; `before`: messages a week in
    the baseline, scaled to the week's size. `score` is a z-score (see `insights/rising.py`), None
    for a question without a baseline.
    """

    week: dt.date = Field(primary_key=True)
    scope: DigestScope = Field(primary_key=True, sa_type=choice(DigestScope))
    target: str = Field(primary_key=True, sa_type=LogText)
    kind: TopicKind = Field(primary_key=True, sa_type=choice(TopicKind))
    rank: int = Field(primary_key=True)
    text: str | None = Field(default=None, sa_type=LogText)
    day: dt.date | None = None
    room_id: int | None = None
    message_id: int | None = Field(default=None, sa_type=serial())
    messages: list[int] | None = Field(default=None, sa_type=json())
    score: float | None = None
    count: int
    before: float
    members: int
    rooms: int
    rule_version: int
    computed_at: dt.datetime
