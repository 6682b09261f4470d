"""Whether two messages say the same: normal forms, character 3-grams, Jaccard."""

import datetime as dt
import re
from array import array
from dataclasses import dataclass, field

import numpy as np

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
    return frozenset([normal[place : place + 3] for place in range(len(normal) - 2)])


@dataclass(slots=True)
class Recent:
    """What was said in one room, to be asked in order of time whether a text was just said.

    Exact, and without comparing every pair. Of short texts the hash is kept (8 bytes: two texts are
    taken for one another once in 10^12 rooms), of longer ones the text and a signature: one of 128
    bits for each 3-gram, by its hash. A 3-gram that only one of two texts has makes at most one bit
    differ, and of alike texts at most a third is apart; so where more bits differ, they are not
    alike, and nothing else is compared. Above some hundred characters nearly every bit is set, and
    texts of like length are compared one by one.

    What was said longer than 24 hours ago is forgotten on the way. Both columns of times are in
    seconds; `texts` holds the longer ones one after the other, in UTF-8, since a string of its own
    for each would leave holes between what batches need and drop. The first `old_short` and
    `old_long` places are forgotten.
    """

    short_at: "array[float]" = field(default_factory=lambda: array("d"))
    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    old_short: int = 0
    long_at: "array[float]" = field(default_factory=lambda: array("d"))
    low: "array[int]" = field(default_factory=lambda: array("Q"))
    high: "array[int]" = field(default_factory=lambda: array("Q"))
    sizes: "array[int]" = field(default_factory=lambda: array("i"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    texts: bytearray = field(default_factory=bytearray)
    old_long: int = 0

    def repeats(self, text: str, at: dt.datetime) -> bool:
        """Whether `text` is a near-duplicate of one said up to 24 hours before; remembers it."""
        return self.hears(normalise(text), at.timestamp())

    def hears(self, normal: str, at: float) -> bool:
        """As `repeats`, for a text in its normal form and a time in seconds."""
        if not normal:
            return False
        return self._same(normal, at) if len(normal) < GRAMS_FROM else self._alike(normal, at)

    def _same(self, normal: str, at: float) -> bool:
        old = self.old_short = _first_since(self.short_at, at, self.old_short)
        if _is_worth_clearing(old, self.short_at):
            del self.short_at[:old], self.hashes[:old]
            old = self.old_short = 0
        own = hash(normal)
        again = old < len(self.hashes) and bool(
            (np.frombuffer(self.hashes, np.int64)[old:] == own).any()
        )
        self.short_at.append(at)
        self.hashes.append(own)
        return again

    def _alike(self, normal: str, at: float) -> bool:
        old = self.old_long = _first_since(self.long_at, at, self.old_long)
        if _is_worth_clearing(old, self.long_at):
            self._clear_long(old)
        own = grams(normal)
        bits = 0
        for gram in own:
            bits |= 1 << (hash(gram) & 127)
        low, high = bits & _LOW, bits >> 64
        alike = any(_is_alike(own, self._text(place)) for place in self._near(low, high, len(own)))
        self.long_at.append(at)
        self.low.append(low)
        self.high.append(high)
        self.sizes.append(len(own))
        self.texts += normal.encode()
        self.ends.append(len(self.texts))
        return alike

    def _text(self, place: int) -> str:
        return self.texts[self.ends[place - 1] if place else 0 : self.ends[place]].decode()

    def _clear_long(self, old: int) -> None:
        begin = self.ends[old - 1]
        del self.texts[:begin]
        for column in (self.long_at, self.low, self.high, self.sizes, self.ends):
            del column[:old]
        self.ends = array("q", (end - begin for end in self.ends))
        self.old_long = 0

    def _near(self, low: int, high: int, size: int) -> list[int]:
        """The places of the texts that could be alike."""
        old = self.old_long
        if old == len(self.sizes):
            return []
        apart = np.bitwise_count(np.frombuffer(self.low, np.uint64)[old:] ^ np.uint64(low))
        apart += np.bitwise_count(np.frombuffer(self.high, np.uint64)[old:] ^ np.uint64(high))
        both = np.frombuffer(self.sizes, np.int32)[old:] + size
        near = np.flatnonzero(np.multiply(apart, 3, dtype=np.int32) <= both)
        return (near + old).tolist() if near.size else []


_LOW = (1 << 64) - 1
# So many forgotten ones wait at the front for their places to be cleared at once.
_CLEARED = 256


def _first_since(times: "array[float]", at: float, place: int) -> int:
    """The first place from `place` on that is at most 24 hours before `at`."""
    before, count = at - WINDOW.total_seconds(), len(times)
    while place < count and times[place] < before:
        place += 1
    return place


def _is_worth_clearing(old: int, times: "array[float]") -> bool:
    return old >= _CLEARED and 2 * old > len(times)


def smaller_half(own: frozenset[str]) -> list[int]:
    """The hashes of as many 3-grams as one of any alike text must share one with, in whatever order
    they are compared (Chaudhuri et al., "A primitive operator for similarity joins", 2006).
    """
    return sorted(map(hash, own))[: len(own) // 2 + 1]


def _is_alike(own: frozenset[str], other: str) -> bool:
    """Whether half of all 3-grams of two texts are in both."""
    # A text has at most two 3-grams less than characters.
    if (len(other) - 2) < ALIKE * len(own):
        return False
    theirs = grams(other)
    shared = len(own & theirs)
    return shared >= ALIKE * (len(own) + len(theirs) - shared)
