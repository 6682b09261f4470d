"""/api/v1/rooms: the rooms of the token's scope, their tags and vertical."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from bot import database
from bot.console import regrouping
from bot.console.api import given
from bot.console.page import ApiReader, ApiWriter, Page
from bot.console.pages import rooms
from bot.console.regrouping import Action
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.models import Room, RoomTag

ROOM, TAG = database.tables(Room, RoomTag)
State = Literal["gone", "nobody", "paused", "offline", "ready"]


class Wanted(BaseModel):
    """Narrows the list of rooms."""

    search: given.Name = ""
    vertical: given.Name = ""
    tag: given.Name = ""
    account: given.Name = ""
    state: State | Literal[""] = ""


class RoomTold(BaseModel):
    """One room. `state` is the worst that holds of it, `reason` why posts cannot reach it; `zone`
    is null where the installation's counts.
    """

    id: int
    platform_id: str
    topic: str
    vertical: str
    tags: list[str]
    zone: str | None
    owner: str
    account: str | None
    mention_all: bool
    state: State
    reason: str | None


class Changes(BaseModel):
    """What is to change of a room; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    tags: Annotated[list[given.Name], Field(max_length=50)] | None = None
    vertical: given.Name | None = None


def listed(
    page: ApiReader,
    wanted: Annotated[Wanted, Depends()],
    limit: given.Limit = 50,
    cursor: given.Cursor = "",
) -> given.Listing[RoomTold]:
    """Rooms that the token may see, by id."""
    query = rooms.query(page, wanted.model_dump())
    if place := given.unpack(cursor, int):
        query = query.where(ROOM.c.id > place[0])
    found = page.session.connection().execute(query.order_by(ROOM.c.id).limit(limit + 1)).all()
    shown = found[:limit]
    following = given.pack(shown[-1].id) if len(found) > limit else None
    return given.Listing(items=_told(page, shown), next=following)


def one(page: ApiReader, room_id: given.Id) -> RoomTold:
    """One room."""
    return _answer(page, room_id)


def change(page: ApiWriter, room_id: given.Id, changes: Changes) -> RoomTold:
    """Change tags (all of them are given) or the vertical of a room; repeating changes nothing."""
    page.must_see(room_id)
    if changes.tags is not None:
        stand = set(
            page.session.connection().scalars(select(TAG.c.tag).where(TAG.c.room_id == room_id))
        )
        asked = {tag.strip() for tag in changes.tags}
        for tag in sorted(asked - stand):
            regrouping.change(page, [room_id], Action.TAG_ADD, tag)
        for tag in sorted(stand - asked):
            regrouping.change(page, [room_id], Action.TAG_REMOVE, tag)
    if changes.vertical is not None:
        regrouping.change(page, [room_id], Action.VERTICAL, changes.vertical)
    return _answer(page, room_id)


def _answer(page: Page, room_id: int) -> RoomTold:
    page.must_see(room_id)
    query = rooms.query(page, Wanted().model_dump()).where(ROOM.c.id == room_id)
    return _told(page, page.session.connection().execute(query).all())[0]


def _told(page: Page, rows: Sequence[Any]) -> list[RoomTold]:
    tags: dict[int, list[str]] = defaultdict(list)
    ids = [row.id for row in rows]
    tagged = select(TAG.c.room_id, TAG.c.tag).where(TAG.c.room_id.in_(ids)).order_by(TAG.c.tag)
    for row in page.session.connection().execute(tagged):
        tags[row.room_id].append(row.tag)
    return [
        RoomTold(
            id=row.id,
            platform_id=row.platform_id,
            topic=row.topic,
            vertical=row.vertical,
            tags=tags[row.id],
            zone=row.zone,
            owner=row.owner,
            account=row.account,
            mention_all=row.mention_all,
            state=rooms.state(row),
            reason=row.unavailable_reason,
        )
        for row in rows
    ]


ROUTES = (
    Route("GET", "/api/v1/rooms", listed, VIEWER, api=True),
    Route("GET", "/api/v1/rooms/{room_id}", one, VIEWER, api=True),
    Route("PATCH", "/api/v1/rooms/{room_id}", change, OPERATOR, api=True),
)
