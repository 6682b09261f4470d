"""Whether two messages say the same: normal forms, character 3-grams, Jaccard."""

import datetime as dt
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bot.text import lexicon

# From this many characters on, likeness is decided by 3-grams; below, by equality.
GRAMS_FROM = 12
ALIKE = 0.5
WINDOW = dt.timedelta(hours=24)
# So many forgotten ones wait to be cleared at once.
_CLEARED = 256
Bits = npt.NDArray[np.uint64]

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

    Exact, and without comparing every pair. Of short texts the hash is kept with when it was said
    last (two texts are taken for one another once in 10^12 rooms), of longer ones the text and a
    signature: one of 128 bits for each 3-gram, by a hash. A 3-gram that only one of two texts has
    makes at most one bit differ, and of alike texts at most a third is apart; so where more bits
    differ, they are not alike, and nothing else is compared. Folded into 64 bits, which sets most
    pairs apart, and compared as a table of what is new by what is there, that is 2 ns a pair. Above
    some hundred characters nearly every bit is set, and texts of like length are compared one by
    one.

    What was said longer than 24 hours ago is forgotten on the way, in larger pieces. Times are in
    seconds; `sizes` are numbers of 3-grams, equal ones counted again. `texts` holds the longer ones
    one after the other, in UTF-8, since a string of its own for each would leave holes between what
    batches need and drop.
    """

    short: dict[int, float] = field(default_factory=dict)
    most_short: int = _CLEARED
    at: "array[float]" = field(default_factory=lambda: array("d"))
    low: "array[int]" = field(default_factory=lambda: array("Q"))
    high: "array[int]" = field(default_factory=lambda: array("Q"))
    sizes: "array[int]" = field(default_factory=lambda: array("i"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    texts: bytearray = field(default_factory=bytearray)

    def repeats(self, text: str, at: dt.datetime) -> bool:
        """Whether `text` is a near-duplicate of one said up to 24 hours before; remembers it."""
        return self.hears([normalise(text)], [at.timestamp()])[0]

    def hears(self, normals: Sequence[str], at: Sequence[float]) -> list[bool]:
        """As `repeats`, for texts in their normal forms, in order, and times in seconds."""
        found, long = [], []
        for place, normal in enumerate(normals):
            found.append(len(normal) < GRAMS_FROM and self._same(normal, at[place]))
            if len(normal) >= GRAMS_FROM:
                long.append(place)
        if long:
            alike = self._alike([normals[place] for place in long], [at[place] for place in long])
            for place, again in zip(long, alike, strict=True):
                found[place] = again
        return found

    def _same(self, normal: str, at: float) -> bool:
        if not normal:
            return False
        own = hash(normal)
        last = self.short.get(own)
        self.short[own] = at
        if len(self.short) > self.most_short:
            self.short = {each: said for each, said in self.short.items() if said >= at - _WINDOW}
            self.most_short = max(_CLEARED, 2 * len(self.short))
        return last is not None and last >= at - _WINDOW

    def _alike(self, normals: Sequence[str], at: Sequence[float]) -> list[bool]:
        old = self._forget(at[0] - _WINDOW)
        before = len(self.at)
        low, high = _signatures(normals)
        self.low.frombytes(low.tobytes())
        self.high.frombytes(high.tobytes())
        for normal in normals:
            self.texts += normal.encode()
            self.ends.append(len(self.texts))
        self.at.extend(at)
        self.sizes.extend([len(normal) - 2 for normal in normals])
        found = [False] * len(normals)
        for place, earlier in self._near(old, before):
            new = place - before
            since, own = at[new] - _WINDOW, grams(normals[new])
            found[new] = any(
                self.at[each] >= since and _is_alike(own, self._text(each)) for each in earlier
            )
        return found

    def _text(self, place: int) -> str:
        return self.texts[self.ends[place - 1] if place else 0 : self.ends[place]].decode()

    def _forget(self, before: float) -> int:
        """What was said before, once it is worth the while; returns how much of it is left."""
        old = bisect_left(self.at, before)
        if old < _CLEARED or 2 * old <= len(self.at):
            return old
        begin = self.ends[old - 1]
        del self.texts[:begin]
        for column in (self.at, self.low, self.high, self.sizes, self.ends):
            del column[:old]
        self.ends = array("q", (end - begin for end in self.ends))
        return 0

    def _near(self, old: int, before: int) -> Iterator[tuple[int, list[int]]]:
        """The places of the texts from `before` on, each with those of earlier ones from `old` on
        that could be alike, in order.
        """
        low, high = np.frombuffer(self.low, np.uint64), np.frombuffer(self.high, np.uint64)
        sizes = np.frombuffer(self.sizes, np.int32)
        # Rounded up, of two together at least a third; nothing has more than 64 bits.
        third = np.minimum((sizes + 2) // 3, 64).astype(np.uint8)
        folded = low | high
        count, rows = len(low), max(1, _PAIRS // (len(low) - old))
        for first in range(before, count, rows):
            new = slice(first, min(first + rows, count))
            there = slice(old, new.stop)
            apart = np.bitwise_count(folded[new, None] ^ folded[there])
            place, earlier = np.nonzero(apart <= third[new, None] + third[there])
            place, earlier = place + first, earlier + old
            is_earlier = earlier < place
            place, earlier = place[is_earlier], earlier[is_earlier]
            if place.size:
                bits = np.bitwise_count(low[place] ^ low[earlier]).astype(np.int32)
                bits += np.bitwise_count(high[place] ^ high[earlier])
                near = 3 * bits <= sizes[place] + sizes[earlier]
                place, earlier = place[near], earlier[near]
                # A text at a time: where a room repeats one all day, all pairs are too many.
                starts = np.flatnonzero(np.diff(place, prepend=-1)).tolist()
                for start, end in pairwise((*starts, len(place))):
                    yield int(place[start]), earlier[start:end].tolist()


_WINDOW = WINDOW.total_seconds()
# So many pairs are compared at once, which is what a processor's cache holds of them.
_PAIRS = 1 << 16
# Odd and without a pattern: a 3-gram's bit is the seven highest of a sum of products by these.
_MIXED = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_PLACE = np.uint64(57)


def _signatures(normals: Sequence[str]) -> tuple[Bits, Bits]:
    """The lower and the upper half of each text's signature, all texts in one go: gram by gram,
    in Python, it took 4 µs a text.
    """
    letters = np.frombuffer("".join(normals).encode("utf-32-le"), np.uint32).astype(np.uint64)
    ends = np.cumsum([len(normal) for normal in normals])
    first, second, third = (letters * np.uint64(factor) for factor in _MIXED)
    mixed = first[:-2] + second[1:-1] + third[2:]
    place = mixed >> _PLACE
    bit = np.uint64(1) << (place & np.uint64(63))
    # What begins with the last two letters of a text is a 3-gram of none.
    bit[ends[:-1] - 2] = bit[ends[:-1] - 1] = 0
    upper = place > 63
    starts = ends - [len(normal) for normal in normals]
    low, high = np.where(upper, 0, bit), np.where(upper, bit, 0)
    return np.bitwise_or.reduceat(low, starts), np.bitwise_or.reduceat(high, starts)


def _is_alike(own: frozenset[str], other: str) -> bool:
    """Whether half of all 3-grams of two texts are in both."""
    # A text has at most two 3-grams less than characters.
    if (len(other) - 2) < ALIKE * len(own):
        return False
    theirs = grams(other)
    shared = len(own & theirs)
    return shared >= ALIKE * (len(own) + len(theirs) - shared)
