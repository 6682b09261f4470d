"""Rooms changed many at a time: tags, vertical, account, zone, owner, pauses; each with a way back.

A change is one line of the audit that also says what stood before, room by room. `undo` reads it:
whatever somebody changed again since then stays as it is.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import HTTPException
from sqlalchemy import Integer, Select, exists, func, select

from bot import arranging, cells, counting, database, deriving, pauses
from bot.console import roles
from bot.console.page import Page
from bot.errors import Fault, InvalidInput
from bot.models import (
    Account,
    AccountRoom,
    Audit,
    Message,
    Pause,
    PauseScope,
    Room,
    RoomTag,
)
from bot.times import Stretch
from content_calendar import audits

# Recounting local days and pausing take a moment a room; more go in by parts.
SLOW_AT_ONCE = 500
UNDO_FOR = dt.timedelta(minutes=10)
LONGEST = 50

ROOM, TAG, ACCOUNT, PRESENT = database.tables(Room, RoomTag, Account, AccountRoom)

# What stood before: a value (or a tag, or a reason) and the rooms that it was changed in.
Was = dict[Any, list[int]]


class Action(StrEnum):
    """What can be done to chosen rooms."""

    TAG_ADD = "tag_add"
    TAG_REMOVE = "tag_remove"
    VERTICAL = "vertical"
    ACCOUNT = "account"
    ZONE = "zone"
    OWNER = "owner"
    MENTION_ALL = "mention_all"
    PAUSE = "pause"
    RESUME = "resume"


COLUMNS = {
    Action.VERTICAL: arranging.VERTICAL,
    Action.ACCOUNT: arranging.ACCOUNT,
    Action.ZONE: arranging.ZONE,
    Action.OWNER: arranging.OWNER,
    Action.MENTION_ALL: arranging.MENTION_ALL,
}
SLOW = (Action.ZONE, Action.PAUSE, Action.RESUME)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: how many rooms changed, the line of the audit that `undo` takes back.

    `strangers` counts rooms in which nobody has seen their new account yet.
    """

    rooms: int
    undo: int | None = None
    strangers: int = 0


def change(page: Page, ids: Collection[int], action: Action, value: str) -> Done:
    """Do one thing to rooms that the operator may see (the caller has looked).

    Raises InvalidInput where the value cannot be, or would take rooms out of the own scope.
    """
    if action in SLOW and len(ids) > SLOW_AT_ONCE:
        raise _refuse(
            page.tr("这件事一次最多 {n} 个群", n=SLOW_AT_ONCE),
            page.tr("用筛选分成几批；要停下所有发送，用右上角的“全部暂停”"),
        )
    if action in COLUMNS:
        meant = _meant(page, action, value.strip())
        was = _set(page, ids, action, meant)
    else:
        meant = value.strip()
        was = _OTHERS[action](page, ids, meant)
    changed = {room for rooms in was.values() for room in rooms}
    if not changed:
        return Done(0)
    after = {"value": meant} | ({"account": value.strip()} if action is Action.ACCOUNT else {})
    line = _note(page, action, changed, after, was)
    strangers = _strangers(page, changed, meant) if action is Action.ACCOUNT else 0
    return Done(len(changed), line, strangers)


def undo(page: Page, line: int) -> Done:
    """Take a change of one's own back, within `UNDO_FOR` and once. Raises InvalidInput, 404."""
    audit = database.table(Audit)
    row = page.session.connection().execute(select(audit).where(audit.c.id == line)).first()
    if row is None or row.by != page.by or not row.action.startswith("room."):
        raise HTTPException(404)
    done = page.session.connection().scalar(
        select(audit.c.id).where(audit.c.object == f"audit:{line}")
    )
    if done is not None or page.now - row.at > UNDO_FOR:
        raise _refuse(page.tr("这一步已经撤销过，或者过了十分钟"), page.tr("在群列表里再改一次"))
    action = Action(row.action.removeprefix("room."))
    was: Was = {_hashable(value): rooms for value, rooms in row.before["was"]}
    seen = _in_scope(page, {room for rooms in was.values() for room in rooms})
    was = {value: [room for room in rooms if room in seen] for value, rooms in was.items()}
    changed = _back(page, action, was, row.after["value"])
    page.note("room.undo", f"audit:{line}", None, {"rooms": changed})
    return Done(changed)


def _back(page: Page, action: Action, was: Was, meant: Any) -> int:
    if action in COLUMNS:
        back = {
            value: _set_where(page, rooms, action, value, meant) for value, rooms in was.items()
        }
        return sum(len(rooms) for rooms in back.values())
    opposite = {
        Action.TAG_ADD: _remove_tags, Action.TAG_REMOVE: _add_tags,
        Action.PAUSE: _resume, Action.RESUME: _pause,
    }[action]  # fmt: skip
    changed: set[int] = set()
    for value, rooms in was.items():
        said = page.tr("撤销") if action is Action.PAUSE else value
        changed |= {room for found in opposite(page, rooms, said).values() for room in found}
    return len(changed)


def _meant(page: Page, action: Action, value: str) -> Any:
    """The value of a column as the form gives it."""
    if action is Action.ACCOUNT:
        found = page.session.connection().scalar(
            select(ACCOUNT.c.id).where(ACCOUNT.c.name == value)
        )
        if found is None:
            raise _refuse(page.tr("没有这个账号"), page.tr("从列表里选一个"))
        return found
    if action is Action.MENTION_ALL:
        return value == "yes"
    if action is Action.ZONE:
        return _zone(page, value) if value else None
    if len(value) > LONGEST or (action is Action.VERTICAL and not value):
        raise _refuse(
            page.tr("没有写，或者写得太长"), page.tr("写一个词，最多 {n} 个字", n=LONGEST)
        )
    allowed = page.someone.verticals
    if action is Action.VERTICAL and allowed is not None and value not in allowed:
        raise _out_of_scope(page)
    return value


def _set(page: Page, ids: Collection[int], action: Action, meant: Any) -> Was:
    column = ROOM.c[COLUMNS[action]]
    rows = page.session.connection().execute(
        select(ROOM.c.id, column).where(ROOM.c.id.in_(_given(page, ids)))
    )
    was: Was = defaultdict(list)
    for room, value in rows:
        if value != meant:
            was[value].append(room)
    for value, rooms in was.items():
        _set_where(page, rooms, action, meant, value)
    return dict(was)


def _set_where(
    page: Page, ids: Collection[int], action: Action, value: Any, stands: Any
) -> list[int]:
    """Write a value where another one stands, with what follows from it; returns the rooms."""
    column = ROOM.c[COLUMNS[action]]
    chosen = list(
        page.session.connection().scalars(
            select(ROOM.c.id).where(
                ROOM.c.id.in_(_given(page, ids)), column.is_not_distinct_from(stands)
            )
        )
    )
    if not chosen:
        return []
    arranging.write(page.session, column.name, dict.fromkeys(chosen, value))
    if action is Action.ZONE:
        _recount(page, chosen)
    return chosen


def _recount(page: Page, changed: Collection[int]) -> None:
    """Days of a room are local: with another zone they are added up again."""
    message = database.table(Message)
    first, last = (
        page.session.connection()
        .execute(select(func.min(message.c.day), func.max(message.c.day)))
        .one()
    )
    if first is None:
        return
    # A local day may begin on the day before and end on the day after.
    midnight, day = dt.time(tzinfo=dt.UTC), dt.timedelta(days=1)
    since = dt.datetime.combine(first - day, midnight)
    until = dt.datetime.combine(last + 2 * day, midnight)
    deriving.lock_rooms(page.session, changed)
    stretches = [Stretch(room, since, until) for room in sorted(changed)]
    counting.recount(page.session, stretches, page.settings.zone)


def _add_tags(page: Page, ids: Collection[int], value: str) -> Was:
    was: Was = {}
    for tag in _names(page, value):
        having = select(TAG.c.room_id).where(TAG.c.tag == tag)
        was[tag] = _rooms(page, select(ROOM.c.id).where(ROOM.c.id.not_in(having)), ids)
        arranging.tag(page.session, [(room, tag) for room in was[tag]])
    return was


def _remove_tags(page: Page, ids: Collection[int], value: str) -> Was:
    was: Was = {}
    for tag in _names(page, value):
        if page.someone.tags is not None and tag in page.someone.tags:
            raise _out_of_scope(page)
        having = exists().where(TAG.c.room_id == ROOM.c.id, TAG.c.tag == tag)
        was[tag] = _rooms(page, select(ROOM.c.id).where(having), ids)
        arranging.untag(page.session, [(room, tag) for room in was[tag]])
    return was


def _pause(page: Page, ids: Collection[int], reason: str) -> Was:
    if not reason:
        raise _refuse(page.tr("没有写暂停的原因"), page.tr("写一句，同事会看到"))
    rooms = [
        room for room in sorted(ids)
        if pauses.pause(page.session, PauseScope.ROOM, room, reason, page.by, page.now)
    ]  # fmt: skip
    return {reason: rooms}


def _resume(page: Page, ids: Collection[int], reason: str) -> Was:
    was: Was = defaultdict(list)
    for room, why in reasons(page, ids).items():
        if pauses.resume(page.session, PauseScope.ROOM, room, reason, page.by, page.now):
            was[why].append(room)
    return dict(was)


def reasons(page: Page, ids: Collection[int]) -> dict[int, str]:
    """Why rooms are paused, by id; those that are not are left out."""
    pause = database.table(Pause)
    rows = page.session.connection().execute(
        select(pause.c.target_id, pause.c.reason)
        .where(
            pause.c.scope == PauseScope.ROOM,
            pause.c.resumed_at.is_(None),
            pause.c.target_id.in_(_given(page, ids)),
        )
        .order_by(pause.c.target_id)
    )
    return {row.target_id: row.reason for row in rows}


_OTHERS: Mapping[Action, Callable[[Page, Collection[int], str], Was]] = {
    Action.TAG_ADD: _add_tags,
    Action.TAG_REMOVE: _remove_tags,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
}


def _strangers(page: Page, rooms: Collection[int], account: int) -> int:
    inside = select(PRESENT.c.room_id).where(PRESENT.c.account_id == account)
    return len(_rooms(page, select(ROOM.c.id).where(ROOM.c.id.not_in(inside)), rooms))


def _note(
    page: Page, action: Action, rooms: Collection[int], after: dict[str, Any], was: Was
) -> int | None:
    platform = select(ROOM.c.platform_id).where(ROOM.c.id == min(rooms))
    name = f"room:{page.session.connection().scalar(platform)}" if len(rooms) == 1 else "rooms"
    before = {"was": [[value, sorted(found)] for value, found in was.items() if found]}
    line = Audit(
        at=page.now, by=page.by, action=f"room.{action}", object=name,
        before=audits.plain(before), after=audits.plain(after | {"rooms": len(rooms)}),
    )  # fmt: skip
    page.session.add(line)
    page.session.flush()
    return line.id


def _rooms(page: Page, query: Select[Any], ids: Collection[int]) -> list[int]:
    chosen = query.where(ROOM.c.id.in_(_given(page, ids))).order_by(ROOM.c.id)
    return list(page.session.connection().scalars(chosen))


def _in_scope(page: Page, ids: Collection[int]) -> set[int]:
    return set(_rooms(page, select(ROOM.c.id).where(roles.in_scope(page.someone, ROOM)), ids))


def _given(page: Page, ids: Iterable[int]) -> Select[Any]:
    given = database.given(page.session, {"id": Integer()}, [(each,) for each in ids])
    return select(given.c.id)


def _names(page: Page, value: str) -> tuple[str, ...]:
    found = cells.names(value, page.settings.zone) if value else ()
    if not found or any(len(name) > LONGEST for name in found):
        raise _refuse(
            page.tr("没有写，或者写得太长"), page.tr("写一个词，最多 {n} 个字", n=LONGEST)
        )
    return found


def _zone(page: Page, value: str) -> str:
    try:
        return cells.zone_name(value, page.settings.zone)
    except ValueError as error:
        raise _refuse(
            page.tr("没有这个时区"), page.tr("写 IANA 时区名，例如 Asia/Shanghai")
        ) from error


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _out_of_scope(page: Page) -> InvalidInput:
    return _refuse(page.tr("这样改，这些群就不归你负责了"), page.tr("请管理员来改"))


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("rooms", 0, "", problem, remedy))
