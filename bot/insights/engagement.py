"""Engagement (互动): counted acts of members, gathered for every room at once.

Operators, bots and our own accounts are left out when the counts are read (DESIGN §7). Every
function runs a fixed number of queries whatever the number of rooms, and returns figures by room.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    case,
    exists,
    func,
    or_,
    select,
    union,
)
from sqlmodel import Session

from bot import database
from bot.gateway import Read, capabilities_from_json
from bot.models import Account, DailyCount, Membership, Role, Room

COUNTS = database.table(DailyCount).c
STAYS = database.table(Membership).c
LEFT_OUT = (Role.OPERATOR, Role.BOT)
# Kinds of gateway that see nothing of what members say; every other kind reads all.
READS = {"manual": Read.NONE}


@dataclass(frozen=True, slots=True)
class Days:
    """Room-local days `[since, until)`."""

    since: dt.date
    until: dt.date

    def __iter__(self) -> Iterator[dt.date]:
        return (self.since + dt.timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        return max((self.until - self.since).days, 0)

    def instants(self, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
        """The same stretch as aware UTC instants `[since, until)` in one zone."""
        midnight = dt.time(tzinfo=zone)
        return (
            dt.datetime.combine(self.since, midnight).astimezone(dt.UTC),
            dt.datetime.combine(self.until, midnight).astimezone(dt.UTC),
        )

    def back(self, days: int) -> "Days":
        """The last `days` days of the stretch, or those that led to its end."""
        return Days(self.until - dt.timedelta(days=days), self.until)


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as figures need it; `account` is the account's name, None where none listens.

    `reads` is what that account's gateway can see.
    """

    id: int
    platform_id: str
    topic: str
    vertical: str
    zone: ZoneInfo
    account: str | None
    owner: str = ""
    reads: Read = Read.ALL


@dataclass(frozen=True, slots=True)
class Count:
    """What the members of one room did in one stretch of days."""

    messages: int = 0
    effective: int = 0
    questions: int = 0
    shares: int = 0
    product_mentions: int = 0
    # Per day: who spoke that day. Over several days: the sum of those, speaker-days.
    speaker_days: int = 0


@dataclass(frozen=True, slots=True)
class Talk:
    """How much one member said in one room in some days."""

    contact_id: int
    messages: int
    effective: int


@dataclass(frozen=True, slots=True)
class Turnover:
    """Members who came and went; who was there before we could see never counts as new."""

    joins: int = 0
    leaves: int = 0


def rooms(session: Session, zone: ZoneInfo) -> dict[int, RoomView]:
    """Every room by id; `zone` is the installation's, for rooms that name none."""
    room, account = database.table(Room).c, database.table(Account).c
    rows = session.connection().execute(
        select(
            *(room.id, room.platform_id, room.topic, room.vertical, room.zone, room.owner),
            *(account.id, account.name),
        )
        .select_from(database.table(Room).outerjoin(database.table(Account)))
        .order_by(room.id)
    )
    # One object per zone: ZoneInfo caches, yet a look-up by name for every room adds up.
    zones: dict[str | None, ZoneInfo] = {None: zone}
    found = {}
    reads = _reads(session)
    for id, platform_id, topic, vertical, zone_name, owner, account_id, name in rows:
        if zone_name not in zones:
            zones[zone_name] = ZoneInfo(zone_name)
        own, read = zones[zone_name], reads.get(account_id, Read.ALL)
        found[id] = RoomView(id, platform_id, topic, vertical, own, name, owner, read)
    return found


def _reads(session: Session) -> dict[int, Read]:
    """What each account's gateway said that it can see; before it ever ran, by its kind."""
    account = database.table(Account).c
    rows = session.connection().execute(select(account.id, account.gateway, account.capabilities))
    return {
        id: READS.get(kind, Read.ALL) if said is None else capabilities_from_json(said).read
        for id, kind, said in rows
    }


def roles(session: Session) -> dict[tuple[int, int], Role]:
    """(room, contact) → role, of everybody who is left out; our own accounts count as bots."""
    rows = session.connection().execute(
        select(STAYS.room_id, STAYS.contact_id, STAYS.role).where(
            STAYS.role.in_(LEFT_OUT) | STAYS.contact_id.in_(_ours())
        )
    )
    return {(room, contact): role if role in LEFT_OUT else Role.BOT for room, contact, role in rows}


def counts(session: Session, stretches: Sequence[Days]) -> dict[int, dict[dt.date, Count]]:
    """Per room: the counts of each stretch in which members said something, by its first day."""
    given = _given_stretches(session, stretches)
    rows = session.connection().execute(
        select(
            COUNTS.room_id,
            given.c.since,
            func.sum(COUNTS.messages),
            func.sum(COUNTS.effective_messages),
            func.sum(COUNTS.questions),
            func.sum(COUNTS.shares),
            func.sum(COUNTS.product_mentions),
            func.count(),
        )
        .where(COUNTS.day >= given.c.since, COUNTS.day < given.c.until, COUNTS.messages > 0)
        .where(by_member(COUNTS.room_id, COUNTS.contact_id))
        .group_by(COUNTS.room_id, given.c.since)
    )
    found: dict[int, dict[dt.date, Count]] = defaultdict(dict)
    for room, since, *sums in rows:
        # PostgreSQL adds integers up to a Decimal.
        found[room][since] = Count(*(int(amount) for amount in sums))
    return dict(found)


def first_days(session: Session, days: Days) -> dict[int, dt.date]:
    """Per room: the first of these days on which anybody, whatever their role, was recorded."""
    rows = session.connection().execute(
        select(COUNTS.room_id, func.min(COUNTS.day))
        .where(_within(COUNTS.day, days))
        .group_by(COUNTS.room_id)
    )
    return {row[0]: row[1] for row in rows}


def talks(session: Session, days: Days) -> dict[int, list[Talk]]:
    """Per room: how much each member said who spoke in these days, by contact."""
    rows = session.connection().execute(
        select(
            COUNTS.room_id,
            COUNTS.contact_id,
            func.sum(COUNTS.messages),
            func.sum(COUNTS.effective_messages),
        )
        .where(_spoke(days))
        .group_by(COUNTS.room_id, COUNTS.contact_id)
        .order_by(COUNTS.room_id, COUNTS.contact_id)
    )
    found: dict[int, list[Talk]] = defaultdict(list)
    for room, contact, messages, effective in rows:
        found[room].append(Talk(contact, int(messages), int(effective)))
    return dict(found)


def speakers(session: Session, days: Days) -> dict[int, int]:
    """Per room: how many members spoke in these days."""
    rows = session.connection().execute(
        select(COUNTS.room_id, func.count(COUNTS.contact_id.distinct()))
        .where(_spoke(days))
        .group_by(COUNTS.room_id)
    )
    return {row[0]: row[1] for row in rows}


def members(session: Session, views: Mapping[int, RoomView], days: Days) -> dict[int, int]:
    """Per room: those present at the end of these days, united with those who spoke in them."""
    given = given_rooms(session, views, days)
    present = select(STAYS.room_id, STAYS.contact_id).where(
        STAYS.room_id == given.c.room_id,
        STAYS.joined_at < given.c.until_at,
        or_(STAYS.left_at.is_(None), STAYS.left_at >= given.c.until_at),
        by_member(STAYS.room_id, STAYS.contact_id),
    )
    spoke = select(COUNTS.room_id, COUNTS.contact_id).where(_spoke(days))
    both = union(present, spoke).subquery()
    rows = session.connection().execute(
        select(both.c.room_id, func.count()).group_by(both.c.room_id)
    )
    return {row[0]: row[1] for row in rows}


def turnover(session: Session, views: Mapping[int, RoomView], days: Days) -> dict[int, Turnover]:
    """Per room: stays of members that began and that ended in these days."""
    given = given_rooms(session, views, days)
    joined = func.sum(case((_inside(STAYS.joined_at, given), 1), else_=0))
    left = func.sum(case((_inside(STAYS.left_at, given), 1), else_=0))
    rows = session.connection().execute(
        select(STAYS.room_id, joined, left)
        .where(STAYS.room_id == given.c.room_id)
        .where(or_(_inside(STAYS.joined_at, given), _inside(STAYS.left_at, given)))
        .where(by_member(STAYS.room_id, STAYS.contact_id))
        .group_by(STAYS.room_id)
    )
    return {room: Turnover(int(joins), int(leaves)) for room, joins, leaves in rows}


def given_rooms(session: Session, views: Mapping[int, RoomView], days: Days) -> FromClause:
    """A FROM clause with each room's stretch as instants: room_id, since_at, until_at."""
    by_zone = {view.zone: days.instants(view.zone) for view in views.values()}
    given = database.given(
        session,
        {"room_id": Integer(), "since_at": STAYS.joined_at.type, "until_at": STAYS.joined_at.type},
        [(view.id, *by_zone[view.zone]) for view in views.values()],
    )
    # Materialized, SQLite indexes it by itself; else every row looks through all rooms.
    chosen = select(given.c.room_id, given.c.since_at, given.c.until_at)
    return chosen.cte("stretch").prefix_with("MATERIALIZED")


def by_member(room: ColumnElement[int], contact: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether somebody counts in that room: neither operator nor bot nor one of our accounts."""
    # One look into an index a row; a NOT IN over pairs would scan the whole list on SQLite.
    stay = database.table(Membership).alias("left_out").c
    left_out = exists().where(
        stay.room_id == room, stay.contact_id == contact, stay.role.in_(LEFT_OUT)
    )
    return ~left_out & contact.not_in(_ours())


def _ours() -> Select[tuple[int]]:
    account = database.table(Account).c
    return select(account.contact_id).where(account.contact_id.is_not(None))


def _given_stretches(session: Session, stretches: Sequence[Days]) -> FromClause:
    return database.given(
        session,
        {"since": Date(), "until": Date()},
        [(days.since, days.until) for days in stretches],
    )


def _spoke(days: Days) -> ColumnElement[bool]:
    return (
        _within(COUNTS.day, days)
        & (COUNTS.messages > 0)
        & by_member(COUNTS.room_id, COUNTS.contact_id)
    )


def _within(day: ColumnElement[dt.date], days: Days) -> ColumnElement[bool]:
    return (day >= days.since) & (day < days.until)


def _inside(at: ColumnElement[Any], given: FromClause) -> ColumnElement[bool]:
    return (at >= given.c.since_at) & (at < given.c.until_at)
