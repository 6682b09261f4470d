"""What rose in a week, as its page shows it: for whom, out of what, and the messages behind it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import aliased

from bot import database, standing
from bot.console import reach, roles
from bot.console.page import Page
from bot.console.pages import rooms
from bot.insights import rising, topics
from bot.insights.topics import Rising, Topics
from bot.models import DigestScope, Message, MessageIdentity, Room, Topic, TopicKind
from content_calendar import qa_days
from content_calendar.qa_days import Day

TOPIC, ROOM, MESSAGE, IDENTITY = database.tables(Topic, Room, Message, MessageIdentity)
DAY, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)
# A reader wants examples; more stand in the log.
MOST = 60
LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose talk is looked at: the fleet, a vertical, or one room by its platform id."""

    scope: DigestScope
    target: str
    name: str
    room_id: int = 0

    @property
    def given(self) -> dict[str, str]:
        """As a link carries it."""
        if self.scope is DigestScope.ROOM:
            return {"room": str(self.room_id)}
        return {"vertical": self.target} if self.target else {}

    @property
    def rooms(self) -> ColumnElement[bool]:
        """Its rooms: a condition on the room table."""
        if self.scope is DigestScope.ROOM:
            return ROOM.c.id == self.room_id
        return ROOM.c.vertical == self.target if self.target else ROOM.c.id.is_not(None)


def choices(page: Page) -> list[Scope]:
    """What the operator sees the whole of: a vertical of which some rooms are kept back tells of
    those as well.
    """
    everything = roles.sees_all(page.someone)
    verticals, _, _ = rooms.known(page)
    if page.someone.tags is not None and not everything:
        verticals = []
    fleet = [Scope(DigestScope.FLEET, "", page.tr("全部群"))] if everything else []
    return [*fleet, *(Scope(DigestScope.VERTICAL, each, each) for each in verticals)]


def chosen(page: Page, known: Sequence[Scope], vertical: str, room_id: int) -> Scope | None:
    """What is asked for, as far as the operator sees it; else the first choice."""
    if room_id:
        query = select(ROOM.c.platform_id, ROOM.c.topic).where(
            ROOM.c.id == room_id, page.in_scope(ROOM)
        )
        row = page.session.connection().execute(query).first()
        if row is None:
            return None
        name = str(row.topic or row.platform_id)
        return Scope(DigestScope.ROOM, row.platform_id, name, room_id)
    if vertical:
        return next((each for each in known if each.target == vertical), None)
    return next(iter(known), None)


def last_week(page: Page) -> dt.date:
    """The Monday of the last week that is over."""
    today = reach.today(page)
    return today - dt.timedelta(days=today.weekday()) - WEEK


def of_week(page: Page, monday: dt.date, scope: Scope) -> tuple[Topics, dt.datetime | None]:
    """What rose, and when that was computed; None where the week is not stored.

    What too few said outside of their room is left out (`topics.shown`).
    """
    stored = topics.of_week(page.session, monday, scope.scope, scope.target)
    found = stored.get((scope.scope, scope.target), Topics((), ()))
    computed = select(func.max(TOPIC.c.computed_at)).where(TOPIC.c.week == monday)
    return (
        topics.shown(scope.scope, found),
        page.session.connection().scalar(computed),
    )


def one(page: Page, monday: dt.date, scope: Scope, kind: TopicKind, rank: int) -> Rising | None:
    """What stands at a rank, from 1."""
    found, _ = of_week(page, monday, scope)
    listed = found.words if kind is TopicKind.WORD else found.questions
    return listed[rank - 1] if 0 < rank <= len(listed) else None


def behind(
    page: Page, monday: dt.date, scope: Scope, kind: TopicKind, risen: Rising
) -> Sequence[Any]:
    """Messages behind it, of rooms that the operator sees, the latest first; `MOST` at most."""
    if kind is TopicKind.QUESTION:
        return page.session.connection().execute(_asked(page, risen.messages)).all()
    query = _saying(page, monday, scope, risen.text or "")
    found = page.session.connection().execute(query).all()
    return sorted(found, key=lambda row: (row.at, row.message_id), reverse=True)


def _asked(page: Page, ids: Sequence[int]) -> Select[Any]:
    named = select(
        IDENTITY.c.id.label("message_id"), IDENTITY.c.day, IDENTITY.c.room_id
    ).where(IDENTITY.c.id.in_(ids[:1_000])).subquery("named")  # fmt: skip
    said = aliased(MESSAGE)
    return (
        select(
            named.c.message_id, said.c.at, said.c.name, ROOM.c.id.label("room_id"), ROOM.c.topic,
            standing.text(named).label("text"),
        )
        .join(
            said,
            and_(
                said.c.day == named.c.day, said.c.room_id == named.c.room_id,
                said.c.id == named.c.message_id,
            ),
        )
        .join(ROOM, ROOM.c.id == named.c.room_id)
        .where(page.in_scope(ROOM))
        .order_by(said.c.at.desc(), named.c.message_id)
        .limit(MOST)
    )  # fmt: skip


def _saying(page: Page, monday: dt.date, scope: Scope, word: str) -> Select[Any]:
    """Members' texts of the week that hold the word, as many as come first in the log."""
    window = rising.window(monday, page.settings.zone)
    mine = select(ROOM.c.id).where(scope.rooms, page.in_scope(ROOM))
    ids = page.session.connection().scalars(mine).all()
    like = f"%{word.translate(LIKE)}%"
    return (
        select(
            MESSAGE.c.id.label("message_id"), MESSAGE.c.at, MESSAGE.c.name, MESSAGE.c.text,
            ROOM.c.id.label("room_id"), ROOM.c.topic,
        )
        .join(ROOM, ROOM.c.id == MESSAGE.c.room_id)
        .where(rising.said(replace(window, early=window.since), ids))
        .where(MESSAGE.c.text.ilike(like, escape="\\"))
        .limit(MOST)
    )  # fmt: skip


def verticals(page: Page, asked: Sequence[Rising]) -> dict[int, str]:
    """The vertical of the room that each question is quoted from, by the room's id."""
    ids = {one.room_id for one in asked if one.room_id}
    query = select(ROOM.c.id, ROOM.c.vertical).where(ROOM.c.id.in_(ids), page.in_scope(ROOM))
    return dict(page.session.connection().execute(query).all())


def days(page: Page, scope: Scope) -> list[Day]:
    """The Q&A days of next week that the operator may change and that reach some of the rooms."""
    found = qa_days.of_week(page.session, qa_days.next_week(reach.today(page)))
    reached = reach.counts(
        page.session, page.someone, (day.series.definition.audience for day in found),
        reach.today(page), scope.rooms,
    )  # fmt: skip
    kept = []
    for day in found:
        of = reached[day.series.definition.audience]
        if of.total and of.whole and of.wanted:
            kept.append(day)
    return kept
