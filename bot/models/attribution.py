"""Attributions (归因): the label and credit of an order line, with its evidence. Derived."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import choice, serial
from bot.models.mention import Touch


class Label(StrEnum):
    """The label of one order line (ATTRIBUTION §2)."""

    OUT = "out"
    PROMO = "promo"
    ORGANIC = "organic"
    UNKNOWN = "unknown"
    DIRECT = "direct"


class Grade(StrEnum):
    """How close an organic touch came to the buyer: A answered, B spoke after it, C was there."""

    A = "A"
    B = "B"
    C = "C"


class Attribution(SQLModel, table=True):
    """The label of one order line; the three weights are parts per million and sum to 1,000,000
    (None for `out` and `unknown`). `message_id` is the one message that the label names. `sealed`:
    what it stands on is gone, so it stays as it was decided.
    """

    order_line_id: int = Field(
        primary_key=True,
        sa_type=serial(),
        foreign_key="order_line.id",
        sa_column_kwargs={"autoincrement": False},
    )
    label: Label = Field(sa_type=choice(Label))
    grade: Grade | None = Field(default=None, sa_type=choice(Grade))
    possible: bool = False
    room_id: int | None = Field(default=None, foreign_key="room.id")
    message_id: int | None = Field(default=None, sa_type=serial())
    delivery_id: int | None = Field(default=None, sa_type=serial())
    ppm_organic: int | None = None
    ppm_promo: int | None = None
    ppm_base: int | None = None
    final: bool = False
    sealed: bool = False
    rule_version: int
    inputs_hash: str
    computed_at: datetime


class AttributionEvidence(SQLModel, table=True):
    """One touch that qualified for an order line, with its weight in parts per million."""

    __tablename__ = "attribution_evidence"

    order_line_id: int = Field(
        primary_key=True,
        sa_type=serial(),
        foreign_key="order_line.id",
        sa_column_kwargs={"autoincrement": False},
    )
    position: int = Field(primary_key=True)
    touch: Touch = Field(sa_type=choice(Touch))
    grade: Grade | None = Field(default=None, sa_type=choice(Grade))
    room_id: int = Field(foreign_key="room.id")
    message_id: int | None = Field(default=None, sa_type=serial())
    delivery_id: int | None = Field(default=None, sa_type=serial())
    at: datetime
    weight: int
