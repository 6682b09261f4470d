"""Why a tag holds, in a sentence that an operator can check. Pure."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from bot import cells
from bot.insights import tagging


def why(tag: str, told: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The sentence of one tag; `told` is what it was decided on, times are read in `zone`."""
    if tag.startswith(tagging.NEED):
        return f"90 天里有 {told['messages']} 条消息说到({told['days']} 天),按词判断,点开消息核对"
    if tag.startswith(tagging.CATEGORY):
        return f"一年里 {told['of']} 单,{told['orders']} 单买了这一类"
    return _SENTENCES[tag](told, zone)


def _day(told: Mapping[str, Any], name: str, zone: ZoneInfo) -> str:
    at = dt.datetime.fromisoformat(told[name]).astimezone(zone)
    return f"{at:%Y-%m-%d}"


def _yuan(fen: float) -> str:
    return f"{cells.yuan(round(fen))} 元"


def _high_value(told: Mapping[str, Any], _: ZoneInfo) -> str:
    mean = f",高于全部订单的平均 {_yuan(told['mean_basket'])}" if told["mean_basket"] else ""
    return f"90 天 {told['orders']} 单,平均每单 {_yuan(told['basket'])}{mean}"


def _repeat(told: Mapping[str, Any], _: ZoneInfo) -> str:
    return f"至今 {told['orders']} 单,共 {_yuan(told['net'])}"


def _newcomer(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    return f"第一单在 {_day(told, 'first_paid_at', zone)},不到 30 天"


def _asleep(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    return f"至今 {told['orders']} 单,最后一单在 {_day(told, 'last_paid_at', zone)},超过 90 天"


def _low_spend(told: Mapping[str, Any], _: ZoneInfo) -> str:
    return (
        f"90 天 {told['orders']} 单,共 {_yuan(told['net'])},"
        f"低于买过的人的中位数 {_yuan(told['median'])}"
    )


def _busy(told: Mapping[str, Any], _: ZoneInfo) -> str:
    return (
        f"28 天里 {told['active_days']} 天发言,有效消息 {told['effective']} 条,"
        f"在发言的人里排前两成({told['busy']} 条起)"
    )


def _active(told: Mapping[str, Any], _: ZoneInfo) -> str:
    return f"28 天里 {told['active_days']} 天发言,有效消息 {told['effective']} 条"


def _answers(told: Mapping[str, Any], _: ZoneInfo) -> str:
    return f"28 天回答了 {told['answers']} 个提问"


def _shares(told: Mapping[str, Any], _: ZoneInfo) -> str:
    return f"28 天分享 {told['shares']} 次"


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any], ZoneInfo], str]] = {
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
