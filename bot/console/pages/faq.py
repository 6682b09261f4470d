"""常见问题: the answers that the bot gives by itself; made of one, changed,
retired, tried out.
"""

import functools
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import ColumnElement, Row, or_, select, true

from bot import database, deriving, faq, terms
from bot.console import asked, paging, roles, typed
from bot.console.page import Page, Reader, Writer
from bot.console.pages import rooms
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.faq import FaqRow
from bot.models import Faq, Room
from bot.text import segment
from bot.text.segment import Segmenter
from content_calendar import questions, words

FAQ, ROOM = database.tables(Faq, Room)
LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})

LONGEST = 1_000

Words = Annotated[str, typed.LINES, Form(max_length=LONGEST)]


def listed(
    page: Reader,
    vertical: str = "",
    search: str = "",
    retired: bool = False,
    trial: str = "",
    number: int = 1,
) -> Response:
    """One page of the entries; `trial` is a question to ask the bot."""
    search, trial = search.strip(), trial.strip()[:200]
    verticals, _, _ = rooms.known(page)
    # The answers of another vertical are not theirs to try out.
    if vertical not in ("", *verticals) and not roles.sees_vertical(page.someone, vertical):
        raise HTTPException(404)
    query = select(FAQ).where(_seen(page))
    query = query.where(FAQ.c.retired_at.is_not(None) if retired else FAQ.c.retired_at.is_(None))
    if vertical:
        query = query.where(FAQ.c.vertical.in_(("", vertical)))
    if search:
        like = f"%{search.translate(LIKE)}%"
        columns = (FAQ.c.question, FAQ.c.answer)
        query = query.where(or_(*(each.ilike(like, escape="\\") for each in columns)))
    given = {"vertical": vertical, "search": search, "retired": "true" if retired else ""}
    order = (FAQ.c.vertical, FAQ.c.question, FAQ.c.id)
    listing = paging.cut(page.session, query, order, number, "/questions/faq", given)
    return page.render(
        "faq.html", listing=listing, vertical=vertical, search=search, retired=retired,
        verticals=verticals, trial=trial, said=_said(page, vertical, trial) if trial else None,
        may_write=lambda row: _may_write(page, row.vertical),
    )  # fmt: skip


def new(page: Reader, question: int = 0) -> Response:
    """An empty form, or one filled from an answered question that the operator sees."""
    row = asked.one(page, question) if question else None
    if question and row is None:
        raise HTTPException(404)
    text, answer = "", ""
    if row is not None:
        text = questions.quoted(row.text or "", questions.LONGEST_PICKED)
        answer = row.sent or questions.quoted(row.answer or "", 1_000)
    values = FaqRow(text, answer, row.vertical if row is not None else "")
    return _form(page, values, None, question)


def add(
    page: Writer,
    vertical: Words = "",
    question: Words = "",
    answer: Words = "",
    alternatives: Words = "",
    made_of: Annotated[int, Form()] = 0,
) -> Response:
    """Make an entry; from now on the bot gives its answer."""
    row = _row(vertical, question, answer, alternatives)
    _must_write(page, row.vertical)
    if made_of and asked.one(page, made_of) is None:
        raise HTTPException(404)
    try:
        _check(page, row)
        faq.add(page.session, row, page.by, page.now, made_of or None)
    except InvalidInput as error:
        return _form(page, row, None, made_of, error.faults[0])
    told = page.tr("常见问题加好了：下次有人这样问，机器人直接答")
    return page.to(_trial(row), told)


def show(page: Reader, faq_id: int) -> Response:
    """One entry in its form."""
    found = _found(page, faq_id)
    _must_write(page, found.vertical)
    row = FaqRow(found.question, found.answer, found.vertical, tuple(found.alternatives))
    return _form(page, row, found)


def change(
    page: Writer,
    faq_id: int,
    vertical: Words = "",
    question: Words = "",
    answer: Words = "",
    alternatives: Words = "",
) -> Response:
    """Write an entry anew."""
    found = _found(page, faq_id)
    row = _row(vertical, question, answer, alternatives)
    for each in {found.vertical, row.vertical}:
        _must_write(page, each)
    try:
        _check(page, row)
        changed = faq.change(page.session, faq_id, row, page.by, page.now)
    except InvalidInput as error:
        return _form(page, row, found, fault=error.faults[0])
    return page.to(_trial(row), page.tr("已保存") if changed else page.tr("没有改动"))


def retire(page: Writer, faq_id: int) -> Response:
    """The bot gives it no more."""
    _must_write(page, _found(page, faq_id).vertical)
    if not faq.retire(page.session, faq_id, page.by, page.now):
        return page.to("/questions/faq", page.tr("它已经停用了"), kind="warning")
    undo = f"/questions/faq/{faq_id}/restore"
    return page.to("/questions/faq", page.tr("停用了，机器人不再这样答"), undo=undo)


def restore(page: Writer, faq_id: int) -> Response:
    """The bot gives it again."""
    _must_write(page, _found(page, faq_id).vertical)
    if not faq.restore(page.session, faq_id, page.by, page.now):
        return page.to("/questions/faq", page.tr("它本来就在用"), kind="warning")
    return page.to("/questions/faq", page.tr("又用上了"))


def _form(
    page: Page, row: FaqRow, found: Row[Any] | None, made_of: int = 0,
    fault: Fault | None = None,
) -> Response:  # fmt: skip
    verticals, _, _ = rooms.known(page)
    mine = {each for each in (*verticals, row.vertical) if each and _may_write(page, each)}
    every = [("", page.tr("全部垂类"))] if roles.sees_all(page.someone) else []
    return page.render(
        "faq_form.html", 422 if fault else 200, row=row, found=found, made_of=made_of, fault=fault,
        longest=LONGEST, options=[*every, *((each, each) for each in sorted(mine))],
    )  # fmt: skip


def _said(page: Page, vertical: str, trial: str) -> str:
    """What the bot would answer; "" where it would leave the question to people."""
    segmenter = _segmenter(*deriving.vocabulary(terms.load(page.session)))
    return faq.curated(page.session, segmenter).best(vertical, trial) or ""


@functools.lru_cache(maxsize=1)
def _segmenter(
    words: tuple[str, ...], deleted: tuple[str, ...], stop: tuple[str, ...]
) -> Segmenter:
    """Made again where the words have changed only: it takes longer than a page may."""
    return segment.segmenter(words, deleted, stop)


def _check(page: Page, row: FaqRow) -> None:
    word = words.load(page.session).found(row.answer or "")
    if word is not None:
        problem = f"答案里有违禁词“{word}”"
        raise InvalidInput(Fault("常见问题", 0, "answer", problem, "换一种说法"))


def _row(vertical: str, question: str, answer: str, alternatives: str) -> FaqRow:
    others = dict.fromkeys(line.strip() for line in alternatives.splitlines() if line.strip())
    return FaqRow(question.strip(), answer.strip(), vertical.strip(), tuple(others))


def _trial(row: FaqRow) -> str:
    """Where the entry is asked for at once."""
    asks = {"trial": row.question, "vertical": row.vertical}
    return f"/questions/faq?{urlencode(asks)}"


def _seen(page: Page) -> ColumnElement[bool]:
    """Entries that the bot may give in a room that the operator sees."""
    if roles.sees_all(page.someone):
        return true()
    mine = select(ROOM.c.vertical).where(page.in_scope(ROOM))
    return or_(FAQ.c.vertical == "", FAQ.c.vertical.in_(mine))


def _found(page: Page, faq_id: int) -> Row[Any]:
    query = select(FAQ).where(FAQ.c.id == faq_id, _seen(page))
    row = page.session.connection().execute(query).first()
    if row is None:
        raise HTTPException(404)
    return row


def _may_write(page: Page, vertical: str) -> bool:
    """Whether every room that gets the answer lies in the operator's scope."""
    return page.may(OPERATOR) and roles.sees_vertical(page.someone, vertical)


def _must_write(page: Page, vertical: str) -> None:
    if not _may_write(page, vertical):
        raise HTTPException(403)


ROUTES = (
    Route("GET", "/questions/faq", listed, VIEWER),
    Route("POST", "/questions/faq", add, OPERATOR),
    Route("GET", "/questions/faq/new", new, OPERATOR),
    Route("GET", "/questions/faq/{faq_id}", show, OPERATOR),
    Route("POST", "/questions/faq/{faq_id}", change, OPERATOR),
    Route("POST", "/questions/faq/{faq_id}/retire", retire, OPERATOR),
    Route("POST", "/questions/faq/{faq_id}/restore", restore, OPERATOR),
)
