"""Answer a question whose answer an operator has written: only when it is asked in those words."""

from bot.gateway import Said
from bot.text import similarity
from handlers.moment import Moment, Reply


def handle(moment: Moment) -> Reply | None:
    """The curated answer to exactly this question; never a guess."""
    if not isinstance(moment.event, Said) or not moment.event.text:
        return None
    answer = moment.answers.get(similarity.normalise(moment.event.text))
    return Reply(answer, (moment.event.sender,)) if answer else None
