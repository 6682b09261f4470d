"""周报: every digest by scope and week; read, commented, let out, sent, and followed down to the
messages that its figures count.
"""

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Form, HTTPException
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Row, case, or_, select

from bot import database
from bot.console import digesting, paging, roles, typed
from bot.console.digesting import DIGEST, SCOPES
from bot.console.page import Page, Reader, Writer
from bot.console.roles import APPROVER, OPERATOR, VIEWER
from bot.console.routes import Route
from bot.digest import approval, at_once, card, dispatch, gather, publish, render
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import Stored
from bot.errors import Fault, InvalidInput
from bot.insights import behind, engagement, figures
from bot.insights.behind import What
from bot.insights.engagement import RoomView
from bot.models import Delivery, DigestScope, DigestState, EngagementWeek, Room

DELIVERY, ROOM, ROLLED = database.tables(Delivery, Room, EngagementWeek)
WEEKS = 60
WEEK = dt.timedelta(days=7)
STATES = {
    DigestState.DRAFT: ("草稿", "off"),
    DigestState.APPROVED: ("已批准", "moving"),
    DigestState.SENT: ("已发出", "good"),
}
WHATS = {
    What.MESSAGES: "消息",
    What.QUESTIONS: "提问",
    What.UNANSWERED: "还没人回应的提问",
    What.SHARES: "分享",
}
FORMS = {
    "png": "image/png",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
# A digest brings its own styles and nothing else; only our own pages may show it in a frame.
FRAMED = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}
ORDER = case({scope: place for place, scope in enumerate(SCOPES)}, value=DIGEST.c.scope)


def listed(
    page: Reader, week: str = "", scope: str = "", search: str = "", number: int = 1
) -> Response:
    """One page of the digests of a week (the latest where none is named), the widest first."""
    weeks = page.session.connection().scalars(
        select(DIGEST.c.week).distinct().order_by(DIGEST.c.week.desc()).limit(WEEKS)
    )
    mondays = {f"{monday:%G-W%V}": monday for monday in weeks}
    chosen = week if week in mondays else next(iter(mondays), "")
    kind = next((each for each in DigestScope if each.value == scope), None)
    query = digesting.query(page).where(DIGEST.c.week == mondays.get(chosen))
    if kind is not None:
        query = query.where(DIGEST.c.scope == kind)
    if words := search.strip():
        # Not by the titles inside of what they show: reading these for all rooms takes a while.
        named = select(ROOM.c.platform_id).where(ROOM.c.topic.contains(words, autoescape=True))
        about = DIGEST.c.target.contains(words, autoescape=True)
        query = query.where(or_(about, DIGEST.c.target.in_(named)))
    given = {"week": chosen, "scope": scope, "search": search.strip()}
    options = [(each.value, page.tr(name)) for each, name in SCOPES.items()]
    listing = paging.cut(
        page.session, query, (ORDER, DIGEST.c.target, DIGEST.c.id), number, "/digests", given
    )
    return page.render(
        "digests.html", scopes=SCOPES, states=STATES, chosen=chosen, scope=scope,
        search=search.strip(), scope_options=options, weeks=[(each, each) for each in mondays],
        listing=listing, titles=digesting.titles(page, listing.rows),
    )  # fmt: skip


def show(page: Reader, digest_id: int) -> Response:
    """One digest as people will see it, and what can be done with it."""
    return _shown(page, digest_id)


def framed(page: Reader, digest_id: int) -> Response:
    """The digest's own page, each figure a link to its list."""
    row, stored = digesting.found(page, digest_id)
    sheet = digesting.shown(page, stored.sheet)
    return HTMLResponse(render.html(sheet, digesting.leads(page, row, sheet)), headers=FRAMED)


def file(page: Reader, digest_id: int, form: str) -> Response:
    """The digest as a file to pass on."""
    row, stored = digesting.found(page, digest_id)
    if form not in FORMS:
        raise HTTPException(404)
    how = "inline" if form == "png" else "attachment"
    named = f'{how}; filename="{row.scope}-{row.id}-{row.week:%G-W%V}.{form}"'
    return Response(
        # The card goes out of the room: it never quotes.
        _card(dispatch.outside(stored.sheet))
        if form == "png"
        else publish.written(digesting.shown(page, stored.sheet), form),
        media_type=FORMS[form],
        headers={"content-disposition": named},
    )


def comment(
    page: Writer, digest_id: int, words: Annotated[str, typed.LINES, Form()] = ""
) -> Response:
    """Put words at its top."""
    digesting.found(page, digest_id)
    try:
        _must(page, approval.comment(page.session, digest_id, words, page.by, page.now))
    except InvalidInput as error:
        return _shown(page, digest_id, words, error.faults[0])
    return page.to(f"/digests/{digest_id}", page.tr("写在周报开头了"))


def approve(page: Writer, digest_id: int) -> Response:
    """Let it out as it stands."""
    digesting.found(page, digest_id)
    _must(page, approval.approve(page.session, digest_id, page.by, page.now))
    undo = f"/digests/{digest_id}/withdraw"
    return page.to(f"/digests/{digest_id}", page.tr("批准了，一个字都不会再变"), undo=undo)


def withdraw(page: Writer, digest_id: int) -> Response:
    """Take the approval back, before it was sent."""
    digesting.found(page, digest_id)
    _must(page, approval.withdraw(page.session, digest_id, page.by, page.now))
    return page.to(f"/digests/{digest_id}", page.tr("批准收回了，又是草稿"))


def send(page: Reader, digest_id: int, room: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Into the outbox, to one room of operators. The card is drawn before the transaction."""
    row, stored = digesting.found(page, digest_id)
    subject = Subject(row.scope, row.target)
    if stored.state is DigestState.DRAFT:
        raise _refuse(page, "还没有批准", "先批准，再发")
    if room not in dict(_named(page, at_once.rooms(page.settings, subject))):
        raise _refuse(page, "没有选发到哪个群", "从列表里选；群写在 QUNYUN_DIGEST_ROOMS 里")
    ready = at_once.prepare(page.session, page.settings, stored.sheet, row.week, room, page.now)
    if not ready.due.wanted:
        raise _refuse(page, "还不认识这个群", "等账号在群里说过话，或者导入群文件")
    with database.transaction(page.console.engine) as session:
        planned = at_once.send(session, page.settings, ready, page.now)
        if planned:
            approval.note_sending(session, digest_id, room, page.by, page.now)
    if not planned:
        told = page.tr("这个群已经有这一期了，不会再发一次；看下面它到哪一步了")
        return page.to(f"/digests/{digest_id}", told, kind="warning")
    return page.to(f"/digests/{digest_id}", page.tr("排进发送队列了"))


def messages(
    page: Reader, digest_id: int, what: What, room: int | None = None, number: int = 1
) -> Response:
    """What a figure counts: the rooms with their numbers, and of one room the messages."""
    row, stored = digesting.found(page, digest_id)
    rooms = engagement.rooms(page.session, page.settings.zone)
    if row.scope is DigestScope.ROOM:
        room = next(one.id for one in rooms.values() if one.platform_id == row.target)
    if room is None:
        return _by_room(page, row, stored, what, number, rooms)
    view = rooms.get(room)
    if view is None or not digesting.inside(view, row.scope, row.target):
        raise HTTPException(404)
    page.must_see(view.id)
    days = digesting.days(page, row)
    until = gather.until_answered(view, days, stored.computed_at)
    listing = paging.cut(
        page.session, behind.messages(view, days, what, until),
        (behind.MESSAGE.c.at, behind.MESSAGE.c.id), number,
        f"/digests/{digest_id}/behind/{what}", {"room": str(view.id)},
    )  # fmt: skip
    return page.render(
        "digest_messages.html", row=row, title=stored.sheet.title, what=what, whats=WHATS,
        listing=listing, room=view,
        may_read=page.may(OPERATOR),
    )  # fmt: skip


def _shown(
    page: Page, digest_id: int, words: str | None = None, fault: Fault | None = None
) -> Response:
    """`words` were typed, and refused."""
    row, stored = digesting.found(page, digest_id)
    subject = Subject(row.scope, row.target)
    begins = dispatch.key_of(subject, row.week)
    posts = page.session.connection().execute(
        select(DELIVERY.c.id, DELIVERY.c.state, DELIVERY.c.due_at, DELIVERY.c.image, ROOM.c.topic)
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .where(DELIVERY.c.key >= begins, DELIVERY.c.key < begins[:-1] + ";", page.in_scope(ROOM))
        .order_by(DELIVERY.c.id)
    )
    later = page.session.connection().scalar(
        select(DIGEST.c.id).where(
            DIGEST.c.week == row.week + WEEK,
            DIGEST.c.scope == row.scope,
            DIGEST.c.target == row.target,
        )
    )
    return page.render(
        "digest.html", 422 if fault else 200, words=words, fault=fault, row=row,
        sheet=stored.sheet, state=STATES[row.state], posts=posts.all(),
        later=later, where=_named(page, at_once.rooms(page.settings, subject)),
        text=render.text(dispatch.outside(stored.sheet)), longest=approval.LONGEST_COMMENT,
        states=DigestState, scopes=SCOPES,
    )  # fmt: skip


@lru_cache(maxsize=32)
def _card(sheet: Sheet) -> bytes:
    """The card of what a digest says, drawn once for all who look: that takes a third of a second.

    Other words are another sheet, so that no card is ever an old one.
    """
    return card.png(sheet)


def _by_room(
    page: Page,
    row: Row[Any],
    stored: Stored,
    what: What,
    number: int,
    rooms: Mapping[int, RoomView],
) -> Response:
    counted = ROLLED.c.shares if what is What.SHARES else ROLLED.c.questions
    counted = ROLLED.c.messages if what is What.MESSAGES else counted
    query = (
        select(
            *(ROOM.c.id, ROOM.c.topic, ROOM.c.vertical, ROLLED.c.messages, ROLLED.c.questions),
            *(ROLLED.c.shares, ROLLED.c.asked, ROLLED.c.room_id.label("known")),
        )
        .outerjoin(ROLLED, (ROLLED.c.room_id == ROOM.c.id) & (ROLLED.c.week == row.week))
        .where(page.in_scope(ROOM))
    )
    if row.scope is DigestScope.VERTICAL:
        query = query.where(ROOM.c.vertical == row.target)
    if row.scope is DigestScope.OWNER:
        query = query.where(ROOM.c.owner == row.target)
    path = f"/digests/{row.id}/behind/{what}"
    order = (counted.desc().nulls_last(), ROOM.c.id)
    listing = paging.cut(page.session, query, order, number, path, {})
    days = digesting.days(page, row)
    unanswered = {
        each.id: figures.waiting(
            each.asked, gather.until_answered(rooms[each.id], days, stored.computed_at)
        ).unanswered
        for each in listing.rows
        if each.known
    }
    return page.render(
        "digest_rooms.html", row=row, title=stored.sheet.title, what=what, whats=WHATS,
        listing=listing, unanswered=unanswered,
    )  # fmt: skip


def _named(page: Page, rooms: tuple[str, ...]) -> list[tuple[str, str]]:
    """(platform id, what people call the room), of rooms that the operator sees; who sees all of
    them is told of those as well that are not known yet.
    """
    rows = page.session.connection().execute(
        select(ROOM.c.platform_id, ROOM.c.topic).where(
            ROOM.c.platform_id.in_(rooms), page.in_scope(ROOM)
        )
    )
    topics = dict(rows.all())
    every = roles.sees_all(page.someone)
    return [(room, topics.get(room) or room) for room in rooms if every or room in topics]


def _must(page: Page, changed: bool) -> None:
    if not changed:
        raise _refuse(page, "这一期现在不能这样改", "刷新看看：批准过的不再变，发出的不能收回批准")


def _refuse(page: Page, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("digests", 0, "", page.tr(problem), page.tr(remedy)))


ROUTES = (
    Route("GET", "/digests", listed, VIEWER),
    Route("GET", "/digests/{digest_id}", show, VIEWER),
    Route("GET", "/digests/{digest_id}/page", framed, VIEWER),
    Route("GET", "/digests/{digest_id}/file/{form}", file, VIEWER),
    Route("GET", "/digests/{digest_id}/behind/{what}", messages, VIEWER),
    Route("POST", "/digests/{digest_id}/comment", comment, OPERATOR),
    Route("POST", "/digests/{digest_id}/approve", approve, APPROVER),
    Route("POST", "/digests/{digest_id}/withdraw", withdraw, APPROVER),
    Route("POST", "/digests/{digest_id}/send", send, OPERATOR),
)
