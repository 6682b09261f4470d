"""Engagement (互动): counted acts of members, gathered for every room at once.

Operators, bots and our own accounts are left out when the counts are read (DESIGN §7). Every
function runs a fixed number of queries whatever the number of rooms, and returns figures by room.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    exists,
    select,
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
