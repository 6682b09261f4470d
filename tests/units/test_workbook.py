"""The calendar as a workbook: out and in again unchanged, and every fault with its cell."""

import datetime as dt
import io
import re
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import Cell
from openpyxl.workbook import Workbook

from bot import workbooks
from bot.errors import Fault, InvalidInput
from bot.gateway import Link
from bot.models import HolidayPolicy, SeriesKind
from content_calendar import (
    calendar_file,
    compound,
    fields,
    workbook,
    workbook_cells,
    workbook_columns,
    workbook_guide,
)
from content_calendar.audience import Audience, Bounds
from content_calendar.definition import Definition, Step
from content_calendar.notation import Draw, Topic
from content_calendar.recurrence import (
    Dates,
    EveryDays,
    Festivals,
    Lunar,
    Monthly,
    Rrule,
    Rule,
    Schedule,
    Weekly,
)
from tests import calendars

ZONE = "Asia/Shanghai"
QA = Definition(
    key="qa",
    name="宝妈问题解答日",
    kind=SeriesKind.QA_DAY,
    schedule=Schedule(Weekly((2,)), dt.date(2026, 11, 2), dt.date(2028, 10, 31)),
    at=dt.time(20),
    audience=Audience(verticals=("宝妈育儿",)),
    steps=(
        Step("预告", "明天见", -1, dt.time(19)),
        Step(
            "开场", "开始啦", texts={"美妆": "开始化妆啦"}, link=Link("直播", "https://a.example")
        ),
    ),
)
SHARE = Definition(
    key="share",
    name="用户分享日",
    kind=SeriesKind.SHARING_DAY,
    schedule=Schedule(Weekly((5,)), dt.date(2026, 11, 2), dt.date(2028, 10, 31)),
    at=dt.time(10),
    audience=Audience(all=True),
    steps=(Step("开场", "来分享吧"),),
)


def opened(*series: Definition) -> Workbook:
    """A workbook as an operator opens it."""
    return openpyxl.load_workbook(io.BytesIO(workbook.render(series, None)))


def saved(book: Workbook) -> bytes:
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def cell(book: Workbook, sheet: str, header: str, row: int = 2) -> Cell:
    """The cell under a header."""
    for each in book[sheet][1]:
        if each.value == header:
            found = book[sheet].cell(row, each.column)
            assert isinstance(found, Cell)
            return found
    raise KeyError(header)


def read(book: Workbook) -> calendar_file.Calendar:
    return workbook.read(saved(book), "calendar.xlsx", ZONE, calendars.KNOWN)


def faults_of(raw: bytes) -> list[Fault]:
    with pytest.raises(InvalidInput) as caught:
        workbook.read(raw, "calendar.xlsx", ZONE)
    assert all(fault.problem and fault.remedy for fault in caught.value.faults)
    return list(caught.value.faults)


def grid(raw: bytes) -> dict[str, list[tuple[object, ...]]]:
    return {
        sheet.title: [tuple(each.value for each in row) for row in sheet.iter_rows()]
        for sheet in openpyxl.load_workbook(io.BytesIO(raw)).worksheets
    }


def days(*numbers: int) -> tuple[dt.date, ...]:
    return tuple(dt.date(2026, 12, number) for number in numbers)


def test_every_field_of_the_calendar_file_has_a_column() -> None:
    parts = {
        "audience": calendar_file.AUDIENCE_FIELDS,
        "topic": compound.TOPIC_FIELDS,
        "link": compound.LINK_FIELDS,
        "mini_program": compound.MINI_PROGRAM_FIELDS,
    } | {f"audience.{name}": compound.BOUNDS_FIELDS for name in calendar_file.AUDIENCE_BOUNDS}

    def paths(names: tuple[str, ...], before: str = "") -> set[str]:
        whole = {before + name for name in names if before + name not in parts}
        return whole.union(
            *(
                paths(parts[before + each], f"{before}{each}.")
                for each in names
                if before + each in parts
            )
        )

    series = {column.name for column in workbook_columns.SERIES.columns} - {"rule"}
    assert series == paths(calendar_file.SERIES_FIELDS) - {"steps"}
    steps = {column.name for column in workbook_columns.STEPS.columns} - {"series"}
    assert steps | set(workbook_columns.USED_BY.values()) == paths(calendar_file.STEP_FIELDS)
    assert {rule.name for rule in workbook_columns.RULES.values()} == set(fields.RULES)


def test_the_guide_explains_every_column_and_its_examples_can_be_typed() -> None:
    rows = list(workbook_guide.rows())
    for sheet in workbook_columns.SHEETS:
        for column in sheet.columns:
            (said,) = [row for row in rows if row[:3] == (sheet.title, column.header, column.name)]
            assert said[3] and said[4]
            column.form.read(said[4])


def test_a_new_workbook_is_ready_to_be_filled_in() -> None:
    book = opened()
    assert book.sheetnames == ["说明", "栏目", "步骤", "文案", "设置"]
    for sheet in book.worksheets:
        assert (sheet.freeze_panes, sheet["A1"].font.bold) == ("B2", True)
        assert sheet.auto_filter.ref.startswith("A1:")
    lists = {
        str(each.sqref): each.formula1 for each in book["栏目"].data_validations.dataValidation
    }
    kind = cell(book, "栏目", "类型").column_letter
    assert lists[f"{kind}2:{kind}501"] == '"问题解答日,用户分享日,公告,促销,自定义"'
    assert len(lists) == 5
    assert book["栏目"].column_dimensions["B"].number_format == "@"
    assert read(book).series == ()


def test_what_operators_type_is_understood() -> None:
    book = opened(QA)
    typed = {
        "开始日期": dt.datetime(2026, 11, 2),  # noqa: DTZ001  # as Excel holds dates
        "结束日期": "2028/10/31",
        "时间": dt.time(20),
        "规则类型": "每月",
        "规则": 15,
        "另加日期": dt.date(2026, 12, 1),
        "跳过": "2026/12/15,2027年1月15日",
        "改期": "2027-02-15->2027-02-16\n2027/3/15 → 2027/3/16",
        "节假日": "顺延",
        "最晚几分钟": 120.0,
        "垂类": "宝妈育儿, 美妆\r\n职场穿搭|",
        "标签": True,
        "人数最少": 20,
        "话题抽取": "轮换",
        "话题": '辅食、"睡、眠"、618',
    }
    for header, value in typed.items():
        cell(book, "栏目", header).value = value  # type: ignore[assignment]  # whatever is typed
    cell(book, "步骤", "提前或推后几天").value = -1
    cell(book, "步骤", "时间").value = dt.timedelta(hours=19, minutes=30)
    cell(book, "步骤", "文字", 3).value = "第一行_x000D_\r\n第二行"
    (found,) = read(book).series
    schedule = found.schedule
    assert (schedule.rule, schedule.holidays) == (Monthly(15), HolidayPolicy.NEXT_WORKDAY)
    assert (schedule.starts, schedule.ends) == (dt.date(2026, 11, 2), dt.date(2028, 10, 31))
    assert schedule.also == frozenset(days(1))
    assert schedule.skip == frozenset([*days(15), dt.date(2027, 1, 15)])
    assert schedule.move == {
        dt.date(2027, 2, 15): dt.date(2027, 2, 16),
        dt.date(2027, 3, 15): dt.date(2027, 3, 16),
    }
    assert (found.at, found.late_by_minutes) == (dt.time(20), 120)
    assert found.audience.verticals == ("宝妈育儿", "美妆", "职场穿搭")
    assert (found.audience.tags, found.audience.members) == (("TRUE",), Bounds(20))
    assert found.topic == Topic(Draw.ROTATE, ("辅食", "睡、眠", "618"))
    assert (found.steps[0].days, found.steps[0].at) == (-1, dt.time(19, 30))
    assert found.steps[1].text == "第一行\n\n第二行"


@pytest.mark.parametrize(
    ("kind", "said", "rule"),
    [
        ("每周", "周三、sun", Weekly((2, 6))),
        ("weekly", "周天", Weekly((6,))),
        ("每月", "最后一天", Monthly(None)),
        ("每月", "15日", Monthly(15)),
        ("每隔几天", 10, EveryDays(10)),
        ("指定日期", "2026-12-12\n2026-12-24", Dates(days(12, 24))),
        ("指定日期", dt.date(2026, 12, 12), Dates(days(12))),
        ("指定日期", 46368, Dates(days(12))),
        ("RRULE", "FREQ=MONTHLY;BYDAY=2TU", Rrule("FREQ=MONTHLY;BYDAY=2TU")),
        ("农历", dt.date(2026, 8, 15), Lunar(((8, 15),))),
        ("农历", "8月15日、12-最后一天、5-5", Lunar(((8, 15), (12, None), (5, 5)))),
        ("节日", 618, Festivals(("618",))),
        ("节日", "双11、618", Festivals(("双11", "618"))),
    ],
)
def test_each_kind_of_rule_can_be_typed(kind: str, said: object, rule: Rule) -> None:
    book = opened(QA)
    cell(book, "栏目", "规则类型").value = kind
    cell(book, "栏目", "规则").value = said  # type: ignore[assignment]  # whatever is typed
    assert read(book).series[0].schedule.rule == rule


@pytest.mark.parametrize(
    ("sheet", "header", "row", "value", "remedy"),
    [
        ("栏目", "代号", 2, None, "代号"),
        ("栏目", "代号", 2, "q a", "-"),
        ("栏目", "名称", 2, None, "名称"),
        ("栏目", "名称", 2, "=1+1", "粘贴为数值"),
        ("栏目", "名称", 2, "#REF!", "重新填写"),
        ("栏目", "名称", 2, dt.date(2026, 1, 1), "文本"),
        ("栏目", "名称", 2, 1e17, "文本"),
        ("栏目", "类型", 2, "答疑日", "问题解答日"),
        ("栏目", "开始日期", 2, "2026-11-31", "年-月-日"),
        ("栏目", "开始日期", 2, 20261104, "年-月-日"),
        ("栏目", "结束日期", 2, dt.date(2025, 1, 1), "开始日期"),
        ("栏目", "规则类型", 2, "每年", "每月"),
        ("栏目", "规则类型", 2, None, "规则类型"),
        ("栏目", "规则", 2, "周八", "周"),
        ("栏目", "时间", 2, "25:00", "23:59"),
        ("栏目", "时间", 2, dt.time(20, 0, 30), "23:59"),
        ("栏目", "时区", 2, "Asia/Shanhai", "Asia/Shanghai"),
        ("栏目", "节假日", 2, "放假", "顺延"),
        ("栏目", "改期", 2, "2027-01-06", "→"),
        ("栏目", "改期", 2, "2027-01-06→明天", "年-月-日"),
        ("栏目", "改期", 2, "2027-01-06→2027-01-07\n2027/1/6→2027-01-08", "只留"),
        ("栏目", "垂类", 2, '"宝妈', "引号"),
        ("栏目", "所有群", 2, "是", "只留一种"),
        ("栏目", "所有群", 2, "也许", "是"),
        ("栏目", "优先级", 2, 15, "1 到 9"),
        ("栏目", "人数最多", 2, "多", "整数"),
        ("栏目", "话题抽取", 2, "随便", "随机"),
        ("栏目", "话题抽取", 2, None, "话题抽取"),
        ("栏目", "话题", 2, None, "话题"),
        ("步骤", "栏目", 2, None, "栏目"),
        ("步骤", "栏目", 2, "qaa", "qa"),
        ("步骤", "步骤", 2, None, "步骤"),
        ("步骤", "步骤", 3, "预告", "换一个"),
        ("步骤", "文字", 2, None, "文字"),
        ("步骤", "文字", 2, "{{ rom }}", "room"),
        ("步骤", "图片", 2, "a.exe", ".png"),
        ("步骤", "链接地址", 3, None, "链接地址"),
        ("步骤", "链接标题", 3, None, "链接标题"),
        ("步骤", "链接地址", 3, "直播", "https://"),
        ("文案", "步骤", 2, "开厂", "开场"),
        ("文案", "栏目", 2, "没有", "改这一格"),
        ("文案", "用于", 2, "别的", "垂类"),
        ("文案", "名称", 2, None, "名称"),
        ("文案", "文字", 2, None, "文字"),
        ("文案", "文字", 2, "{{ rom }}", "room"),
        ("设置", "内容", 2, "2", "整数"),
        ("设置", "项目", 2, "版木", "版本"),
    ],
)
def test_each_fault_names_its_cell_and_the_remedy(
    sheet: str, header: str, row: int, value: object, remedy: str
) -> None:
    topic = Topic(Draw.RANDOM, ("辅食",))
    book = opened(
        Definition(**{name: getattr(QA, name) for name in Definition.__slots__} | {"topic": topic})
    )
    if isinstance(value, int):
        cell(book, sheet, header, row).number_format = "General"
    cell(book, sheet, header, row).value = value  # type: ignore[assignment]  # whatever is typed
    found = faults_of(saved(book))
    place = (f"calendar.xlsx[{sheet}]", row, header)
    (fault,) = [each for each in found if (each.file, each.line, each.column) == place]
    assert remedy in fault.remedy
    # A series without its key and a step without its name are missed elsewhere too.
    assert header in {"代号", "步骤", "栏目"} or len(found) == 1
    for each in found:
        assert not re.search(r"(缺|加上|改|没有填) [a-z]", f"{each.problem} {each.remedy}")


def test_all_faults_are_named_at_once_in_the_order_of_the_file() -> None:
    book = opened(QA, SHARE)
    for sheet, header, row, value in [
        ("步骤", "文字", 3, "=1+1"),
        ("栏目", "时间", 3, "25:00"),
        ("步骤", "时间", 3, "19"),
        ("栏目", "类型", 2, "答疑"),
    ]:
        cell(book, sheet, header, row).value = value
    found = [(fault.file, fault.line, fault.column) for fault in faults_of(saved(book))]
    assert found == [
        ("calendar.xlsx[栏目]", 2, "类型"),
        ("calendar.xlsx[栏目]", 3, "时间"),
        ("calendar.xlsx[步骤]", 3, "时间"),
        ("calendar.xlsx[步骤]", 3, "文字"),
    ]


def test_a_key_written_twice_names_the_row_that_has_it() -> None:
    book = opened(QA, SHARE)
    cell(book, "栏目", "代号", 3).value = "qa"
    fault = faults_of(saved(book))[0]
    assert (fault.file, fault.line, fault.column) == ("calendar.xlsx[栏目]", 3, "代号")
    assert "第 2 行" in fault.problem


def test_a_series_without_steps_is_refused() -> None:
    book = opened(QA, SHARE)
    book["步骤"].delete_rows(4)
    (fault,) = faults_of(saved(book))
    assert (fault.file, fault.line, fault.column) == ("calendar.xlsx[栏目]", 3, "步骤")


@pytest.mark.parametrize(
    ("sheet", "column", "header", "place", "remedy"),
    [
        ("栏目", 2, "名字", "名字", "名称"),
        ("栏目", 2, "代号", "代号", "只留"),
        ("栏目", 2, None, "B 列", "表头"),
        ("栏目", 2, 3.5, "3.5", "名称"),
        ("步骤", 1, "别的", "别的", "栏目"),
        ("文案", 3, "use", None, ""),
        ("栏目", 2, "name", None, ""),
        ("栏目", 13, "verticals", None, ""),
        ("步骤", 8, "url", None, ""),
    ],
)
def test_headers_are_chinese_or_english_and_no_other(
    sheet: str, column: int, header: str | float | None, place: str | None, remedy: str
) -> None:
    book = opened(QA)
    book[sheet].cell(1, column).value = header
    if place is None:
        assert read(book).series == (QA,)
        return
    fault = faults_of(saved(book))[0]
    assert (fault.file, fault.column) == (f"calendar.xlsx[{sheet}]", place)
    assert remedy in fault.remedy


def test_columns_may_change_places_and_optional_ones_may_go() -> None:
    book = opened(SHARE)
    book["栏目"].move_range("B1:B2", cols=60)
    for header in ("备用时区", "改期"):
        book["栏目"].delete_cols(cell(book, "栏目", header).column)
    del book["文案"], book["设置"]
    assert read(book).series == (SHARE,)
    book["栏目"].delete_cols(cell(book, "栏目", "名称").column)
    (fault,) = faults_of(saved(book))
    assert (fault.line, fault.column) == (1, "名称")


def test_a_sheet_that_is_missing_is_an_error_and_one_that_nobody_reads_a_warning() -> None:
    book = opened(QA)
    book["文案"].title = "文案二"
    (warning,) = read(book).warnings
    assert "文案二" in warning.problem
    del book["步骤"]
    (fault,) = faults_of(saved(book))
    assert (fault.file, "步骤" in fault.problem) == ("calendar.xlsx", True)


def test_warnings_name_their_cell_too() -> None:
    book = opened(QA)
    cell(book, "栏目", "跳过").value = "2026-11-05"
    (warning,) = read(book).warnings
    place = (warning.file, warning.line, warning.column)
    assert place == ("calendar.xlsx[栏目]", 2, "跳过")


def test_a_year_whose_holidays_are_unknown_names_its_cell() -> None:
    book = opened(QA)
    cell(book, "栏目", "节假日").value = "顺延"
    (fault,) = faults_of(saved(book))
    assert (fault.line, fault.column) == (2, "节假日")
    assert read(book).series[0].schedule.holidays is HolidayPolicy.NEXT_WORKDAY


@pytest.mark.parametrize("behind", [None, "Europe/Berlin"])
def test_the_files_zone_survives(behind: str | None) -> None:
    raw = workbook.render([SHARE], behind)
    found = workbook.read(raw, "calendar.xlsx", ZONE)
    assert (found.zone, found.series[0].default_zone) == (behind, behind)


def zipped(**parts: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return written.getvalue()


def rebuilt(raw: bytes, part: str, content: bytes) -> bytes:
    """A workbook with one of its parts replaced."""
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    assert part in parts
    return zipped(**(parts | {part: content}))


GOOD = workbook.render([QA], None)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><worksheet>&j;</worksheet>"
).encode()


def as_excel_saves(raw: bytes) -> bytes:
    """A workbook whose texts stand in one table, in runs of several fonts, as Excel writes them."""
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        parts = {name: packed.read(name).decode() for name in packed.namelist()}
    table: list[str] = []

    def shared(found: re.Match[str]) -> str:
        half = len(found[3]) // 2 if found[3].isalpha() else 0
        runs = (
            f"<r><t>{found[3][:half]}</t></r><r><rPr><b/></rPr>{found[2]}{found[3][half:]}</t></r>"
        )
        table.append(runs if half else f"{found[2]}{found[3]}</t>")
        return f'{found[1]} t="s"><v>{len(table) - 1}</v></c>'

    for name in [name for name in parts if name.startswith("xl/worksheets/")]:
        cells = r'(<c [^>]*?) t="inlineStr"><is>(<t[^>]*>)([^<]*)</t></is></c>'
        parts[name] = re.sub(cells, shared, parts[name])
    items = "".join(f"<si>{item}</si>" for item in table)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{main}">{items}</sst>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    entry = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    types = parts["[Content_Types].xml"]
    parts["[Content_Types].xml"] = types.replace("</Types>", entry)
    assert "inlineStr" not in "".join(parts.values())
    return zipped(**{name: part.encode() for name, part in parts.items()})


def test_what_excel_saves_is_read_as_what_was_written() -> None:
    steps = (Step("开场", "  第一行\n=第二行 & <三>\n"), Step("收尾", "abcdef"))
    fields_of = {name: getattr(SHARE, name) for name in Definition.__slots__}
    wanted = Definition(**fields_of | {"steps": steps})
    raw = as_excel_saves(workbook.render([QA, wanted], None))
    assert workbook.read(raw, "calendar.xlsx", ZONE).series == (QA, wanted)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "不是 Excel"),
        (b"version: 1\nseries: []", "不是 Excel"),
        (GOOD[: len(GOOD) // 2], "不是 Excel"),
        (zipped(a=b"b"), "打不开"),
        (zipped(**{"[Content_Types].xml": b"<x"}), "打不开"),
        (rebuilt(GOOD, "xl/worksheets/sheet2.xml", b"<worksheet><sheetData><row"), "打不开"),
        (rebuilt(GOOD, "xl/worksheets/sheet2.xml", BOMB), "打不开"),
        (rebuilt(GOOD, "xl/worksheets/sheet2.xml", b" " * 2**26), "太大"),
        (workbooks.OLE + b"anything", ".xls"),
        (workbooks.OLE + "EncryptedPackage".encode("utf-16-le"), "密码"),
    ],
)
def test_what_is_no_workbook_is_refused_in_words(raw: bytes, problem: str) -> None:
    (fault,) = faults_of(raw)
    assert (fault.file, fault.line) == ("calendar.xlsx", 0)
    assert problem in fault.problem


@pytest.mark.parametrize(
    "rows",
    [
        b'<row r="20001"><c r="A20001" t="inlineStr"><is><t>x</t></is></c></row>',
        b'<row r="99999999999"></row>',
    ],
)
def test_rows_without_end_are_refused(rows: bytes) -> None:
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<sheetData>" + rows + b"</sheetData></worksheet>"
    )
    (fault,) = faults_of(rebuilt(GOOD, "xl/worksheets/sheet2.xml", sheet))
    assert (fault.file, "行" in fault.remedy) == ("calendar.xlsx[栏目]", True)


def test_what_no_cell_can_hold_is_not_cut_off() -> None:
    rooms = tuple(f"{number:019}@chatroom" for number in range(2000))
    audience = Audience(rooms=rooms)
    fields_of = {name: getattr(SHARE, name) for name in Definition.__slots__}
    with pytest.raises(InvalidInput, match=r"导出成 \.yaml"):
        workbook.render([Definition(**fields_of | {"audience": audience})], None)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@所有人",
        "#N/A",
        "'x",
        "_x000D_",
        "_x005F_x000D_",
        "x005F_",
        "a\n\nb ",
        "\ufffe",
    ],
)
def test_text_is_never_a_formula_and_comes_back_exactly(text: str) -> None:
    fields_of = {name: getattr(SHARE, name) for name in Definition.__slots__}
    wanted = Definition(
        **fields_of | {"steps": (Step("开场", text),), "audience": Audience((text.strip(),))}
    )
    if "\n" in text:
        wanted = Definition(**fields_of | {"steps": (Step("开场", text),)})
    raw = workbook.render([wanted], None)
    said = cell(openpyxl.load_workbook(io.BytesIO(raw)), "步骤", "文字")
    assert (said.data_type, said.quotePrefix) == ("s", text[0] in "=+-@")
    assert workbook.read(raw, "calendar.xlsx", ZONE).series == (wanted,)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(calendars.definitions, max_size=2, unique_by=lambda each: each.key))
def test_from_yaml_to_excel_and_back_is_the_identity(series: list[Definition]) -> None:
    written = calendar_file.render(series, ZONE)
    from_yaml = calendar_file.read(written.encode(), "calendar.yaml", ZONE, calendars.KNOWN)
    raw = workbook.render(from_yaml.series, from_yaml.zone)
    again = workbook.read(raw, "calendar.xlsx", ZONE, calendars.KNOWN)
    assert list(again.series) == series
    assert (again.zone, len(again.warnings)) == (from_yaml.zone, len(from_yaml.warnings))
    assert calendar_file.render(again.series, again.zone) == written
    assert grid(workbook.render(again.series, again.zone)) == grid(raw)


@given(st.lists(calendars.lines))
def test_a_list_in_one_cell_keeps_its_names(given: list[str]) -> None:
    said = workbook_cells.listed(list(given))
    assert list(workbook_cells.items(said) if said else ()) == given
