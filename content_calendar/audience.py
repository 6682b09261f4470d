"""Which rooms a series is for, evaluated when its posts are planned.

An audience is every room, or the rooms that meet every criterion that is given (verticals, tags,
accounts, owners, size, activity), together with the rooms named one by one; less the excluded ones.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlmodel import Session

from bot import database
from bot.insights import engagement
from bot.models import Account, DailyCount, Membership, Room, RoomTag
from bot.models.columns import LogText

ROOM, TAG, ACCOUNT = database.tables(Room, RoomTag, Account)
STAY, COUNT = database.tables(Membership, DailyCount)
ACTIVITY = dt.timedelta(days=28)
# More parts than this no statement of SQLite may have.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `least` to `most`, both included; None is open."""

    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """What the calendar file says; rooms by platform id, accounts by name.

    `members` counts the people present, `messages_a_day` the mean of the last 28 days.
    """

    verticals: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    members: Bounds | None = None
    messages_a_day: Bounds | None = None
    rooms: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    exclude_verticals: tuple[str, ...] = ()
    all: bool = False

    @property
    def narrows(self) -> bool:
        """Whether some criterion is given."""
        lists = self.verticals or self.tags or self.accounts or self.owners
        return bool(lists or self.members or self.messages_a_day)


class Target(NamedTuple):
    """One room that a series reaches. `zone` None means the installation's.

    A tuple, since thousands are made at once.
    """

    id: int
    platform_id: str
    topic: str
    vertical: str
    zone: str | None
    account_id: int | None
    owner: str
    mention_all: bool
    unavailable_reason: str | None


def available(
    session: Session,
    audience: Audience,
    today: dt.date,
    zones: Iterable[str | None] | None = None,
) -> list[Target]:
    """The rooms that posts can reach, by id; only those in `zones` where these are given."""
    statement = _targets(session, audience, today).where(ROOM.c.unavailable_reason.is_(None))
    if zones is not None:
        statement = statement.where(_in_zones(set(zones)))
    return _found(session, statement)


def ids(session: Session, audience: Audience, today: dt.date) -> set[int]:
    """The ids of the rooms that posts can reach."""
    condition = matches(session, audience, today) & ROOM.c.unavailable_reason.is_(None)
    return set(session.connection().scalars(select(ROOM.c.id).where(condition)))


def everyone(session: Session) -> dict[int, Target]:
    """Every room, unreachable ones too, by id."""
    statement = select(*(ROOM.c[name] for name in Target._fields)).order_by(ROOM.c.id)
    return {room.id: room for room in _found(session, statement)}


def members(
    session: Session, audiences: Iterable[Audience], today: dt.date
) -> dict[Audience, frozenset[int]]:
    """The ids of each audience's rooms, unreachable ones too; one query for 200 audiences."""
    different = list(dict.fromkeys(audiences))
    found: dict[Audience, list[int]] = {each: [] for each in different}
    for first in range(0, len(different), AT_ONCE):
        parts = [
            select(literal(place).label("place"), ROOM.c.id).where(matches(session, each, today))
            for place, each in enumerate(different[first : first + AT_ONCE])
        ]
        for place, room_id in session.connection().execute(union_all(*parts)):
            found[different[first + place]].append(room_id)
    return {each: frozenset(rooms) for each, rooms in found.items()}


def targets(session: Session, audience: Audience, today: dt.date) -> list[Target]:
    """The rooms of an audience by id, unreachable ones too."""
    return _found(session, _targets(session, audience, today))


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
    return list(map(Target._make, session.connection().execute(statement)))


def _targets(session: Session, audience: Audience, today: dt.date) -> Select[Any]:
    columns = [ROOM.c[name] for name in Target._fields]
    return select(*columns).where(matches(session, audience, today)).order_by(ROOM.c.id)


def matches(session: Session, audience: Audience, today: dt.date) -> ColumnElement[bool]:
    """The audience as one condition on `room`; activity is that of the days before `today`."""
    chosen = true() if audience.all else _chosen(session, audience, today)
    left_out = list(_left_out(session, audience))
    return and_(chosen, not_(or_(*left_out))) if left_out else chosen


def _chosen(session: Session, audience: Audience, today: dt.date) -> ColumnElement[bool]:
    ways = []
    if audience.narrows:
        ways.append(and_(*_criteria(audience, today)))
    if audience.rooms:
        ways.append(ROOM.c.platform_id.in_(_given(session, audience.rooms)))
    return or_(*ways) if ways else false()


def _criteria(audience: Audience, today: dt.date) -> Iterable[ColumnElement[bool]]:
    if audience.verticals:
        yield ROOM.c.vertical.in_(audience.verticals)
    if audience.tags:
        yield ROOM.c.id.in_(_tagged(audience.tags))
    if audience.accounts:
        named = select(ACCOUNT.c.id).where(ACCOUNT.c.name.in_(audience.accounts))
        yield ROOM.c.account_id.in_(named)
    if audience.owners:
        yield ROOM.c.owner.in_(audience.owners)
    if audience.members is not None:
        present = select(func.count()).where(STAY.c.room_id == ROOM.c.id, STAY.c.left_at.is_(None))
        yield _within(present.scalar_subquery(), audience.members)
    if audience.messages_a_day is not None:
        # Days first, as the table leads with them; one pass for all rooms.
        busy = (
            select(COUNT.c.room_id, func.sum(COUNT.c.messages).label("messages"))
            .where(COUNT.c.day >= today - ACTIVITY, COUNT.c.day < today)
            .where(engagement.by_member(COUNT.c.room_id, COUNT.c.contact_id))
            .group_by(COUNT.c.room_id)
            .subquery()
        )
        said = select(busy.c.messages).where(busy.c.room_id == ROOM.c.id).scalar_subquery()
        days = ACTIVITY.days
        bounds = audience.messages_a_day
        least, most = bounds.least, bounds.most
        scaled = Bounds(least and least * days, most if most is None else most * days)
        yield _within(func.coalesce(said, 0), scaled)


def _left_out(session: Session, audience: Audience) -> Iterable[ColumnElement[bool]]:
    if audience.exclude:
        yield ROOM.c.platform_id.in_(_given(session, audience.exclude))
    if audience.exclude_tags:
        yield ROOM.c.id.in_(_tagged(audience.exclude_tags))
    if audience.exclude_verticals:
        yield ROOM.c.vertical.in_(audience.exclude_verticals)


def _tagged(tags: Iterable[str]) -> Select[tuple[int]]:
    return select(TAG.c.room_id).where(TAG.c.tag.in_(list(tags)))


def _within(figure: ColumnElement[int], bounds: Bounds) -> ColumnElement[bool]:
    ends = []
    if bounds.least is not None:
        ends.append(figure >= bounds.least)
    if bounds.most is not None:
        ends.append(figure <= bounds.most)
    return and_(true(), *ends)


def _in_zones(zones: set[str | None]) -> ColumnElement[bool]:
    named = ROOM.c.zone.in_({zone for zone in zones if zone is not None})
    return or_(named, ROOM.c.zone.is_(None)) if None in zones else named


def _given(session: Session, ids: Iterable[str]) -> Select[tuple[object]]:
    source = database.given(session, {"platform_id": LogText()}, [(each,) for each in sorted(ids)])
    return select(source.c.platform_id)
