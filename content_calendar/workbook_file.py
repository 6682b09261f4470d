"""Excel files as plain rows of cells, and back: the only file that knows openpyxl.

Whatever a person hands in is bounded before it is unpacked, and refused in words where it is not a
workbook. Text is never a formula on the way out; a formula on the way in is marked as such.
"""

import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import openpyxl
from openpyxl.cell.cell import Cell
from openpyxl.cell.read_only import EMPTY_CELL
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from bot.errors import Fault, InvalidInput
from content_calendar.workbook_cells import TEXT_FORMAT, Form, Scalar

LARGEST_FILE, LARGEST_UNPACKED = 20 * 2**20, 48 * 2**20
MOST_PARTS, MOST_ROWS, MOST_COLUMNS, MOST_ROWS_OF_ALL = 500, 20_000, 100, 200_000
LONGEST_CELL = 32_767
READY = 500
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
# What openpyxl and the standard library raise on files that are broken in one way or another.
_BROKEN = (
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, OSError, EOFError, SyntaxError),
    *(LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError),
)
# Excel writes what XML cannot hold, and whatever looks like it, as _x000D_.
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_BOLD, _WRAPPED = Font(bold=True), Alignment(vertical="top", wrap_text=True)
_MUST, _MAY = PatternFill("solid", fgColor="FFF2CC"), PatternFill("solid", fgColor="E7E6E6")


@dataclass(frozen=True, slots=True)
class Refused:
    """A cell that says nothing of its own: a formula, an error."""

    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row that holds something; `number` counts from 1, None is an empty cell."""

    number: int
    cells: tuple[Scalar | Refused | None, ...]


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


def load(raw: bytes, file: str) -> list[tuple[str, list[Line]]]:
    """The sheets of a workbook by title, in order. Raises InvalidInput where it is none."""
    _check_size(raw, file)
    try:
        with warnings.catch_warnings():
            # It warns of drop-downs and colours that it cannot keep; nothing is to be kept here.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)
            found = [(sheet.title, list(_lines(sheet, file))) for sheet in book.worksheets]
            book.close()
            return found
    except _BROKEN as error:
        raise _unreadable(file, "文件损坏,打不开") from error


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


def _check_size(raw: bytes, file: str) -> None:
    if raw.startswith(OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in raw
        raise _unreadable(file, "文件有打开密码" if locked else "这是旧的 .xls 文件")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = packed.infolist()
    except _BROKEN as error:
        raise _unreadable(file, "不是 Excel 工作簿(.xlsx)") from error
    unpacked = sum(part.file_size for part in parts)
    if len(raw) > LARGEST_FILE or unpacked > LARGEST_UNPACKED or len(parts) > MOST_PARTS:
        remedy = "删掉图片、多余的表和空行的格式,或分成几个文件"
        raise InvalidInput(Fault(file, 0, "", "文件太大", remedy))


def _unreadable(file: str, problem: str) -> InvalidInput:
    remedy = "在 Excel 或 WPS 里打开,去掉打开密码,另存为 .xlsx"
    return InvalidInput(Fault(file, 0, "", problem, remedy))


def _lines(sheet: Worksheet | ReadOnlyWorksheet, file: str) -> Iterator[Line]:
    if isinstance(sheet, ReadOnlyWorksheet):
        # What a file says of its own size may be wrong.
        sheet.reset_dimensions()
    # Both kinds of sheet have the method, but only one has its type.
    rows = cast(Worksheet, sheet).iter_rows(max_col=MOST_COLUMNS)
    for number, row in enumerate(rows, start=1):
        # Rows without cells can be many, and must not take a minute.
        cells = () if {*map(id, row)} <= {id(EMPTY_CELL)} else tuple(_read(cell) for cell in row)
        filled = any(cell is not None for cell in cells)
        if (filled and number > MOST_ROWS) or number > MOST_ROWS_OF_ALL:
            problem, remedy = f"第 {MOST_ROWS:,} 行以后还有内容或格式", "删掉多余的行"
            raise InvalidInput(Fault(f"{file}[{sheet.title}]", number, "", problem, remedy))
        if filled:
            yield Line(number, cells)


def _read(cell: Any) -> Scalar | Refused | None:  # three kinds of cell without a type in common
    if cell.data_type == "f":
        return Refused("这一格是公式", "复制这一格,在原处选“粘贴为数值”")
    if cell.data_type == "e":
        return Refused(f"这一格是错误值 {cell.value}", "重新填写")
    value = cell.value
    if isinstance(value, str):
        text = _ESCAPE.sub(_unescaped, value).replace("\r\n", "\n").replace("\r", "\n")
        return text if text.strip() else None
    if value is None or isinstance(value, bool | int | float | dt.date | dt.time | dt.timedelta):
        return value
    return Refused("看不懂这一格", "写成文字")


def _unescaped(found: re.Match[str]) -> str:
    meant = chr(int(found[1], 16))
    # Half a letter is none.
    return found[0] if "\ud800" <= meant <= "\udfff" else meant


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
