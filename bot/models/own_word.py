"""Operators' own words: what segmentation and topics should know beyond the dictionaries."""

import datetime as dt
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import choice


class WordKind(StrEnum):
    """What a word is to be: one word, one that says nothing, or none at all."""

    WORD = "word"
    STOP = "stop"
    DELETED = "deleted"


class OwnWord(SQLModel, table=True):
    """One word of one kind, as it is written."""

    __tablename__ = "own_word"

    word: str = Field(primary_key=True)
    kind: WordKind = Field(primary_key=True, sa_type=choice(WordKind))
    by: str
    at: dt.datetime
