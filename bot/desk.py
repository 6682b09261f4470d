"""The operators' desk (问答台): questions that nobody has answered, each under a 24-hour clock.

    (asked, live) → OPEN          ask
    OPEN    ⇄ CLAIMED             holding.claim, holding.release (of `WORK`)
    OPEN, CLAIMED → ANSWERED      answer (an operator, by the outbox), answered (in the room)
    OPEN, CLAIMED → DISMISSED     dismiss (no question, or nobody's business)
    OPEN    → (gone)              answered, before it was ever listed

Members come first: a question is listed `GRACE` after it was asked. Each arrow is one function,
safe to repeat: a row that is not in the state it starts from stays as it is.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Row,
    Select,
    delete,
    select,
    update,
)
from sqlmodel import Session

from bot import database, holding, outbox, standing
from bot.errors import Fault, InvalidInput
from bot.intents import Intent
from bot.models import Contact, DeliveryKind, OpenQuestion, QuestionState, Room
from content_calendar import words

GRACE = dt.timedelta(minutes=30)
CLOCK = dt.timedelta(hours=24)
# An operator's answer waits for the account's turn, and is no use days later.
LASTS = dt.timedelta(hours=2)

QUESTION, ROOM, CONTACT = database.tables(OpenQuestion, Room, Contact)
WORK = holding.Work("question", QUESTION, "claimed_by", QuestionState.OPEN, QuestionState.CLAIMED)


class Asked(NamedTuple):
    """A live question that no curated answer fits; `message_id` is our id of its message."""

    message_id: int
    room_id: int
    contact_id: int
    at: dt.datetime


class Answered(NamedTuple):
    """A message that answers a question; `sure` where it quotes it or mentions the asker."""

    question_id: int
    answer_id: int
    at: dt.datetime
    sure: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A question as the desk shows it; `text` is None where it was recalled or has been dropped.

    `name` is the asker's latest one.
    """

    id: int
    room_id: int
    room: str
    topic: str
    vertical: str
    contact_id: int
    name: str
    text: str | None
    asked_at: dt.datetime
    due_at: dt.datetime
    state: QuestionState
    claimed_by: str | None
    maybe_at: dt.datetime | None


def ask(session: Session, asked: Sequence[Asked]) -> int:
    """Put questions on the list; returns how many were new."""
    rows = [
        {
            "message_id": one.message_id,
            "day": one.at.date(),
            "room_id": one.room_id,
            "contact_id": one.contact_id,
            "asked_at": one.at,
            "listed_at": one.at + GRACE,
            "due_at": one.at + CLOCK,
            "state": QuestionState.OPEN,
            "reason": "",
            "draft": "",
        }
        for one in asked
    ]
    return database.insert_rows(session, OpenQuestion, rows, skip_existing=True)


def answered(session: Session, answers: Sequence[Answered]) -> None:
    """Follow what was said in the rooms: the first sure answer closes, a guess is only noted.

    A question answered before anybody was shown it leaves no row.
    """
    firsts: dict[int, Answered] = {}
    guesses: dict[int, Answered] = {}
    for one in sorted(answers, key=lambda each: (each.at, each.answer_id)):
        (firsts if one.sure else guesses).setdefault(one.question_id, one)
    if guesses:
        given = _given(session, guesses.values())
        session.connection().execute(
            update(QUESTION)
            .where(QUESTION.c.message_id == given.c.question_id, QUESTION.c.maybe_at.is_(None))
            .values(maybe_at=given.c.at)
        )
    if firsts:
        _close(session, _given(session, firsts.values()))


def listed(
    session: Session,
    now: dt.datetime,
    *,
    rooms: ColumnElement[bool] | None = None,
    after: tuple[dt.datetime, int] | None = None,
    most: int = 100,
) -> list[Listed]:
    """What waits for an operator, the most pressing first.

    `rooms` is a condition on the room table; `after` is (due_at, id) of the last one seen.
    """
    shown = _shown().where(QUESTION.c.listed_at <= now)
    query = holding.pressing(WORK, shown, rooms, after, most)
    return [_listed(row) for row in session.connection().execute(query)]


def one(session: Session, question_id: int) -> Listed | None:
    """One question, whatever its state; None where there is none."""
    row = session.connection().execute(_shown().where(QUESTION.c.id == question_id)).first()
    return _listed(row) if row is not None else None


def answer(session: Session, question_id: int, text: str, by: str, now: dt.datetime) -> str:
    """Answer in the room, with the asker mentioned; returns the delivery's key.

    Raises InvalidInput where the text is empty or forbidden, where somebody else looks after the
    question, or where it is closed.
    """
    said = text.strip()
    if not said:
        raise _refuse("text", "答复是空的", "写上答复")
    forbidden = words.load(session).found(said)
    if forbidden is not None:
        raise _refuse("text", f"答复里有违禁词“{forbidden}”", "换一种说法")
    asked = session.connection().execute(_to_answer(question_id)).first()
    key = f"reply:{asked.message_id}" if asked is not None else ""
    ends = {"state": QuestionState.ANSWERED, "answer_key": key}
    if asked is None or not holding.finish(
        session, WORK, question_id, "answer", ends, by, now, key=key
    ):
        raise _refuse("question", "这个问题已经有人处理或已关闭", "刷新后再看")
    intent = Intent(
        key=key, kind=DeliveryKind.REPLY, room_id=asked.room_id, account_id=asked.account_id,
        text=said, mentions=(asked.platform_id,), due_at=now, expires_at=now + LASTS, priority=0,
    )  # fmt: skip
    if not outbox.plan(session, [intent], now):
        raise _refuse("question", "这个问题已经回复过了", "在投递里查看")
    return key


def draft(session: Session, question_id: int, text: str, by: str, now: dt.datetime) -> bool:
    """Keep an answer that is not to be sent yet, and look after the question meanwhile.

    False where somebody else looks after it, or it is closed.
    """
    if not holding.claim(session, WORK, question_id, by, now):
        return False
    session.connection().execute(
        update(QUESTION).where(QUESTION.c.id == question_id).values(draft=text.strip())
    )
    return True


def dismiss(session: Session, question_id: int, reason: str, by: str, now: dt.datetime) -> bool:
    """Close a question that needs no answer. False where another holds it, or it is closed."""
    ends = {"state": QuestionState.DISMISSED, "reason": reason}
    return holding.finish(session, WORK, question_id, "dismiss", ends, by, now, reason=reason)


def _given(session: Session, answers: Iterable[Answered]) -> FromClause:
    types = {"question_id": BigInteger(), "answer_id": BigInteger(), "at": QUESTION.c.asked_at.type}
    return database.given(session, types, [answer[:3] for answer in answers])


def _close(session: Session, given: FromClause) -> None:
    ours = QUESTION.c.message_id == given.c.question_id
    unseen = select(given.c.n).where(ours, given.c.at < QUESTION.c.listed_at)
    session.connection().execute(
        delete(QUESTION).where(
            QUESTION.c.state == QuestionState.OPEN, unseen.correlate(QUESTION).exists()
        )
    )
    session.connection().execute(
        update(QUESTION)
        .where(ours, WORK.waiting)
        .values(state=QuestionState.ANSWERED, answer_id=given.c.answer_id, closed_at=given.c.at)
    )


def _to_answer(question_id: int) -> Select[Any]:
    return (
        select(QUESTION.c.message_id, QUESTION.c.room_id, ROOM.c.account_id, CONTACT.c.platform_id)
        .join(ROOM, ROOM.c.id == QUESTION.c.room_id)
        .join(CONTACT, CONTACT.c.id == QUESTION.c.contact_id)
        .where(QUESTION.c.id == question_id)
    )


def _shown() -> Select[Any]:
    return (
        select(
            *(QUESTION.c[name] for name in ("id", "room_id", "contact_id", "asked_at", "due_at")),
            *(QUESTION.c[name] for name in ("state", "claimed_by", "maybe_at")),
            ROOM.c.platform_id.label("room"),
            ROOM.c.topic,
            ROOM.c.vertical,
            CONTACT.c.name,
            standing.text(QUESTION).label("text"),
        )
        .join(ROOM, ROOM.c.id == QUESTION.c.room_id)
        .join(CONTACT, CONTACT.c.id == QUESTION.c.contact_id)
    )


def _listed(row: Row[Any]) -> Listed:
    return Listed(**row._mapping)


def _refuse(column: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("问答台", 0, column, problem, remedy))
