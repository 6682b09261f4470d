"""Which rooms a series is for, evaluated when its posts are planned.

An audience is every room, or the rooms of the verticals that carry one of the tags (a list left
empty does not narrow) together with the rooms named one by one; less the excluded ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select, true
from sqlmodel import Session

from bot import database
from bot.models import Room, RoomTag
from bot.models.columns import LogText

ROOM = database.table(Room)
TAG = database.table(RoomTag)


@dataclass(frozen=True, slots=True)
class Audience:
    """What the calendar file says; rooms by platform id."""

    verticals: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    all: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One room that a series reaches. `zone` None means the installation's."""

    id: int
    platform_id: str
    topic: str
    vertical: str
    zone: str | None
    account_id: int | None
    unavailable_reason: str | None


def available(
    session: Session, audience: Audience, zones: Iterable[str | None] | None = None
) -> list[Target]:
    """The rooms that posts can reach, by id; only those in `zones` where these are given."""
    statement = _targets(session, audience).where(ROOM.c.unavailable_reason.is_(None))
    if zones is not None:
        statement = statement.where(_in_zones(set(zones)))
    return _found(session, statement)


def targets(session: Session, audience: Audience) -> list[Target]:
    """The rooms of an audience by id, unreachable ones too."""
    return _found(session, _targets(session, audience))


def unknown_rooms(session: Session, audience: Audience) -> list[str]:
    """The rooms named in an audience that nobody has ever seen."""
    named = {*audience.rooms, *audience.exclude}
    if not named:
        return []
    known = select(ROOM.c.platform_id).where(ROOM.c.platform_id.in_(_given(session, named)))
    return sorted(named - set(session.connection().scalars(known)))


def zones(session: Session) -> set[str | None]:
    """The zones that rooms name; None stands for rooms that name none."""
    return set(session.connection().scalars(select(ROOM.c.zone).distinct()))


def _found(session: Session, statement: Select[Any]) -> list[Target]:
    return [Target(*row) for row in session.connection().execute(statement)]


def _targets(session: Session, audience: Audience) -> Select[Any]:
    columns = [ROOM.c[name] for name in Target.__slots__]
    return select(*columns).where(matches(session, audience)).order_by(ROOM.c.id)


def matches(session: Session, audience: Audience) -> ColumnElement[bool]:
    """The audience as one condition on `room`."""
    named = ROOM.c.platform_id.in_(_given(session, audience.rooms)) if audience.rooms else false()
    chosen = true() if audience.all else or_(_selected(audience), named)
    if not audience.exclude:
        return chosen
    return and_(chosen, not_(ROOM.c.platform_id.in_(_given(session, audience.exclude))))


def _selected(audience: Audience) -> ColumnElement[bool]:
    if not audience.verticals and not audience.tags:
        return false()
    tagged = select(TAG.c.room_id).where(TAG.c.tag.in_(audience.tags))
    return and_(
        ROOM.c.vertical.in_(audience.verticals) if audience.verticals else true(),
        ROOM.c.id.in_(tagged) if audience.tags else true(),
    )


def _in_zones(zones: set[str | None]) -> ColumnElement[bool]:
    named = ROOM.c.zone.in_({zone for zone in zones if zone is not None})
    return or_(named, ROOM.c.zone.is_(None)) if None in zones else named


def _given(session: Session, ids: Iterable[str]) -> Select[tuple[object]]:
    source = database.given(session, {"platform_id": LogText()}, [(each,) for each in sorted(ids)])
    return select(source.c.platform_id)
