"""The workbook of a digest: numbers are numbers, and no words become a formula."""

import io
from dataclasses import replace

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from openpyxl import Workbook

from bot.digest import workbook
from bot.digest.sheet import Sheet, Table
from tests.sheets import a_sheet


def read(sheet: Sheet) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook.xlsx(sheet)))


def cells(book: Workbook, title: str) -> list[tuple[object, ...]]:
    return list(book[title].iter_rows(values_only=True))


def with_table(table: Table) -> Sheet:
    sheet = a_sheet()
    first, *others = sheet.sections
    return replace(sheet, sections=(replace(first, tables=(table,)), *others))


def test_every_figure_stands_as_a_number_beside_its_words_and_definition() -> None:
    book = read(a_sheet())
    assert book.sheetnames[0] == "说明"
    assert cells(book, "数字")[1:] == [
        ("订单与收入", "订单行", 2, "2", "另有 1 行不计入", 1, "order_lines"),
        ("消息", "群日均消息", 7, "7.0", None, 2, "messages_per_room_day"),
    ]
    assert [row[0] for row in cells(book, "定义与出处")[1:]] == [1, 2]
    assert book["数字"].freeze_panes == "A2"


def test_tables_and_charts_have_a_page_each() -> None:
    book = read(a_sheet())
    assert cells(book, "提到的商品")[1:] == [("米粉|高铁", 3, 2)]
    assert cells(book, "每天")[1][:3] == ("周一 答疑", 7, "7")
    assert cells(book, "几点在聊")[1][:4] == ("周一", 0, 1, 4)
    assert cells(book, "几点在聊")[2][1] is None


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("1,234", 1234),
        ("12%", 0.12),
        ("+5.6", 5.6),
        ("−3", -3),
        ("¥1,250", 1250),
        ("¥12.50", 12.5),
        ("3–5", "3–5"),
        ("—", "—"),
        ("2 小时", "2 小时"),
    ],
)
def test_a_cell_of_a_table_is_a_number_where_it_is_one(words: str, number: object) -> None:
    book = read(with_table(Table("表", ("群", "数"), (("甲", words),), 1)))
    assert cells(book, "表")[1][1] == number


def test_words_are_never_a_formula() -> None:
    book = read(with_table(Table("=表", ("群", "数"), (("=1+1", "@x"),), 1)))
    first = book["=表"]["A2"]
    assert first.value == "'=1+1"
    assert first.data_type == "s"


def test_pages_of_one_name_stand_beside_each_other() -> None:
    table = Table("很长" * 20, ("群", "数"), (("甲", "1"),), 1)
    sheet = with_table(table)
    first, *others = sheet.sections
    twice = replace(sheet, sections=(replace(first, tables=(table, table)), *others))
    titles = read(twice).sheetnames
    assert len(set(titles)) == len(titles)
    assert max(map(len, titles)) <= 31


@settings(max_examples=20, deadline=None)
@given(some.text(max_size=40))
def test_any_words_can_be_written(words: str) -> None:
    assert read(a_sheet(topic=words, words=words)).sheetnames[0] == "说明"
