"""What a cell of a CSV file can hold: parsers that say what is wrong and how to mend it.

Each takes the stripped, non-empty cell and the zone in which times without offset are read, and
raises ValueError with two arguments: the problem and the remedy.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

T = TypeVar("T")

# Both databases hold a plain integer of this size.
LARGEST = 2**31 - 1

_EXPONENT = re.compile(r"[+-]?\d(\.\d+)?E\+\d+", re.IGNORECASE | re.ASCII)
_YUAN = re.compile(r"[¥￥]?\s*(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?\s*元?", re.ASCII)
_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(?:(Z)|([+-])(\d{2}):?(\d{2}))?",
    re.ASCII | re.IGNORECASE,
)


def text(cell: str, _zone: ZoneInfo) -> str:
    """Any text."""
    return cell


def identifier(cell: str, _zone: ZoneInfo) -> str:
    """An id; what a spreadsheet rounded to 1.2E+15 has lost its digits and is refused."""
    if _EXPONENT.fullmatch(cell):
        raise ValueError(
            f"“{cell}”被表格软件改成了科学计数法", "把这一列设为“文本”格式,重新导出原始编号"
        )
    return cell


def names(cell: str, _zone: ZoneInfo) -> tuple[str, ...]:
    """Names separated by `|`, each once, in order."""
    return tuple(dict.fromkeys(part.strip() for part in re.split(r"[|｜]", cell) if part.strip()))


def whole(cell: str, _zone: ZoneInfo) -> int:
    """A whole number from 0."""
    digits = cell.lstrip("0") or "0"
    if not re.fullmatch(r"\d{1,10}", digits, re.ASCII) or int(digits) > LARGEST:
        raise ValueError(f"“{cell}”不是整数", "写 0 或正整数,例如 1")
    return int(digits)


def fen(cell: str, _zone: ZoneInfo) -> int:
    """Yuan with up to two decimals, as integer fen; never through a float."""
    found = _YUAN.fullmatch(cell)
    if found is None:
        raise ValueError(
            f"“{cell}”不是金额", "写元,最多两位小数、不带负号,例如 199.00;退款用状态“已退款”表示"
        )
    # Twenty digits already say that it is too much, and spare Python the conversion of more.
    digits = found[1].replace(",", "").lstrip("0")[:20] or "0"
    amount = int(digits) * 100 + int((found[2] or "").ljust(2, "0"))
    if amount > LARGEST:
        raise ValueError(f"金额“{cell}”太大", "单行金额不超过 21474836.47 元")
    return amount


def yuan(fen_amount: int) -> str:
    """Fen as `fen` reads them: 19900 is "199.00"."""
    return f"{fen_amount // 100}.{fen_amount % 100:02}"


def instant(cell: str, zone: ZoneInfo) -> dt.datetime:
    """A time with or without offset, as aware UTC; fractions of a second are cut."""
    try:
        return _moment(_TIME.fullmatch(cell), zone).astimezone(dt.UTC)
    except ValueError as error:
        raise ValueError(
            f"“{cell}”不是时间", "写成 2026-11-03 20:14:00 或 2026-11-03T20:14:00+08:00"
        ) from error


def zone_name(cell: str, _zone: ZoneInfo) -> str:
    """The name of an IANA zone."""
    try:
        return ZoneInfo(cell).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"没有时区“{cell}”", "写 IANA 时区名,例如 Asia/Shanghai") from error


def choice(values: Mapping[str, T]) -> Callable[[str, ZoneInfo], T]:
    """A parser for one of some words, in any case: `choice({"paid": …, "已支付": …})`."""

    def parse(cell: str, _zone: ZoneInfo) -> T:
        if cell.lower() not in values:
            raise ValueError(f"不认识“{cell}”", f"写其中之一:{'、'.join(values)}")
        return values[cell.lower()]

    return parse


boolean = choice(
    {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
    | {"是": True, "否": False}
)


def _moment(found: re.Match[str] | None, zone: ZoneInfo) -> dt.datetime:
    if found is None or not 1970 <= int(found[1]) < 3000:
        raise ValueError
    year, month, day, hour, minute, second = (int(found[part] or 0) for part in range(1, 7))
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=_offset(found) or zone)


def _offset(found: re.Match[str]) -> dt.tzinfo | None:
    if found[7]:
        return dt.UTC
    if not found[8]:
        return None
    span = dt.timedelta(hours=int(found[9]), minutes=int(found[10]))
    return dt.timezone(-span if found[8] == "-" else span)
