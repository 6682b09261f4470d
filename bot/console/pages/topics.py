"""话题与需求: words and questions that rose in a week; one click into next week's Q&A day."""

import datetime as dt
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Form, HTTPException
from fastapi.responses import Response

from bot.console import reach, risen, roles
from bot.console.page import Page, Reader, Writer
from bot.console.risen import Scope
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import TopicKind
from content_calendar import editing, qa_days

Said = Annotated[str, Form(max_length=1_000)]


def listed(page: Reader, week: str = "", vertical: str = "", room: int = 0) -> Response:
    """What rose in a week for the fleet, a vertical or a room, beside next week's Q&A days."""
    known = risen.choices(page)
    scope = _scope(page, known, vertical, room)
    monday = _monday(page, week)
    found, computed = risen.of_week(page, monday, scope) if scope else (None, None)
    return page.render(
        "topics.html", found=found, computed=computed, monday=monday, scope=scope, choices=known,
        last=risen.last_week(page), week=risen.WEEK, may_read=page.may(OPERATOR),
        days=risen.days(page, scope) if scope and page.may(OPERATOR) else [],
        of=risen.verticals(page, found.questions) if found else {},
        next_monday=qa_days.next_week(reach.today(page)), day=risen.DAY,
    )  # fmt: skip


def behind(
    page: Reader, kind: TopicKind, rank: int, week: str = "", vertical: str = "", room: int = 0
) -> Response:
    """The messages behind a word or a question, to who may read them."""
    scope = _scope(page, risen.choices(page), vertical, room)
    monday = _monday(page, week)
    one = risen.one(page, monday, scope, kind, rank) if scope else None
    if scope is None or one is None:
        raise HTTPException(404)
    return page.render(
        "topic.html", one=one, kind=kind, monday=monday, scope=scope, week=risen.WEEK,
        day=risen.DAY, rows=risen.behind(page, monday, scope, kind, one), most=risen.MOST,
    )  # fmt: skip


def pick(page: Writer, day: Said = "", question: Said = "") -> Response:
    """Put a question into a Q&A day; `day` is its original date and the key of its series."""
    date, _, key = day.partition(" ")
    series = reach.changeable(page, key)
    original = _day(date)
    done = editing.pick(page.session, key, original, question, page.by, page.now)
    name = series.definition.name
    if not done:
        told = page.tr("《{name}》{day} 这一期里已经有它了", name=name, day=original)
        return page.to(page.back(), told, kind="warning")
    taken_back = urlencode({"day": day, "question": question})
    told = page.tr("放进了《{name}》{day} 这一期", name=name, day=original)
    return page.to(page.back(), told, undo=f"/topics/unpick?{taken_back}")


def unpick(page: Writer, day: str = "", question: str = "") -> Response:
    """Take a question out of a Q&A day again."""
    date, _, key = day.partition(" ")
    series = reach.changeable(page, key)
    if not editing.unpick(page.session, key, _day(date), question, page.by, page.now):
        return page.to(page.back(), page.tr("那一期里没有它"), kind="warning")
    told = page.tr("从《{name}》{day} 这一期拿出来了", name=series.definition.name, day=date)
    return page.to(page.back(), told)


def make(page: Writer, question: Said = "", vertical: Said = "") -> Response:
    """Make next week's Q&A day as a draft with this question in it, and go there."""
    if not roles.sees_vertical(page.someone, vertical):
        raise HTTPException(403)
    monday = qa_days.next_week(reach.today(page))
    key = qa_days.draft(page.session, monday, vertical, page.by, page.now)
    day = monday + qa_days.WEEKDAY * risen.DAY
    editing.pick(page.session, key, day, question, page.by, page.now)
    told = page.tr("建好了草稿，问题已经放进去：看看文案，再提交审批")
    return page.to(f"/series/{quote(key, safe='')}", told)


def _scope(page: Page, known: list[Scope], vertical: str, room: int) -> Scope | None:
    """What is asked for; 404 where it is out of the operator's scope, None where all of it is."""
    scope = risen.chosen(page, known, vertical, room)
    if scope is None and (vertical or room):
        raise HTTPException(404)
    return scope


def _monday(page: Page, week: str) -> dt.date:
    """The Monday of a week given by any of its days; else of the last one that is over."""
    if not week:
        return risen.last_week(page)
    found = _day(week)
    return found - dt.timedelta(days=found.weekday())


def _day(text: str) -> dt.date:
    try:
        found = dt.date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(Fault("", 0, "day", f"{text} 不是日期", "写成 2026-11-24")) from error
    if not 2000 <= found.year < 2200:
        raise HTTPException(404)
    return found


ROUTES = (
    Route("GET", "/topics", listed, VIEWER),
    Route("GET", "/topics/{kind}/{rank}", behind, OPERATOR),
    Route("POST", "/topics/pick", pick, OPERATOR),
    Route("POST", "/topics/unpick", unpick, OPERATOR),
    Route("POST", "/topics/day", make, OPERATOR),
)
