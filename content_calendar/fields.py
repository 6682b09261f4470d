"""How each kind of field of a calendar file is read: a value in, a checked thing out.

Every function raises InvalidInput with the problem and its remedy; `nodes.take` adds the place.
"""

import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from bot import links
from bot.errors import InvalidInput
from bot.models import HolidayPolicy, SeriesKind
from content_calendar import definition, festivals, notation, recurrence, templates
from content_calendar.nodes import Value, wrong

FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2199, 12, 31)
RULES = ("weekly", "monthly", "every_days", "dates", "rrule", "lunar", "festival")
IMAGES = (".png", ".jpg", ".jpeg", ".gif")
ARM_A = "A"
ENGLISH_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOLIDAYS = {policy.value: policy for policy in HolidayPolicy} | {
    "照常": HolidayPolicy.KEEP,
    "跳过": HolidayPolicy.SKIP,
    "顺延": HolidayPolicy.NEXT_WORKDAY,
}
KINDS = definition.KINDS | {kind.value: kind for kind in SeriesKind}

T = TypeVar("T")


def weekdays() -> dict[str, int]:
    """Every accepted spelling of a weekday; Monday is 0."""
    spelled = {
        f"{week}{day}": n for week in ("周", "星期") for n, day in enumerate("一二三四五六日")
    }
    spelled |= {"周天": 6, "星期天": 6}
    spelled |= {day[:3]: n for n, day in enumerate(ENGLISH_DAYS)}
    return spelled | {day: n for n, day in enumerate(ENGLISH_DAYS)}


def text(value: Value) -> str:
    """One line that shows something."""
    found = scalar(value)
    if not found.strip() or len(found) > 200:
        raise wrong("要写 1 到 200 个字", "写一行文字")
    if any(_unprintable(letter) or letter == "\n" for letter in found):
        raise wrong("含有换行或不可见字符", "删掉它们")
    return found


def name(value: Value) -> str:
    """A series key: a part of a delivery's key, so without colon or blank."""
    found = text(value)
    if not re.fullmatch(r"[^\s:\uff1a]{1,64}", found):
        raise wrong(f"{found} 含有空格、冒号,或超过 64 个字", "改短,用 - 代替空格和冒号")
    return found


def step_name(value: Value) -> str:
    """A step's name; behind a plus stands what follows its text (`开场+图片`)."""
    found = name(value)
    if "+" in found:
        raise wrong(f"{found} 含有加号", "用 - 代替加号")
    return found


def template(value: Value) -> str:
    """A template that can be posted."""
    found = scalar(value)
    if any(_unprintable(letter) for letter in found):
        raise wrong("含有不可见字符", "删掉它们")
    templates.check(found)
    return found


def templates_by(what: str, column: str) -> Callable[[Value], dict[str, str]]:
    """Templates by the name of something: a vertical, a room, an arm."""

    def parse(value: Value) -> dict[str, str]:
        if not isinstance(value.content, dict):
            raise wrong(f"要写 {what}: 文字", f"例如 {column}: {{{what}: …}}")
        found, faults = {}, []
        for key, item in value.content.items():
            try:
                found[text(Value(item.key_line, key))] = template(item)
            except InvalidInput as error:
                fault = error.faults[0]
                faults.append(wrong(fault.problem, fault.remedy, item.line, column).faults[0])
        if faults:
            raise InvalidInput(*faults)
        return found

    return parse


def arms(value: Value) -> dict[str, str]:
    """The other arms of an A/B comparison; `text` itself is arm A."""
    found = templates_by("组名", "ab")(value)
    if not found or ARM_A in found:
        raise wrong("text 就是 A 组,ab 里写其他组", "例如 ab: {B: …}", value.line)
    for arm in found:
        step_name(Value(value.line, arm))
    return found


def wordings(value: Value) -> tuple[str, ...]:
    """More templates, each once, that take turns with `text`."""
    return tuple(dict.fromkeys(each(value, template)))


def image(value: Value) -> str:
    """The name of a picture in the folder `attachments` of the installation."""
    found = text(value)
    if "/" in found or "\\" in found or found.startswith("."):
        raise wrong(f"{found} 不是文件名", "只写文件名,图片放在 QUNYUN_HOME 的 attachments 文件夹")
    if not found.lower().endswith(IMAGES):
        raise wrong(f"{found} 不是图片", f"可用:{'、'.join(IMAGES)}")
    return found


def url(value: Value) -> str:
    """A web address."""
    found = text(value).strip()
    parts = urlsplit(found)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong(f"{found} 不是网址", "以 https:// 开头")
    return found


def target(value: Value) -> str:
    """A web address that a link in a text may lead to."""
    return links.check(scalar(value).strip())


def date(value: Value) -> dt.date:
    """A local date."""
    return _date(scalar(value))


def dates(value: Value) -> tuple[dt.date, ...]:
    """Local dates, each once, in order."""
    return tuple(sorted(set(each(value, date))))


def moves(value: Value) -> dict[dt.date, dt.date]:
    """New dates by original date."""
    if not isinstance(value.content, dict):
        raise wrong("要写 原日期: 新日期", "例如 move: {2027-01-06: 2027-01-07}")
    found = {}
    for original, item in value.content.items():
        try:
            found[_date(original)] = date(item)
        except InvalidInput as error:
            raise wrong(error.faults[0].problem, error.faults[0].remedy, item.key_line) from error
    return dict(sorted(found.items()))


def clock(value: Value) -> dt.time:
    """A wall-clock time, to the minute."""
    found = re.fullmatch(r"(\d{1,2})[:\uff1a](\d{2})(?:[:\uff1a]00)?", scalar(value).strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise wrong(f"{scalar(value)} 不是时间", '写 00:00 到 23:59,例如 at: "20:00"')
    return dt.time(int(found[1]), int(found[2]))


def zone(value: Value) -> str | None:
    """An IANA zone."""
    found = scalar(value)
    if found not in _zones():
        near = difflib.get_close_matches(found, _zones(), n=1)
        remedy = f"是不是 {near[0]}?" if near else "写 IANA 时区名,例如 Asia/Shanghai"
        raise wrong(f"没有时区 {found}", remedy)
    return found


def kind(value: Value) -> SeriesKind:
    """A kind by its Chinese or English name."""
    return one_of(scalar(value), KINDS, "栏目类型")


def holidays(value: Value) -> HolidayPolicy:
    """What an occurrence does on a statutory holiday."""
    return one_of(scalar(value), HOLIDAYS, "节假日规则")


def number(low: int, high: int) -> Callable[[Value], int]:
    """A whole number between two others, both included."""

    def parse(value: Value) -> int:
        found = scalar(value)
        if not re.fullmatch(r"[+-]?\d{1,9}", found) or not low <= int(found) <= high:
            raise wrong(f"{found} 不合适", f"写 {low} 到 {high} 之间的整数")
        return int(found)

    return parse


def flag(value: Value) -> bool:
    """Yes or no."""
    answers = {"true": True, "yes": True, "是": True, "false": False, "no": False, "否": False}
    return one_of(scalar(value).lower(), answers, "选项")


def names(value: Value) -> tuple[str, ...]:
    """Names, each once, in the order given."""
    return tuple(dict.fromkeys(each(value, text)))


def rule(value: Value) -> recurrence.Rule:  # noqa: PLR0911  # one a kind of rule
    """A recurrence: exactly one of RULES."""
    content = value.content
    if not isinstance(content, dict) or len(content) != 1:
        raise wrong("recurrence 要写一条规则,也只写一条", f"可用:{'、'.join(RULES)}")
    ((kind_name, item),) = content.items()
    if kind_name not in RULES:
        near = difflib.get_close_matches(kind_name, RULES, n=1, cutoff=0.5)
        remedy = f"是不是 {near[0]}?" if near else f"可用:{'、'.join(RULES)}"
        raise wrong(f"没有 {kind_name} 这种规则", remedy, item.key_line)
    match kind_name:
        case "weekly":
            return recurrence.Weekly(tuple(sorted(set(each(item, _weekday)))))
        case "monthly":
            last = item.content in {"last", "最后一天"}
            return recurrence.Monthly(None if last else number(1, 31)(item))
        case "every_days":
            return recurrence.EveryDays(number(1, 3660)(item))
        case "dates":
            return recurrence.Dates(dates(item))
        case "lunar":
            return recurrence.Lunar(tuple(dict.fromkeys(each(item, _lunar_day))))
        case "festival":
            return recurrence.Festivals(tuple(dict.fromkeys(each(item, _festival))))
        case _:
            return recurrence.Rrule(text(item))


def each(value: Value, parse: Callable[[Value], T]) -> list[T]:
    """The items of a list; a single value stands for a list of one."""
    items = value.content if isinstance(value.content, tuple) else (value,)
    found = []
    for item in items:
        try:
            found.append(parse(item))
        except InvalidInput as error:
            raise wrong(error.faults[0].problem, error.faults[0].remedy, item.line) from error
    return found


def _weekday(value: Value) -> int:
    return one_of(scalar(value).strip().lower(), weekdays(), "星期")


def _lunar_day(value: Value) -> tuple[int, int | None]:
    found = scalar(value).strip()
    parts = re.fullmatch(r"(\d{1,2})-(\d{1,2}|last)", found)
    if parts is None or not 1 <= int(parts[1]) <= 12:
        raise wrong(f"{found} 不是农历日期", '写 月-日,例如 "08-15";每月最后一天写 "12-last"')
    if parts[2] != notation.LAST_DAY_OF_MONTH and not 1 <= int(parts[2]) <= 30:
        raise wrong(f"农历没有 {parts[2]} 日", "写 1 到 30,或 last")
    return notation.lunar_day(found)


def _festival(value: Value) -> str:
    found = scalar(value).strip()
    known = festivals.canonical(found)
    if known is None:
        near = difflib.get_close_matches(found, festivals.FESTIVALS, n=1, cutoff=0.5)
        remedy = f"是不是 {near[0]}?" if near else f"可用:{'、'.join(festivals.FESTIVALS)}"
        raise wrong(f"没有节日 {found}", f"{remedy}也可以用 dates 写日期")
    return known


def _date(found: str) -> dt.date:
    try:
        # Other ISO spellings, such as 20261104 or 2026-W45-3, are most often slips.
        day = dt.datetime.strptime(found, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError as error:
        raise wrong(f"{found} 不是日期", "写 年-月-日,例如 2026-11-04") from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise wrong(f"{found} 超出范围", f"写 {FIRST_DAY} 到 {LAST_DAY} 之间的日期")
    return day


def scalar(value: Value) -> str:
    """The one value that stands here, as written."""
    if not isinstance(value.content, str):
        raise wrong("这里要写一个值", "不要写成列表、字段或空白", value.line)
    return value.content


def one_of(found: str, known: Mapping[str, T], what: str) -> T:
    """What a word stands for; `what` says of which kind it is."""
    if found not in known:
        near = difflib.get_close_matches(found, known, n=1, cutoff=0.5)
        remedy = f"是不是 {near[0]}?" if near else f"可用:{'、'.join(_some(known))}"
        raise wrong(f"没有{what} {found}", remedy)
    return known[found]


def _some(known: Iterable[str]) -> list[str]:
    return list(known)[:10]


def _unprintable(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\n\t"


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
