"""The sheets of a calendar workbook as rows by field, each value with its place.

A place is known by a serial number, so that it can stand where YAML has a line.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from bot.errors import Fault
from bot.workbooks import Line, Refused, Scalar
from content_calendar import workbook_columns, workbook_file
from content_calendar.nodes import Report, Value
from content_calendar.workbook_cells import Content, Form
from content_calendar.workbook_columns import Sheet


@dataclass(frozen=True, slots=True)
class Place:
    """A cell, or a whole row where `header` is empty; `within` is the field that it stands for."""

    table: "Table"
    row: int
    header: str = ""
    within: str = ""
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one file by serial number, from 1."""

    file: str
    found: list[Place] = field(default_factory=list)

    def add(self, place: Place) -> int:
        """The serial number of a place."""
        self.found.append(place)
        return len(self.found)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells by the name of their column, and the serial number of each."""

    table: "Table"
    number: int
    serial: int
    cells: Mapping[str, Scalar | Refused]
    serials: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet as it stands in a file; `headers` as written, by the name of their column."""

    sheet: Sheet
    title: str
    order: int
    headers: Mapping[str, str]
    rows: list[Row] = field(default_factory=list)

    def header(self, name: str) -> str:
        """How the file, else a new one, calls a column; empty where there is none."""
        known = {column.name: column.header for column in self.sheet.columns}
        spoken = self.sheet.groups.get(name, name)
        return self.headers.get(spoken, known.get(spoken, ""))


def table(report: Report, places: Places, sheet: Sheet, title: str, lines: Sequence[Line]) -> Table:
    """One sheet's rows; notes headers that are wrong, and then reads no rows."""
    head = lines[0] if lines else Line(1, ())
    columns: dict[int, str] = {}
    headers: dict[str, str] = {}
    found = Table(sheet, title, workbook_columns.SHEETS.index(sheet), headers)
    before = len(report.faults)
    for index, cell in enumerate(head.cells):
        if cell is None:
            _check_unnamed(report, places, found, index, lines[1:])
            continue
        header = str(cell).strip() if isinstance(cell, str | int | float) else "?"
        column = sheet.meant_by(header)
        place = places.add(Place(found, head.number, header))
        if column is None:
            report.add(place, "", f"没有“{header}”这一列", _near(sheet, header))
        elif column.name in headers:
            report.add(place, "", f"“{header}”这一列写了两次", "只留一列")
        else:
            columns[index], headers[column.name] = column.name, header
    for column in sheet.columns:
        if column.required and column.name not in headers and len(report.faults) == before:
            place = places.add(Place(found, head.number, column.header))
            report.add(place, "", f"缺“{column.header}”这一列", "照“说明”补上这一列")
    if len(report.faults) == before:
        found.rows.extend(_row(places, found, line, columns) for line in lines[1:])
    return found


def value(report: Report, row: Row, name: str, form: Form | None = None) -> Value | None:
    """One field; None where the cell is empty, a Value without content where it is wrong (which
    is noted).
    """
    cell = row.cells.get(name)
    if cell is None:
        return None
    serial = row.serials[name]
    form = form or row.table.sheet.column(name).form
    if isinstance(cell, Refused):
        report.add(serial, "", cell.problem, cell.remedy)
        return Value(serial, None, serial)
    try:
        return _valued(serial, form.read(cell))
    except ValueError as error:
        problem, remedy = error.args
        report.add(serial, "", problem, remedy)
        return Value(serial, None, serial)


def needed(report: Report, places: Places, row: Row, name: str) -> str | None:
    """The text of a cell that must say something; None where it does not (which is noted)."""
    found = value(report, row, name)
    if found is None:
        header = row.table.header(name)
        place = places.add(Place(row.table, row.number, header))
        report.add(place, "", f"缺 {header}", f"填上“{header}”")
    return str(found.content) if found is not None and found.content is not None else None


def nested(
    places: Places, row: Row, flat: Mapping[str, Value], within: str = ""
) -> dict[str, Value]:
    """Fields by path as fields of fields."""
    found: dict[str, Value] = {}
    parts: dict[str, dict[str, Value]] = {}
    for path, item in flat.items():
        name, dot, rest = path.partition(".")
        if dot:
            parts.setdefault(name, {})[rest] = item
        else:
            found[name] = item
    for name, part in parts.items():
        path = within + name
        header = row.table.header(path) or row.table.header(f"{path}.{next(iter(part))}")
        serial = places.add(Place(row.table, row.number, header, path))
        found[name] = Value(serial, nested(places, row, part, f"{path}."), serial)
    return found


def told(places: Places, faults: Iterable[Fault]) -> list[Fault]:
    """Faults in the order of the file, with sheet, row and header in place of serial numbers."""
    return [_told(places, fault) for fault in sorted(faults, key=partial(_order, places))]


def _told(places: Places, fault: Fault) -> Fault:
    if not 0 < fault.line <= len(places.found):
        return replace(fault, file=places.file)
    place = places.found[fault.line - 1]
    table = place.table
    # What is missing in a card is named by the card's place and a name of its own.
    missing = table.header(f"{place.within}.{fault.column}") if place.within else ""
    column = missing or place.header or table.header(fault.column)
    column = column or table.sheet.words.get(fault.column, fault.column)
    problem, remedy = fault.problem, fault.remedy
    if missing:
        problem, remedy = (text.replace(fault.column, missing) for text in (problem, remedy))
    elif not place.prose:
        problem, remedy = (_in_chinese(table, text) for text in (problem, remedy))
    return Fault(f"{places.file}[{table.title}]", place.row, column, problem, remedy)


def _order(places: Places, fault: Fault) -> tuple[int, int, int]:
    if not 0 < fault.line <= len(places.found):
        return (-1, 0, 0)
    place = places.found[fault.line - 1]
    headers = list(place.table.headers.values())
    column = headers.index(place.header) if place.header in headers else -1
    return (place.table.order, place.row, column)


def _check_unnamed(
    report: Report, places: Places, found: Table, index: int, lines: Sequence[Line]
) -> None:
    for line in lines:
        if line.cells[index : index + 1] not in ((), (None,)):
            letter = workbook_file.letter(index + 1)
            place = places.add(Place(found, line.number, f"{letter} 列"))
            report.add(place, "", f"{letter} 列有内容,没有表头", "写上表头,或清空这一列")
            return


def _near(sheet: Sheet, header: str) -> str:
    known = [column.header for column in sheet.columns]
    close = difflib.get_close_matches(header, known, n=1, cutoff=0.5)
    return f"是不是“{close[0]}”?" if close else f"可用的列:{'、'.join(known)}"


def _row(places: Places, found: Table, line: Line, columns: Mapping[int, str]) -> Row:
    whole = places.add(Place(found, line.number))
    cells: dict[str, Scalar | Refused] = {}
    serials: dict[str, int] = {}
    for index, cell in enumerate(line.cells):
        if cell is not None and index in columns:
            name = columns[index]
            # What is said of a template quotes its variables, which have the names of fields.
            prose = name == "text"
            cells[name] = cell
            serials[name] = places.add(Place(found, line.number, found.headers[name], prose=prose))
    return Row(found, line.number, whole, cells, serials)


def _valued(serial: int, content: Content) -> Value:
    if isinstance(content, tuple):
        return Value(serial, tuple(Value(serial, item, serial) for item in content), serial)
    if isinstance(content, dict):
        inner = {name: Value(serial, item, serial) for name, item in content.items()}
        return Value(serial, inner, serial)
    return Value(serial, content, serial)


def _in_chinese(table: Table, text: str) -> str:
    """A sentence about fields as one about columns."""

    def spoken(found: re.Match[str]) -> str:
        column = table.sheet.meant_by(found[0])
        own = table.header(column.name) if column is not None else found[0]
        return table.sheet.words.get(found[0], own)

    # Only ASCII letters make a word: Chinese ones stand right beside it.
    return re.sub(r"(?<![\w.-])[a-z_]+(?![\w.-])", spoken, text, flags=re.ASCII)
