"""Welcome those who come into a room, and tell them that the room is looked after by a bot."""

import datetime as dt
from typing import Final

from bot.gateway import Joined
from handlers.moment import Moment, Reply

# In a rush of arrivals, the next welcome is for everybody since the last.
EVERY: Final = dt.timedelta(minutes=10)


def handle(moment: Moment) -> Reply | None:
    """One welcome for everybody of one arrival."""
    if not isinstance(moment.event, Joined):
        return None
    room = moment.topic or "本群"
    text = (
        f"欢迎新朋友加入{room}!有问题直接在群里问,大家都会帮忙。"
        "本群由机器人协助管理,会统计互动情况用于改进服务,不想被统计可以随时告诉群主。"
    )
    return Reply(text, tuple(person.id for person in moment.event.people), EVERY)
