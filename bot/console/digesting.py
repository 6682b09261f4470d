"""Digests as the console shows them: which an operator may see, and where each figure leads."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import HTTPException
from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select, true

from bot import database
from bot.console import roles
from bot.console.page import Page
from bot.console.roles import OPERATOR
from bot.digest import dispatch, gather, storing
from bot.digest.behind import Listed
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import Stored
from bot.insights.behind import What
from bot.insights.engagement import Days, RoomView
from bot.models import Digest, DigestScope, Room

DIGEST, ROOM = database.tables(Digest, Room)
WEEK, DAY = dt.timedelta(days=7), dt.timedelta(days=1)
SCOPES = {
    DigestScope.FLEET: "全部群",
    DigestScope.VERTICAL: "垂类",
    DigestScope.OWNER: "负责人",
    DigestScope.ROOM: "群",
}
# By key of a figure: the messages behind it.
BEHIND = {
    **dict.fromkeys(
        (
            *("messages_per_room_day", "effective_per_room_day", "messages_per_speaker_day"),
            *("messages_per_member_day", "before_per_room_day", "wau", "participation"),
            *("silent_ratio", "top_share"),
        ),
        What.MESSAGES,
    ),
    **dict.fromkeys(
        ("questions", "response_rate", "member_response_rate", "median_wait"), What.QUESTIONS
    ),
    "unanswered": What.UNANSWERED,
    "shares": What.SHARES,
}
# Figures and sections ("#") that other pages list, with what these are asked for.
PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "repurchase": ("/people/buyers", {}),
    "rooms_unread": ("/accounts", {}),
    "rooms_unseen": ("/rooms", {}),
    "#goals": ("/boards", {}),
    "#experiments": ("/experiments", {}),
    "#rooms": ("/rooms", {}),
    "#said": ("/topics", {}),
    "#lift": ("/calendar", {}),
}
# By key of a figure: the label of the order lines that it counts, "" for any.
ORDERS = {
    "order_lines": "counted",
    "revenue_fen": "counted",
    "organic_share": "",
    "unresolved_buyers": "unknown",
}
# By key of a figure or section: the cases of the week that it counts.
CASES: Mapping[str, Mapping[str, str]] = {
    "complaints_prompt": {"show": "all"},
    "complaints_overdue": {"show": "late"},
    "complaints_wrong": {"show": "all", "outcome": "none"},
    "#complaints": {"show": "all"},
}
# Figures that no page lists as they are counted: a list of something else would mislead. Lifts
# compare days, and so does who spoke soon after joining; what came late is news, not orders.
UNLISTED = {
    *("activation", "lift_qa_day", "lift_sharing_day", "late_order_events"),
}


def visible(page: Page) -> ColumnElement[bool]:
    """Which digests the operator may see: those all of whose rooms lie in the scope."""
    if roles.sees_all(page.someone):
        return true()
    seen = page.in_scope(ROOM)
    whole = func.min(case((seen, 1), else_=0)) == 1
    rooms = select(ROOM.c.platform_id).where(seen)
    verticals, owners = (
        select(column).group_by(column).having(whole) for column in (ROOM.c.vertical, ROOM.c.owner)
    )
    return or_(
        *(
            and_(DIGEST.c.scope == scope, DIGEST.c.target.in_(targets))
            for scope, targets in (
                (DigestScope.ROOM, rooms),
                (DigestScope.VERTICAL, verticals),
                (DigestScope.OWNER, owners),
            )
        )
    )


def query(page: Page) -> Select[Any]:
    """The digests that the operator may see, without what they show: that is large, and a database
    that sorts would unpack it of every row.
    """
    return select(
        *(
            DIGEST.c[name]
            for name in (
                *("id", "week", "scope", "target", "state", "computed_at", "comment"),
                *("approved_by", "approved_at", "sent_at"),
            )
        ),
    ).where(visible(page))


class Titled(NamedTuple):
    """What a list says of one digest's sheet."""

    title: str
    final: bool


def titles(page: Page, rows: Iterable[Row[Any]]) -> dict[int, Titled]:
    """The titles of these digests, by id."""
    figures = DIGEST.c.figures
    told = page.session.connection().execute(
        select(DIGEST.c.id, figures["title"].as_string(), figures["final"].as_boolean()).where(
            DIGEST.c.id.in_([row.id for row in rows])
        )
    )
    return {id: Titled(title, final) for id, title, final in told}


def found(page: Page, digest_id: int) -> tuple[Row[Any], Stored]:
    """One digest as it stands; 404 where the operator may not see it."""
    row = page.session.connection().execute(query(page).where(DIGEST.c.id == digest_id)).first()
    if row is None:
        raise HTTPException(404)
    (stored,) = storing.stored(page.session, row.week, [Subject(row.scope, row.target)]).values()
    return row, stored


def shown(page: Page, sheet: Sheet) -> Sheet:
    """What the operator may read of it: members' words are for those who answer them."""
    return sheet if page.may(OPERATOR) else dispatch.outside(sheet)


class About(NamedTuple):
    """What tells one digest from others, and until when it counts."""

    id: int
    week: dt.date
    scope: DigestScope
    target: str
    computed_at: dt.datetime


def about(week: dt.date, stored: Stored) -> About:
    """Of a digest that was read already."""
    sheet = stored.sheet
    return About(stored.id, week, sheet.scope, sheet.target, stored.computed_at)


def leads(page: Page, row: Row[Any] | About, sheet: Sheet) -> dict[str, str]:
    """By key of a figure or, after a "#", of a section: the list that it counts; by key of a row
    or a piece of evidence: what it is about.

    What the reader may not open, or what is not built, is left out.
    """
    told = {key: f"/digests/{row.id}/behind/{what}" for key, what in BEHIND.items()}
    told |= {what.value: f"/digests/{row.id}/list/{what}" for what in Listed}
    over, place = days(page, row), _place(page, row)
    told |= {key: _orders(over, key, place) for key in ORDERS}
    told |= {
        key: f"{path}?{urlencode(given)}" if given else path
        for key, (path, given) in PAGES.items()
        if _opens(page, path)
    }
    if _opens(page, "/complaints"):
        week = {"week": f"{row.week:%G-W%V}"} | place
        told |= {key: f"/complaints?{urlencode({**given, **week})}" for key, given in CASES.items()}
    told["#orders"] = told["order_lines"]
    return told | {key: path for key in sheet.about() if (path := _about(page, row, key))}


def _about(page: Page, row: Row[Any] | About, key: str) -> str:
    """The page of what a key of a sheet names; "" where the reader may not open it."""
    kind, _, id = key.partition(":")
    match kind:
        case "question":
            room, _, message = id.partition(":")
            return f"/digests/{row.id}/behind/{What.UNANSWERED}?room={room}#m{message}"
        case "room":
            return f"/rooms/{id}" if _opens(page, "/rooms/{room_id}") else ""
        case "case":
            return f"/complaints/{id}" if _opens(page, "/complaints/{case_id}") else ""
        case "person":
            return f"/people/{id}" if _opens(page, "/people/{contact_id}") else ""
        case _:
            return ""


def days(page: Page, row: Row[Any] | About) -> Days:
    """The days that the digest counts: those of its week that were over when it was computed."""
    today = row.computed_at.astimezone(page.settings.zone).date()
    return Days(row.week, min(row.week + WEEK, today))


def inside(room: RoomView, scope: DigestScope, target: str) -> bool:
    """Whether a digest tells of a room."""
    named = {
        DigestScope.FLEET: "",
        DigestScope.VERTICAL: room.vertical,
        DigestScope.OWNER: room.owner,
        DigestScope.ROOM: room.platform_id,
    }
    return named[scope] == target


def _place(page: Page, row: Row[Any] | About) -> dict[str, str]:
    """What narrows a list to the rooms of the digest; nothing for the fleet."""
    match row.scope:
        case DigestScope.FLEET:
            return {}
        case DigestScope.ROOM:
            query = select(ROOM.c.id).where(ROOM.c.platform_id == row.target)
            return {"room": str(page.session.connection().scalar(query))}
        case _:
            return {str(row.scope): row.target}


def _orders(counted: Days, key: str, place: dict[str, str]) -> str:
    """Order lines of a room, vertical or owner are those whose label points there, as in
    `digest/sections/orders.py`.
    """
    over = counted.back(gather.MONTH_DAYS) if key == "organic_share" else counted
    given = {"since": over.since.isoformat(), "until": (over.until - DAY).isoformat(), **place}
    if ORDERS[key]:
        given["label"] = ORDERS[key]
    return f"/orders?{urlencode(given)}"


def _opens(page: Page, path: str) -> bool:
    wanted = page.console.roles.get(("GET", path))
    return wanted is not None and page.may(wanted)
