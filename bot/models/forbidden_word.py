"""Forbidden words (违禁词): what no post may contain."""

from sqlmodel import Field, SQLModel


class ForbiddenWord(SQLModel, table=True):
    """One word, as it is searched for."""

    __tablename__ = "forbidden_word"

    word: str = Field(primary_key=True)
