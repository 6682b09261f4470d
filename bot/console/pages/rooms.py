"""群列表: every room, a page at a time, and what can be done to many of them at once."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Form
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlmodel import Session

from bot import database
from bot.console import paging, reach, regrouping
from bot.console.page import Page, Reader, Writer
from bot.console.paging import Listing
from bot.console.regrouping import Action
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.gateway import Posting
from bot.insights import engagement
from bot.models import (
    Account,
    DailyCount,
    Membership,
    Pause,
    PauseScope,
    Room,
    RoomTag,
)
from content_calendar import audience

ROOM, TAG, ACCOUNT, PAUSE = database.tables(Room, RoomTag, Account, Pause)
COUNT, STAY = database.tables(DailyCount, Membership)
TREND = 14
LONG = 200
LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

# What a room is in, worst first: (name, tone).
STATES = {
    "gone": ("发不到", "bad"),
    "nobody": ("没有账号", "bad"),
    "paused": ("已暂停", "doubt"),
    "offline": ("账号离线", "doubt"),
    "ready": ("正常", "good"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; empty: every room in scope."""

    search: str = ""
    vertical: str = ""
    tag: str = ""
    account: str = ""
    state: str = ""
    series: str = ""

    def given(self) -> dict[str, str]:
        """By name, without the spaces around."""
        return {name: getattr(self, name).strip() for name in Filters.__slots__}


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the rooms of one page of the list, by room id."""

    tags: dict[int, list[str]] = field(default_factory=dict)
    members: dict[int, int] = field(default_factory=dict)
    days: dict[int, list[int]] = field(default_factory=dict)


def listed(page: Reader, filters: Annotated[Filters, Depends()], number: int = 1) -> Response:
    """One page of the rooms, by vertical and name."""
    given = filters.given()
    order = (ROOM.c.vertical, database.code_points(ROOM.c.topic, page.session), ROOM.c.id)
    listing = paging.cut(page.session, query(page, given), order, number, "/rooms", given)
    beside = _beside(page.session, [row.id for row in listing.rows], yesterday(page))
    verticals, tags, accounts = known(page)
    chosen = reach.one(page, given["series"])[0] if given["series"] else None
    return page.render(
        "rooms.html", chosen=chosen, listing=listing, filters=given, beside=beside, states=STATES,
        verticals=verticals, tags=tags, accounts=accounts, narrowed=any(given.values()),
        slow=regrouping.SLOW_AT_ONCE, lines=_lines(listing, beside),
    )  # fmt: skip


class Wanted(BaseModel):
    """What the form asks for: the ticked rooms (or every one), the action, a value an action."""

    action: Action
    room: list[int] = []
    everything: bool = False
    expected: int = 0
    tag_add: str = Field("", max_length=LONG)
    tag_remove: str = Field("", max_length=LONG)
    vertical: str = Field("", max_length=LONG)
    account: str = Field("", max_length=LONG)
    zone: str = Field("", max_length=LONG)
    owner: str = Field("", max_length=LONG)
    mention_all: str = Field("", max_length=LONG)
    pause: str = Field("", max_length=LONG)
    resume: str = Field("", max_length=LONG)


def change(
    page: Writer, filters: Annotated[Filters, Depends()], wanted: Annotated[Wanted, Form()]
) -> Response:
    """Do one thing to the ticked rooms, or to every room of the filters in the address.

    "Every" must still be as many as the form said: nobody changes rooms that came in since.
    """
    ids = set(wanted.room)
    if wanted.everything:
        rows = query(page, filters.given()).with_only_columns(ROOM.c.id)
        ids = set(page.session.connection().scalars(rows))
        if len(ids) != wanted.expected:
            raise _refuse(page.tr("符合筛选的群已经变了"), page.tr("看一眼新的列表，再做一次"))
    else:
        page.must_see(*ids)
    if not ids:
        raise _refuse(page.tr("一个群也没有选"), page.tr("先勾选群，再选要做的事"))
    done = regrouping.change(page, ids, wanted.action, getattr(wanted, wanted.action))
    back = page.back()
    if not done.rooms:
        return page.to(back, page.tr("这些群本来就是这样，没有改动"))
    undo = f"/rooms/undo/{done.undo}"
    if done.strangers:
        told = page.tr(
            "已改 {n} 个群；其中 {m} 个还没见过这个账号在群里", n=done.rooms, m=done.strangers
        )
        return page.to(back, told, kind="warning", undo=undo)
    return page.to(back, page.tr("已改 {n} 个群", n=done.rooms), undo=undo)


def undo(page: Writer, line: int) -> Response:
    """Take a change back, in the rooms that nobody has changed again since."""
    done = regrouping.undo(page, line)
    return page.to(page.back(), page.tr("已撤销，{n} 个群和原来一样了", n=done.rooms))


def query(page: Page, given: dict[str, str]) -> Select[Any]:
    """The rooms that the operator may see and the filters name, with their account."""
    found = (
        select(
            ROOM.c.id, ROOM.c.platform_id, ROOM.c.topic, ROOM.c.vertical, ROOM.c.zone,
            ROOM.c.owner, ROOM.c.unavailable_reason, ROOM.c.mention_all,
            ACCOUNT.c.name.label("account"), ACCOUNT.c.id.label("account_id"),
            ACCOUNT.c.online, ACCOUNT.c.posting, is_paused().label("paused"),
        )
        .select_from(ROOM)
        .outerjoin(ACCOUNT, ACCOUNT.c.id == ROOM.c.account_id)
        .where(page.in_scope(ROOM))
    )  # fmt: skip
    if given["search"]:
        like = f"%{given['search'].translate(LIKE)}%"
        columns = (ROOM.c.topic, ROOM.c.platform_id, ROOM.c.owner)
        found = found.where(or_(*(column.ilike(like, escape="\\") for column in columns)))
    if given["vertical"]:
        found = found.where(ROOM.c.vertical == given["vertical"])
    if given["tag"]:
        tagged = select(TAG.c.room_id).where(TAG.c.tag == given["tag"])
        found = found.where(ROOM.c.id.in_(tagged))
    if given["account"]:
        found = found.where(ACCOUNT.c.name == given["account"])
    if given["state"] in STATES:
        found = found.where(_in_state(given["state"]))
    if key := given.get("series"):
        wanted = reach.one(page, key)[0].definition.audience
        found = found.where(audience.matches(page.session, wanted, reach.today(page)))
    return found


def state(row: Any) -> str:
    """The state of a row of `query`: the worst that holds of it."""
    if row.unavailable_reason is not None:
        return "gone"
    if row.account is None:
        return "nobody"
    if row.paused:
        return "paused"
    return "ready" if row.online or row.posting == Posting.CONFIRM else "offline"


def is_paused() -> ColumnElement[bool]:
    """The SQL condition that a room of the room table is paused itself."""
    return exists().where(
        PAUSE.c.scope == PauseScope.ROOM,
        PAUSE.c.target_id == ROOM.c.id,
        PAUSE.c.resumed_at.is_(None),
    )


def known(page: Page) -> tuple[list[str], list[str], list[str]]:
    """The verticals and tags of the rooms in scope, and the accounts, to choose from."""
    mine = page.in_scope(ROOM)

    def named(kind: int, column: ColumnElement[str]) -> Select[int, str]:
        return select(literal(kind).label("kind"), cast(column, Text()).label("name")).distinct()

    every = union_all(
        named(0, ROOM.c.vertical).where(mine, ROOM.c.vertical != ""),
        named(1, TAG.c.tag).join(ROOM, ROOM.c.id == TAG.c.room_id).where(mine),
        named(2, ACCOUNT.c.name),
    )
    found: tuple[list[str], list[str], list[str]] = ([], [], [])
    for row in page.session.connection().execute(every):
        found[row.kind].append(row.name)
    for names in found:
        names.sort()
    return found


def yesterday(page: Page) -> dt.date:
    """The last day that is over, in the installation's zone."""
    return page.now.astimezone(page.settings.zone).date() - dt.timedelta(days=1)


def trend(session: Session, ids: Sequence[int], last: dt.date) -> dict[int, list[int]]:
    """Members' messages on each of the `TREND` days up to `last`, by room id."""
    days = [last - dt.timedelta(days=back) for back in reversed(range(TREND))]
    rows = session.connection().execute(
        select(COUNT.c.room_id, COUNT.c.day, func.sum(COUNT.c.messages).label("messages"))
        .where(
            # Day by day, so that both databases find each room-day in the key.
            COUNT.c.day.in_(days),
            COUNT.c.room_id.in_(ids),
            engagement.by_member(COUNT.c.room_id, COUNT.c.contact_id),
        )
        .group_by(COUNT.c.room_id, COUNT.c.day)
    )
    found = {room: [0] * TREND for room in ids}
    for row in rows:
        found[row.room_id][days.index(row.day)] = int(row.messages)
    return found


def _in_state(name: str) -> ColumnElement[bool]:
    reachable = and_(ROOM.c.unavailable_reason.is_(None), ROOM.c.account_id.is_not(None))
    awake = or_(ACCOUNT.c.online, ACCOUNT.c.posting == Posting.CONFIRM)
    return {
        "gone": ROOM.c.unavailable_reason.is_not(None),
        "nobody": and_(ROOM.c.unavailable_reason.is_(None), ROOM.c.account_id.is_(None)),
        "paused": and_(reachable, is_paused()),
        "offline": and_(reachable, ~is_paused(), ~awake),
        "ready": and_(reachable, ~is_paused(), awake),
    }[name]


def _beside(session: Session, ids: Sequence[int], last: dt.date) -> Beside:
    tags: dict[int, list[str]] = defaultdict(list)
    for row in session.connection().execute(
        select(TAG.c.room_id, TAG.c.tag).where(TAG.c.room_id.in_(ids)).order_by(TAG.c.tag)
    ):
        tags[row.room_id].append(row.tag)
    members = session.connection().execute(
        select(STAY.c.room_id, func.count())
        .where(STAY.c.room_id.in_(ids), STAY.c.left_at.is_(None))
        .group_by(STAY.c.room_id)
    )
    return Beside(tags, {row[0]: row[1] for row in members}, trend(session, ids, last))


@dataclass(frozen=True, slots=True)
class Line:
    """A room's row: its state, and its fortnight as the points of a line in a 98 × 22 box."""

    state: str
    points: str
    messages: int


def _lines(listing: Listing, beside: Beside) -> dict[int, Line]:
    return {
        row.id: Line(state(row), _points(beside.days[row.id]), sum(beside.days[row.id][-7:]))
        for row in listing.rows
    }


def _points(days: Sequence[int]) -> str:
    # On its own scale: how busy rooms are beside each other is what the numbers say.
    most, step = max(days) or 1, 98 / (TREND - 1)
    return " ".join(
        f"{place * step:.1f},{21 - 20 * messages / most:.1f}" for place, messages in enumerate(days)
    )


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("rooms", 0, "room", problem, remedy))


ROUTES = (
    Route("GET", "/rooms", listed, VIEWER),
    Route("POST", "/rooms/change", change, OPERATOR),
    Route("POST", "/rooms/undo/{line}", undo, OPERATOR),
)
