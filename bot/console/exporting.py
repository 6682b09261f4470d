"""What leaves by the console: the same rows as `qunyun export`, as CSV or Excel, in a file."""

import datetime as dt
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from openpyxl import Workbook
from sqlalchemy import select

from bot import counting, csv_files, database, exports, message_log
from bot.console.page import Page
from bot.console.pages import rooms
from bot.console.roles import ADMIN, OPERATOR, VIEWER
from bot.insights import attributing
from bot.models import RoomTag
from bot.orders import lines as order_lines

CSV, EXCEL = "csv", "xlsx"
# (title, what is in it, the least role): members' words and people only for admins.
SUBJECTS = {
    "rooms": ("群", "你负责的群，能改完再导入", VIEWER),
    "deliveries": ("投递", "每一条的状态、时间和原因", OPERATOR),
    "engagement": ("互动", "成员每天的发言数", OPERATOR),
    "orders": ("订单", "没有手机号和姓名", ADMIN),
    "attribution": ("归因", "每一单的标签和证据", ADMIN),
    "messages": ("消息", "成员说的原话", ADMIN),
}
EVER = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 1, 1, tzinfo=dt.UTC))
# A sheet holds no more.
LONGEST_SHEET = 1_048_575
ROOMS = ("room", "topic", "vertical", "zone", "tags", "account", "owner", "mention_all")

Cell = str | int | None


def write(
    page: Page, subject: str, form: str, since: dt.date | None, until: dt.date | None
) -> Path:
    """The file, for the caller to send and to remove; row by row, so that it needs no memory."""
    header, rows = _rows(page, subject, since, until)
    cells = ([_cell(value) for value in row] for row in rows)
    handle, name = tempfile.mkstemp(suffix=f".{form}")
    path = Path(name)
    try:
        with open(handle, "wb") as target:  # noqa: PTH123  # the handle that mkstemp opened
            if form == CSV:
                csv_files.write(target, header, cells)
        if form == EXCEL:
            _write_sheet(path, header, cells)
    except BaseException:
        path.unlink()
        raise
    return path


def _rows(
    page: Page, subject: str, since: dt.date | None, until: dt.date | None
) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
    session, zone = page.session, page.settings.zone
    bounds = [counting.local_day(day, zone)[0] if day else None for day in (since, until)]
    first, end = bounds[0] or EVER[0], bounds[1] or EVER[1]
    match subject:
        case "rooms":
            return ROOMS, _rooms(page)
        case "deliveries":
            return exports.DELIVERIES, exports.deliveries(session, first, end)
        case "engagement":
            return exports.ENGAGEMENT, exports.engagement(session, since, until)
        case "orders":
            rows = order_lines.order_rows(session, first, end, page.now, zone)
            return order_lines.EXPORT, rows
        case "attribution":
            return attributing.EXPORT, attributing.attribution_rows(session, first, end, zone)
        case _:
            told = map(json.loads, message_log.lines(session, first, end))
            return message_log.COLUMNS, map(_flat, told)


def _rooms(page: Page) -> Iterator[Sequence[object]]:
    """The rooms in scope, as `qunyun rooms import` reads them."""
    tag = database.table(RoomTag)
    tags: dict[int, list[str]] = {}
    tagged = select(tag.c.room_id, tag.c.tag).order_by(tag.c.room_id, tag.c.tag)
    for row in page.session.connection().execute(tagged):
        tags.setdefault(row.room_id, []).append(row.tag)
    everything = dict.fromkeys(("search", "vertical", "tag", "account", "state"), "")
    query = rooms.query(page, everything).order_by(rooms.ROOM.c.id)
    for row in page.session.connection().execute(query):
        yield (
            row.platform_id, row.topic, row.vertical, row.zone, "|".join(tags.get(row.id, ())),
            row.account, row.owner, row.mention_all,
        )  # fmt: skip


def _write_sheet(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("qunyun")
    sheet.freeze_panes = "A2"
    sheet.append(list(header))
    for row in islice(rows, LONGEST_SHEET):
        sheet.append([_plain(cell) if isinstance(cell, str) else cell for cell in row])
    book.save(path)


def _plain(cell: str) -> str:
    """Text that no spreadsheet takes for a formula and no XML refuses."""
    shown = "".join(
        letter if letter in "\t\n" or (letter >= " " and not "\ud800" <= letter <= "\udfff"
                                       and letter not in "\ufffe\uffff") else "\ufffd"
        for letter in cell[:32_000]
    )  # fmt: skip
    return csv_files.neutral(shown)


def _flat(told: dict[str, object]) -> list[object]:
    mentions = told.get("mentions")
    joined = "|".join(mentions) if isinstance(mentions, list) else ""
    return [joined if name == "mentions" else told.get(name) for name in message_log.COLUMNS]


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | str):
        return value
    return value.isoformat() if isinstance(value, dt.date) else str(value)
