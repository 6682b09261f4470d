"""Whether two messages say the same: normal forms, character 3-grams, Jaccard."""

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, field

from bot.text import lexicon

# From this many characters on, likeness is decided by 3-grams; below, by equality.
GRAMS_FROM = 12
ALIKE = 0.5
WINDOW = dt.timedelta(hours=24)

# WeChat ends an @mention with U+2005.
_MENTION = re.compile("@[^\u2005\n]{1,32}\u2005")
_NOT_WORDS = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """Text as likeness sees it: folded, without mentions, blanks, punctuation and emoji."""
    return _NOT_WORDS.sub("", lexicon.key(without_mentions(text)))


def without_mentions(text: str) -> str:
    """The text without the names of those whom it @-s: a nickname is not something said."""
    return _MENTION.sub("", text)


def grams(normal: str) -> frozenset[str]:
    """The character 3-grams of a normalised text."""
    return frozenset(normal[place : place + 3] for place in range(len(normal) - 2))


@dataclass(slots=True)
class Recent:
    """What was said in one room, to be asked in order of time whether a text was just said.

    Exact: every earlier text within 24 hours is a candidate, found through its 3-grams.
    """

    short: dict[str, dt.datetime] = field(default_factory=dict)
    long: list[tuple[dt.datetime, frozenset[str]]] = field(default_factory=list)
    postings: dict[str, list[int]] = field(default_factory=dict)

    def repeats(self, text: str, at: dt.datetime) -> bool:
        """Whether `text` is a near-duplicate of one said up to 24 hours before; remembers it."""
        normal = normalise(text)
        if not normal:
            return False
        if len(normal) < GRAMS_FROM:
            before = self.short.get(normal)
            self.short[normal] = at
            return before is not None and at - before <= WINDOW
        return self._repeats_long(grams(normal), at)

    def _repeats_long(self, own: frozenset[str], at: dt.datetime) -> bool:
        shared: Counter[int] = Counter()
        for gram in own:
            shared.update(self.postings.setdefault(gram, []))
            self.postings[gram].append(len(self.long))
        found = any(
            at - self.long[place][0] <= WINDOW
            and count >= ALIKE * (len(own) + len(self.long[place][1]) - count)
            for place, count in shared.items()
        )
        self.long.append((at, own))
        return found
