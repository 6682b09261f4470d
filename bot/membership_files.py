"""Memberships from CSV: roles, stays and identifiers that a gateway does not tell.

Rooms and contacts not seen before are made. Empty cells leave alone what stands, so the same file
twice changes nothing.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, delete, select, tuple_
from sqlmodel import Session

from bot import cells, database, directory, late, pseudonyms, staleness
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault, InvalidInput
from bot.models import SINCE_EVER, IdentityEdge, IdentityKind, Membership, Role
from bot.models.columns import escape

ROOM = Column("room", cells.identifier, ("群",), required=True, filled=True)
SENDER = Column("sender", cells.identifier, ("成员",), required=True, filled=True)
UNIONID = Column("unionid", cells.identifier)
PHONE = Column("phone", cells.identifier, ("手机",))
JOINED = Column("joined_at", cells.instant, ("入群时间",))
LEFT = Column("left_at", cells.instant, ("退群时间",))
ROLE = Column(
    "role",
    cells.choice(
        {role.value: role for role in Role}
        | {"成员": Role.MEMBER, "群成员": Role.MEMBER, "运营": Role.OPERATOR}
        | {"达人": Role.KOC, "机器人": Role.BOT}
    ),
    ("角色",),
)


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """What a file says of one stay; without `joined_at` it speaks of the latest one."""

    room: str
    sender: str
    unionid: str | None = None
    phone: str | None = None
    joined_at: dt.datetime | None = None
    left_at: dt.datetime | None = None
    role: Role | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay as it stands or shall stand; `id` is None for one that no row holds yet."""

    joined_at: dt.datetime
    left_at: dt.datetime | None
    role: Role
    id: int | None = None


def read_rows(path: Path, zone: ZoneInfo) -> Reading[MembershipRow]:
    """Memberships of a file."""
    columns = (ROOM, SENDER, UNIONID, PHONE, JOINED, LEFT, ROLE)
    return read(path, columns, zone, _membership)


def record(
    session: Session, rows: Sequence[MembershipRow], secret: bytes, at: dt.datetime
) -> Imported:
    """Make or change stays, and keep unionids and phones as evidence of who somebody is.

    Phones are kept as HMAC only. `at` dates that evidence.
    """
    rooms = directory.rooms(session, {row.room: None for row in rows})
    contacts = directory.contacts(session, {row.sender: None for row in rows})
    keys = {(rooms[row.room], contacts[row.sender]) for row in rows}
    before = _standing_stays(session, sorted(keys))
    after = dict(before)
    good: list[MembershipRow] = []
    faults: list[Fault] = []
    for row in rows:
        key = rooms[row.room], contacts[row.sender]
        try:
            after[key] = told(after.get(key, ()), row)
            good.append(row)
        except InvalidInput as error:
            faults += error.faults
    changed = {key for key in keys if after.get(key, ()) != before.get(key, ())}
    _write_stays(session, changed, before, after)
    _write_edges(session, good, secret, at)
    created = {key for key in changed if key not in before}
    return Imported(
        created=len(created),
        changed=len(changed - created),
        unchanged=len(keys) - len(changed),
        faults=tuple(faults),
    )


def told(stays: Sequence[Stay], row: MembershipRow) -> tuple[Stay, ...]:
    """The stays of one contact in one room once a row has been heard, in order of time.

    A row with a join time speaks of the stay that it overlaps, and its times win; without one,
    of the latest stay. Raises InvalidInput where the stay would end before it began.
    """
    if row.joined_at is None:
        meant = tuple(stays[-1:])
        joined_at = meant[0].joined_at if meant else SINCE_EVER
    else:
        joined_at = row.joined_at
        meant = tuple(stay for stay in stays if _overlap(stay, joined_at, row.left_at))
    last = meant[-1] if meant else Stay(joined_at, None, Role.MEMBER)
    left_at = row.left_at or last.left_at
    if left_at is not None and left_at <= joined_at:
        raise InvalidInput(
            row.place.fault("left_at", "退群时间不晚于入群时间", "核对两个时间和时区")
        )
    heard = Stay(joined_at, left_at, row.role or last.role, last.id)
    others = [stay for stay in stays if stay not in meant]
    return tuple(sorted([*others, heard], key=lambda stay: stay.joined_at))


def _overlap(stay: Stay, joined_at: dt.datetime, left_at: dt.datetime | None) -> bool:
    begins_before_end = left_at is None or stay.joined_at < left_at
    return begins_before_end and (stay.left_at is None or joined_at < stay.left_at)


def _membership(row: Row) -> MembershipRow:
    heard = MembershipRow(
        room=row[ROOM],
        sender=row[SENDER],
        unionid=row.get(UNIONID),
        phone=row.get(PHONE),
        joined_at=row.get(JOINED),
        left_at=row.get(LEFT),
        role=row.get(ROLE),
        place=row.place,
    )
    # Said here as well, so that a stay wrong in itself is named before anything is written.
    told((), heard)
    return heard


def _standing_stays(
    session: Session, keys: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[Stay, ...]]:
    stay = database.table(Membership).c
    given = database.given(session, {"room_id": Integer(), "contact_id": Integer()}, keys)
    rows = session.connection().execute(
        select(stay.room_id, stay.contact_id, stay.joined_at, stay.left_at, stay.role, stay.id)
        .join(
            given,
            tuple_(stay.room_id, stay.contact_id) == tuple_(given.c.room_id, given.c.contact_id),
        )
        .order_by(stay.joined_at)
    )
    found: defaultdict[tuple[int, int], list[Stay]] = defaultdict(list)
    for row in rows:
        found[row.room_id, row.contact_id].append(
            Stay(row.joined_at, row.left_at, row.role, row.id)
        )
    return {key: tuple(stays) for key, stays in found.items()}


def _write_stays(
    session: Session,
    keys: set[tuple[int, int]],
    before: Mapping[tuple[int, int], Sequence[Stay]],
    after: Mapping[tuple[int, int], Sequence[Stay]],
) -> None:
    """Replace the stays of these keys: two stays may have swapped times that must be unique."""
    staleness.mark(session, [(room_id, staleness.EVER) for room_id, _ in keys])
    late.note_stays(session, [room_id for room_id, _ in keys], late.EVER)
    membership = database.table(Membership)
    old = [(stay.id,) for key in keys for stay in before.get(key, ())]
    given = database.given(session, {"id": Integer()}, old)
    session.connection().execute(delete(membership).where(membership.c.id.in_(select(given.c.id))))
    rows = [
        {
            "room_id": room_id,
            "contact_id": contact_id,
            "joined_at": stay.joined_at,
            "left_at": stay.left_at,
            "role": stay.role,
        }
        for room_id, contact_id in sorted(keys)
        for stay in after[room_id, contact_id]
    ]
    database.insert_rows(session, Membership, rows)


def _write_edges(
    session: Session, rows: Sequence[MembershipRow], secret: bytes, at: dt.datetime
) -> None:
    edges = []
    for row in rows:
        phone = pseudonyms.of_phone(secret, row.phone) if row.phone else None
        for kind, value in ((IdentityKind.UNIONID, row.unionid), (IdentityKind.PHONE, phone)):
            if value:
                edges.append(
                    {
                        "left_kind": IdentityKind.CONTACT,
                        "left_value": escape(row.sender),
                        "right_kind": kind,
                        "right_value": value,
                        "source": "memberships",
                        "at": at,
                    }
                )
    database.insert_rows(session, IdentityEdge, edges, skip_existing=True)
