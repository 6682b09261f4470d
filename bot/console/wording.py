"""Recurrences and audiences in words, as a colleague would say them."""

from bot.translation import Translate
from content_calendar import notation
from content_calendar.audience import Audience, Bounds
from content_calendar.recurrence import (
    Dates,
    EveryDays,
    Festivals,
    Lunar,
    Monthly,
    Rrule,
    Rule,
    Weekly,
)

WORKDAYS, WEEK = 5, 7
SHOWN = 4


def rule(tr: Translate, found: Rule) -> str:  # noqa: PLR0911  # one a kind of rule
    """`每周三`, `每月最后一天`, `农历 08-15` …"""
    match found:
        case Weekly(days):
            return _weekly(tr, days)
        case Monthly(None):
            return tr("每月最后一天")
        case Monthly(day):
            return tr("每月 {n} 日", n=day)
        case EveryDays(1):
            return tr("每天")
        case EveryDays(days):
            return tr("每 {n} 天", n=days)
        case Dates(dates):
            return tr("指定的 {n} 天", n=len(dates))
        case Lunar(days):
            written = notation.rule_as_json(Lunar(days))["lunar"]
            return tr("农历 {days}", days=_some(tr, [written] if days[1:] == () else written))
        case Festivals(names):
            return tr("节日：{names}", names=_some(tr, names))
        case Rrule(text):
            return tr("规则 {text}", text=text)


def _weekly(tr: Translate, days: tuple[int, ...]) -> str:
    if len(days) == WEEK:
        return tr("每天")
    if days == tuple(range(WORKDAYS)):
        return tr("每周一到周五")
    named = [tr(notation.WEEKDAYS[day]) for day in days]
    return tr("每{days}", days=tr("、").join(named)) if named else tr("还没有选星期几")


def audience(tr: Translate, found: Audience) -> str:
    """`垂类 宝妈育儿 · 标签 北京 · 另加 2 个群 · 不含 1 个群`."""
    parts = [tr("全部群")] if found.all else []
    for title, names in (
        (tr("垂类"), found.verticals),
        (tr("标签"), found.tags),
        (tr("账号"), found.accounts),
        (tr("负责人"), found.owners),
    ):
        if names:
            parts.append(f"{title} {_some(tr, names)}")
    for title, bounds in ((tr("人数"), found.members), (tr("日均消息"), found.messages_a_day)):
        if bounds is not None:
            parts.append(f"{title} {_bounds(bounds)}")
    if found.rooms:
        text = "另加 {n} 个群" if parts else "指定的 {n} 个群"
        parts.append(tr(text, n=len(found.rooms)))
    for names in (found.exclude_verticals, found.exclude_tags):
        if names:
            parts.append(tr("不含 {names}", names=_some(tr, names)))
    if found.exclude:
        parts.append(tr("不含 {n} 个群", n=len(found.exclude)))
    return " · ".join(parts) or tr("还没有选群")


def _bounds(bounds: Bounds) -> str:
    least = "" if bounds.least is None else bounds.least
    most = "" if bounds.most is None else bounds.most
    return f"{least}–{most}"


def _some(tr: Translate, names: tuple[str, ...] | list[str]) -> str:
    shown = tr("、").join(names[:SHOWN])
    return shown if len(names) <= SHOWN else tr("{names} 等 {n} 个", names=shown, n=len(names))
