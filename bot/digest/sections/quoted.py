"""Words of members as a room's own digest shows them: cleaned, each once, with who and when."""

from collections.abc import Iterable

from bot.digest import phrasing
from bot.digest.quoting import quotable
from bot.digest.saying import Question, Words
from bot.digest.sheet import Quote, Quotes
from bot.digest.view import View


def listed(
    view: View, title: str, questions: Iterable[Question], most: int, note: str
) -> tuple[Quotes, ...]:
    """Questions under one title, in the order given; nothing where there are no words."""
    return under(view, title, (_question(view, one) for one in questions), most, note)


def under(
    view: View, title: str, quotes: Iterable[Quote | None], most: int, note: str
) -> tuple[Quotes, ...]:
    """The quotes that there are; the same words again add nothing to a list."""
    found: dict[str, Quote] = {}
    for quote in quotes:
        if quote is not None:
            found.setdefault(quote.text, quote)
    shown = tuple(found.values())[:most]
    return (Quotes(title, shown, view.note(note)),) if shown else ()


def words(view: View, message_id: int) -> Words | None:
    """What a message said, where its words may be shown."""
    for said in view.said.values():
        if message_id in said.words:
            return said.words[message_id]
    return None


def name(told: str) -> str:
    """A sender's name, cleaned like their words."""
    return quotable(told, 16) or "一位成员"


def _question(view: View, question: Question) -> Quote | None:
    said = words(view, question.message_id)
    text = quotable(said.text) if said else ""
    if not said or not text:
        return None
    zone = view.week.rooms[view.rooms[0]].zone
    by = f"{name(said.name)} · {phrasing.moment(question.at.astimezone(zone))}"
    if not question.answers:
        return Quote(text, by)
    by += f" · {question.answerers} 人回应"
    answer = words(view, question.answers[0][0])
    reply = quotable(answer.text) if answer else ""
    return Quote(text, by, f"{name(answer.name)}：{reply}" if answer and reply else "")
