"""The one way to read and write CSV: what operators hand in, what they take away.

    file → text (utf-8, utf-8-sig or gb18030), or the first sheet of a workbook
        → header → rows of parsed cells → rows of a kind

A wrong file (no header, a column missing or named twice) raises InvalidInput; a wrong row is a
Fault beside the good rows, and the caller decides what a partly good file is worth.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar, cast
from zoneinfo import ZoneInfo

from bot import workbooks
from bot.errors import Fault, InvalidInput

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row came from; NOWHERE stands for rows that no file holds."""

    file: str = ""
    line: int = 0

    def fault(self, column: str, problem: str, remedy: str) -> Fault:
        """A Fault at this place."""
        return Fault(self.file, self.line, column, problem, remedy)


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Column(Generic[T_co]):
    """One column of a kind of file.

    `names` are its Chinese header names. A `required` column must be in the header; a cell of a
    `filled` one must not be empty. `parse` sees stripped, non-empty cells and raises ValueError
    with two arguments, the problem and the remedy.
    """

    name: str
    parse: Callable[[str, ZoneInfo], T_co]
    names: tuple[str, ...] = ()
    required: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Parsed cells: `row[COLUMN]` for filled columns, `row.get(COLUMN)` for the others."""

    place: Place
    values: Mapping[str, object]

    def __getitem__(self, column: Column[T]) -> T:
        """The value of a filled column."""
        return cast(T, self.values[column.name])

    def get(self, column: Column[T]) -> T | None:
        """The value, or None where the cell is empty or the file has no such column."""
        return cast(T | None, self.values.get(column.name))


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """The good rows of a file, in order, and what is wrong with the others."""

    rows: tuple[T, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """How many things an import made, changed and left alone, and the rows it could not take."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: tuple[Fault, ...] = ()


def read(
    path: Path, columns: Sequence[Column[object]], zone: ZoneInfo, build: Callable[[Row], T]
) -> Reading[T]:
    """Read a file: header names in English or Chinese, blank lines skipped.

    Times without offset are read in `zone`. `build` turns parsed cells into a row of the kind and
    may raise InvalidInput. Raises InvalidInput where no row can be read at all.
    """
    is_sheet = path.suffix.lower() in SHEETS
    records = _sheet_records(path) if is_sheet else _records(path.name, decode(path))
    header = next(records, None)
    if header is None:
        raise InvalidInput(Fault(path.name, 1, "", "文件是空的", "第一行写列名,其余每行一条"))
    if isinstance(header, Fault):
        raise InvalidInput(header)
    placed = _place_columns(header, columns)
    good: list[T] = []
    faults: list[Fault] = []
    for record in records:
        if isinstance(record, Fault):
            faults.append(record)
            continue
        row, wrong = _parse_cells(record, placed, len(header.cells), zone)
        if not wrong:
            try:
                good.append(build(row))
            except InvalidInput as error:
                wrong = list(error.faults)
        faults.extend(wrong)
    return Reading(tuple(good), tuple(faults))


def write(
    target: BinaryIO, header: Sequence[str], rows: Iterable[Sequence[str | int | None]]
) -> int:
    """Write utf-8-sig CSV with neutralised text cells; returns the number of rows.

    `read` takes the neutralising apostrophe off again, so that a file survives the round trip.
    """
    # A lone surrogate is no UTF-8: it is written as its escape, so that one odd name does not
    # cost the whole export.
    stream = io.TextIOWrapper(target, "utf-8-sig", errors="backslashreplace", newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
        count += 1
    stream.flush()
    stream.detach()
    return count


def neutral(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula: `=1+1` becomes `'=1+1`."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


# Endings of workbooks; everything else is text.
SHEETS = (".xlsx", ".xlsm")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NEUTRALISED = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class _Record:
    place: Place
    cells: list[str]


def decode(path: Path) -> str:
    """The text of a file in utf-8, utf-8-sig or gb18030. Raises InvalidInput."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unopened(path, error) from error
    # A file that says it is UTF-8 must not be read as something else where it is damaged.
    marked = content.startswith(b"\xef\xbb\xbf")
    for encoding in ("utf-8-sig",) if marked else ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
    raise InvalidInput(
        Fault(path.name, line, "", "编码无法识别", "另存为“CSV UTF-8(逗号分隔)”后再导入")
    )


def _unopened(path: Path, error: OSError) -> InvalidInput:
    return InvalidInput(Fault(str(path), 0, "", f"打不开文件({error.strerror})", "检查路径和权限"))


def _records(file: str, text: str) -> Iterator[_Record | Fault]:
    """Records that are not blank, each at the physical line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        place = Place(file, reader.line_num + 1)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield place.fault(
                "", f"这一行不是合法的 CSV({error})", "检查引号是否成对、单元格是否过长"
            )
            continue
        if any(cell.strip() for cell in cells):
            yield _Record(place, cells)


def _sheet_records(path: Path) -> Iterator[_Record | Fault]:
    """The rows of the first sheet that holds any, each with its number."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unopened(path, error) from error
    for title, lines in workbooks.load(content, path.name, workbooks.MOST_ROWS_OF_ALL):
        for line in lines:
            place = Place(f"{path.name}[{title}]", line.number)
            told = [workbooks.as_typed(cell) for cell in line.cells]
            refused = [each for each in told if isinstance(each, workbooks.Refused)]
            if refused:
                column = f"第 {told.index(refused[0]) + 1} 列"
                yield place.fault(column, refused[0].problem, refused[0].remedy)
            else:
                yield _Record(place, [each for each in told if isinstance(each, str)])
        if lines:
            return


def _place_columns(
    header: _Record, columns: Sequence[Column[object]]
) -> list[tuple[int | None, Column[object]]]:
    """Where each known column stands in the header (None: absent)."""
    known = {_folded(name): column for column in columns for name in (column.name, *column.names)}
    found: dict[str, int] = {}
    faults = []
    for position, title in enumerate(header.cells):
        column = known.get(_folded(title))
        if column is None:
            continue
        if column.name in found:
            faults.append(
                header.place.fault(title.strip(), f"列“{_both(column)}”重复", "只留下一列")
            )
        found.setdefault(column.name, position)
    for column in columns:
        if column.required and column.name not in found:
            faults.append(
                header.place.fault(
                    column.name, f"缺少列“{_both(column)}”", "在第一行补上这一列的列名"
                )
            )
    if faults:
        raise InvalidInput(*faults)
    return [(found.get(column.name), column) for column in columns]


def _parse_cells(
    record: _Record,
    placed: Sequence[tuple[int | None, Column[object]]],
    width: int,
    zone: ZoneInfo,
) -> tuple[Row, list[Fault]]:
    values: dict[str, object] = {}
    faults = []
    if any(cell.strip() for cell in record.cells[width:]):
        faults.append(record.place.fault("", "单元格比列名多", "含逗号的内容要用英文双引号括起来"))
    for position, column in placed:
        inside = position is not None and position < len(record.cells)
        cell = _clean(record.cells[position]) if inside and position is not None else ""
        try:
            values[column.name] = _parse(cell, column, zone)
        except ValueError as error:
            problem, remedy = error.args
            faults.append(record.place.fault(column.name, str(problem), str(remedy)))
    return Row(record.place, values), faults


def _parse(cell: str, column: Column[object], zone: ZoneInfo) -> object:
    if "\0" in cell:
        raise ValueError("含有空字符(NUL)", "删掉看不见的字符后再导入")
    if cell:
        return column.parse(cell, zone)
    if column.filled:
        raise ValueError(f"“{_both(column)}”是空的", "这一列每行都要填")
    return None


def _clean(cell: str) -> str:
    stripped = cell.strip()
    return stripped[1:].strip() if _NEUTRALISED.match(stripped) else stripped


def _folded(title: str) -> str:
    return unicodedata.normalize("NFKC", title).strip().casefold()


def _both(column: Column[object]) -> str:
    return "/".join((column.name, *column.names))
