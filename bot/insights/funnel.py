"""The funnel of orders: what was said and followed, and how far the lines paid in some days came.

Two units, never divided by each other. What comes before an order is counted as such: mentions
(one message naming one product) and clicks of our short links, which carry no buyer. Order lines go
down a ladder in which each step is part of the one before (ATTRIBUTION §2):

    PAID ─ KEPT ─ KNOWN ─ MET ─ CREDITED ─ SETTLED

MET is what was touched before it was paid: by talk or a post in a room of the buyer's, or by a
campaign's coupon or link, which needs neither.
A step says what is known of a line, not that the talk caused it: that is what `shares` corrects.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true
from sqlmodel import Session

from bot import database
from bot.models import (
    Attribution,
    Click,
    ClickHour,
    ClickKind,
    Label,
    Mention,
    OrderLine,
    Room,
    ShortLink,
    Touch,
)

LINE, TOLD, ROOM = database.tables(OrderLine, Attribution, Room)
MENTION, CLICK, HOUR, LINK = database.tables(Mention, Click, ClickHour, ShortLink)


class Step(StrEnum):
    """How far a line came."""

    PAID = "paid"
    KEPT = "kept"
    KNOWN = "known"
    MET = "met"
    CREDITED = "credited"
    SETTLED = "settled"


class Ahead(StrEnum):
    """What comes before an order."""

    MENTIONS = "mentions"
    CLICKS = "clicks"


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder; `of` is how many came to the step before, None for the first."""

    step: Step
    lines: int
    of: int | None

    @property
    def share(self) -> float | None:
        """Of those of the step before; None where there were none."""
        return self.lines / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Funnel:
    """What was counted. `ahead` is told apart from the ladder: it has other units.

    `attributed_at` is when the last of the labels was computed, None without lines. `summed` are
    the clicks beyond those ahead, which were too many to be listed.
    """

    ahead: Mapping[Ahead, int]
    ladder: tuple[Rung, ...]
    attributed_at: dt.datetime | None
    summed: int


def reaches(step: Step) -> ColumnElement[bool]:
    """Whether a line came so far: a condition on its attribution."""
    match step:
        case Step.PAID:
            return true()
        case Step.KEPT:
            return TOLD.c.label != Label.OUT
        case Step.KNOWN:
            return TOLD.c.label.not_in((Label.OUT, Label.UNKNOWN))
        case Step.MET:
            credited = TOLD.c.label.in_((Label.ORGANIC, Label.PROMO))
            return or_(credited, and_(TOLD.c.label == Label.DIRECT, TOLD.c.possible))
        case Step.CREDITED:
            return TOLD.c.label.in_((Label.ORGANIC, Label.PROMO))
        case Step.SETTLED:
            return and_(reaches(Step.CREDITED), TOLD.c.final)


def gather(
    session: Session, since: dt.datetime, until: dt.datetime, rooms: ColumnElement[bool] | None
) -> Funnel:
    """The funnel of `[since, until)`; four statements.

    `rooms` is a condition on the room table: then only lines that are credited to one of these
    count. None: every line, those credited to no room as well.
    """
    steps = [func.sum(case((reaches(step), 1), else_=0)).label(step) for step in Step]
    counted = (
        select(func.max(TOLD.c.computed_at).label("at"), *steps)
        .join(LINE, LINE.c.id == TOLD.c.order_line_id)
        .where(LINE.c.paid_at >= since, LINE.c.paid_at < until)
    )
    if rooms is not None:
        counted = counted.join(ROOM, ROOM.c.id == TOLD.c.room_id).where(rooms)
    found = session.connection().execute(counted).one()._mapping
    listed = {Ahead.MENTIONS: mentions, Ahead.CLICKS: clicks}
    ahead = {
        what: session.connection().scalar(
            select(func.count()).select_from(query(since, until, rooms).subquery())
        )
        or 0
        for what, query in listed.items()
    }
    lines = ladder({step: int(found[step] or 0) for step in Step})
    return Funnel(ahead, lines, found["at"], summed(session, since, until, rooms))


def ladder(lines: Mapping[Step, int]) -> tuple[Rung, ...]:
    """The steps in their order, each beside the one before."""
    before: list[int | None] = [None, *(lines[step] for step in Step)]
    return tuple(Rung(step, lines[step], of) for step, of in zip(Step, before, strict=False))


def mentions(
    since: dt.datetime, until: dt.datetime, rooms: ColumnElement[bool] | None
) -> Select[Any]:
    """Members' own mentions (day, room_id, message_id, product_id, contact_id, at): neither by a
    robot nor for a promotion, nor after one.
    """
    found = select(
        *(MENTION.c.day, MENTION.c.room_id, MENTION.c.message_id, MENTION.c.product_id),
        *(MENTION.c.contact_id, MENTION.c.at),
    ).where(
        MENTION.c.day.between(since.date(), until.date()),
        *(MENTION.c.at >= since, MENTION.c.at < until, MENTION.c.touch == Touch.ORGANIC),
    )
    return found if rooms is None else found.join(ROOM, ROOM.c.id == MENTION.c.room_id).where(rooms)


def clicks(
    since: dt.datetime, until: dt.datetime, rooms: ColumnElement[bool] | None
) -> Select[Any]:
    """Clicks of people on our short links (id, code, at, room_id), as far as they are listed."""
    found = (
        select(CLICK.c.id, CLICK.c.code, CLICK.c.at, LINK.c.room_id)
        .join(LINK, LINK.c.code == CLICK.c.code)
        .where(CLICK.c.at >= since, CLICK.c.at < until, CLICK.c.kind == ClickKind.PERSON)
    )
    return found if rooms is None else found.join(ROOM, ROOM.c.id == LINK.c.room_id).where(rooms)


def summed(
    session: Session, since: dt.datetime, until: dt.datetime, rooms: ColumnElement[bool] | None
) -> int:
    """Clicks of people that were too many to be listed, by the hours that begin in these days."""
    query = select(func.coalesce(func.sum(HOUR.c.clicks), 0)).where(
        HOUR.c.hour >= since, HOUR.c.hour < until, HOUR.c.kind == ClickKind.PERSON
    )
    if rooms is not None:
        of_room = query.join(LINK, LINK.c.code == HOUR.c.code)
        query = of_room.join(ROOM, ROOM.c.id == LINK.c.room_id).where(rooms)
    return int(session.connection().scalar(query) or 0)
