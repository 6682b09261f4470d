"""A sheet as an Excel workbook: its figures, tables and charts as numbers, with a 说明 sheet."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bot import csv_files
from bot.charts.chart import Chart, Heat
from bot.digest.sheet import Line, Sheet, Table

HEAD = PatternFill("solid", fgColor="E2F1EA")
# Excel cuts longer names of sheets, and refuses these characters in them.
LONGEST_TITLE = 31
_REFUSED = re.compile(r"[\[\]:*?/\\]")
_NUMBER = re.compile(r"([+−-]?)(¥?)(\d{1,3}(?:,\d{3})*|\d+)(\.\d+)?(%?)")

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class _Page:
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[int, ...]


def xlsx(sheet: Sheet) -> bytes:
    """The digest as a workbook; text is never taken for a formula."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    taken: set[str] = set()
    for page in _pages(sheet):
        _write(book.create_sheet(_title(page.title, taken)), page)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _pages(sheet: Sheet) -> Iterator[_Page]:
    yield _guide(sheet)
    yield _figures(sheet)
    if sheet.actions:
        yield _actions(sheet)
    for section in sheet.sections:
        for table in section.tables:
            yield _table(table)
    for section in sheet.sections:
        for chart in section.charts:
            yield _heat(chart) if isinstance(chart, Heat) else _bars(chart)
    yield _notes(sheet)


def _guide(sheet: Sheet) -> _Page:
    state = "定稿" if sheet.final else "暂定"
    rows: list[tuple[Cell, ...]] = [
        ("周报", f"{sheet.title} · {sheet.week}"),
        ("时间", sheet.period),
        ("状态", f"{state} · {sheet.status}"),
    ]
    if sheet.comment:
        rows.append(("运营的话", sheet.comment))
    rows += [("要点", line.text, _noted(line)) for line in sheet.headline]
    rows += [
        (f"下周做 {number}", f"{action.title}：{action.why.text}", _noted(action.why))
        for number, action in enumerate(sheet.actions, 1)
    ]
    rows += [
        (section.title, line.text, _noted(line))
        for section in sheet.sections
        for line in (*section.brief, *section.remarks)
    ]
    rows += [("没有算进来的", sentence) for sentence in sheet.left_out]
    rows.append(("怎么读", "“定义”是“定义与出处”里的编号；空格是未知，不是 0。"))
    return _Page("说明", ("项目", "内容", "定义"), tuple(rows), (16, 100, 8))


def _noted(line: Line) -> str:
    """The numbers of a sentence's definitions."""
    return "、".join(map(str, line.notes))


def _actions(sheet: Sheet) -> _Page:
    rows = tuple(
        (number, action.title, one.where, one.text or None)
        for number, action in enumerate(sheet.actions, 1)
        for one in action.evidence
    )
    return _Page("依据", ("件", "做什么", "消息", "原话"), rows, (6, 32, 48, 60))


def _figures(sheet: Sheet) -> _Page:
    rows = tuple(
        (
            *(section.title, figure.label, figure.amount),
            *(figure.text, figure.remark, figure.note, figure.key),
        )
        for section in sheet.sections
        for figure in section.figures
    )
    header = ("部分", "数字", "值", "周报上写的", "补充", "定义", "代号")
    return _Page("数字", header, rows, (18, 26, 14, 20, 44, 8, 28))


def _table(table: Table) -> _Page:
    rows = tuple((row[0], *(_number(cell) for cell in row[1:]), table.note) for row in table.rows)
    widths = (28, *(18 for _ in table.columns))
    return _Page(table.title, (*table.columns, "定义"), rows, widths)


def _bars(chart: Chart) -> _Page:
    header = ("项目", "值", "图上写的", "区间低", "区间高", "定义")
    rows = tuple(
        (
            *(bar.label.replace("\n", " "), bar.amount, bar.text),
            *(chart.low, chart.high, chart.note),
        )
        for bar in chart.bars
    )
    return _Page(chart.title, header, rows, (20, 12, 28, 12, 12, 8))


def _heat(chart: Heat) -> _Page:
    hours = range(max((len(row.amounts) for row in chart.rows), default=0))
    rows = tuple((row.label, *row.amounts, chart.note) for row in chart.rows)
    header = ("", *(f"{hour} 时" for hour in hours), "定义")
    return _Page(chart.title, header, rows, (8, *(7 for _ in hours), 8))


def _notes(sheet: Sheet) -> _Page:
    rows = tuple(
        (note.number, note.term, note.definition, note.denominator, note.command)
        for note in sheet.notes
    )
    return _Page("定义与出处", ("定义", "名称", "说明", "分母", "命令"), rows, (8, 18, 80, 40, 70))


def _number(text: str) -> Cell:
    """A cell's words as a number where they are one: 1,234 · +5.6 · 12% · ¥1,250."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    sign, _, whole, part, percent = found.groups()
    amount = float(whole.replace(",", "") + (part or ""))
    amount = -amount if sign in ("-", "−") else amount
    if percent:
        return amount / 100
    return amount if part else int(amount)


def _title(title: str, taken: set[str]) -> str:
    """A name that Excel allows, once in the workbook."""
    plain = _REFUSED.sub(" ", title).strip("' ")[:LONGEST_TITLE] or "表"
    free, n = plain, 2
    while free.casefold() in taken:
        mark = f" {n}"
        free, n = plain[: LONGEST_TITLE - len(mark)] + mark, n + 1
    taken.add(free.casefold())
    return free


def _write(sheet: Worksheet, page: _Page) -> None:
    sheet.freeze_panes = "A2"
    for number, row in enumerate((page.header, *page.rows), start=1):
        _write_row(sheet, number, row)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), HEAD
    for column, width in enumerate(page.widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width


def _write_row(sheet: Worksheet, number: int, row: Sequence[Cell]) -> None:
    for column, value in enumerate(row, start=1):
        cell = sheet.cell(number, column)
        cell.value = _plain(value) if isinstance(value, str) else value
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula and no XML refuses."""
    return csv_files.neutral(ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))
