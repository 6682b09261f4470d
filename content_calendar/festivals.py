"""Festivals and shopping days by name: how each is dated.

年货节 has no date of its own: it is put on 腊八 (lunar 12-08), the customary opening of the
shopping for the New Year. A shopping festival of several days is named by the day it peaks on.
"""

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from content_calendar import lunar


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same solar day every year."""

    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Nth:
    """The nth such weekday of a month, Monday is 0, and so many days after it."""

    month: int
    weekday: int
    nth: int
    after: int = 0


@dataclass(frozen=True, slots=True)
class LunarDay:
    """A day of the lunar calendar; day None is the last one of the month."""

    month: int
    day: int | None


@dataclass(frozen=True, slots=True)
class Qingming:
    """The solar term 清明, 4 or 5 April, by the rule of thumb that holds from 2000 to 2099."""


Dating = Fixed | Nth | LunarDay | Qingming


@dataclass(frozen=True, slots=True)
class Festival:
    """One festival: how it is dated, and what else people call it."""

    dating: Dating
    aliases: tuple[str, ...] = ()


FESTIVALS = {
    "元旦": Festival(Fixed(1, 1), ("元旦节",)),
    "腊八节": Festival(LunarDay(12, 8), ("腊八",)),
    "年货节": Festival(LunarDay(12, 8)),
    "北方小年": Festival(LunarDay(12, 23)),
    "南方小年": Festival(LunarDay(12, 24)),
    "除夕": Festival(LunarDay(12, None), ("大年三十", "年三十", "除夕夜")),
    "春节": Festival(LunarDay(1, 1), ("大年初一", "农历新年", "过年")),
    "破五": Festival(LunarDay(1, 5), ("迎财神", "大年初五")),
    "元宵节": Festival(LunarDay(1, 15), ("元宵", "上元节")),
    "龙抬头": Festival(LunarDay(2, 2), ("二月二",)),
    "情人节": Festival(Fixed(2, 14), ("214",)),
    "女生节": Festival(Fixed(3, 7), ("37女生节",)),
    "妇女节": Festival(
        Fixed(3, 8), ("38节", "38", "三八节", "三八妇女节", "女王节", "女神节", "38女王节")
    ),
    "植树节": Festival(Fixed(3, 12)),
    "白色情人节": Festival(Fixed(3, 14)),
    "消费者权益日": Festival(Fixed(3, 15), ("315",)),
    "愚人节": Festival(Fixed(4, 1)),
    "清明节": Festival(Qingming(), ("清明",)),
    "读书日": Festival(Fixed(4, 23), ("世界读书日",)),
    "劳动节": Festival(Fixed(5, 1), ("五一", "五一节", "五一劳动节", "51")),
    "青年节": Festival(Fixed(5, 4), ("五四", "五四青年节")),
    "母亲节": Festival(Nth(5, 6, 2)),
    "吃货节": Festival(Fixed(5, 17), ("517", "517吃货节")),
    "520": Festival(Fixed(5, 20), ("520表白日", "网络情人节")),
    "儿童节": Festival(Fixed(6, 1), ("六一", "61", "六一儿童节")),
    "父亲节": Festival(Nth(6, 6, 3)),
    "端午节": Festival(LunarDay(5, 5), ("端午",)),
    "618": Festival(Fixed(6, 18), ("618大促", "年中大促")),
    "建军节": Festival(Fixed(8, 1), ("八一", "八一建军节")),
    "七夕": Festival(LunarDay(7, 7), ("七夕节",)),
    "中元节": Festival(LunarDay(7, 15)),
    "818": Festival(Fixed(8, 18), ("818发烧节", "818购物节")),
    "开学季": Festival(Fixed(9, 1), ("开学", "开学日")),
    "99划算节": Festival(Fixed(9, 9), ("99", "划算节", "99大促")),
    "教师节": Festival(Fixed(9, 10)),
    "中秋节": Festival(LunarDay(8, 15), ("中秋",)),
    "国庆节": Festival(Fixed(10, 1), ("国庆", "十一")),
    "重阳节": Festival(LunarDay(9, 9), ("重阳", "老人节")),
    "程序员节": Festival(Fixed(10, 24), ("1024",)),
    "万圣夜": Festival(Fixed(10, 31), ("万圣节前夜",)),
    "双11": Festival(Fixed(11, 11), ("双十一", "1111", "11.11", "光棍节")),
    "感恩节": Festival(Nth(11, 3, 4)),
    "黑色星期五": Festival(Nth(11, 3, 4, after=1), ("黑五",)),
    "双12": Festival(Fixed(12, 12), ("双十二", "1212", "12.12")),
    "平安夜": Festival(Fixed(12, 24), ("圣诞前夜",)),
    "圣诞节": Festival(Fixed(12, 25), ("圣诞",)),
}
# Qingming's rule of thumb holds for these years.
QINGMING_YEARS = range(2000, 2100)


def canonical(name: str) -> str | None:
    """The name in FESTIVALS that a person means; width, case and blanks do not matter."""
    return _NAMES.get(_folded(name))


def dates(names: Iterable[str], first: dt.date, end: dt.date) -> tuple[dt.date, ...]:
    """The dates in `[first, end)` of festivals, in order. Raises KeyError for an unknown name."""
    found = {
        day
        for name in names
        for day in _dates(FESTIVALS[_NAMES[_folded(name)]].dating, first, end)
        if first <= day < end
    }
    return tuple(sorted(found))


def covers(names: Iterable[str], first: dt.date, last: dt.date) -> bool:
    """Whether every date of these festivals from `first` to `last`, both included, is known."""
    return all(_covers(FESTIVALS[_NAMES[_folded(name)]].dating, first, last) for name in names)


def _dates(dating: Dating, first: dt.date, end: dt.date) -> Iterable[dt.date]:
    if isinstance(dating, LunarDay):
        return lunar.dates([(dating.month, dating.day)], first, end)
    return _solar(dating, range(first.year, end.year + 1))


def _solar(dating: Fixed | Nth | Qingming, years: range) -> Iterator[dt.date]:
    for year in years:
        match dating:
            case Fixed(month, day):
                yield dt.date(year, month, day)
            case Nth(month, weekday, nth, after):
                start = dt.date(year, month, 1)
                wait = (weekday - start.weekday()) % 7 + (nth - 1) * 7 + after
                yield start + dt.timedelta(days=wait)
            case Qingming() if year in QINGMING_YEARS:
                # https://www.jianshu.com/p/1f814c6bb475 has the rule: [Y·0.2422 + 4.81] - [Y/4].
                yield dt.date(year, 4, int(year % 100 * 0.2422 + 4.81) - year % 100 // 4)


def _covers(dating: Dating, first: dt.date, last: dt.date) -> bool:
    match dating:
        case LunarDay():
            return lunar.covers(first, last)
        case Qingming():
            return first.year in QINGMING_YEARS and last.year in QINGMING_YEARS
        case _:
            return True


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


_NAMES = {
    _folded(each): name
    for name, festival in FESTIVALS.items()
    for each in (name, *festival.aliases)
}
