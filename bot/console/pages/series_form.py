"""栏目: the editor, its checks as one types, and what two people do to one series."""

import json
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Form as FormField
from fastapi import HTTPException
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from bot import database
from bot.console import as_typed, drafting, reach, retelling
from bot.console.drafting import Form, Mapped
from bot.console.page import Page, Reader, Writer
from bot.console.pages import pictures
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import Room, RoomTag, SeriesState
from content_calendar import (
    calendar_file,
    checking,
    definition,
    editing,
    festivals,
    holidays,
    interchange,
    lifecycle,
    notation,
    templates,
)
from content_calendar.definition import Definition, Stored

# Every variable of a text, as operators call it.
VARIABLES = {
    "room": "群名", "vertical": "垂类", "name": "栏目名", "step": "步骤名", "date": "日期",
    "weekday": "星期", "time": "钟点", "topic": "话题", "product": "商品", "operator": "负责人",
    "link": "短链接", "questions": "待答的问题", "picked": "挑中的问题",
}  # fmt: skip


def new(page: Reader) -> Response:
    """An empty form."""
    return _editor(page, drafting.fresh(reach.today(page)), None)


def create(page: Writer, form: Annotated[Form, FormField()]) -> Response:
    """A new draft."""
    wanted = drafting.over(drafting.fresh(reach.today(page)), form)
    if form.do:
        return _editor(page, drafting.rearranged(wanted, form.do), None)
    try:
        made = _needed(page, wanted)
        if definition.stored(page.session, keys=[made.key]) or made.key == "new":
            raise lifecycle.refuse("key", "这个标识已经用了", "换一个标识")
    except InvalidInput as error:
        return _editor(page, wanted, None, error.faults, 422)
    reach.must_cover(page, made.audience)
    interchange.take_in(page.session, [made], page.by, page.now)
    return page.to(path(made.key), page.tr("草稿已保存"))


def show(page: Reader, key: str) -> Response:
    """One series, in its form."""
    series, _ = reach.one(page, key)
    return _editor(page, drafting.mapping(series.definition), series)


def save(page: Writer, key: str, form: Annotated[Form, FormField()]) -> Response:
    """Put the form over what stands; the second of two people is told, and loses nothing."""
    series = reach.changeable(page, key)
    base = _base(form, series)
    mine = drafting.over(base, form)
    if form.do:
        return _editor(page, drafting.rearranged(mine, form.do), series, version=form.version)
    if form.version != series.version:
        return _conflict(page, series, mine, base)
    try:
        _take_in(page, series, _needed(page, mine))
    except InvalidInput as error:
        return _editor(page, mine, series, error.faults, 422)
    return page.to(path(key), page.tr("已保存"))


def autosave(page: Writer, key: str, form: Annotated[Form, FormField()]) -> Response:
    """Save a draft while it is written; what has been approved is never changed so."""
    series = reach.changeable(page, key)
    if series.state is not SeriesState.DRAFT:
        return JSONResponse({"told": page.tr("不是草稿，不自动保存：点保存后要重新批准")}, 422)
    if form.version != series.version:
        told = page.tr("{who} 刚改过这个栏目：点保存看看差别", who=series.changed_by)
        return JSONResponse({"told": told}, 409)
    try:
        _take_in(page, series, _needed(page, drafting.over(_base(form, series), form)))
    except InvalidInput as error:
        return JSONResponse({"told": page.tr("改好右边列出的问题后自动保存"), "problem":
                             error.faults[0].problem}, 422)  # fmt: skip
    stands = definition.stored(page.session, keys=[key])[0]
    base = json.dumps(drafting.mapping(stands.definition), ensure_ascii=False)
    clock = page.now.astimezone(page.settings.zone).strftime("%H:%M:%S")
    told = page.tr("草稿已自动保存 {at}", at=clock)
    return JSONResponse({"version": stands.version, "base": base, "told": told})


def merge(
    page: Writer, key: str, mine: Annotated[str, FormField()], base: Annotated[str, FormField()]
) -> Response:
    """My changes over the version that stands now, to be looked at and saved."""
    series = reach.changeable(page, key)
    theirs = drafting.mapping(series.definition)
    try:
        found = drafting.merged(json.loads(mine), json.loads(base), theirs)
    except (ValueError, AttributeError, TypeError) as error:
        raise HTTPException(422) from error
    return _editor(page, found, series)


def save_yaml(
    page: Writer, key: str, text: Annotated[str, FormField()], version: Annotated[int, FormField()]
) -> Response:
    """The whole series as the calendar file writes it."""
    series = reach.changeable(page, key)
    lifecycle.existing(page.session, key, version)
    days = holidays.load(page.session)
    found = calendar_file.read(text.encode(), "", page.settings.timezone, days).series
    if [each.key for each in found] != [key]:
        raise lifecycle.refuse("key", "这里只能写这一个栏目，标识不能改", "另一个栏目请新建")
    _take_in(page, series, found[0])
    return page.to(path(key), page.tr("已保存"))


def check(page: Reader, form: Annotated[Form, FormField()]) -> Response:
    """What the form as it stands would do: dates, rooms, faults, bubbles."""
    wanted = drafting.over(_parsed(form.base), form)
    checked = drafting.check(wanted, page.settings.timezone, holidays.load(page.session))
    return page.render("series_check.html", **as_typed.foretold(page, checked, form.room))


def _editor(
    page: Page,
    wanted: Mapped,
    series: Stored | None,
    faults: tuple[Fault, ...] = (),
    status: int = 200,
    version: int | None = None,
) -> Response:
    checked = drafting.check(wanted, page.settings.timezone, holidays.load(page.session))
    living = as_typed.foretold(page, checked, "")
    room, tag = database.tables(Room, RoomTag)
    connection = page.session.connection()
    verticals = connection.scalars(
        select(room.c.vertical).where(room.c.vertical != "", page.in_scope(room)).distinct()
    )
    tagged = connection.execute(
        select(tag.c.tag, room.c.platform_id, room.c.topic).join(room, room.c.id == tag.c.room_id)
        .where(page.in_scope(room), tag.c.tag == editing.TEST_TAG)
    )  # fmt: skip
    tags = connection.scalars(
        select(tag.c.tag)
        .join(room, room.c.id == tag.c.room_id)
        .where(page.in_scope(room))
        .distinct()
    )
    whole = checked.whole
    return page.render(
        "series_form.html", status, m=wanted, series=series, problems=faults,
        version=version if version is not None else series.version if series else 0,
        base=json.dumps(
            drafting.mapping(series.definition) if series else wanted, ensure_ascii=False),
        yaml=calendar_file.render([whole], None) if series and whole else "",
        verticals=sorted(verticals), tags=sorted(tags), test_rooms=tagged.all(),
        images=pictures.names(page),
        largest=checking.LARGEST_IMAGE // 1_000_000,
        maybe_absent=templates.DATA, weekdays=notation.WEEKDAYS,
        festivals=list(festivals.FESTIVALS),
        names=VARIABLES, kinds=list(definition.KINDS), between=drafting.BETWEEN,
        home=path(series.definition.key) if series else "/series/new",
        editable=page.may(OPERATOR) and (series is None or reach.of(page, [series])[
            series.definition.audience].whole),
        **living,
    )  # fmt: skip


def _conflict(page: Page, series: Stored, mine: Mapped, base: Mapped) -> Response:
    theirs = drafting.mapping(series.definition)
    told = [retelling.told(page.tr, each) for each in (base, theirs, mine)]
    titles = dict.fromkeys(title for each in told for title in each)
    rows = [(title, *(each.get(title, "") for each in told)) for title in titles]
    rows = [row for row in rows if len(set(row[1:])) > 1]
    return page.render(
        "series_conflict.html", 409, series=series, rows=rows, home=path(series.definition.key),
        mine_json=json.dumps(mine, ensure_ascii=False),
        base_json=json.dumps(base, ensure_ascii=False),
    )  # fmt: skip


def _take_in(page: Page, series: Stored, wanted: Definition) -> None:
    reach.must_cover(page, wanted.audience)
    interchange.take_in(
        page.session, [replace(wanted, key=series.definition.key)], page.by, page.now
    )


def _needed(page: Page, wanted: Mapped) -> Definition:
    return drafting.needed(wanted, page.settings.timezone, holidays.load(page.session))


def _base(form: Form, series: Stored) -> Mapped:
    """What the person saw when they began: it only decides what counts as their own change."""
    return _parsed(form.base) or drafting.mapping(series.definition)


def _parsed(text: str) -> Mapped:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise HTTPException(422) from error
    return found if isinstance(found, dict) else {}


def path(key: str) -> str:
    """Where a series is shown."""
    return f"/series/{quote(key, safe='')}"


ROUTES = (
    Route("GET", "/series/new", new, OPERATOR),
    Route("POST", "/series/new", create, OPERATOR),
    Route("POST", "/series/check", check, OPERATOR),
    Route("GET", "/series/{key}", show, VIEWER),
    Route("POST", "/series/{key}", save, OPERATOR),
    Route("POST", "/series/{key}/autosave", autosave, OPERATOR),
    Route("POST", "/series/{key}/merge", merge, OPERATOR),
    Route("POST", "/series/{key}/yaml", save_yaml, OPERATOR),
)
