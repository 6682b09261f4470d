"""问答台: questions that nobody has answered, each under its clock; one of them, with its room."""

from typing import Annotated, Any

from fastapi import Depends, Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import Row

from bot import around, desk
from bot.console import asked, held, typed
from bot.console.asked import Filters
from bot.console.page import Page, Reader, Writer
from bot.console.pages import rooms
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import QuestionState

LONGEST = 1_000
STATES = {
    QuestionState.OPEN: ("没人接手", "doubt"),
    QuestionState.CLAIMED: ("有人在处理", "moving"),
    QuestionState.ANSWERED: ("已答", "good"),
    QuestionState.DISMISSED: ("不用答", "off"),
}
# (name, where the list leads).
LISTS = {
    "": "等人答",
    "late": "超时",
    "mine": "我接手的",
    "lost": "没送到",
    "answered": "已答",
    "dismissed": "不用答",
}
# Lists that a figure leads to: they have a tab while they are shown.
LED = {"prompt": "7 天里按时答的", "ours": "7 天里由这里答的"}

Text = Annotated[str, typed.LINES, Form(max_length=LONGEST)]


def listed(page: Reader, filters: Annotated[Filters, Depends()], number: int = 1) -> Response:
    """One page of a list of questions, with the figures of the week."""
    given = filters if filters.show in asked.SHOWN else Filters("", filters.vertical, filters.room)
    verticals, _, _ = rooms.known(page)
    return page.render(
        "questions.html", listing=asked.listed(page, given, number), filters=given,
        lists=LISTS | {name: LED[name] for name in [given.show] if name in LED},
        tally=asked.tally(page, given), states=STATES, verticals=verticals,
        may_read=page.may(OPERATOR), waiting=asked.WAITING,
    )  # fmt: skip


def show(page: Reader, question_id: int) -> Response:
    """One question, with what was said around it, and the answer to write."""
    return _shown(page, _found(page, question_id))


def claim(page: Writer, question_id: int) -> Response:
    """Look after it."""
    name = _room(_found(page, question_id))
    return held.claim(page, desk.WORK, question_id, name, _path(question_id))


def release(page: Writer, question_id: int) -> Response:
    """Give it back to everybody."""
    return held.release(page, desk.WORK, question_id, _room(_found(page, question_id)))


def draft(page: Writer, question_id: int, text: Text = "") -> Response:
    """Keep what was written; it is not sent."""
    _found(page, question_id)
    if not desk.draft(page.session, question_id, text, page.by, page.now):
        return _shown(page, _found(page, question_id), text, held.refused(page))
    return page.to(_path(question_id), page.tr("草稿存好了，还没有发"))


def answer(page: Writer, question_id: int, text: Text = "") -> Response:
    """Send it into the room, with the asker mentioned; once."""
    row = _found(page, question_id)
    savepoint = page.session.begin_nested()
    try:
        desk.answer(page.session, question_id, text, page.by, page.now)
        savepoint.commit()
    except InvalidInput as error:
        # What was written is not lost.
        savepoint.rollback()
        return _shown(page, _found(page, question_id), text, error.faults[0])
    return page.to(_path(question_id), page.tr("{name}：回复排进了发送", name=_room(row)))


def dismiss(
    page: Writer, question_id: int, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Close it without an answer."""
    row = _found(page, question_id)
    if not desk.dismiss(page.session, question_id, reason.strip(), page.by, page.now):
        return held.late(page)
    return page.to("/questions", page.tr("{name}：记为不用答", name=_room(row)))


def _shown(page: Page, row: Row[Any], text: str = "", fault: Fault | None = None) -> Response:
    may_read = page.may(OPERATOR)
    place = asked.place(row)
    before = around.before(page.session, place, asked.BEFORE) if may_read else ()
    after = around.after(page.session, place, asked.AFTER) if may_read else ()
    return page.render(
        "question.html", 422 if fault else 200, row=row, states=STATES, before=before, after=after,
        most=asked.AFTER, may_read=may_read, text=text or row.draft, typed=text, fault=fault,
        longest=LONGEST, lasts=desk.LASTS,
    )  # fmt: skip


def _found(page: Page, question_id: int) -> Row[Any]:
    row = asked.one(page, question_id)
    if row is None:
        raise HTTPException(404)
    return row


def _room(row: Row[Any]) -> str:
    return str(row.topic or row.platform_id)


def _path(question_id: int) -> str:
    return f"/questions/{question_id}"


ROUTES = (
    Route("GET", "/questions", listed, VIEWER),
    Route("GET", "/questions/{question_id}", show, VIEWER),
    Route("POST", "/questions/{question_id}/claim", claim, OPERATOR),
    Route("POST", "/questions/{question_id}/release", release, OPERATOR),
    Route("POST", "/questions/{question_id}/draft", draft, OPERATOR),
    Route("POST", "/questions/{question_id}/answer", answer, OPERATOR),
    Route("POST", "/questions/{question_id}/dismiss", dismiss, OPERATOR),
)
