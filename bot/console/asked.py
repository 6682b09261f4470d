"""Open questions as their pages show them: the lists, the figures above them, one with its room."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from bot import around, database, desk, standing
from bot.console import held, roles
from bot.console.page import Page
from bot.console.paging import Listing
from bot.models import (
    Account,
    Contact,
    Delivery,
    DeliveryState,
    Faq,
    Message,
    MessageIdentity,
    OpenQuestion,
    QuestionState,
    Room,
)

QUESTION, ROOM, CONTACT, FAQ = database.tables(OpenQuestion, Room, Contact, Faq)
DELIVERY, ACCOUNT, IDENTITY, MESSAGE = database.tables(Delivery, Account, MessageIdentity, Message)
WEEK = dt.timedelta(days=7)
BEFORE, AFTER = 6, 24
# How an answer of ours may end without having been seen.
LOST = (
    DeliveryState.FAILED,
    DeliveryState.EXPIRED,
    DeliveryState.CANCELLED,
    DeliveryState.UNCERTAIN,
)
ANSWERED, DISMISSED = QuestionState.ANSWERED, QuestionState.DISMISSED


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; `show` is a name of `SHOWN`."""

    show: str = ""
    vertical: str = ""
    room: int = 0

    def given(self) -> dict[str, str]:
        """By name, as a link carries them."""
        room = str(self.room) if self.room else ""
        return {"show": self.show, "vertical": self.vertical, "room": room}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many questions stand where; the last five are of those whose 24 hours ended within the
    seven days up to now: all of them could be answered in time.
    """

    waiting: int
    late: int
    mine: int
    lost: int
    asked: int
    answered: int
    in_time: int
    by_us: int
    dismissed: int


def tally(page: Page, given: Filters) -> Tally:
    """One query for all of it."""
    now = page.now
    recent = _recent(now)
    answered = and_(recent, QUESTION.c.state == ANSWERED)
    sums = {
        "waiting": desk.WORK.waiting,
        "late": and_(desk.WORK.waiting, QUESTION.c.due_at <= now),
        "mine": and_(QUESTION.c.state == desk.WORK.claimed, QUESTION.c.claimed_by == page.by),
        "asked": recent,
        "answered": answered,
        "in_time": _in_time(page),
        "by_us": _by_us(page),
        "dismissed": and_(recent, QUESTION.c.state == DISMISSED),
    }
    found = held.sums(
        page, sums, QUESTION.c.state.in_(list(QuestionState)), desk.WORK.waiting | recent,
        QUESTION.c.listed_at <= now, *_within(page, given),
    )  # fmt: skip
    return Tally(lost=_lost(page, given), **found)


def listed(page: Page, given: Filters, number: int) -> Listing:
    """One page of questions: what waits, the most pressing first; what is closed, the latest."""
    return held.cut(
        page, desk.WORK, _told(), [*_shown(page, given.show), *_within(page, given)], number,
        "/questions", given.given(), waiting=given.show in WAITING,
    )  # fmt: skip


def one(page: Page, question_id: int) -> Row[Any] | None:
    """One question that the operator may see."""
    query = _told().where(QUESTION.c.id == question_id, page.in_scope(ROOM))
    return page.session.connection().execute(query).first()


def place(row: Row[Any]) -> around.Place:
    """Where its message stands."""
    return around.Place(row.day, row.room_id, row.message_id, row.asked_at)


def _recent(now: dt.datetime) -> ColumnElement[bool]:
    """Those whose 24 hours ended within the seven days up to now."""
    return and_(QUESTION.c.due_at >= now - WEEK, QUESTION.c.due_at < now)


def _in_time(page: Page) -> ColumnElement[bool]:
    """Of these, answered before the end, unless our answer may never have been seen."""
    key = QUESTION.c.answer_key
    return and_(
        _recent(page.now),
        QUESTION.c.state == ANSWERED,
        QUESTION.c.closed_at <= QUESTION.c.due_at,
        or_(key.is_(None), key.not_in(_unseen(page))),
    )


def _by_us(page: Page) -> ColumnElement[bool]:
    """Of these, answered from here, whether or not it arrived."""
    ours = QUESTION.c.answer_key.is_not(None)
    return and_(_recent(page.now), QUESTION.c.state == ANSWERED, ours)


def _shown(page: Page, show: str) -> list[ColumnElement[bool]]:
    """The condition of each list; nothing is listed before its grace is over."""
    found: list[ColumnElement[bool]] = [QUESTION.c.listed_at <= page.now]
    match show:
        case "late":
            return [*found, desk.WORK.waiting, QUESTION.c.due_at <= page.now]
        case "mine":
            mine = QUESTION.c.claimed_by == page.by
            return [*found, QUESTION.c.state == desk.WORK.claimed, mine]
        case "answered" | "dismissed":
            return [QUESTION.c.state == QuestionState(show)]
        case "lost":
            return [QUESTION.c.state == ANSWERED, QUESTION.c.answer_key.in_(_unseen(page))]
        case "prompt" | "ours":
            return [*found, _in_time(page) if show == "prompt" else _by_us(page)]
        case _:
            return [*found, desk.WORK.waiting]


WAITING = ("", "late", "mine")
# Two lists of one figure each: answered in time, and answered from here, within seven days.
SHOWN = (*WAITING, "lost", "answered", "dismissed", "prompt", "ours")


def _unseen(page: Page) -> Select[tuple[str]]:
    """Keys of answers that may never have been seen, of the last four weeks."""
    return select(DELIVERY.c.key).where(
        DELIVERY.c.state.in_(LOST),
        DELIVERY.c.due_at >= page.now - 4 * WEEK,
        DELIVERY.c.key.startswith("reply:"),
    )


def _lost(page: Page, given: Filters) -> int:
    query = (
        select(func.count())
        .select_from(QUESTION)
        .where(*_shown(page, "lost"), *_within(page, given))
    )
    return page.session.connection().scalar(query) or 0


def _within(page: Page, given: Filters) -> list[ColumnElement[bool]]:
    """What the operator may see, narrowed; nothing is asked of the rooms where nothing is kept."""
    conditions: list[ColumnElement[bool]] = []
    if not roles.sees_all(page.someone):
        conditions.append(page.in_scope(ROOM))
    if given.vertical:
        conditions.append(ROOM.c.vertical == given.vertical)
    if given.room:
        conditions.append(ROOM.c.id == given.room)
    if not conditions:
        return []
    return [QUESTION.c.room_id.in_(select(ROOM.c.id).where(*conditions))]


def _told() -> Select[Any]:
    """Questions with room, asker, the answer and what became of it."""
    own = (
        *("id", "message_id", "day", "room_id", "contact_id", "asked_at", "due_at", "state"),
        *("claimed_by", "claimed_at", "maybe_at", "draft", "answer_id", "closed_by", "closed_at"),
        "reason",
    )
    said, who = aliased(IDENTITY), aliased(MESSAGE)
    answer = (
        select(said.c.id.label("message_id"), said.c.day, said.c.room_id).subquery("answering")
    )  # fmt: skip
    entry = select(func.max(FAQ.c.id)).where(FAQ.c.question_id == QUESTION.c.id)
    return (
        select(
            *(QUESTION.c[name] for name in own),
            ROOM.c.topic, ROOM.c.platform_id, ROOM.c.vertical, ROOM.c.unavailable_reason,
            CONTACT.c.name, ACCOUNT.c.name.label("account"),
            standing.text(QUESTION).label("text"),
            DELIVERY.c.id.label("delivery_id"), DELIVERY.c.state.label("delivery"),
            DELIVERY.c.text.label("sent"),
            who.c.name.label("answerer"), standing.text(answer).label("answer"),
            entry.correlate(QUESTION).scalar_subquery().label("faq_id"),
        )
        .join(ROOM, ROOM.c.id == QUESTION.c.room_id)
        .join(CONTACT, CONTACT.c.id == QUESTION.c.contact_id)
        .outerjoin(ACCOUNT, ACCOUNT.c.id == ROOM.c.account_id)
        .outerjoin(DELIVERY, DELIVERY.c.key == QUESTION.c.answer_key)
        .outerjoin(answer, answer.c.message_id == QUESTION.c.answer_id)
        .outerjoin(
            who,
            and_(
                who.c.day == answer.c.day, who.c.room_id == answer.c.room_id,
                who.c.id == answer.c.message_id,
            ),
        )
    )  # fmt: skip
