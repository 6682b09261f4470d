"""A workbook reads as the file of text would that a person typed."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from bot.errors import InvalidInput
from bot.models import OrderStatus
from bot.orders import intake

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEADER = (
    *("订单号", "行号", "商品编码", "数量", "实付金额", "支付时间", "状态", "买家ID", "买家手机"),
    *("unionid", "优惠码", "渠道"),
)
AT = dt.datetime(2026, 11, 3, 12, 14, tzinfo=dt.UTC)


def a_book(folder: Path, *rows: tuple[object, ...], header: tuple[str, ...] = HEADER) -> Path:
    path = folder / "orders.xlsx"
    book = openpyxl.Workbook()
    book.create_sheet("空的", 0)
    sheet = book.worksheets[1]
    sheet.title = "订单"
    for row in (header, *rows):
        sheet.append(list(row))
    book.save(path)
    return path


def test_text_numbers_and_dates_of_a_sheet_are_read_as_they_look(tmp_path: Path) -> None:
    typed = ("E20261103", "1", "A1", "2", "199.00", "2026-11-03 20:14:00", "已支付")
    local = AT.astimezone(SHANGHAI).replace(tzinfo=None) - dt.timedelta(microseconds=1)
    counted = (20261103, 1, "A1", 2, 199.0, local, "paid")
    rest = ("b1", 13800138000, None, None, "旗舰店")
    reading = intake.read_rows(a_book(tmp_path, typed + rest, (), counted + rest), SHANGHAI)
    assert not reading.faults
    one, other = reading.rows
    assert (one.order_id, other.order_id) == ("E20261103", "20261103")
    for row in reading.rows:
        assert (row.quantity, row.amount, row.paid_at) == (2, 19_900, AT)
        assert (row.status, row.buyer_phone) == (OrderStatus.PAID, "13800138000")


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        (0, 370020261103201400, "科学计数法"),
        (4, "=1+1", "公式"),
        (4, 0.125, "不是金额"),
        (4, True, "不是金额"),
        (5, dt.time(20, 14), "不是时间"),
    ],
)
def test_what_a_spreadsheet_lost_is_named_with_its_row(
    tmp_path: Path, column: int, value: object, problem: str
) -> None:
    row: list[object] = ["E1", 1, "A1", 1, 1, "2026-11-03 20:14", "paid", *[None] * 5]
    row[column] = value
    (fault,) = intake.read_rows(a_book(tmp_path, tuple(row)), SHANGHAI).faults
    assert (fault.file, fault.line) == ("orders.xlsx[订单]", 2)
    assert problem in str(fault)


def test_what_is_no_workbook_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    path.write_bytes("订单号,行号\n".encode())
    with pytest.raises(InvalidInput, match="不是 Excel"):
        intake.read_rows(path, SHANGHAI)
    with pytest.raises(InvalidInput, match="打不开"):
        intake.read_rows(tmp_path / "none.xlsx", SHANGHAI)
    empty = a_book(tmp_path, header=())
    with pytest.raises(InvalidInput, match="空的"):
        intake.read_rows(empty, SHANGHAI)
