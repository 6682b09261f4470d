"""看板: the fleet and its verticals, before and after, goals, rooms to look at or learn from."""

import datetime as dt
from typing import Annotated

from fastapi import Form, HTTPException
from fastapi.responses import Response

from bot.console import boarding, digesting, roles
from bot.console.boarding import COLUMNS, TOP
from bot.console.page import Page, Reader, Writer
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.digest import gather, goals, phrasing
from bot.digest.goals import METRICS, Aim, Progress
from bot.digest.sheet import Sheet
from bot.errors import InvalidInput

LONG = 200
UNITS = {"number": "", "percent": "%", "hours": "小时", "yuan": "元"}


def show(page: Reader, week: str = "", vertical: str = "") -> Response:
    """One week of the fleet or a vertical, as its digest has it."""
    weeks = boarding.weeks(page)
    monday = _monday(week)
    if monday not in weeks:
        monday = weeks[0] if weeks else None
    found = boarding.gather(page, monday) if monday else None
    stored = found.chosen(vertical) if found else None
    aims = _aims(page)
    if found is None or stored is None:
        return page.render("boards_empty.html", aims=aims, forms=_forms(page))
    sheet = stored.sheet
    talk, rooms = boarding.section(sheet, "talk"), boarding.section(sheet, "rooms")
    tables = rooms.tables if rooms else ()
    return page.render(
        "boards.html", weeks=weeks, monday=found.monday, sheet=sheet, stored=stored,
        top=boarding.figures(sheet, TOP), notes=boarding.notes(sheet), talk=talk,
        drawings=boarding.drawings(talk), rooms=rooms, tables=tables,
        ids=boarding.rooms(page, tables), columns=COLUMNS,
        verticals={
            name: (
                {figure.key: figure for figure in boarding.figures(each.sheet, COLUMNS)},
                digesting.leads(page, digesting.about(found.monday, each), each.sheet),
            )
            for name, each in found.verticals.items()
        },
        named=boarding.figures(sheet, COLUMNS),
        progress=_progress(sheet, found, aims),
        leads=digesting.leads(page, digesting.about(found.monday, stored), sheet),
        shown=goals.shown, percent=phrasing.percent, forms=_forms(page),
    )  # fmt: skip


def aim(
    page: Writer,
    metric: Annotated[str, Form(max_length=60)],
    value: Annotated[float, Form()],
    until: Annotated[dt.date, Form()],
    vertical: Annotated[str, Form(max_length=LONG)] = "",
    note: Annotated[str, Form(max_length=LONG)] = "",
) -> Response:
    """Set a goal, in the place of one for the same figure."""
    _must_reach(page, vertical)
    today = page.now.astimezone(page.settings.zone).date()
    made = goals.set_goal(
        page.session, metric, value, vertical, until, note.strip(), page.by, page.now, today
    )
    told = page.tr("目标定了：{name}，进度看下一次周报", name=page.tr(made.metric.name))
    return page.to("/boards#goals", told)


def drop(
    page: Writer,
    metric: Annotated[str, Form(max_length=60)],
    vertical: Annotated[str, Form(max_length=LONG)] = "",
) -> Response:
    """Take a goal away."""
    _must_reach(page, vertical)
    dropped = goals.drop(page.session, metric, vertical, page.by, page.now)
    told = page.tr("目标去掉了") if dropped else page.tr("没有改动")
    return page.to("/boards#goals", told, kind="done" if dropped else "warning")


def _monday(week: str) -> dt.date | None:
    try:
        return gather.monday(week)
    except InvalidInput:
        # Whoever types an address by hand gets the latest week.
        return None


def _must_reach(page: Page, vertical: str) -> None:
    """403 where a goal is of more than the operator sees."""
    if not vertical:
        page.must_see_all()
    elif not roles.sees_all(page.someone) and vertical not in boarding.verticals(page):
        raise HTTPException(403)


def _aims(page: Page) -> list[Aim]:
    """The goals that the operator may see."""
    every = goals.standing(page.session)
    if roles.sees_all(page.someone):
        return every
    seen = set(boarding.verticals(page))
    return [each for each in every if each.vertical in seen]


def _progress(sheet: Sheet, found: boarding.Week, aims: list[Aim]) -> list[Progress]:
    """Where the goals stand by the digests of the week."""
    last = found.monday + dt.timedelta(days=6)
    told: list[Progress] = []
    for each in aims:
        stored = found.verticals.get(each.vertical) if each.vertical else found.fleet
        told += goals.progress([each], stored.sheet.amounts() if stored else {}, last)
    return told


def _forms(page: Page) -> dict[str, object]:
    """What a goal can be set for."""
    units = {key: page.tr(unit) if unit else "" for key, unit in UNITS.items()}
    named = [
        (one.key, f"{page.tr(one.name)}{f' ({units[one.unit]})' if units[one.unit] else ''}")
        for one in METRICS.values()
    ]
    whole = [("", page.tr("全部群"))] if roles.sees_all(page.someone) else []
    today = page.now.astimezone(page.settings.zone).date()
    return {
        "metrics": named,
        "targets": [*whole, *((each, each) for each in boarding.verticals(page))],
        "soon": today + dt.timedelta(days=90),
    }


ROUTES = (
    Route("GET", "/boards", show, VIEWER),
    Route("POST", "/boards/goals", aim, OPERATOR),
    Route("POST", "/boards/goals/drop", drop, OPERATOR),
)
