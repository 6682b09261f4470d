"""The cells of an experiment as numbers: what was bought, what chance said, what was posted."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Row, func, select
from sqlmodel import Session

from bot import database
from bot.insights import trials
from bot.insights.arrays import Flags, Floats, Ints
from bot.insights.effects import Observed
from bot.insights.trials import ASSIGNMENT
from bot.models import (
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    ExperimentKind,
    Identity,
    IdentityKind,
    Membership,
    Occurrence,
    OrderLine,
    OrderStatus,
    Person,
    Product,
    Role,
)

# What is usual in a room is its mean of so many weeks before the first.
WEEKS_BEFORE = 8


@dataclass(frozen=True, slots=True)
class Cells:
    """One entry a cell; `week` counts from the first. `lines` are the order lines of members in
    the weeks looked at, `shared` those whose buyer was in several rooms of the experiment.
    """

    arm: Sequence[str]
    room: Ints
    product: Ints
    week: Ints
    outcome: Floats
    exposed: Floats
    prior: Floats
    lines: int
    shared: int

    def observed(self, weeks: int, treated: str, other: str) -> Observed:
        """The cells of two arms in the first `weeks` weeks."""
        arms = np.array(self.arm)
        kept = (self.week < weeks) & ((arms == treated) | (arms == other))
        return Observed(
            outcome=self.outcome[kept],
            assigned=(arms[kept] == treated).astype(float),
            exposed=self.exposed[kept],
            prior=self.prior[kept],
            stratum=self.product[kept] * (trials.MOST_WEEKS + 1) + self.week[kept],
            cluster=self.room[kept],
        )


def gather(session: Session, experiment: Row[Any], *, weeks_back: int = 0) -> Cells:
    """The cells of an experiment, with what was bought in its weeks.

    `weeks_back` asks for the orders (and what was usual) of so many weeks earlier instead: what
    the same draws would have found when nothing differed.
    """
    drawn = session.connection().execute(
        select(ASSIGNMENT)
        .where(ASSIGNMENT.c.experiment_id == experiment.id)
        .order_by(ASSIGNMENT.c.week, ASSIGNMENT.c.product_id, ASSIGNMENT.c.room_id)
    )
    rows = drawn.all()
    room = np.array([row.room_id for row in rows], np.int64)
    product = np.array([row.product_id for row in rows], np.int64)
    weeks = [(row.week - experiment.starts).days // 7 for row in rows]
    week = np.array(weeks, np.int64)
    first = experiment.starts - weeks_back * trials.WEEK
    lines = _bought(session, experiment, first)
    inside = np.isin(lines.room, np.unique(room)) & (lines.week >= 0)
    told, times = np.unique(lines.id[inside], return_counts=True)
    return Cells(
        arm=[row.arm for row in rows],
        room=room,
        product=product,
        week=week,
        outcome=_counted(lines, room, product, week),
        exposed=_exposed(session, experiment, rows),
        prior=_usual(lines, room, product),
        lines=len(told),
        shared=int((times > 1).sum()),
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """Order lines by the rooms whose members bought; `week` is negative before the first."""

    id: Ints
    room: Ints
    product: Ints
    week: Ints


def _bought(session: Session, experiment: Row[Any], first: dt.date) -> _Lines:
    line, identity, person, contact, stay = database.tables(
        OrderLine, Identity, Person, Contact, Membership
    )
    edges = [
        _midnight(first + n * trials.WEEK, experiment.zone)
        for n in range(-WEEKS_BEFORE, experiment.weeks + 1)
    ]
    products = select(ASSIGNMENT.c.product_id).where(ASSIGNMENT.c.experiment_id == experiment.id)
    paid = database.seconds(line.c.paid_at, session)
    rows = session.connection().execute(
        select(line.c.id, stay.c.room_id, line.c.product_id, paid)
        .select_from(line)
        .join(person, (person.c.id == line.c.person_id) & person.c.quarantined.is_(None))
        .join(identity, identity.c.person_id == person.c.id)
        .join(contact, contact.c.platform_id == identity.c.value)
        .join(stay, stay.c.contact_id == contact.c.id)
        .where(
            identity.c.kind == IdentityKind.CONTACT,
            stay.c.joined_at <= line.c.paid_at,
            stay.c.left_at.is_(None) | (stay.c.left_at > line.c.paid_at),
            stay.c.role.in_((Role.MEMBER, Role.KOC)),
            line.c.status != OrderStatus.CANCELLED,
            line.c.refunded < line.c.amount,
            line.c.product_id.in_(products),
            line.c.paid_at >= edges[0],
            line.c.paid_at < edges[-1],
        )
        .distinct()
    )  # fmt: skip
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 4
    ids, rooms, products_, at = (np.array(each, np.int64) for each in columns)
    starts = np.array([int(edge.timestamp()) for edge in edges], np.int64)
    return _Lines(ids, rooms, products_, np.searchsorted(starts, at, "right") - 1 - WEEKS_BEFORE)


def _counted(lines: _Lines, room: Ints, product: Ints, week: Ints) -> Floats:
    """How many of the lines fall into each cell."""
    found: dict[tuple[int, int, int], int] = {}
    for key in zip(lines.room.tolist(), lines.product.tolist(), lines.week.tolist(), strict=True):
        found[key] = found.get(key, 0) + 1
    cells = zip(room.tolist(), product.tolist(), week.tolist(), strict=True)
    return np.array([found.get(cell, 0) for cell in cells], float)


def _usual(lines: _Lines, room: Ints, product: Ints) -> Floats:
    """The mean of a week before the first, by room and product."""
    before: Flags = lines.week < 0
    earlier = _Lines(
        lines.id[before],
        lines.room[before],
        lines.product[before],
        np.zeros(int(before.sum()), np.int64),
    )
    return _counted(earlier, room, product, np.zeros(len(room), np.int64)) / WEEKS_BEFORE


def _exposed(session: Session, experiment: Row[Any], rows: Sequence[Row[Any]]) -> Floats:
    """Whether each cell's room got the post that its arm is about, for this product, that week."""
    if experiment.series_id is None:
        # What went out is known elsewhere: the draw stands for it.
        return np.array([row.arm not in trials.UNEXPOSED for row in rows], float)
    delivery, occurrence, product = database.tables(Delivery, Occurrence, Product)
    got = session.connection().execute(
        select(
            delivery.c.room_id, occurrence.c.original_date, delivery.c.topic, delivery.c.variant,
            product.c.id,
        )
        .join(occurrence, occurrence.c.id == delivery.c.occurrence_id)
        .outerjoin(product, product.c.sku == delivery.c.topic)
        .where(
            delivery.c.series_id == experiment.series_id,
            delivery.c.kind == DeliveryKind.POST,
            delivery.c.state == DeliveryState.SENT,
            occurrence.c.original_date >= experiment.starts,
            occurrence.c.original_date < experiment.starts + experiment.weeks * trials.WEEK,
        )
        .group_by(
            delivery.c.room_id, occurrence.c.original_date, delivery.c.topic, delivery.c.variant,
            product.c.id,
        )
        .having(func.count() > 0)
    )  # fmt: skip
    seen: set[tuple[int, dt.date, int | None]] = set()
    for row in got:
        is_told = experiment.kind is not ExperimentKind.COPY or row.variant != trials.COPY
        if is_told:
            seen.add((row.room_id, trials.monday(row.original_date), row.id))
    return np.array(
        [
            (row.room_id, row.week, row.product_id) in seen or (row.room_id, row.week, None) in seen
            for row in rows
        ],
        float,
    )


def _midnight(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
