"""Excel files as plain rows of cells: the only file that reads them.

Whatever a person hands in is bounded before it is unpacked, and refused in words where it is not a
workbook. A formula is marked as such: it says nothing of its own.
"""

import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import openpyxl
from openpyxl.cell.read_only import EMPTY_CELL
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.worksheet import Worksheet

from bot.errors import Fault, InvalidInput

Scalar = str | int | float | bool | dt.date | dt.time | dt.timedelta

LARGEST_FILE, LARGEST_UNPACKED = 20 * 2**20, 48 * 2**20
MOST_PARTS, MOST_ROWS, MOST_COLUMNS, MOST_ROWS_OF_ALL = 500, 20_000, 100, 200_000
# A spreadsheet keeps fifteen digits of a number.
LOST = 10**15
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
# What openpyxl and the standard library raise on files that are broken in one way or another.
_BROKEN = (
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, OSError, EOFError, SyntaxError),
    *(LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError),
)
# Excel writes what XML cannot hold, and whatever looks like it, as _x000D_.
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


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


def load(raw: bytes, file: str, most_rows: int = MOST_ROWS) -> list[tuple[str, list[Line]]]:
    """The sheets of a workbook by title, in order. Raises InvalidInput where it is none."""
    _check_size(raw, file)
    try:
        with warnings.catch_warnings():
            # It warns of drop-downs and colours that it cannot keep; nothing is to be kept here.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)
            found = [
                (sheet.title, list(_lines(sheet, file, most_rows))) for sheet in book.worksheets
            ]
            book.close()
            return found
    except _BROKEN as error:
        raise _unreadable(file, "文件损坏,打不开") from error


def as_typed(
    cell: Scalar | Refused | None,
) -> str | Refused:
    """A cell as a person would have typed it into a file of text."""
    if isinstance(cell, Refused):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        # Beyond fifteen digits a spreadsheet has lost some: shown as it would show it.
        return f"{cell:.6E}" if abs(cell) >= LOST else f"{cell:.15g}"
    if isinstance(cell, dt.datetime):
        # Spreadsheets keep a fraction of a day, which misses the second by a little.
        return f"{cell + dt.timedelta(microseconds=500_000):%Y-%m-%d %H:%M:%S}"
    return "" if cell is None else str(cell)


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


def _lines(sheet: Worksheet | ReadOnlyWorksheet, file: str, most_rows: int) -> Iterator[Line]:
    if isinstance(sheet, ReadOnlyWorksheet):
        # What a file says of its own size may be wrong.
        sheet.reset_dimensions()
    # Both kinds of sheet have the method, but only one has its type.
    rows = cast(Worksheet, sheet).iter_rows(max_col=MOST_COLUMNS)
    for number, row in enumerate(rows, start=1):
        # Rows without cells can be many, and must not take a minute.
        cells = () if {*map(id, row)} <= {id(EMPTY_CELL)} else tuple(_read(cell) for cell in row)
        filled = any(cell is not None for cell in cells)
        if (filled and number > most_rows) or number > MOST_ROWS_OF_ALL:
            problem, remedy = f"第 {most_rows:,} 行以后还有内容或格式", "删掉多余的行"
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
