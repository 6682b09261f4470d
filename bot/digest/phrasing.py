"""How numbers read in Chinese: one function per kind of number. Unknown reads as a dash."""

import datetime as dt
import re
import unicodedata

UNKNOWN = "—"
NOT_COLLECTED = "未采集"
# How wide a character of ASCII is, in Chinese ones.
NARROW = 0.56
# What turns the direction of a line, or is not seen at all; what joins emoji stays.
_UNSEEN = re.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_HAN = "\u4e00-\u9fff"
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def count(amount: float | None) -> str:
    """A whole number with thousands separators."""
    return UNKNOWN if amount is None else f"{amount:,.0f}"


def rate(amount: float | None) -> str:
    """A mean such as messages a room-day: one decimal below 100."""
    if amount is None:
        return UNKNOWN
    return f"{amount:,.1f}" if abs(amount) < 100 else f"{amount:,.0f}"


def signed(amount: float) -> str:
    """A difference with its sign; a true minus, which lines up with the plus."""
    return f"{amount:+.1f}".replace("-", "−")


def percent(share: float | None) -> str:
    """A share of 1 as a percentage; some is never 0 %, and not all is never 100 %."""
    if share is None:
        return UNKNOWN
    if 0 < share <= 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{100 * share:.0f}%"


def yuan(fen: int | None) -> str:
    """Money in yuan: cents only where there are some and they matter."""
    if fen is None:
        return UNKNOWN
    sign, cents = "−" if fen < 0 else "", abs(fen) < 100_000 and fen % 100
    return f"{sign}¥{abs(fen) / 100:,.2f}" if cents else f"{sign}¥{abs(fen) / 100:,.0f}"


def short_yuan(fen: float) -> str:
    """Money where there is little room, such as over a bar: ¥19.1万."""
    return f"¥{fen / 1_000_000:,.1f}万" if abs(fen) >= 1_000_000 else f"¥{fen / 100:,.0f}"


def duration(seconds: float | None) -> str:
    """A stretch of time in the unit in which people would say it."""
    if seconds is None:
        return UNKNOWN
    if seconds < 90:
        return f"{seconds:.0f} 秒"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} 分钟"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} 小时"
    return f"{seconds / 86400:.1f} 天"


def punctuated(words: str) -> str:
    """Words with the marks of a Chinese sentence, where they were written with half-width ones."""
    for half, full in zip(",:;", "，：；", strict=True):
        words = re.sub(f"(?<=[{_HAN}）”]){half} ?|{half}(?=[{_HAN}“])", full, words)
    return re.sub(rf"\(([^()]*[{_HAN}][^()]*)\)", r"（\1）", words)


def day(date: dt.date) -> str:
    """A date as people say it in a week: 11月2日."""
    return f"{date.month}月{date.day}日"


def moment(at: dt.datetime) -> str:
    """A local moment of the week: 周三 20:14."""
    return f"{WEEKDAYS[at.weekday()]} {at:%H:%M}"


def name(given: str) -> str:
    """What somebody called a room or a vertical, on one line; "" where nothing of it is seen."""
    seen = "".join(c if unicodedata.category(c) != "Cc" else " " for c in _UNSEEN.sub("", given))
    return " ".join(seen.split())


def cut(words: str, longest: float) -> str:
    """The words on one line, with an ellipsis where they would be wider than so many Chinese
    characters.
    """
    plain = " ".join(words.split())
    if width(plain) <= longest:
        return plain
    left, kept = longest - 1, 0
    for character in plain:
        left -= width(character)
        if left < 0:
            break
        kept += 1
    return plain[:kept].rstrip() + "…"


def width(words: str) -> float:
    """How wide words are, in Chinese characters."""
    return sum(NARROW if character.isascii() else 1 for character in words)
