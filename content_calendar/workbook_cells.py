"""What one cell of a calendar workbook can hold: each form knows how to write and to read it.

`write` takes what the calendar file holds, `read` what a person typed or a spreadsheet made of it
(a date, a clock, a number), and gives it back as the calendar file would spell it. Wrong cells
raise ValueError with two arguments: the problem and the remedy. What a field may say is not
decided here but where the calendar file is read.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.workbooks import Scalar

# As nodes.Value holds it, less the places.
Content = str | tuple[str, ...] | dict[str, str]

TEXT_FORMAT, DATE_FORMAT, CLOCK_FORMAT = "@", "yyyy-mm-dd", "hh:mm"
SEPARATOR = "、"
ARROW = "→"
MIDNIGHT = dt.time()
# Spreadsheets count days from here and keep fifteen digits.
DAY_ZERO = dt.date(1899, 12, 30)
MOST_DIGITS = 10**15
_SERIAL_DAYS = range((dt.date(2000, 1, 1) - DAY_ZERO).days, (dt.date(2200, 1, 1) - DAY_ZERO).days)
_SEPARATORS = "、,\uff0c|\uff5c\n"  # People type both widths.
_BLANKS = r"[^\S\n]*"
_ITEM = re.compile(rf'{_BLANKS}(?:"((?:[^"]|"")*)"|([^{_SEPARATORS}"][^{_SEPARATORS}]*)|){_BLANKS}')
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_LUNAR = re.compile(r"(\d{1,2})[-/.月](\d{1,2}|last|最后一天)日?")


@dataclass(frozen=True, slots=True)
class Form:
    """How the cells of one column are written and read; `words` make a drop-down list."""

    write: Callable[[Any], Scalar]  # what YAML can hold has no type of its own
    read: Callable[[Scalar], Content]
    words: tuple[str, ...] = ()
    number_format: str = TEXT_FORMAT
    width: int = 18


def plain(value: Scalar) -> str:
    """Text as it stands; a number as it was typed."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _digits(value)
    raise ValueError("这一格被表格软件改成了日期或时间", "把单元格格式设为“文本”,重新填写")


def word(value: Scalar) -> str:
    """Text without blanks around it."""
    return plain(value).strip()


def date(value: Scalar) -> str:
    """A date as 2026-11-04; what is no date stays as it is."""
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == MIDNIGHT else str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, int | float) and value in _SERIAL_DAYS:
        # The cell lost its format; a year or 20261104 typed as a number is no date.
        return str(DAY_ZERO + dt.timedelta(value))
    if not isinstance(value, str):
        return plain(value)
    found = _DATE.fullmatch(value.strip())
    return value.strip() if found is None else f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}"


def clock(value: Scalar) -> str:
    """A clock as 20:00; what is no clock stays as it is."""
    if isinstance(value, dt.datetime) and value.date() in {DAY_ZERO, dt.date(1900, 1, 1)}:
        value = value.time()
    if isinstance(value, float) and 0 <= value < 1:
        value = dt.timedelta(minutes=round(value * 24 * 60, 3))
    if isinstance(value, dt.timedelta):
        minutes, rest = divmod(value, dt.timedelta(minutes=1))
        return f"{minutes // 60:02}:{minutes % 60:02}" if not rest else str(value)
    if isinstance(value, dt.time):
        return value.strftime("%H:%M") if not (value.second or value.microsecond) else str(value)
    return word(value)


def lunar_day(value: Scalar) -> str:
    """A lunar month and day as 08-15 or 12-last; a spreadsheet makes a date of the first."""
    if isinstance(value, dt.date):
        return value.strftime("%m-%d")
    found = _LUNAR.fullmatch(word(value))
    if found is None:
        return word(value)
    return f"{found[1]:0>2}-{'last' if found[2] == '最后一天' else found[2].zfill(2)}"


def month_day(value: Scalar) -> str:
    """A day of the month."""
    found = re.fullmatch(r"(\d{1,2})[日号]", word(value))
    return word(value) if found is None else found[1]


def items(value: Scalar, item: Callable[[Scalar], str] = plain) -> tuple[str, ...]:
    """The items of a list in one cell; in double quotes they hold separators and blanks."""
    if not isinstance(value, str):
        return (item(value),)
    found, at = [], 0
    while at <= len(value):
        each = _ITEM.match(value, at)
        if each is None or (each.end() < len(value) and value[each.end()] not in _SEPARATORS):
            raise ValueError("引号没有成对", '名字里有分隔符时写成 "甲、乙",引号本身写两遍')
        if each[1] is not None:
            found.append(each[1].replace('""', '"'))
        elif each[2] is not None:
            found.append(item(each[2].strip()))
        at = each.end() + 1
    return tuple(found)


def dates(value: Scalar) -> tuple[str, ...]:
    """Dates in one cell."""
    return items(value, date)


def lunar_days(value: Scalar) -> tuple[str, ...]:
    """Lunar days in one cell."""
    return items(value, lunar_day)


def moves(value: Scalar) -> dict[str, str]:
    """New dates by original date, as 2027-01-06→2027-01-07."""
    found: dict[str, str] = {}
    for pair in items(value, date):
        original, arrow, target = re.sub("->|=>", ARROW, pair).partition(ARROW)
        if not arrow:
            raise ValueError(f"{pair} 不是改期", f"写成 原日期{ARROW}新日期,一行一个")
        if date(original) in found:
            raise ValueError(f"{date(original)} 改期写了两次", "只留一个")
        found[date(original)] = date(target)
    return found


def listed(value: str | list[object]) -> str:
    """A list (or the one item of it) in one cell, so that `items` gives it back."""
    return SEPARATOR.join(
        _quoted(str(item)) for item in ([value] if isinstance(value, str) else value)
    )


def moves_listed(value: Mapping[object, object]) -> str:
    """New dates by original date, one a line."""
    return "\n".join(f"{original}{ARROW}{moved}" for original, moved in value.items())


def choice(words: Mapping[str, str]) -> Form:
    """One of some words: how people call it, and what the calendar file says."""
    spoken = {name: said for said, name in words.items()}

    def read(value: Scalar) -> str:
        said = word(value)
        if said not in words and said not in spoken:
            raise ValueError(f"不认识“{said}”", f"写其中之一:{'、'.join(words)}")
        return words.get(said, said)

    return Form(lambda name: spoken.get(name, str(name)), read, tuple(words))


def as_date(value: object) -> dt.date:
    """A date for a cell."""
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


TEXT = Form(str, plain)
LONG_TEXT = Form(str, plain, width=60)
WORD = Form(str, word)
DATE = Form(as_date, date, number_format=DATE_FORMAT, width=12)
CLOCK = Form(dt.time.fromisoformat, clock, number_format=CLOCK_FORMAT, width=8)
NUMBER = Form(int, word, number_format="0", width=8)
NAMES = Form(listed, items, width=22)
DATES = Form(listed, dates, width=22)
MOVES = Form(moves_listed, moves, width=26)
FLAG = Form(lambda yes: "是" if yes else "否", word, ("是", "否"), width=8)


def _digits(value: float) -> str:
    # What is no number at all is not smaller either.
    if not abs(value) < MOST_DIGITS:
        raise ValueError("超过 15 位的数字被表格软件改过了", "把单元格格式设为“文本”,重新填写")
    return str(int(value)) if value == int(value) else str(value)


def _quoted(item: str) -> str:
    simple = item == item.strip() and not set(item) & {*_SEPARATORS, '"'} and item
    return item if simple else '"' + item.replace('"', '""') + '"'
