"""Attributions (归因): the label and credit of an order line, with its evidence. Derived."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json, serial
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
    what it stands on is gone, so it stays as it was decided. `calibration` is the version whose
    weights it got, 0 for the priors.
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
    calibration: int = 0
    inputs_hash: str
    computed_at: datetime


class AttributionEvidence(SQLModel, table=True):
    """One touch that qualified for an order line, with its weight in parts per million.

    Written and removed with the line's attribution, which refers to line and room for both: so
    many rows would look up twice what has been looked up once.
    """

    __tablename__ = "attribution_evidence"

    order_line_id: int = Field(
        primary_key=True,
        sa_type=serial(),
        sa_column_kwargs={"autoincrement": False},
    )
    position: int = Field(primary_key=True)
    touch: Touch = Field(sa_type=choice(Touch))
    grade: Grade | None = Field(default=None, sa_type=choice(Grade))
    room_id: int
    message_id: int | None = Field(default=None, sa_type=serial())
    delivery_id: int | None = Field(default=None, sa_type=serial())
    at: datetime
    weight: int


class Restatement(SQLModel, table=True):
    """That the attribution of a line changed after it was final: what stood, and what stands now.

    Written with the change, never edited.
    """

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    order_line_id: int = Field(sa_type=serial(), index=True)
    at: datetime = Field(index=True)
    label_before: Label = Field(sa_type=choice(Label))
    label_after: Label = Field(sa_type=choice(Label))
    organic_before: int | None = None
    organic_after: int | None = None
    promo_before: int | None = None
    promo_after: int | None = None


class Calibration(SQLModel, table=True):
    """What was fitted on final data: F and R with their errors, the lag kernel, the odds of a touch
    by class, grade and lag. Never edited; a later version applies to lines paid from
    `applies_from` on, the first to all.

    `odds` holds integers, thousandths against "would have come anyway" (`insights/weights.py`).
    """

    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    fitted_at: datetime
    applies_from: datetime
    lines: int
    rooms: int
    found: int
    missed: int
    influence: float
    influence_error: float
    recall: float
    recall_error: float
    median_hours: float
    sigma: float
    odds: dict[str, Any] = Field(sa_type=json())


class LateTalk(SQLModel, table=True):
    """A part of a room's time in which talk or stays changed after attribution had read it."""

    __tablename__ = "late_talk"

    id: int | None = Field(default=None, primary_key=True, sa_type=serial())
    room_id: int
    since: datetime
    until: datetime


class AttributionReach(SQLModel, table=True):
    """One row: up to when attribution has read the log."""

    __tablename__ = "attribution_reach"

    id: int = Field(default=1, primary_key=True)
    until: datetime
