"""审批: what waits, what changed since the last approval, the dry run, approve or send back."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Form
from fastapi.responses import Response
from sqlalchemy import Row, select

from bot import database
from bot.console import reach, retelling, trial
from bot.console.page import Page, Reader, Writer
from bot.console.reach import Reach
from bot.console.retelling import Difference
from bot.console.roles import APPROVER, VIEWER
from bot.console.routes import Route
from bot.models import Audit, SeriesState
from content_calendar import (
    audits,
    calendar_file,
    checking,
    contact,
    definition,
    dry_run,
    lifecycle,
    questions,
)
from content_calendar.definition import Stored

LOOKED_AT = ("series.approve", "series.change", "series.submit")


def listed(page: Reader) -> Response:
    """Every series in review that the operator may see."""
    waiting = definition.stored(page.session, state=SeriesState.IN_REVIEW)
    reached = reach.of(page, waiting) if waiting else {}
    shown = [each for each in waiting if reached[each.definition.audience].visible]
    history = _history(page, [each.definition.key for each in shown])
    rows = [_waiting(page, each, reached[each.definition.audience], history) for each in shown]
    return page.render("approvals.html", rows=rows)


def run(page: Reader, key: str) -> Response:
    """The dry run of one series, and what speaks against its approval by this operator."""
    series, reached = reach.one(page, key)
    rules = contact.rules(page.settings)
    (found,) = dry_run.run(page.session, [series], page.now, rules)
    against = checking.faults(page.session, series, found, page.by, rules, both_eyes=False)
    return page.render(
        "series_run.html", series=series, trial=trial.of(page, found), against=against,
        whole=reached.whole, home=f"/series/{quote(key, safe='')}",
        picked=questions.picked_from(page.session, [key], reach.today(page)),
    )  # fmt: skip


def approve(page: Writer, key: str, version: Annotated[int, Form()]) -> Response:
    """Let it post from now on; refused where something stands against it."""
    series = reach.changeable(page, key)
    lifecycle.approve(
        page.session, [key], page.by, page.now, contact.rules(page.settings), version=version
    )
    return page.to("/approvals", page.tr("已批准《{name}》", name=series.definition.name))


def send_back(page: Writer, key: str, reason: Annotated[str, Form()] = "") -> Response:
    """Refuse, with a reason."""
    series = reach.changeable(page, key)
    if not reason.strip():
        raise lifecycle.refuse("reason", "没有写原因", "写一句原因，同事会看到")
    lifecycle.send_back(page.session, key, reason.strip(), page.by, page.now)
    return page.to("/approvals", page.tr("已退回《{name}》", name=series.definition.name))


def _history(page: Page, keys: list[str]) -> dict[str, list[Row[Any]]]:
    audit = database.table(Audit)
    rows: Iterable[Row[Any]] = page.session.connection().execute(
        select(audit.c.object, audit.c.action, audit.c.before, audit.c.by, audit.c.at)
        .where(audit.c.object.in_([f"series:{key}" for key in keys]))
        .where(audit.c.action.in_(LOOKED_AT))
        .order_by(audit.c.id)
    )
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.object.removeprefix("series:"), []).append(row)
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """A series in review: who asked, what differs from what was approved last (or all of it)."""

    series: Stored
    reached: Reach
    asked: str
    changes: list[Difference]
    first: bool


def _waiting(
    page: Page, series: Stored, reached: Reach, history: dict[str, list[Row[Any]]]
) -> Waiting:
    rows = history.get(series.definition.key, [])
    asked = next((row.by for row in reversed(rows) if row.action == "series.submit"), "")
    approved = max(
        (place for place, row in enumerate(rows) if row.action == "series.approve"), default=None
    )
    now = audits.plain(calendar_file.as_mapping(series.definition)) or {}
    if approved is None:
        changes = retelling.differences(page.tr, None, now)
        return Waiting(series, reached, asked, changes, True)
    changed = (row.before for row in rows[approved:] if row.action == "series.change")
    before = next((each for each in changed if each), now)
    changes = retelling.differences(page.tr, before, now)
    return Waiting(series, reached, asked, changes, False)


ROUTES = (
    Route("GET", "/approvals", listed, VIEWER),
    Route("GET", "/series/{key}/run", run, VIEWER),
    Route("POST", "/series/{key}/approve", approve, APPROVER),
    Route("POST", "/series/{key}/send-back", send_back, APPROVER),
)
