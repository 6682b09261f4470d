"""Rooms from CSV: what operators know about them and a gateway does not.

Rooms not seen before are made. An account that is named here and not connected yet is made
offline behind no gateway yet, so that its rooms can be planned for; connecting it later
keeps the row. Empty cells leave alone what stands, so the same file twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from bot import arranging, cells, database, directory
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.models import Account, Room, RoomTag

ROOM = Column("room", cells.identifier, ("群",), required=True, filled=True)
TOPIC = Column("topic", cells.text, ("群名",))
VERTICAL = Column("vertical", cells.text, ("垂类",))
ZONE = Column("zone", cells.zone_name, ("时区",))
TAGS = Column("tags", cells.names, ("标签",))
ACCOUNT = Column("account", cells.text, ("账号",))
OWNER = Column("owner", cells.text, ("负责人",))
MENTION_ALL = Column("mention_all", cells.boolean, ("允许@所有人",))


@dataclass(frozen=True, slots=True)
class RoomRow:
    """What a file says of one room; None says nothing."""

    room: str
    topic: str | None = None
    vertical: str | None = None
    zone: str | None = None
    tags: tuple[str, ...] | None = None
    account: str | None = None
    owner: str | None = None
    mention_all: bool | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class _Known:
    """A room as it stands or shall stand."""

    topic: str
    vertical: str
    zone: str | None
    account_id: int | None
    owner: str
    mention_all: bool
    tags: frozenset[str]


def read_rows(path: Path, zone: ZoneInfo) -> Reading[RoomRow]:
    """Rooms of a file."""
    return read(path, (ROOM, TOPIC, VERTICAL, ZONE, TAGS, ACCOUNT, OWNER, MENTION_ALL), zone, _room)


def record(session: Session, rows: Sequence[RoomRow]) -> tuple[Imported, frozenset[int]]:
    """Make or change rooms; also returns the ids of those whose zone changed.

    Days of a room are local, so whoever calls this recounts the rooms whose zone changed.
    """
    accounts = _accounts(session, {row.account for row in rows if row.account})
    before = _standing(session, {row.room for row in rows})
    ids = directory.rooms(session, {row.room: None for row in rows})
    standing = _standing(session, set(ids))
    after = dict(standing)
    for row in rows:
        after[row.room] = _told(after[row.room], row, accounts)
    changed = {room for room in after if after[room] != standing[room]}
    for column in arranging.COLUMNS:
        differing = {
            ids[room]: getattr(after[room], column)
            for room in changed
            if getattr(after[room], column) != getattr(standing[room], column)
        }
        arranging.write(session, column, differing)
    told = {room: (after[room].tags, standing[room].tags) for room in changed}
    arranging.untag(
        session, [(ids[room], tag) for room, (now, was) in told.items() for tag in was - now]
    )
    arranging.tag(
        session, [(ids[room], tag) for room, (now, was) in told.items() for tag in now - was]
    )
    counts = Imported(
        created=len(after.keys() - before.keys()),
        changed=len(changed & before.keys()),
        unchanged=len(before.keys() - changed),
    )
    rezoned = {room for room in before if before[room].zone != after[room].zone}
    return counts, frozenset(ids[room] for room in rezoned)


def _told(known: _Known, row: RoomRow, accounts: Mapping[str, int]) -> _Known:
    return replace(
        known,
        topic=row.topic or known.topic,
        vertical=row.vertical or known.vertical,
        zone=row.zone or known.zone,
        account_id=accounts[row.account] if row.account else known.account_id,
        owner=row.owner or known.owner,
        mention_all=known.mention_all if row.mention_all is None else row.mention_all,
        tags=frozenset(row.tags or known.tags),
    )


def _room(row: Row) -> RoomRow:
    return RoomRow(
        room=row[ROOM],
        topic=row.get(TOPIC),
        vertical=row.get(VERTICAL),
        zone=row.get(ZONE),
        tags=row.get(TAGS),
        account=row.get(ACCOUNT),
        owner=row.get(OWNER),
        mention_all=row.get(MENTION_ALL),
        place=row.place,
    )


def _accounts(session: Session, names: set[str]) -> Mapping[str, int]:
    account = database.table(Account)
    fresh = [
        {"name": name, "gateway": "", "online": False, "state_reason": "", "lease_epoch": 0}
        for name in sorted(names)
    ]
    database.insert_rows(session, Account, fresh, skip_existing=True)
    rows = session.connection().execute(select(account.c.name, account.c.id))
    return {row.name: row.id for row in rows}


def _standing(session: Session, platform_ids: set[str]) -> dict[str, _Known]:
    room, tag = database.table(Room).c, database.table(RoomTag).c
    given = database.given(
        session, {"platform_id": room.platform_id.type}, [(each,) for each in sorted(platform_ids)]
    )
    chosen = select(room.id).join(given, room.platform_id == given.c.platform_id)
    tags: defaultdict[int, set[str]] = defaultdict(set)
    tagged = select(tag.room_id, tag.tag).where(tag.room_id.in_(chosen))
    for room_id, name in session.connection().execute(tagged):
        tags[room_id].add(name)
    rows = session.connection().execute(
        select(
            room.id,
            room.platform_id,
            room.topic,
            room.vertical,
            room.zone,
            room.account_id,
            room.owner,
            room.mention_all,
        ).join(given, room.platform_id == given.c.platform_id)
    )
    return {
        row.platform_id: _Known(
            row.topic,
            row.vertical,
            row.zone,
            row.account_id,
            row.owner,
            row.mention_all,
            frozenset(tags[row.id]),
        )
        for row in rows
    }
