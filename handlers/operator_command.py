"""Carry out what a listed operator orders in a room: /本周, /暂停, /恢复, /取消.

From anybody else they are words like all others.
"""

import re
from typing import Final

from bot.gateway import Said
from bot.insights.so_far import Week
from handlers.moment import Command, Moment, Order, Reply

WEEK: Final = "本周"
_COMMAND: Final = re.compile(r"\s*[/\uff0f](\w+)\s*(.*)", re.DOTALL)
_ORDERS: Final = {"暂停": Order.PAUSE, "恢复": Order.RESUME, "取消": Order.CANCEL}


def handle(moment: Moment) -> Reply | Command | None:
    """The room's week in a few words, or an order to carry out."""
    if not moment.by_operator or not isinstance(moment.event, Said):
        return None
    word, reason = parted(moment.event.text)
    if word == WEEK and moment.week is not None:
        return Reply(_told(moment.week))
    order = _ORDERS.get(word)
    return Command(order, reason) if order is not None else None


def parted(text: str | None) -> tuple[str, str]:
    """The command and what follows it; ("", "") where a text is no command."""
    found = _COMMAND.match(text or "")
    return (found[1], found[2].strip()) if found else ("", "")


def _told(week: Week) -> str:
    return (
        f"本周({week.monday:%m-%d} 起)到现在:{week.messages:,} 条消息,{week.speakers:,} 人发言,"
        f"{week.questions:,} 个提问({week.answered:,} 个有人答),{week.shares:,} 次分享。"
        "不含运营和机器人。"
    )
