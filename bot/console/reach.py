"""Whom series reach, as far as an operator may see it; who may change a series."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import HTTPException
from sqlalchemy import ColumnElement, and_, case, func, literal, select, true, union_all
from sqlmodel import Session

from bot.console import roles
from bot.console.page import Page
from bot.models import Operator
from content_calendar import audience, definition
from content_calendar.audience import ROOM, Audience
from content_calendar.definition import Stored

# More parts than this no statement of SQLite may have.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Reach:
    """The rooms of one audience: all of them, those the operator sees, those of these that posts
    can reach, and those of these that a filter asks for.
    """

    total: int = 0
    seen: int = 0
    open: int = 0
    wanted: int = 0

    @property
    def visible(self) -> bool:
        """Whether the operator may see a series for this audience: for nobody is for everybody."""
        return not self.total or self.seen > 0

    @property
    def whole(self) -> bool:
        """Whether all of it lies in the operator's scope, so that the operator may change it."""
        return self.seen == self.total


def counts(
    session: Session,
    operator: Operator,
    audiences: Iterable[Audience],
    today: dt.date,
    asked: ColumnElement[bool] | None = None,
) -> dict[Audience, Reach]:
    """The reach of each audience; `asked` is the filter, a condition on the room table.

    One query for every 200 different audiences.
    """
    different = list(dict.fromkeys(audiences))
    seen = roles.in_scope(operator, ROOM)
    sums = {
        "seen": seen,
        "open": and_(seen, ROOM.c.unavailable_reason.is_(None)),
        "wanted": and_(seen, true() if asked is None else asked),
    }
    found: dict[Audience, Reach] = {}
    for first in range(0, len(different), AT_ONCE):
        parts = [
            select(
                literal(place).label("place"),
                func.count().label("total"),
                *(
                    func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name)
                    for name, condition in sums.items()
                ),
            ).where(audience.matches(session, each, today))
            for place, each in enumerate(different[first : first + AT_ONCE])
        ]
        for row in session.connection().execute(union_all(*parts)):
            found[different[first + row.place]] = Reach(
                row.total, int(row.seen), int(row.open), int(row.wanted)
            )
    return found


def of(page: Page, series: Sequence[Stored]) -> dict[Audience, Reach]:
    """The reach of the audiences of these series."""
    return counts(
        page.session, page.someone, (each.definition.audience for each in series), today(page)
    )


def visible(page: Page) -> list[Stored]:
    """Every series that the operator may see."""
    every = definition.stored(page.session)
    reached = of(page, every)
    return [each for each in every if reached[each.definition.audience].visible]


def one(page: Page, key: str) -> tuple[Stored, Reach]:
    """A series that the operator may see, and its reach; 404 otherwise."""
    found = definition.stored(page.session, keys=[key])
    if not found:
        raise HTTPException(404)
    reached = of(page, found)[found[0].definition.audience]
    if not reached.visible:
        raise HTTPException(404)
    return found[0], reached


def changeable(page: Page, key: str) -> Stored:
    """A series that the operator may change: all its rooms lie in the scope. 404, 403 otherwise."""
    found, reached = one(page, key)
    if not reached.whole:
        raise HTTPException(403)
    return found


def must_cover(page: Page, wanted: Audience) -> None:
    """403 where an audience goes beyond the operator's scope."""
    if roles.sees_all(page.someone):
        return
    if not counts(page.session, page.someone, [wanted], today(page))[wanted].whole:
        raise HTTPException(403)


def today(page: Page) -> dt.date:
    """The installation's local date."""
    return page.now.astimezone(page.settings.zone).date()
