"""One text in the forms that the rules look at, each made once.

Every message of every room passes here, at tens of thousands a second: a rule takes the form it
needs from a `Wording` and makes none of its own, and a form that few rules need is made by them,
behind a cheap guard (`"[" in text`), not here.
"""

import re
from typing import NamedTuple

from bot.text import lexicon, similarity

_EMOTICON = re.compile(r"\[[^\[\]\s]{1,8}\]")
_LINK = re.compile(r"(?:https?://|www\.)[!-~]+")


class Wording(NamedTuple):
    """A text: as it came (`raw`), without the names it @-s (`said`), as names of products are
    compared (`folded`), as likeness sees it (`normal`: folded `said` without blanks, punctuation
    and emoji), and as the rules of signals read it (`plain`: folded `said` without links and
    emoticons).
    """

    raw: str
    said: str
    folded: str
    normal: str
    plain: str


def wording(text: str) -> Wording:
    """The forms of `text`."""
    said = similarity.without_mentions(text)
    folded = lexicon.key(text)
    again = folded if said is text else lexicon.key(said)
    return Wording(text, said, folded, similarity.bare(again), _plain(again))


def _plain(folded: str) -> str:
    if "[" in folded:
        folded = _EMOTICON.sub("", folded)
    return _LINK.sub(" ", folded) if "http" in folded or "www." in folded else folded
