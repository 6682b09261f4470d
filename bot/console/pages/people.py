"""用户: people by what they buy, want and do, each tag with its reason; whom to invite; who
comes back.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Form, HTTPException, Query
from fastapi.responses import Response
from sqlalchemy import ColumnElement, Row, and_, func, select

from bot import database, standing
from bot.console import paging, roles
from bot.console.page import Page, Reader, Writer
from bot.console.paging import Listing
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.insights import complements, customers, inviting, reasons, segments
from bot.insights.segments import Candidates, Listed, Person, Tagged
from bot.models import Arm, Contact, Dimension, Invitation, MessageIdentity, NeedMention, Room
from bot.translation import Translate

NEED, IDENTITY, ROOM = database.tables(NeedMention, MessageIdentity, Room)
INVITATION, CONTACT = database.tables(Invitation, Contact)
NAME = 100
# Of fewer buyers a list would tell who they are.
FEWEST = 5
# No list is as long; a database takes no offset of any size.
FURTHEST = 2**31
# The same seed for every draw: the name of the program already tells draws apart.
SEED = 7
DIMENSIONS = {Dimension.SPEND: "消费", Dimension.PREFERENCE: "偏好", Dimension.INTERACTION: "互动"}
ARMS = {Arm.INVITED: "邀请", Arm.CONTROL: "对照"}
TONES = {Dimension.SPEND: "good", Dimension.PREFERENCE: "moving", Dimension.INTERACTION: "waiting"}

Found = TypeVar("Found", Listed, Candidates)


@dataclass(frozen=True, slots=True)
class Words:
    """How templates say tags and money."""

    zone: ZoneInfo
    tr: Translate

    def tag(self, name: str) -> str:
        """高价值, 成分党 …"""
        return segments.named(name, self.tr)

    def why(self, tag: Tagged) -> str:
        """Why the tag holds."""
        return reasons.why(tag.name, tag.why, self.zone, self.tr)

    def yuan(self, fen: float) -> str:
        """1,012.30."""
        return f"{round(fen) / 100:,.2f}"


def listed(
    page: Reader,
    search: str = "",
    tag: Annotated[tuple[str, ...], Query()] = (),
    number: int = 1,
) -> Response:
    """One page of the people who carry every `tag`, the busiest first; how many carry each."""
    search = search.strip()
    found, number = _cut(
        number,
        lambda offset: segments.listed(
            page.session, tag, called_like=search, within=within(page), limit=paging.SIZE,
            offset=offset,
        ),
    )  # fmt: skip
    kept = (("search", search), *(("tag", each) for each in tag))
    return page.render(
        "people.html", people=found.people, as_of=found.as_of, search=search, chosen=tag,
        listing=_listing(found.total, number, "/people", kept), tags=_tags(page), tones=TONES,
        dimensions=DIMENSIONS, words=Words(page.settings.zone, page.tr),
    )  # fmt: skip


def show(page: Reader, contact_id: int) -> Response:
    """One person: every tag with its reason and, to who may read them, the messages behind it."""
    person = segments.one(page.session, contact_id, within(page))
    if person is None:
        raise HTTPException(404)
    said = _said(page, person) if page.may(OPERATOR) else None
    return page.render(
        "person.html", person=person, said=said, tones=TONES, dimensions=DIMENSIONS,
        as_of=person.profile.as_of, words=Words(page.settings.zone, page.tr),
    )  # fmt: skip


def candidates(page: Reader, number: int = 1, program: str = "") -> Response:
    """Whom to invite as testers (体验官), the draws so far, and what came of one of them."""
    found, number = _cut(
        number,
        lambda offset: segments.candidates(
            page.session, within=within(page), limit=paging.SIZE, offset=offset
        ),
    )
    draws = _draws(page) if roles.sees_all(page.someone) else []
    names = [row.program for row in draws]
    shown = program if program in names else next(iter(names), None)
    return page.render(
        "candidates.html", people=found.people, as_of=found.as_of, unknown=found.unknown,
        listing=_listing(found.total, number, "/people/candidates", ()), draws=draws,
        effect=inviting.effect(page.session, shown, page.now) if shown else None,
        drawn=_by_arm(page, shown) if shown else {},
        fewest=inviting.FEWEST, arms=ARMS, tones=TONES, words=Words(page.settings.zone, page.tr),
    )  # fmt: skip


def drawn(page: Reader, program: str = "", arm: str = "", number: int = 1) -> Response:
    """Who was drawn for a program, of one arm or of both, by name: whom to invite."""
    page.must_see_all()
    chosen = next((each for each in Arm if each.value == arm), None)
    wanted = [INVITATION.c.program == program]
    if chosen is not None:
        wanted.append(INVITATION.c.arm == chosen)
    told = (
        select(
            INVITATION.c.contact_id, INVITATION.c.arm, INVITATION.c.drawn_at, INVITATION.c.by,
            CONTACT.c.name,
        )
        .join(CONTACT, CONTACT.c.id == INVITATION.c.contact_id)
        .where(*wanted)
    )  # fmt: skip
    listing = paging.cut(
        page.session, told, (CONTACT.c.name, INVITATION.c.contact_id), number, "/people/drawn",
        {"program": program, "arm": arm},
    )  # fmt: skip
    return page.render("drawn.html", listing=listing, program=program, chosen=chosen, arms=ARMS)


def invite(
    page: Writer,
    program: Annotated[str, Form(max_length=NAME)] = "",
    share: Annotated[int, Form()] = 50,
) -> Response:
    """Draw whom to invite, and log it before anybody is invited; `share` is percent."""
    page.must_see_all()
    name = program.strip()
    if not name:
        raise _refuse(page.tr("计划没有名字"), page.tr("起一个名字，例如 体验官-2026-11"))
    if segments.as_of(page.session) is None:
        raise _refuse(page.tr("还没有算过标签"), page.tr("每晚会算一次；今晚之后再来"))
    drawn = inviting.invite(page.session, name, share / 100, SEED, page.by, page.now)
    told = page.tr(
        "抽好了：邀请 {invited} 人，对照 {control} 人；之前抽过的 {before} 人不变",
        invited=drawn.invited, control=drawn.control, before=drawn.before,
    )  # fmt: skip
    return page.to("/people/candidates", told)


def buyers(page: Reader) -> Response:
    """Whether buyers come back, by month of their first order, and what goes together."""
    page.must_see_all()
    zone = page.settings.zone
    today = page.now.astimezone(zone).date()
    until = dt.datetime.combine(today, dt.time(), zone).astimezone(dt.UTC)
    found = customers.gather(page.session, until, zone)
    width = max((len(each.returned) for each in found.cohorts), default=0)
    return page.render(
        "buyers.html", found=found, months=range(1, width + 1), today=today,
        pairs=complements.gather(page.session, until), floor=complements.FLOOR,
        words=Words(zone, page.tr), fewest=FEWEST,
    )  # fmt: skip


def within(page: Page) -> ColumnElement[bool] | None:
    """None for who sees every room: they see buyers who are in no room as well."""
    return None if roles.sees_all(page.someone) else page.in_scope(ROOM)


def _cut(number: int, ask: Callable[[int], Found]) -> tuple[Found, int]:
    """The people whom `ask` finds at an offset, and the page: beyond the end it is the last one."""
    number = min(max(number, 1), FURTHEST)
    found = ask((number - 1) * paging.SIZE)
    last = paging.within(number, found.total)
    return (found if last == number else ask((last - 1) * paging.SIZE)), last


def _tags(page: Page) -> dict[Dimension, list[tuple[str, int]]]:
    found: dict[Dimension, list[tuple[str, int]]] = {each: [] for each in Dimension}
    for dimension, tag, people in segments.summary(page.session, within(page)):
        found[dimension].append((tag, people))
    return found


def _listing(total: int, number: int, path: str, kept: tuple[tuple[str, str], ...]) -> Listing:
    """What the pager is told; the people themselves stand beside it."""
    filters = tuple((name, value) for name, value in kept if value)
    return Listing((), total, number, paging.SIZE, path, filters)


def _said(page: Page, person: Person) -> dict[str, list[Row[Any]]]:
    """The messages behind each need, by tag, of rooms that the operator sees."""
    behind = {tag.name: {*tag.messages} for tag in person.tags if tag.messages}
    rows = page.session.connection().execute(
        select(
            NEED.c.message_id, NEED.c.at, ROOM.c.id.label("room_id"), ROOM.c.topic,
            standing.text(NEED).label("text"),
        )
        .join(IDENTITY, and_(IDENTITY.c.id == NEED.c.message_id, IDENTITY.c.day == NEED.c.day))
        .join(ROOM, ROOM.c.id == NEED.c.room_id)
        .where(IDENTITY.c.id.in_(set[int]().union(*behind.values())), page.in_scope(ROOM))
        .distinct()
        .order_by(NEED.c.at.desc(), NEED.c.message_id)
    )  # fmt: skip
    every = rows.all()
    # One message may stand behind several tags.
    return {name: [row for row in every if row.message_id in ids] for name, ids in behind.items()}


def _draws(page: Page) -> Sequence[Any]:
    """The programs that were drawn for, the latest first."""
    first = func.min(INVITATION.c.drawn_at)
    return (
        page.session.connection()
        .execute(
            select(
                INVITATION.c.program, first.label("drawn_at"), func.min(INVITATION.c.by).label("by")
            )
            .group_by(INVITATION.c.program)
            .order_by(first.desc())
        )
        .all()
    )


def _by_arm(page: Page, program: str) -> dict[Arm, int]:
    """How many were drawn for a program, by arm."""
    rows = page.session.connection().execute(
        select(INVITATION.c.arm, func.count())
        .where(INVITATION.c.program == program)
        .group_by(INVITATION.c.arm)
    )
    return {row[0]: row[1] for row in rows}


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("people", 0, "program", problem, remedy))


ROUTES = (
    Route("GET", "/people", listed, VIEWER),
    Route("GET", "/people/candidates", candidates, VIEWER),
    Route("POST", "/people/candidates", invite, OPERATOR),
    Route("GET", "/people/drawn", drawn, VIEWER),
    Route("GET", "/people/buyers", buyers, VIEWER),
    Route("GET", "/people/{contact_id}", show, VIEWER),
)
