"""Signals (信号): what a message is. Derived; each row carries the rule that made it."""

import datetime as dt
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import choice, serial


class SignalKind(StrEnum):
    """What a message is. The last block but one takes a message out of the effective ones."""

    QUESTION = "question"
    ANSWER = "answer"
    SHARE = "share"
    COMPLAINT = "complaint"

    PRAISE = "praise"
    GREETING = "greeting"
    PURCHASE_INTENT = "purchase_intent"
    PRICE_QUESTION = "price_question"
    ORDER_NUMBER = "order_number"
    ADVERTISEMENT = "advertisement"

    STICKER = "sticker"
    PLUS_ONE = "plus_one"
    CHECK_IN = "check_in"
    FLOOD = "flood"
    NEAR_DUPLICATE = "near_duplicate"

    RECALLED = "recalled"


INEFFECTIVE = frozenset(
    {
        SignalKind.STICKER,
        SignalKind.PLUS_ONE,
        SignalKind.CHECK_IN,
        SignalKind.FLOOD,
        SignalKind.NEAR_DUPLICATE,
    }
)


class Signal(SQLModel, table=True):
    """One signal of one message; `target_id` is the question that an answer answers.

    `rule` names what was heard (docs/signals.md lists the rules), `severity` is a complaint's, 1
    to 3. A message carries at most one of the ineffective kinds: the first that holds. A recalled
    message carries `recalled` and nothing else.
    """

    __table_args__ = ({"sqlite_with_rowid": False},)

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True)
    message_id: int = Field(
        primary_key=True, sa_type=serial(), sa_column_kwargs={"autoincrement": False}
    )
    kind: SignalKind = Field(primary_key=True, sa_type=choice(SignalKind))
    at: dt.datetime
    contact_id: int
    target_id: int | None = Field(default=None, sa_type=serial())
    rule: str = Field(default="", max_length=16)
    severity: int | None = None
    rule_version: int
