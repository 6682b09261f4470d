"""Whether two messages say the same: normal forms, character 3-grams, Jaccard."""

import datetime as dt
import re
from collections import deque
from collections.abc import Iterable
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
    return bare(lexicon.key(without_mentions(text)))


def bare(folded: str) -> str:
    """A folded text without blanks, punctuation and emoji."""
    return folded if folded.isalnum() else _NOT_WORDS.sub("", folded)


def without_mentions(text: str) -> str:
    """The text without the names of those whom it @-s: a nickname is not something said."""
    return _MENTION.sub("", text) if "@" in text else text


def grams(normal: str) -> frozenset[str]:
    """The character 3-grams of a normalised text."""
    return frozenset(normal[place : place + 3] for place in range(len(normal) - 2))


@dataclass(slots=True)
class Recent:
    """What was said in one room, to be asked in order of time whether a text was just said.

    Exact, and without comparing every pair: two sets of which half is common share at least one
    of the smaller half of their members, in whatever order members are compared (Chaudhuri et al.,
    "A primitive operator for similarity joins", 2006). So only that half of a text's 3-grams is
    looked up and remembered, in the order of their hashes, which spreads common ones evenly.
    What was said longer than 24 hours ago is forgotten on the way.

    `last` is when each normal form was said last, `said` all of them in order, and `holding` the
    longer ones by the hash of a 3-gram of their smaller half.
    """

    last: dict[str, dt.datetime] = field(default_factory=dict)
    said: deque[tuple[dt.datetime, str]] = field(default_factory=deque)
    holding: dict[int, str | tuple[str, ...]] = field(default_factory=dict)

    def repeats(self, text: str, at: dt.datetime) -> bool:
        """Whether `text` is a near-duplicate of one said up to 24 hours before; remembers it."""
        return self.hears(normalise(text), at)

    def hears(self, normal: str, at: dt.datetime) -> bool:
        """As `repeats`, for a text in its normal form."""
        if not normal:
            return False
        self._forget(at)
        again = normal in self.last
        self.last[normal] = at
        self.said.append((at, normal))
        if again or len(normal) < GRAMS_FROM:
            return again
        own = grams(normal)
        half = smaller_half(own)
        alike = any(_alike(own, other) for other in self._holders(half))
        for mark in half:
            held = self.holding.get(mark)
            self.holding[mark] = normal if held is None else (*_each(held), normal)
        return alike

    def _holders(self, half: Iterable[int]) -> Iterable[str]:
        """The remembered texts that could be alike."""
        found = [held for mark in half if (held := self.holding.get(mark)) is not None]
        return {text for held in found for text in _each(held)} if found else ()

    def _forget(self, at: dt.datetime) -> None:
        while self.said and at - self.said[0][0] > WINDOW:
            then, normal = self.said.popleft()
            if self.last.get(normal) != then:
                continue
            del self.last[normal]
            if len(normal) >= GRAMS_FROM:
                self._drop(normal)

    def _drop(self, normal: str) -> None:
        for mark in smaller_half(grams(normal)):
            left = tuple(text for text in _each(self.holding.pop(mark, ())) if text != normal)
            if left:
                self.holding[mark] = left if len(left) > 1 else left[0]


def smaller_half(own: frozenset[str]) -> list[int]:
    """The hashes of as many 3-grams as one of any alike text must share one with."""
    return sorted(map(hash, own))[: len(own) // 2 + 1]


def _alike(own: frozenset[str], other: str) -> bool:
    # A text has at most two 3-grams less than characters.
    if (len(other) - 2) < ALIKE * len(own):
        return False
    theirs = grams(other)
    shared = len(own & theirs)
    return shared >= ALIKE * (len(own) + len(theirs) - shared)


def _each(held: str | tuple[str, ...]) -> tuple[str, ...]:
    # Nearly every 3-gram is held by one text alone: a tuple around it would double the memory.
    return (held,) if isinstance(held, str) else held
