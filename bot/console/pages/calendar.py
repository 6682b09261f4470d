"""内容日历: what goes out when, by month, week or list; move, skip, copy last week."""

import datetime as dt
from collections import defaultdict
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Form, HTTPException
from fastapi.responses import JSONResponse, Response
from sqlalchemy import func, select

from bot import database
from bot.console import agenda, reach, roles
from bot.console.agenda import Filters
from bot.console.page import Page, Reader, Writer
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.models import Delivery, DeliveryState, Occurrence, Room, RoomTag, SeriesState
from content_calendar import (
    contact,
    definition,
    dry_run,
    editing,
    holidays,
    lifecycle,
    preview,
    questions,
    recurrence,
)
from content_calendar.definition import Stored
from content_calendar.preview import Previewed

FAR = 400
FIRST, LAST = dt.date(2000, 1, 1), dt.date(2199, 1, 1)


def show(page: Reader, filters: Annotated[Filters, Depends()]) -> Response:
    """The calendar; its days come by `feed`."""
    room, tag = database.tables(Room, RoomTag)
    connection = page.session.connection()
    verticals = connection.scalars(
        select(room.c.vertical)
        .where(room.c.vertical != "", page.in_scope(room))
        .distinct()
        .order_by(room.c.vertical)
    )
    tags = connection.scalars(
        select(tag.c.tag)
        .join(room, room.c.id == tag.c.room_id)
        .where(page.in_scope(room))
        .distinct()
        .order_by(tag.c.tag)
    )
    today = reach.today(page)
    return page.render(
        "calendar.html", filters=filters, today=today, verticals=list(verticals), tags=list(tags),
        unknown=agenda.unknown_years(page, today, today + dt.timedelta(days=FAR)),
        narrowed=any(getattr(filters, name) for name in Filters.__slots__),
        chosen=_chosen(page, filters),
    )  # fmt: skip


def feed(
    page: Reader, filters: Annotated[Filters, Depends()], start: str = "", end: str = ""
) -> Response:
    """The steps and the special days of a stretch, as JSON."""
    since, until = _day(start), _day(end)
    return JSONResponse(
        {
            "events": agenda.events(page, filters, since, until),
            "days": agenda.marked(page, since, until),
        }
    )


def conflicts(page: Reader, filters: Annotated[Filters, Depends()]) -> Response:
    """What will give way within four weeks, as the dry run finds it."""
    series = [each for each, _ in agenda.shown(page, filters) if each.state in _WILL_POST]
    runs = dry_run.run(page.session, series, page.now, contact.rules(page.settings))
    by_key = {each.definition.key: each.definition.name for each in series}
    seen = {
        (each.series, each.step, each.due_at, each.reason): len(each.rooms)
        for run in runs
        for each in run.conflicts
        if each.series in by_key
    }
    late = [
        (by_key[run.key], step, -(-int(step.late_by.total_seconds()) // 60))
        for run in runs
        for step in run.steps
        if step.late_by
    ]
    found = sorted(
        (due_at, key, step, reason, n) for (key, step, due_at, reason), n in seen.items()
    )
    return page.render(
        "calendar_conflicts.html", found=found, late=late, names=by_key, clock=page.settings.zone
    )


_WILL_POST = (SeriesState.APPROVED, SeriesState.IN_REVIEW)


def occurrence(page: Reader, key: str, day: str) -> Response:
    """One occurrence: its steps, rooms, texts, what became of its posts, what can be done."""
    series, reached = reach.one(page, key)
    original = _day(day)
    wanted = series.definition
    if not recurrence.happens(wanted.schedule, original):
        raise HTTPException(404)
    date = _takes_place(page, series, original)
    counts = _deliveries(page, series.id, original)
    # Texts are made for days to come: past ones stand in the deliveries.
    posts = [] if date is None else _posts(page, series, original, date)
    return page.render(
        "occurrence.html", series=series, original=original, date=date, posts=posts,
        counts=counts, reached=reached, today=reach.today(page),
        picked=questions.picked(page.session, [(series.id, original)]).get(
            (series.id, original), ()
        ),
        skipped=original in wanted.schedule.skip, moved_to=wanted.schedule.move.get(original),
        may_change=page.may(OPERATOR) and reached.whole and series.state is not SeriesState.ENDED,
    )  # fmt: skip


def move(
    page: Writer,
    key: str,
    day: str,
    to: Annotated[str, Form()] = "",
    version: Annotated[int | None, Form()] = None,
    back_to: str = "",
) -> Response:
    """Let an occurrence take place on another day: by dragging, by the form, or back again."""
    series = reach.changeable(page, key)
    original, target = _day(day), _given_day(to or back_to)
    before = series.definition.schedule.move.get(original, original)
    taken = editing.move(page.session, key, original, target, page.by, page.now, version=version)
    text = page.tr(
        "已把《{name}》{day} 这一期改到 {to}", name=series.definition.name, day=original, to=target
    )
    if taken:
        text += page.tr("，收回 {n} 条待发", n=taken)
    undo = "" if back_to else f"/calendar/{_quoted(key)}/{original}/move?back_to={before}"
    return page.to(_calendar(page), text, undo=undo)


def skip(
    page: Writer, key: str, day: str, version: Annotated[int | None, Form()] = None
) -> Response:
    """Leave an occurrence out."""
    series = reach.changeable(page, key)
    original = _day(day)
    before = series.definition.schedule.move.get(original, original)
    taken = editing.skip(page.session, key, original, page.by, page.now, version=version)
    text = page.tr("已跳过《{name}》{day} 这一期", name=series.definition.name, day=day)
    if taken:
        text += page.tr("，收回 {n} 条待发", n=taken)
    undo = f"/calendar/{_quoted(key)}/{original}/restore?back_to={before}"
    return page.to(_calendar(page), text, kind="warning", undo=undo)


def restore(
    page: Writer,
    key: str,
    day: str,
    version: Annotated[int | None, Form()] = None,
    back_to: str = "",
) -> Response:
    """Let a skipped occurrence take place after all."""
    series = reach.changeable(page, key)
    to = _given_day(back_to) if back_to else None
    editing.restore(page.session, key, _day(day), page.by, page.now, to=to, version=version)
    text = page.tr("《{name}》{day} 这一期照常", name=series.definition.name, day=day)
    return page.to(_calendar(page), text)


def copy_week(
    page: Writer, week: Annotated[str, Form()] = "", weeks: Annotated[int, Form(ge=1, le=52)] = 1
) -> Response:
    """What took place in a week takes place again some weeks later, where it does not anyway."""
    if not roles.sees_all(page.someone):
        # It concerns every series.
        raise HTTPException(403)
    copied = editing.copy_week(page.session, _given_day(week), weeks, page.by, page.now)
    if not copied:
        text = page.tr("没有要补的：那一周的栏目到时本来就有")
        return page.to(_calendar(page), text, kind="warning")
    number = sum(len(days) for days in copied.values())
    text = page.tr("复制了 {series} 个栏目的 {n} 期", series=len(copied), n=number)
    return page.to(_calendar(page), text)


def _takes_place(page: Page, series: Stored, original: dt.date) -> dt.date | None:
    schedule = series.definition.schedule
    days = holidays.load(page.session)
    around = dt.timedelta(days=recurrence.LONGEST_WAIT.days + 1)
    moved = schedule.move.get(original, original)
    found = recurrence.occurrences(
        schedule, min(moved, original), max(moved, original) + around, days
    )
    return next((each.date for each in found if each.original_date == original), None)


def _posts(page: Page, series: Stored, original: dt.date, date: dt.date) -> list[Previewed]:
    wanted = series.definition
    shifts = [step.days for step in wanted.steps]
    since = date + dt.timedelta(days=min(shifts) - 1)
    until = date + dt.timedelta(days=max(shifts) + 2)
    room = database.table(Room)
    rules = contact.rules(page.settings)
    seen = None
    if not roles.sees_all(page.someone):
        seen = set(page.session.connection().scalars(select(room.c.id).where(page.in_scope(room))))
    found = []
    for post in preview.preview(page.session, [wanted], since, until, rules):
        if post.original_date != original:
            continue
        if seen is None or any(each.id in seen for each in post.rooms):
            found.append(post)
    return found


def _deliveries(
    page: Page, series_id: int, original: dt.date
) -> dict[str, dict[DeliveryState, int]]:
    delivery, held, room = database.tables(Delivery, Occurrence, Room)
    rows = page.session.connection().execute(
        select(delivery.c.step, delivery.c.state, func.count().label("number"))
        .join(held, held.c.id == delivery.c.occurrence_id)
        .join(room, room.c.id == delivery.c.room_id)
        .where(held.c.series_id == series_id, held.c.original_date == original)
        .where(page.in_scope(room))
        .group_by(delivery.c.step, delivery.c.state)
    )
    counts: defaultdict[str, dict[DeliveryState, int]] = defaultdict(dict)
    for row in rows:
        counts[row.step or ""][row.state] = row.number
    return dict(counts)


def _chosen(page: Page, filters: Filters) -> str:
    found = definition.stored(page.session, keys=[filters.series]) if filters.series else []
    return found[0].definition.name if found else ""


def _calendar(page: Page) -> str:
    """Back to the calendar as it was looked at, else to its first view."""
    came = page.back()
    return came if came.startswith("/calendar") else "/calendar"


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text[:10])
    except ValueError as error:
        raise HTTPException(404) from error
    if not FIRST <= day <= LAST:
        raise HTTPException(404)
    return day


def _given_day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError as error:
        raise lifecycle.refuse("date", "没有选日期", "选一个日期，再试一次") from error


def _quoted(key: str) -> str:
    return quote(key, safe="")


ROUTES = (
    Route("GET", "/calendar", show, VIEWER),
    Route("GET", "/calendar/feed", feed, VIEWER),
    Route("GET", "/calendar/conflicts", conflicts, VIEWER),
    Route("POST", "/calendar/copy", copy_week, OPERATOR),
    Route("GET", "/calendar/{key}/{day}", occurrence, VIEWER),
    Route("POST", "/calendar/{key}/{day}/move", move, OPERATOR),
    Route("POST", "/calendar/{key}/{day}/skip", skip, OPERATOR),
    Route("POST", "/calendar/{key}/{day}/restore", restore, OPERATOR),
)
