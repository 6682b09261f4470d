"""投诉: cases under a 24-hour clock, each with its owner, its outcome, and the talk behind it."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends, Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import Row

from bot import around, complaints
from bot.console import grieved, held, typed
from bot.console.grieved import Filters
from bot.console.page import Page, Reader, Writer
from bot.console.pages import people, rooms
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault
from bot.insights import segments
from bot.models import ComplaintOutcome, ComplaintState
from bot.text import feeling
from bot.text.wording import wording

BEFORE, AFTER = 6, 24
LISTS = {"": "没结案", "late": "超时", "mine": "我负责的", "closed": "已结案"}
# Lists that a figure leads to: they have a tab while they are shown.
LED = {"all": "全部", "week": "7 天里满 24 小时的", "wrong": "近四周不是投诉的"}
STATES = {
    ComplaintState.OPEN: ("没人负责", "doubt"),
    ComplaintState.CLAIMED: ("处理中", "moving"),
    ComplaintState.CLOSED: ("已结案", "good"),
}
SEVERITY = {1: ("不满", "waiting"), 2: ("出了问题", "doubt"), 3: ("伤害或维权", "bad")}
OUTCOMES = {
    ComplaintOutcome.SOLVED: "解决了",
    ComplaintOutcome.REFUNDED: "退款了",
    ComplaintOutcome.EXPLAINED: "解释清楚了",
    ComplaintOutcome.NONE: "其实不是投诉",
}
# What the rules heard, by the names that the cases carry.
HEARD = {
    "fraud": "说受骗、要投诉举报",
    "harm": "说伤到了人",
    "defect": "说商品有问题",
    "broken": "说东西坏了、用不了",
    "service": "说发货、售后、客服有问题",
    "protest": "说和讲好的不一样",
    "contrary": "说没有料到、没有告知",
    "displeased": "说不满意",
}


def listed(page: Reader, filters: Annotated[Filters, Depends()], number: int = 1) -> Response:
    """One page of a list of cases, with what they came to lately."""
    show = filters.show if filters.show in grieved.SHOWN else ""
    severity = filters.severity if filters.severity in SEVERITY else 0
    outcome = filters.outcome if filters.outcome in set(ComplaintOutcome) else ""
    given = replace(filters, show=show, severity=severity, outcome=outcome)
    verticals, _, _ = rooms.known(page)
    return page.render(
        "complaints.html", listing=grieved.listed(page, given, number), filters=given,
        lists=LISTS | {name: LED[name] for name in [show] if name in LED},
        tally=grieved.tally(page, given), states=STATES, severities=SEVERITY, outcomes=OUTCOMES,
        verticals=verticals, may_read=page.may(OPERATOR), heard=HEARD,
    )  # fmt: skip


def show(page: Reader, case_id: int) -> Response:
    """One case: the message, the talk around it, what was done, how to close it."""
    return _shown(page, _found(page, case_id))


def claim(page: Writer, case_id: int) -> Response:
    """Be its owner."""
    name = _room(_found(page, case_id))
    return held.claim(page, complaints.WORK, case_id, name, f"/complaints/{case_id}")


def release(page: Writer, case_id: int) -> Response:
    """Give it back to everybody."""
    return held.release(page, complaints.WORK, case_id, _room(_found(page, case_id)))


def close(
    page: Writer,
    case_id: int,
    outcome: Annotated[ComplaintOutcome, Form()],
    note: Annotated[str, typed.LINES, Form(max_length=500)] = "",
) -> Response:
    """Say what it came to."""
    row, told = _found(page, case_id), note.strip()
    if not complaints.close(page.session, case_id, outcome, told, page.by, page.now):
        return _shown(page, _found(page, case_id), told, held.refused(page))
    undo = f"/complaints/{case_id}/reopen"
    return page.to("/complaints", page.tr("{name}：投诉结案", name=_room(row)), undo=undo)


def reopen(page: Writer, case_id: int) -> Response:
    """It was not over after all."""
    row = _found(page, case_id)
    if not complaints.reopen(page.session, case_id, page.by, page.now):
        return page.to(page.back(), page.tr("它本来就没有结案"), kind="warning")
    return page.to(f"/complaints/{case_id}", page.tr("{name}：投诉重开了", name=_room(row)))


def _shown(page: Page, row: Row[Any], note: str = "", fault: Fault | None = None) -> Response:
    may_read, place = page.may(OPERATOR), grieved.place(row)
    return page.render(
        "complaint.html", 422 if fault else 200, row=row, states=STATES,
        severities=SEVERITY, outcomes=OUTCOMES, heard=HEARD, may_read=may_read,
        words=feeling.words(wording(row.text).plain, row.rule) if may_read and row.text else (),
        history=grieved.history(page, row.id),
        before=around.before(page.session, place, BEFORE) if may_read else (),
        after=around.after(page.session, place, AFTER) if may_read else (),
        others=grieved.others(page, row), typed=note, fault=fault,
        profiled=segments.known(page.session, row.contact_id, people.within(page)),
    )  # fmt: skip


def _found(page: Page, case_id: int) -> Row[Any]:
    row = grieved.one(page, case_id)
    if row is None:
        raise HTTPException(404)
    return row


def _room(row: Row[Any]) -> str:
    return str(row.topic or row.platform_id)


ROUTES = (
    Route("GET", "/complaints", listed, VIEWER),
    Route("GET", "/complaints/{case_id}", show, VIEWER),
    Route("POST", "/complaints/{case_id}/claim", claim, OPERATOR),
    Route("POST", "/complaints/{case_id}/release", release, OPERATOR),
    Route("POST", "/complaints/{case_id}/close", close, OPERATOR),
    Route("POST", "/complaints/{case_id}/reopen", reopen, OPERATOR),
)
