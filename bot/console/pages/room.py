"""群详情: what is known of a room, what reaches it, what was sent, who is in it, its trend."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException
from fastapi.responses import Response
from sqlalchemy import Row, and_, func, literal, select, union_all

from bot import database
from bot.console import paging, regrouping, retrospect
from bot.console.page import Page, Reader
from bot.console.pages import rooms
from bot.console.pages.rooms import PAUSE, ROOM, STATES, TREND
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.models import (
    Account,
    Contact,
    DailyCount,
    Delivery,
    DeliveryState,
    Membership,
    PauseScope,
    Profile,
    Role,
    RoomTag,
    Series,
    SeriesState,
)
from content_calendar import audience, definition
from content_calendar.definition import Stored

TAG, ACCOUNT, DELIVERY, SERIES = database.tables(RoomTag, Account, Delivery, Series)
STAY, CONTACT, COUNT, PROFILE = database.tables(Membership, Contact, DailyCount, Profile)
RECENT = 20
MEMBERS = 30
WIDTH, HEIGHT, TOP, LEFT = 720.0, 190.0, 14.0, 34.0
ROLES = {
    Role.MEMBER: ("成员", "off"),
    Role.OPERATOR: ("运营", "waiting"),
    Role.KOC: ("达人", "good"),
    Role.BOT: ("机器人", "moving"),
}
UNDER_WAY = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)


def show(page: Reader, room_id: int, number: int = 1) -> Response:
    """One room; `number` is the page of its members."""
    row = _found(page, room_id)
    yesterday = rooms.yesterday(page)
    days = rooms.trend(page.session, [room_id], yesterday)[room_id]
    verticals, tags, accounts = rooms.known(page)
    mine = select(TAG.c.tag).where(TAG.c.room_id == room_id).order_by(TAG.c.tag)
    return page.render(
        "room.html", row=row, state=STATES[rooms.state(row)], why=row.why,
        tagged=page.session.connection().scalars(mine).all(),
        reaching=_reaching(page, room_id), sent=_deliveries(page, room_id),
        members=_members(page, room_id, yesterday, number), chart=draw(days, yesterday),
        member_roles=ROLES, verticals=verticals, tags=tags, accounts=accounts,
        slow=regrouping.SLOW_AT_ONCE, listener=row.listener,
        week=retrospect.gather(page, row.platform_id, row.vertical),
    )  # fmt: skip


def _found(page: Page, room_id: int) -> Row[Any]:
    nothing = rooms.Filters().given()
    listener = select(ACCOUNT.c.name).where(ACCOUNT.c.id == ROOM.c.listener_id)
    named = listener.correlate(ROOM).scalar_subquery().label("listener")
    why = select(PAUSE.c.reason).where(
        PAUSE.c.scope == PauseScope.ROOM,
        PAUSE.c.target_id == ROOM.c.id,
        PAUSE.c.resumed_at.is_(None),
    )
    paused = why.correlate(ROOM).limit(1).scalar_subquery().label("why")
    query = rooms.query(page, nothing).add_columns(named, paused)
    row = page.session.connection().execute(query.where(ROOM.c.id == room_id)).first()
    if row is None:
        raise HTTPException(404)
    return row


def _reaching(page: Page, room_id: int) -> list[Stored]:
    """The series, approved or paused, that the room is in the audience of; two queries."""
    states = (SeriesState.APPROVED, SeriesState.PAUSED)
    stored = [each for each in definition.stored(page.session) if each.state in states]
    today = page.now.astimezone(page.settings.zone).date()
    asked = [
        select(literal(place).label("place")).select_from(ROOM).where(
            and_(
                ROOM.c.id == room_id,
                audience.matches(page.session, each.definition.audience, today),
            )
        )
        for place, each in enumerate(stored)
    ]  # fmt: skip
    if not asked:
        return []
    return [stored[row.place] for row in page.session.connection().execute(union_all(*asked))]


def _deliveries(page: Page, room_id: int) -> Sequence[Any]:
    """What waits for the room and what it had last, two looks into two indexes."""
    columns = (DELIVERY.c.id, DELIVERY.c.due_at)
    waiting = (
        select(*columns)
        .where(DELIVERY.c.room_id == room_id, DELIVERY.c.state.in_(UNDER_WAY))
        .order_by(DELIVERY.c.due_at.desc())
        .limit(RECENT)
        .subquery()
    )
    had = (
        select(*columns)
        .where(DELIVERY.c.room_id == room_id, DELIVERY.c.sending_at.is_not(None))
        .order_by(DELIVERY.c.sending_at.desc())
        .limit(RECENT)
        .subquery()
    )
    ids = union_all(select(waiting.c.id), select(had.c.id)).subquery()
    return (
        page.session.connection()
        .execute(
            select(
                DELIVERY.c.id, DELIVERY.c.state, DELIVERY.c.kind, DELIVERY.c.step,
                DELIVERY.c.due_at, DELIVERY.c.sent_at, DELIVERY.c.reason,
                DELIVERY.c.recalled_at, DELIVERY.c.recall_asked_at,
                SERIES.c.name.label("series"),
            )
            .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
            .where(DELIVERY.c.id.in_(select(ids.c.id)))
            .order_by(DELIVERY.c.due_at.desc(), DELIVERY.c.id.desc())
            .limit(RECENT)
        )
        .all()
    )  # fmt: skip


def _members(page: Page, room_id: int, last: dt.date, number: int) -> paging.Listing:
    """Who is in the room, the most talkative of the last 14 days first."""
    days = [last - dt.timedelta(days=back) for back in range(TREND)]
    said = (
        select(COUNT.c.contact_id, func.sum(COUNT.c.messages).label("messages"))
        .where(COUNT.c.day.in_(days), COUNT.c.room_id == room_id)
        .group_by(COUNT.c.contact_id)
        .subquery()
    )
    messages = func.coalesce(said.c.messages, 0)
    # Only of these there is a page.
    profiled = select(PROFILE.c.id).where(PROFILE.c.contact_id == STAY.c.contact_id).exists()
    query = (
        select(
            STAY.c.id, STAY.c.role, STAY.c.joined_at, STAY.c.contact_id, CONTACT.c.name,
            messages.label("messages"), profiled.label("profiled"),
        )
        .join(CONTACT, CONTACT.c.id == STAY.c.contact_id)
        .outerjoin(said, said.c.contact_id == STAY.c.contact_id)
        .where(STAY.c.room_id == room_id, STAY.c.left_at.is_(None))
    )  # fmt: skip
    order = (messages.desc(), STAY.c.id)
    return paging.cut(page.session, query, order, number, f"/rooms/{room_id}", {}, MEMBERS)


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart, in view-box units."""

    x: float
    y: float
    width: float
    height: float
    day: dt.date
    messages: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A fortnight as it is drawn; `lines` are (y, number)."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, int], ...]
    width: float
    height: float
    total: int


def draw(days: Sequence[int], last: dt.date) -> Chart:
    """Messages a day, up to `last`, as bars under round numbers."""
    top = _round_up(max(days, default=0))
    floor = HEIGHT - 24
    step = (WIDTH - LEFT - 6) / len(days)
    bars = []
    for place, messages in enumerate(days):
        height = round((floor - TOP) * messages / top, 1)
        day = last - dt.timedelta(days=len(days) - 1 - place)
        x = round(LEFT + place * step + step * 0.16, 1)
        bars.append(Bar(x, round(floor - height, 1), round(step * 0.68, 1), height, day, messages))
    lines = tuple((round(floor - (floor - TOP) * part, 1), int(top * part)) for part in (0, 0.5, 1))
    return Chart(tuple(bars), lines, WIDTH, HEIGHT, sum(days))


def _round_up(most: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 …"""
    scale = 1
    while True:
        for step in (2, 4, 10):
            if most <= step * scale:
                return step * scale
        scale *= 10


ROUTES = (Route("GET", "/rooms/{room_id}", show, VIEWER),)
