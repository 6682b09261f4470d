"""Answer a member's question from the curated answers, or hand it to the operators' desk."""

from bot.gateway import Said
from bot.models import SignalKind
from handlers.moment import Moment, Reply, Unanswered


def handle(moment: Moment) -> Reply | Unanswered | None:
    """The curated answer where one surely fits; else the question waits for a person."""
    if SignalKind.QUESTION not in moment.signals or moment.by_operator:
        return None
    if not isinstance(moment.event, Said) or not moment.event.text:
        return None
    answer = moment.answers.best(moment.vertical, moment.event.text)
    return Reply(answer, (moment.event.sender,)) if answer else Unanswered()
