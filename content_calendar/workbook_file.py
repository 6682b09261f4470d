"""Plain rows of cells as Excel files: text is never a formula (`bot.workbooks` reads them)."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import openpyxl
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from bot.errors import Fault, InvalidInput
from bot.workbooks import Scalar
from content_calendar.workbook_cells import TEXT_FORMAT, Form

LONGEST_CELL = 32_767
READY = 500
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_BOLD, _WRAPPED = Font(bold=True), Alignment(vertical="top", wrap_text=True)
_MUST, _MAY = PatternFill("solid", fgColor="FFF2CC"), PatternFill("solid", fgColor="E7E6E6")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column to write; `source` is a range that its drop-down list reads."""

    title: str
    form: Form
    required: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One sheet to write, ready for at least so many rows."""

    title: str
    heads: tuple[Head, ...]
    rows: Sequence[Sequence[Scalar | None]]
    ready: int = READY


def save(pages: Sequence[Page]) -> bytes:
    """A workbook. Raises InvalidInput where a cell would hold more than Excel can."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for page in pages:
        _write(book.create_sheet(page.title), page)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def letter(column: int) -> str:
    """The name that Excel gives a column, counted from 1."""
    return get_column_letter(column)


def _write(sheet: Worksheet, page: Page) -> None:
    last = max(len(page.rows), page.ready) + 1
    for column, head in enumerate(page.heads, start=1):
        cell = _cell(sheet, 1, column)
        _put(cell, head.title)
        cell.font = _BOLD
        cell.fill = _MUST if head.required else _MAY
        below = sheet.column_dimensions[letter(column)]
        below.width = max(head.form.width, 2 * len(head.title) + 3)
        # Empty cells too, so that what is typed into them stays as it was typed.
        below.number_format, below.alignment = head.form.number_format, _WRAPPED
    for number, row in enumerate(page.rows, start=2):
        for head, (column, value) in zip(page.heads, enumerate(row, start=1), strict=True):
            if value is not None:
                _put(_cell(sheet, number, column), value, head.form.number_format)
    _add_lists(sheet, page, last)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{letter(len(page.heads))}{last}"


def _cell(sheet: Worksheet, row: int, column: int) -> Cell:
    # Nothing is merged here.
    return cast(Cell, sheet.cell(row, column))


def _put(cell: Cell, value: Scalar, number_format: str = TEXT_FORMAT) -> None:
    cell.alignment = _WRAPPED
    if not isinstance(value, str):
        cell.value = value
        cell.number_format = number_format
        return
    text = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", value)
    if len(text.encode("utf-16-le", "surrogatepass")) > 2 * LONGEST_CELL:
        problem = f"{cell.coordinate} 有 {len(text):,} 个字,Excel 一格放不下"
        raise InvalidInput(Fault("Excel", 0, str(cell.parent.title), problem, "导出成 .yaml"))
    cell.value, cell.number_format = text, TEXT_FORMAT
    # Never a formula and never an error, whatever it looks like, also after it was edited.
    cell.data_type = "s"
    if text.startswith(("=", "+", "-", "@")):
        cell.quotePrefix = True


def _add_lists(sheet: Worksheet, page: Page, last: int) -> None:
    for column, head in enumerate(page.heads, start=1):
        source = f'"{",".join(head.form.words)}"' if head.form.words else head.source
        if source:
            # A warning only: the English names are right too.
            chosen = DataValidation("list", formula1=source, allow_blank=True, errorStyle="warning")
            chosen.showErrorMessage = True
            chosen.errorTitle, chosen.error = "不在列表里", "从列表里选一个,或再检查一遍"
            chosen.add(f"{letter(column)}2:{letter(column)}{last}")
            sheet.add_data_validation(chosen)
