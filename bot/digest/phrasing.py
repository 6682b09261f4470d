"""How numbers read in Chinese: one function per kind of number. Unknown reads as a dash."""

import datetime as dt

UNKNOWN = "—"
NOT_COLLECTED = "未采集"
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
    """A share of 1 as a percentage."""
    return UNKNOWN if share is None else f"{100 * share:.0f}%"


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


def day(date: dt.date) -> str:
    """A date as people say it in a week: 11月2日."""
    return f"{date.month}月{date.day}日"


def moment(at: dt.datetime) -> str:
    """A local moment of the week: 周三 20:14."""
    return f"{WEEKDAYS[at.weekday()]} {at:%H:%M}"
