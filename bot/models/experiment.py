"""Experiments (实验): what chance decides before anything is posted. Facts, never derived."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import choice


class ExperimentKind(StrEnum):
    """What chance decides: 推广停发 (who gets no promotion), 话题 (what a room talks about), 文案
    (which wording it reads).
    """

    HOLDOUT = "holdout"
    TOPIC = "topic"
    COPY = "copy"


class ExperimentState(StrEnum):
    """proposed → running → stopped; one whose weeks are over simply ends."""

    PROPOSED = "proposed"
    RUNNING = "running"
    STOPPED = "stopped"


class Experiment(SQLModel, table=True):
    """One comparison over `weeks` whole weeks from the Monday `starts`, days by `zone`.

    `series_id` is what it changes. A holdout keeps `share` of the cells without the post. `seed`
    is what draws came from: the experiment's own, or that of the series. An `imported` one was
    drawn and carried out elsewhere; its series may be unknown. `smallest` is the difference in
    orders a cell that it can see, `usual` what was usual before, as estimated when it was proposed.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    kind: ExperimentKind = Field(sa_type=choice(ExperimentKind))
    state: ExperimentState = Field(
        default=ExperimentState.PROPOSED, sa_type=choice(ExperimentState)
    )
    series_id: int | None = Field(default=None, foreign_key="series.id", index=True)
    starts: dt.date
    weeks: int
    zone: str
    share: float
    seed: int
    imported: bool = False
    smallest: float | None = None
    usual: float | None = None
    proposed_by: str
    proposed_at: dt.datetime
    started_by: str | None = None
    started_at: dt.datetime | None = None
    stopped_by: str | None = None
    stopped_at: dt.datetime | None = None
    reason: str | None = None


class Assignment(SQLModel, table=True):
    """What chance decided for one cell, written down before it was told to anybody.

    `draw` is the number that decided: 16 hexadecimal digits of a hash that anybody can compute
    again; empty where somebody elsewhere decided.
    """

    __table_args__ = (Index("ix_assignment_week", "week", "arm", "experiment_id"),)

    experiment_id: int = Field(primary_key=True, foreign_key="experiment.id")
    room_id: int = Field(primary_key=True, foreign_key="room.id")
    product_id: int = Field(primary_key=True, foreign_key="product.id")
    week: dt.date = Field(primary_key=True)
    arm: str
    draw: str = ""
