"""Count check-ins (打卡): the first of a day and every tenth is answered, so that a busy room is
not flooded.
"""

from bot.gateway import Said
from bot.models import SignalKind
from handlers.moment import Moment, Reply

EVERY = 10


def handle(moment: Moment) -> Reply | None:
    """Cheer the first and every tenth member who checks in today."""
    if not isinstance(moment.event, Said) or SignalKind.CHECK_IN not in moment.signals:
        return None
    if moment.checked_in == 1:
        return Reply("今天第一个打卡,真棒!", (moment.event.sender,))
    if moment.checked_in and moment.checked_in % EVERY == 0:
        return Reply(f"今天已经有 {moment.checked_in} 位朋友打卡啦,继续保持!")
    return None
