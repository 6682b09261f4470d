"""Answer a keyword (关键词回复): what an operator has an answer to, said in just those words."""

from bot.gateway import Said
from handlers.moment import Moment, Reply


def handle(moment: Moment) -> Reply | None:
    """The curated answer to exactly these words, whether they ask or not."""
    if not isinstance(moment.event, Said) or not moment.event.text:
        return None
    answer = moment.answers.exactly(moment.vertical, moment.event.text)
    return Reply(answer, (moment.event.sender,)) if answer else None
