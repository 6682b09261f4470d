"""Why a tag holds, in a sentence that an operator can check. Pure."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from bot import cells
from bot.insights import tagging
from bot.translation import Translate, in_chinese

Told = Mapping[str, Any]


def why(tag: str, told: Told, zone: ZoneInfo, tr: Translate = in_chinese) -> str:
    """The sentence of one tag; `told` is what it was decided on, times are read in `zone`."""
    if tag.startswith(tagging.NEED):
        said = "90 天里有 {messages} 条消息说到({days} 天),按词判断,点开消息核对"
        return tr(said, messages=told["messages"], days=told["days"])
    if tag.startswith(tagging.CATEGORY):
        said = "一年里 {of} 单,{orders} 单买了这一类"
        return tr(said, of=told["of"], orders=told["orders"])
    return _SENTENCES[tag](told, zone, tr)


def _day(told: Told, name: str, zone: ZoneInfo) -> str:
    at = dt.datetime.fromisoformat(told[name]).astimezone(zone)
    return f"{at:%Y-%m-%d}"


def _yuan(fen: float, tr: Translate) -> str:
    return tr("{yuan} 元", yuan=cells.yuan(round(fen)))


def _high_value(told: Told, _: ZoneInfo, tr: Translate) -> str:
    basket = _yuan(told["basket"], tr)
    if not told["mean_basket"]:
        return tr("90 天 {n} 单,平均每单 {basket}", n=told["orders"], basket=basket)
    said = "90 天 {n} 单,平均每单 {basket},高于全部订单的平均 {mean}"
    return tr(said, n=told["orders"], basket=basket, mean=_yuan(told["mean_basket"], tr))


def _repeat(told: Told, _: ZoneInfo, tr: Translate) -> str:
    return tr("至今 {n} 单,共 {net}", n=told["orders"], net=_yuan(told["net"], tr))


def _newcomer(told: Told, zone: ZoneInfo, tr: Translate) -> str:
    return tr("第一单在 {day},不到 30 天", day=_day(told, "first_paid_at", zone))


def _asleep(told: Told, zone: ZoneInfo, tr: Translate) -> str:
    said = "至今 {n} 单,最后一单在 {day},超过 90 天"
    return tr(said, n=told["orders"], day=_day(told, "last_paid_at", zone))


def _low_spend(told: Told, _: ZoneInfo, tr: Translate) -> str:
    said = "90 天 {n} 单,共 {net},低于买过的人的中位数 {median}"
    net, median = _yuan(told["net"], tr), _yuan(told["median"], tr)
    return tr(said, n=told["orders"], net=net, median=median)


def _busy(told: Told, _: ZoneInfo, tr: Translate) -> str:
    said = "28 天里 {days} 天发言,有效消息 {n} 条,在发言的人里排前两成({busy} 条起)"
    return tr(said, days=told["active_days"], n=told["effective"], busy=told["busy"])


def _active(told: Told, _: ZoneInfo, tr: Translate) -> str:
    said = "28 天里 {days} 天发言,有效消息 {n} 条"
    return tr(said, days=told["active_days"], n=told["effective"])


def _answers(told: Told, _: ZoneInfo, tr: Translate) -> str:
    return tr("28 天回答了 {n} 个提问", n=told["answers"])


def _shares(told: Told, _: ZoneInfo, tr: Translate) -> str:
    return tr("28 天分享 {n} 次", n=told["shares"])


_SENTENCES: Mapping[str, Callable[[Told, ZoneInfo, Translate], str]] = {
    tagging.HIGH_VALUE: _high_value,
    tagging.REPEAT: _repeat,
    tagging.NEWCOMER: _newcomer,
    tagging.ASLEEP: _asleep,
    tagging.LOW_SPEND: _low_spend,
    tagging.BUSY: _busy,
    tagging.ACTIVE: _active,
    tagging.ANSWERS: _answers,
    tagging.SHARES: _shares,
}
