"""The content calendar as an Excel workbook: out, and in again unchanged.

A workbook is read into the same values as a YAML file and checked by `calendar_file.parse`; only
the places are its own. Every value carries a serial number where YAML has a line, and each fault
is taken back from there to its sheet, row and column.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot import workbooks
from bot.errors import InvalidInput
from bot.workbooks import Line, Scalar
from content_calendar import calendar_file, holidays, workbook_file, workbook_guide, workbook_rows
from content_calendar import workbook_columns as columns
from content_calendar.calendar_file import Calendar
from content_calendar.definition import Definition
from content_calendar.holidays import Days
from content_calendar.nodes import Report, Value
from content_calendar.workbook_cells import TEXT
from content_calendar.workbook_columns import Sheet
from content_calendar.workbook_file import Head, Page
from content_calendar.workbook_rows import Place, Places, Row, Table

GUIDE_WIDTHS = (12, 16, 28, 60, 34)


def render(series: Sequence[Definition], zone: str | None) -> bytes:
    """A workbook; `read` gives back the same series. Without series it is one to fill in.

    Raises InvalidInput where a cell would hold more than Excel can.
    """
    written = [calendar_file.as_mapping(each) for each in series]
    steps = [(each["key"], step) for each in written for step in each["steps"]]
    settings = {"version": str(calendar_file.VERSION)} | ({} if zone is None else {"zone": zone})
    rows = {
        "series": [_cells(columns.SERIES, each | _rule(each["recurrence"])) for each in written],
        "steps": [_cells(columns.STEPS, {"series": key} | step) for key, step in steps],
        "texts": [
            _cells(columns.TEXTS, {"series": key, "step": step["name"]} | text)
            for key, step in steps
            for text in _texts(step)
        ],
        "settings": [
            _cells(columns.SETTINGS, {"item": item, "value": value})
            for item, value in settings.items()
        ],
    }
    pages = [_page(sheet, rows[sheet.name]) for sheet in columns.SHEETS]
    return workbook_file.save([_guide(), *pages])


def read(raw: bytes, file: str, zone: str, days: Days = holidays.PUBLISHED) -> Calendar:
    """A calendar out of a workbook; its zone goes before `zone`, the installation's.

    Raises InvalidInput; each fault names the sheet (`calendar.xlsx[步骤]`), the row and the header
    of the column.
    """
    report, warnings, places = Report(file), Report(file), Places(file)
    tables = _tables(report, warnings, places, workbooks.load(raw, file))
    if report.faults:
        raise InvalidInput(*workbook_rows.told(places, report.faults))
    root = _root(report, places, tables)
    noted = list(report.faults)
    try:
        calendar = calendar_file.parse(report, warnings, root, zone, days)
    except InvalidInput as error:
        # A cell that is wrong is empty as a field: one word on it is enough.
        known = {fault.line for fault in noted}
        more = [fault for fault in report.faults[len(noted) :] if fault.line not in known]
        raise InvalidInput(*workbook_rows.told(places, [*noted, *more])) from error
    return replace(calendar, warnings=tuple(workbook_rows.told(places, warnings.faults)))


def _page(sheet: Sheet, rows: Sequence[Sequence[Scalar | None]]) -> Page:
    # The steps choose among the keys that stand in the first column of the first sheet.
    keys = f"'{columns.SERIES.title}'!$A$2:$A${max(len(rows), workbook_file.READY) + 1}"
    heads = tuple(
        Head(each.header, each.form, each.required, keys if each.name == "series" else "")
        for each in sheet.columns
    )
    return Page(sheet.title, heads, rows)


def _guide() -> Page:
    heads = tuple(
        Head(title, replace(TEXT, width=width))
        for title, width in zip(workbook_guide.HEADERS, GUIDE_WIDTHS, strict=True)
    )
    rows = [[cell or None for cell in row] for row in workbook_guide.rows()]
    return Page(workbook_guide.TITLE, heads, rows, ready=0)


def _cells(sheet: Sheet, given: Mapping[str, Any]) -> list[Scalar | None]:
    found = ((column.form, _at(given, column.name)) for column in sheet.columns)
    return [None if value is None else form.write(value) for form, value in found]


def _at(given: Mapping[str, Any], path: str) -> Any:  # what YAML can hold has no type of its own
    name, dot, rest = path.partition(".")
    value = given.get(name)
    return _at(value, rest) if dot and value is not None else value


def _rule(recurrence: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, said),) = recurrence.items()
    rule = next(rule for rule in columns.RULES.values() if rule.name == kind)
    return {"recurrence": kind, "rule": rule.form.write(said)}


def _texts(step: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    for use in columns.USED_BY.values():
        given = step.get(use, {})
        if use == columns.IN_TURN:
            yield from ({"use": use, "text": text} for text in given)
        else:
            yield from ({"use": use, "name": name, "text": text} for name, text in given.items())


def _tables(
    report: Report, warnings: Report, places: Places, found: list[tuple[str, list[Line]]]
) -> dict[str, Table]:
    """The sheets by name; notes those that are missing, and those that nobody reads."""
    tables: dict[str, Table] = {}
    known = {spoken: sheet for sheet in columns.SHEETS for spoken in (sheet.name, sheet.title)}
    for title, lines in found:
        sheet = known.get(title.strip())
        if sheet is None and title.strip() != workbook_guide.TITLE and lines:
            remedy = f"会读的表:{'、'.join(sheet.title for sheet in columns.SHEETS)}"
            warnings.add(0, "", f"没有读“{title}”这个表", remedy)
        elif sheet is not None and sheet.name in tables:
            report.add(0, "", f"“{sheet.title}”这个表有两个", "只留一个")
        elif sheet is not None:
            tables[sheet.name] = workbook_rows.table(report, places, sheet, title, lines)
    for sheet in columns.SHEETS:
        if sheet.required and sheet.name not in tables:
            remedy = "从空表开始填:qunyun calendar export 空表.xlsx"
            report.add(0, "", f"缺“{sheet.title}”这个表", remedy)
    return tables


def _root(report: Report, places: Places, tables: Mapping[str, Table]) -> Value:
    """The whole workbook as the document that a YAML file would hold."""
    settings = _settings(report, tables.get("settings"))
    series = _series(report, places, tables["series"])
    steps = _steps(report, places, tables["steps"], series)
    if "texts" in tables:
        _add_texts(report, places, tables["texts"], steps)
    version = {"version": Value(0, str(calendar_file.VERSION))}
    listed = {"series": Value(0, tuple(series.values()))}
    return Value(0, version | settings | listed)


def _settings(report: Report, table: Table | None) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for row in [] if table is None else table.rows:
        item = workbook_rows.value(report, row, "item")
        value = workbook_rows.value(report, row, "value")
        if item is None:
            report.add(row.serial, "item", "缺 item", "填上“项目”")
        elif not isinstance(item.content, str):
            continue  # What is wrong with it is noted.
        elif item.content in found:
            report.add(item.line, "", f"{item.content} 写了两次", "只留一行")
        elif value is not None:
            found[item.content] = value
    return found


def _series(report: Report, places: Places, table: Table) -> dict[str, Value]:
    """The series by key, less what is written twice."""
    found: dict[str, Value] = {}
    rows: dict[str, int] = {}
    for row in table.rows:
        names = [column.name for column in columns.SERIES.columns if column.name != "rule"]
        read = {name: workbook_rows.value(report, row, name) for name in names}
        read["recurrence"] = _recurrence(report, places, row, read["recurrence"])
        given = {name: value for name, value in read.items() if value is not None}
        fields = workbook_rows.nested(places, row, given)
        fields.setdefault("audience", Value(row.serial, {}, row.serial))
        key = given.get("key", Value(0, f"\n{row.number}"))
        if key.content in rows:
            problem = f"代号 {key.content} 写了两次(第 {rows[str(key.content)]} 行已有)"
            report.add(key.line, "", problem, "换一个代号")
            continue
        rows[str(key.content)] = row.number
        found[str(key.content)] = Value(row.serial, fields, row.serial)
    return found


def _recurrence(report: Report, places: Places, row: Row, kind: Value | None) -> Value | None:
    if kind is None or kind.content is None:
        return kind
    rule = next(rule for rule in columns.RULES.values() if rule.name == kind.content)
    said = workbook_rows.value(report, row, "rule", rule.form)
    if said is None:
        # A list may be empty, as in YAML; that nothing ever happens is a warning.
        serial = places.add(Place(row.table, row.number, row.table.header("rule")))
        said = Value(serial, () if rule.several else None, serial)
        if not rule.several:
            report.add(serial, "", "规则类型选了,规则没有填", f"例如 {rule.example}")
    if said.content is None:
        return Value(said.line, None, said.line)
    return Value(said.line, {rule.name: said}, said.line)


def _steps(
    report: Report, places: Places, table: Table, series: Mapping[str, Value]
) -> dict[tuple[str, str], dict[str, Value]]:
    """The fields of the steps by series and name; each is added to its series too."""
    found: dict[tuple[str, str], dict[str, Value]] = {}
    grouped: dict[str, list[Value]] = {}
    for row in table.rows:
        key = workbook_rows.needed(report, places, row, "series")
        if key is not None and key not in series:
            _unknown(report, row, "series", f"“栏目”表里没有 {key}", series)
        names = [column.name for column in columns.STEPS.columns if column.name != "series"]
        read = {name: workbook_rows.value(report, row, name) for name in names}
        given = {name: value for name, value in read.items() if value is not None}
        fields = workbook_rows.nested(places, row, given)
        grouped.setdefault(key or "", []).append(Value(row.serial, fields, row.serial))
        if key is not None and "name" in given:
            found.setdefault((key, str(given["name"].content)), fields)
    for key, item in series.items():
        if isinstance(item.content, dict) and key in grouped:
            item.content["steps"] = Value(item.line, tuple(grouped[key]), item.line)
    return found


def _add_texts(
    report: Report,
    places: Places,
    table: Table,
    steps: Mapping[tuple[str, str], dict[str, Value]],
) -> None:
    """Put each text of its own where the step holds it."""
    for row in table.rows:
        wanted = ("series", "step", "use", "text")
        key, step, use, text = (workbook_rows.needed(report, places, row, name) for name in wanted)
        if key is None or step is None or use is None or text is None:
            continue
        if (key, step) not in steps:
            named = [name for series, name in steps if series == key]
            if named:
                _unknown(report, row, "step", f"“步骤”表里 {key} 没有 {step} 这一步", named)
            else:
                keys = {series for series, _ in steps}
                _unknown(report, row, "series", f"“步骤”表里没有 {key}", keys)
            continue
        said = Value(row.serials["text"], text, row.serials["text"])
        fields, at = steps[key, step], row.serials["use"]
        if use == columns.IN_TURN:
            before = fields.get(use, Value(at, (), at))
            fields[use] = replace(before, content=(*_items(before), said))
        elif (name := workbook_rows.needed(report, places, row, "name")) is not None:
            given = fields.setdefault(use, Value(at, {}, at)).content
            if isinstance(given, dict) and name in given:
                report.add(row.serials["name"], "", f"{name} 写了两次", "只留一行")
            elif isinstance(given, dict):
                given[name] = said


def _items(value: Value) -> tuple[Value, ...]:
    return value.content if isinstance(value.content, tuple) else ()


def _unknown(report: Report, row: Row, name: str, problem: str, known: Iterable[str]) -> None:
    said = str(row.cells[name])
    near = difflib.get_close_matches(said, list(known), n=1, cutoff=0.5)
    remedy = f"是不是 {near[0]}?" if near else "改这一格,或先在那里加上"
    report.add(row.serials[name], "", problem, remedy)
