"""Who is where: rooms and memberships from files, and stays as a gateway tells of them.

A stay is `[joined_at, left_at)`. Everything here may be repeated: what stands already is left
alone. `join`, `leave` and `list_members` are one room at a time, in a constant number of
statements whatever the number of members.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, bindparam, or_, select, update
from sqlmodel import Session

from bot import database, late, staleness
from bot.models import SINCE_EVER, Account, Membership, Role


@dataclass(frozen=True, slots=True)
class Moves:
    """Whose stay in the room began and whose ended, by contact id in ascending order."""

    joined: tuple[int, ...] = ()
    left: tuple[int, ...] = ()


def join(session: Session, room_id: int, contact_ids: Collection[int], at: dt.datetime) -> Moves:
    """Open a stay at `at` for those who are not in the room then or later."""
    present = _stays_after(session, room_id, at)
    joined = tuple(sorted(set(contact_ids) - present.keys()))
    _open(session, room_id, joined, at)
    return Moves(joined=joined)


def leave(session: Session, room_id: int, contact_ids: Collection[int], at: dt.datetime) -> Moves:
    """Close, at `at`, the open stays of these contacts that began before it."""
    stays = _stays_after(session, room_id, at)
    leaving = {
        contact_id: stay
        for contact_id, stay in stays.items()
        if contact_id in set(contact_ids) and stay.left_at is None and stay.joined_at <= at
    }
    if leaving:
        _close(session, room_id, [stay.id for stay in leaving.values()], at)
    return Moves(left=tuple(sorted(leaving)))


def list_members(
    session: Session, room_id: int, contact_ids: Collection[int], at: dt.datetime
) -> Moves:
    """Bring the room's stays in line with a complete list of its members, taken at `at`.

    The first list of a room says nothing about when its members joined: SINCE_EVER. Later ones
    open a stay for who is new and close those of who is missing. A room always holds at least
    ourselves, so an empty list is a failed one and changes nothing.
    """
    if not contact_ids:
        return Moves()
    if not _is_known(session, room_id):
        joined = tuple(sorted(set(contact_ids)))
        _open(session, room_id, joined, SINCE_EVER)
        return Moves(joined=joined)
    missing = _stays_after(session, room_id, at).keys() - set(contact_ids)
    left = leave(session, room_id, missing, at).left
    return Moves(join(session, room_id, contact_ids, at).joined, left)


@dataclass(frozen=True, slots=True)
class _Stay:
    id: int
    joined_at: dt.datetime
    left_at: dt.datetime | None


def _stays_after(session: Session, room_id: int, at: dt.datetime) -> dict[int, _Stay]:
    """The latest stay of each contact that is open, or ends after `at`."""
    stays = database.table(Membership).c
    rows = session.connection().execute(
        select(stays.contact_id, stays.id, stays.joined_at, stays.left_at)
        .where(stays.room_id == room_id, or_(stays.left_at.is_(None), stays.left_at > at))
        .order_by(stays.joined_at)
    )
    return {row.contact_id: _Stay(row.id, row.joined_at, row.left_at) for row in rows}


def _is_known(session: Session, room_id: int) -> bool:
    stays = database.table(Membership).c
    found = session.connection().execute(select(stays.id).where(stays.room_id == room_id).limit(1))
    return found.first() is not None


def _open(session: Session, room_id: int, contact_ids: Sequence[int], at: dt.datetime) -> None:
    if not contact_ids:
        return
    staleness.mark(session, [(room_id, staleness.earliest_day(at))])
    late.note_stays(session, [room_id], at)
    roles = _roles(session, room_id, contact_ids)
    rows = [
        {
            "room_id": room_id,
            "contact_id": contact_id,
            "joined_at": at,
            "left_at": None,
            "role": roles.get(contact_id, Role.MEMBER),
        }
        for contact_id in contact_ids
    ]
    database.insert_rows(session, Membership, rows, skip_existing=True)


def _roles(session: Session, room_id: int, contact_ids: Iterable[int]) -> dict[int, Role]:
    """What they were in their last stay in this room; our own accounts are bots."""
    stays, accounts = database.table(Membership).c, database.table(Account).c
    given = database.given(session, {"id": Integer()}, [(each,) for each in contact_ids])
    before = session.connection().execute(
        select(stays.contact_id, stays.role)
        .join(given, stays.contact_id == given.c.id)
        .where(stays.room_id == room_id)
        .order_by(stays.joined_at)
    )
    roles: dict[int, Role] = {row.contact_id: row.role for row in before}
    own = session.connection().execute(
        select(accounts.contact_id).where(accounts.contact_id.is_not(None))
    )
    return roles | dict.fromkeys(own.scalars(), Role.BOT)


def _close(session: Session, room_id: int, stay_ids: Sequence[int], at: dt.datetime) -> None:
    staleness.mark(session, [(room_id, staleness.earliest_day(at))])
    late.note_stays(session, [room_id], at)
    stays = database.table(Membership)
    session.connection().execute(
        update(stays).where(stays.c.id == bindparam("stay")).values(left_at=at),
        [{"stay": stay_id} for stay_id in stay_ids],
    )
