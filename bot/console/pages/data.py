"""数据导入导出: a file is checked, looked at, then taken in; what leaves leaves by role."""

import datetime as dt
from pathlib import Path
from typing import Annotated

from fastapi import File, Form, HTTPException, UploadFile
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from bot import database
from bot.console import auditing, exporting, importing, roles, uploads
from bot.console.page import Page, Reader
from bot.console.pages import shop_hooks
from bot.console.roles import ADMIN, OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.orders import shops
from bot.orders.shops.shop import Shop
from content_calendar import interchange
from content_calendar.interchange import Difference

FAULTS_SHOWN = 100
# They hold what tells people apart, or belong to the settings.
FOR_ADMINS = {"memberships", "orders", importing.DAYS, importing.WORDS}
DIFFERENCES = {
    Difference.NEW: ("新增", "good"),
    Difference.CHANGED: ("修改", "doubt"),
    Difference.SAME: ("不变", "off"),
}
CALENDARS = {
    "yaml": "application/yaml; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ics": "text/calendar; charset=utf-8",
}


def show(page: Reader, kind: str = "") -> Response:
    """What can be taken in and out."""
    everything = roles.sees_all(page.someone)
    kinds = [
        (name, page.tr(title)) for name, (title, _, _) in importing.KINDS.items()
        if _may_import(page, name)
    ]  # fmt: skip
    subjects = [(name, *row) for name, row in exporting.SUBJECTS.items() if _may_export(page, name)]
    return page.render(
        "data.html", kinds=kinds, chosen=kind, columns=importing.KINDS,
        subjects=subjects, everything=everything, shops=_shops(page) if everything else (),
        today=page.now.astimezone(page.settings.zone).date(),
    )  # fmt: skip


def check(
    page: Reader,
    kind: Annotated[str, Form(max_length=20)] = "",
    source: Annotated[str, Form(max_length=60)] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Try a file: what it would do, or what is wrong with it, line by line."""
    _must_import(page, kind)
    content = file.file.read() if file is not None else b""
    if file is None or not content:
        raise _refuse(page.tr("没有选文件，或者文件是空的"), page.tr("选一个文件再检查"))
    name = file.filename or kind
    source = source.strip() or "file"
    upload = uploads.keep(page.settings, page.by, kind, source, name, content)
    try:
        outcome = importing.check(page.console, upload, page.by)
    except InvalidInput as error:
        uploads.drop(upload)
        return _faulty(page, upload, error.faults)
    if outcome.done.faults:
        uploads.drop(upload)
        return _faulty(page, upload, outcome.done.faults)
    return page.render(
        "data_check.html", upload=upload, title=importing.KINDS[kind][0], outcome=outcome,
        faults=(), total=0, differences=DIFFERENCES,
    )  # fmt: skip


def take_in(page: Reader, ticket: Annotated[str, Form(max_length=32)] = "") -> Response:
    """Take a checked file in: all of it, or nothing."""
    upload = uploads.find(page.settings, page.by, ticket)
    if upload is None:
        raise _refuse(page.tr("检查过的文件已经不在了"), page.tr("再上传一次"))
    _must_import(page, upload.kind)
    outcome = importing.take_in(page.console, upload, page.by)
    done = outcome.done
    counts = {"created": done.created, "changed": done.changed, "unchanged": done.unchanged}
    with database.transaction(page.console.engine) as session:
        name = f"import:{upload.kind}"
        auditing.note(session, page.now, page.by, "data.import", name, None, counts)
    uploads.drop(upload)
    answer = page.to(
        "/data",
        page.tr("已导入：新增 {created}，修改 {changed}，不变 {unchanged}", **counts),
    )
    if outcome.stale:
        answer.background = BackgroundTask(importing.derive_again, page.console)
    return answer


def export(
    page: Reader, subject: str, form: str = exporting.CSV, since: str = "", until: str = ""
) -> Response:
    """A table as a file."""
    if subject not in exporting.SUBJECTS or form not in (exporting.CSV, exporting.EXCEL):
        raise HTTPException(404)
    if not _may_export(page, subject):
        raise HTTPException(403)
    path = exporting.write(page, subject, form, _day(page, since), _day(page, until))
    _note(page, subject, form)
    named = f"{subject}-{page.now.astimezone(page.settings.zone):%Y%m%d}.{form}"
    return FileResponse(path, filename=named, background=BackgroundTask(_remove, path))


def export_calendar(page: Reader, form: str) -> Response:
    """Every series, as the command line writes it."""
    if form not in CALENDARS:
        raise HTTPException(404)
    if not roles.sees_all(page.someone):
        raise HTTPException(403)
    settings = page.settings
    if form == "xlsx":
        content = interchange.export_workbook(page.session, settings.timezone)
    elif form == "ics":
        content = interchange.export_ics(page.session, settings.zone, None, None, page.now)
    else:
        content = interchange.export(page.session, settings.timezone).encode()
    _note(page, "calendar", form)
    named = {"content-disposition": f'attachment; filename="calendar.{form}"'}
    return Response(content, media_type=CALENDARS[form], headers=named)


def _shops(page: Page) -> list[tuple[Shop, list[str]]]:
    """Every kind of shop that may push its orders here, and the addresses of those set up."""
    known = shops.connections(page.settings.shops).values()
    return [
        (shop, [f"{shop_hooks.PATH}{each.name}" for each in known if each.kind == shop.kind])
        for shop in shops.SHOPS
    ]


def _note(page: Page, subject: str, form: str) -> None:
    with database.transaction(page.console.engine) as session:
        after = {"format": form}
        auditing.note(session, page.now, page.by, "data.export", f"export:{subject}", None, after)


def _faulty(page: Page, upload: uploads.Upload, faults: tuple[Fault, ...]) -> Response:
    return page.render(
        "data_check.html", 422, upload=upload, title=importing.KINDS[upload.kind][0],
        outcome=None, faults=faults[:FAULTS_SHOWN], total=len(faults), differences=DIFFERENCES,
    )  # fmt: skip


def _may_import(page: Page, kind: str) -> bool:
    role = ADMIN if kind in FOR_ADMINS else OPERATOR
    return kind in importing.KINDS and page.may(role) and roles.sees_all(page.someone)


def _must_import(page: Page, kind: str) -> None:
    if kind not in importing.KINDS:
        raise _refuse(page.tr("没有选导入什么"), page.tr("从列表里选一种"))
    if not _may_import(page, kind):
        raise HTTPException(403)


def _may_export(page: Page, subject: str) -> bool:
    whole = subject == "rooms" or roles.sees_all(page.someone)
    return whole and page.may(exporting.SUBJECTS[subject][2])


def _day(page: Page, text: str) -> dt.date | None:
    if not text.strip():
        return None
    try:
        day = dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise _refuse(page.tr("这不是日期"), page.tr("写成 2026-11-09 这样")) from error
    if not 1970 <= day.year <= 9998:
        raise _refuse(page.tr("这不是日期"), page.tr("写成 2026-11-09 这样"))
    return day


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("data", 0, "", problem, remedy))


ROUTES = (
    Route("GET", "/data", show, OPERATOR),
    Route("POST", "/data/check", check, OPERATOR),
    Route("POST", "/data/import", take_in, OPERATOR),
    Route("GET", "/data/export/calendar/{form}", export_calendar, OPERATOR),
    Route("GET", "/data/export/{subject}", export, VIEWER),
)
