"""CSV as operators write it: encodings, headers, and every fault at its line with its remedy."""

import datetime as dt
import io
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import cells
from bot.csv_files import Column, Reading, Row, read, write
from bot.errors import Fault, InvalidInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
SKU = Column("sku", cells.identifier, ("商品编码",), required=True, filled=True)
NAME = Column("name", cells.text, ("商品名",), required=True, filled=True)
PRICE = Column("price", cells.fen, ("价格",))
AT = Column("at", cells.instant, ("时间",))


def read_products(path: Path) -> Reading[tuple[str, str, int | None]]:
    return read(path, (SKU, NAME, PRICE, AT), SHANGHAI, _product)


def _product(row: Row) -> tuple[str, str, int | None]:
    return row[SKU], row[NAME], row.get(PRICE)


def faults_of(path: Path) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for fault in read_products(path).faults]


def a_file(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    path = folder / "products.csv"
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_three_encodings_give_the_same_rows(tmp_path: Path, encoding: str) -> None:
    path = a_file(tmp_path, "商品编码,商品名,价格\r\nA1,小熊纸尿裤,99.00\r\n", encoding)
    assert read_products(path).rows == (("A1", "小熊纸尿裤", 9900),)


def test_chinese_and_english_headers_mix_and_unknown_columns_are_ignored(tmp_path: Path) -> None:
    path = a_file(tmp_path, "备注,Name , 商品编码,备注\nx,奶瓶,A1,y\n")
    assert read_products(path).rows == (("A1", "奶瓶", None),)


def test_a_missing_column_is_named_in_both_languages(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="sku/商品编码"):
        read_products(a_file(tmp_path, "name\n奶瓶\n"))


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="重复"):
        read_products(a_file(tmp_path, "sku,商品编码,name\nA1,A1,奶瓶\n"))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="空的"):
        read_products(a_file(tmp_path, "\n\n"))


def test_a_damaged_utf_8_file_is_not_read_as_something_else(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(b"\xef\xbb\xbfsku,name\nA1,\xe5\xa5\n")
    with pytest.raises(InvalidInput) as caught:
        read_products(path)
    assert caught.value.faults[0].line == 2


def test_faults_name_the_physical_line_also_after_quoted_newlines(tmp_path: Path) -> None:
    path = a_file(tmp_path, 'sku,name\n\nA1,"两\n行"\n,\nA2,\nA3,"还是\r\n两行"\n,奶瓶\n')
    assert faults_of(path) == [(6, "name"), (9, "sku")]
    assert [row[0] for row in read_products(path).rows] == ["A1", "A3"]


def test_every_bad_cell_of_a_row_is_named(tmp_path: Path) -> None:
    path = a_file(tmp_path, "sku,name,price,at\n1.2E+15,,free,yesterday\n")
    assert faults_of(path) == [(2, "sku"), (2, "name"), (2, "price"), (2, "at")]


def test_an_unquoted_comma_is_found(tmp_path: Path) -> None:
    assert faults_of(a_file(tmp_path, "sku,name\nA1,奶瓶,大号\n")) == [(2, "")]


def test_an_unclosed_quote_is_a_fault_at_its_line(tmp_path: Path) -> None:
    assert faults_of(a_file(tmp_path, 'sku,name\nA1,奶瓶\nA2,"没有合上\n')) == [(3, "")]


def test_a_fault_reads_as_one_line_with_its_remedy() -> None:
    fault = Fault("a.csv", 3, "amount", "“1.234”不是金额", "写元")
    assert str(fault) == "a.csv:3 [amount] “1.234”不是金额;写元"


def test_formulas_are_neutralised_and_come_back_as_they_were(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@所有人", "'=x", "普通", "3=3"]
    target = io.BytesIO()
    assert write(target, ["sku", "name"], ([f"S{n}", x] for n, x in enumerate(names))) == 7
    content = target.getvalue()
    assert content.startswith(b"\xef\xbb\xbf")
    assert "S0,'=1+1\r\nS1,'+1\r\nS2,'-1\r\nS3,'@所有人" in content.decode("utf-8-sig")
    path = tmp_path / "out.csv"
    path.write_bytes(content)
    assert [row[1] for row in read_products(path).rows] == names


def test_a_lone_surrogate_does_not_stop_an_export() -> None:
    target = io.BytesIO()
    write(target, ["name"], [["\ud83d"]])
    assert target.getvalue().endswith(b"\\ud83d\r\n")


@given(st.integers(0, cells.LARGEST))
def test_yuan_and_fen_are_exact(amount: int) -> None:
    assert cells.fen(cells.yuan(amount), SHANGHAI) == amount


@pytest.mark.parametrize(
    ("cell", "fen"),
    [("199", 19900), ("199.5", 19950), ("¥1,234.56", 123456), ("0.07", 7), ("0.29元", 29)],
)
def test_amounts_are_read_as_shops_write_them(cell: str, fen: int) -> None:
    assert cells.fen(cell, SHANGHAI) == fen


@pytest.mark.parametrize("cell", ["1.234", "-5.00", "1,23.00", "abc", "21474836.48", "1e3", ""])
def test_wrong_amounts_are_refused_with_a_remedy(cell: str) -> None:
    with pytest.raises(ValueError, match="金额") as caught:
        cells.fen(cell, SHANGHAI)
    assert len(caught.value.args) == 2


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-03 20:14:05",
        "2026/11/3 20:14:05",
        "2026-11-03T20:14:05+08:00",
        "2026-11-03T12:14:05Z",
        "2026-11-03T12:14:05.999+0000",
        "2026年11月3日 20:14:05",
    ],
)
def test_times_with_and_without_offset_are_one_instant(cell: str) -> None:
    assert cells.instant(cell, SHANGHAI) == dt.datetime(2026, 11, 3, 12, 14, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "cell", ["2026-13-01", "2026-11-03 25:00", "昨天", "1969-12-31", "2026-11-03 1:00+99:99"]
)
def test_wrong_times_are_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="不是时间"):
        cells.instant(cell, SHANGHAI)


def test_zones_and_choices_say_what_they_take() -> None:
    assert cells.zone_name("Asia/Urumqi", SHANGHAI) == "Asia/Urumqi"
    with pytest.raises(ValueError, match="时区"):
        cells.zone_name("../etc/passwd", SHANGHAI)
    assert cells.boolean("是", SHANGHAI) is True
    with pytest.raises(ValueError, match="不认识"):
        cells.boolean("maybe", SHANGHAI)


def test_names_are_separated_by_bars_and_kept_once() -> None:
    assert cells.names("纸尿裤| 尿不湿 ||纸尿裤|拉拉裤", SHANGHAI) == ("纸尿裤", "尿不湿", "拉拉裤")


@pytest.mark.parametrize("cell", ["1.0", "-1", "9999999999", "一", "٣"])
def test_only_whole_numbers_that_fit_are_taken(cell: str) -> None:
    with pytest.raises(ValueError, match="不是整数"):
        cells.whole(cell, SHANGHAI)
