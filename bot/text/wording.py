"""One text in the forms that the rules look at, each made once.

Every message of every room passes here, at tens of thousands a second: a rule takes the form it
needs from a `Wording` and makes none of its own, and a form that few rules need is made by them,
behind a cheap guard (`"[" in text`), not here.
"""

from dataclasses import dataclass

from bot.text import lexicon, similarity


@dataclass(frozen=True, slots=True)
class Wording:
    """A text: as it came (`raw`), without the names it @-s (`said`), as names of products are
    compared (`folded`), and as likeness sees it (`normal`: folded `said` without blanks,
    punctuation and emoji).
    """

    raw: str
    said: str
    folded: str
    normal: str


def wording(text: str) -> Wording:
    """The forms of `text`."""
    said = similarity.without_mentions(text)
    folded = lexicon.key(text)
    again = folded if said is text else lexicon.key(said)
    return Wording(text, said, folded, similarity.bare(again))
