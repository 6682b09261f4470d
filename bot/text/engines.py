"""The two engines that cut: jieba, which is the reference, and rjieba, which is fast.

Both are imported here alone. rjieba agrees with jieba but for three things, which are mended or
left to jieba: it glues ASCII ("100-150" is one token), it knows Han characters that jieba cuts
out of words, and it refuses lone surrogates. Ties are broken by the last bit of a logarithm of
the total, so both must have the same total, too.
"""

import copy
import functools
import logging
import os
import re
import tempfile
import warnings
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import rjieba

DICTIONARY = Path(__file__).parent / "dictionary.txt"

# Han characters that are part of a word for rjieba, and not for jieba.
_FOREIGN = "\u3400-\u4dbf\u9fd6-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_SUSPECT = re.compile(f"[+#&._%\\-{_FOREIGN}]")
# Of these rjieba eats the digits that jieba gives to what comes next.
_DIFFERENT = re.compile(rf"[{_FOREIGN}]|[a-zA-Z0-9][+#&_%\-]\d+[.a-zA-Z]")
_GLUED = re.compile(r"[+#&._%\-]")
_ASCII_WORD = re.compile(r"([a-zA-Z0-9]+(?:\.\d+)?%?)")
_CUTTABLE = re.compile("[\u4e00-\u9fd5a-zA-Z0-9+#&._%\\-]+")
# No text can hold this as part of a word, so it only counts.
_FILLER = "\ue000"


class Engine(Protocol):
    """Something that cuts text into words."""

    def cut(self, text: str) -> list[str]:
        """The words of `text` in order; joined they give it back."""


class Tokenizer(Protocol):
    """The part of jieba's tokenizer that we use."""

    FREQ: Mapping[str, int]
    total: int

    def lcut(self, sentence: str) -> list[str]:
        """The words of a sentence; joined they give it back."""

    def add_word(self, word: str) -> None:
        """Make `word` one word from now on."""


@dataclass(frozen=True, slots=True)
class Reference:
    """jieba. Words of `deleted` come apart into characters."""

    tokenizer: Tokenizer
    deleted: frozenset[str] = frozenset()

    def cut(self, text: str) -> list[str]:
        """The words of `text` in order; joined they give it back."""
        words = self.tokenizer.lcut(text)
        if self.deleted.isdisjoint(words):
            return words
        return [part for word in words for part in (word if word in self.deleted else (word,))]


@dataclass(frozen=True, slots=True)
class Fast:
    """rjieba with the words of a reference, and that reference for what it would cut otherwise."""

    tokenizer: rjieba.Jieba
    reference: Reference
    known: Mapping[str, int]

    def cut(self, text: str) -> list[str]:
        """The words of `text` in order; joined they give it back."""
        try:
            if _SUSPECT.search(text) is None:
                return self.tokenizer.cut(text)
            if _DIFFERENT.search(text) is not None:
                return self.reference.cut(text)
            words = self.tokenizer.cut(text)
        except UnicodeEncodeError:
            # A lone surrogate has no UTF-8.
            return self.reference.cut(text)
        return [part for word in words for part in self._split(word)]

    def _split(self, word: str) -> Iterable[str]:
        if len(word) == 1 or self.known.get(word) or not word.isascii() or not _GLUED.search(word):
            return (word,)
        return filter(None, _ASCII_WORD.split(word))


class Words(Mapping[str, int]):
    """How frequent words are, for jieba: `added` ones over a dictionary that is shared.

    jieba looks words up letter by letter, so whatever a word begins with is in here, as 0. Of its
    own words jieba keeps these beginnings as further entries, which makes of 100,000 names half a
    million; here they are found in the sorted words.
    """

    def __init__(self, own: Mapping[str, int]) -> None:
        self.own = own
        self.added: dict[str, int] = {}
        self._sorted: list[str] = []

    # jieba asks tens of times a word, so each of these three does its own looking.
    def __contains__(self, word: object) -> bool:
        if word in self.own or not isinstance(word, str):
            return word in self.own
        place = bisect_left(self._sorted, word)
        return place < len(self._sorted) and self._sorted[place].startswith(word)

    def __getitem__(self, word: str) -> int:
        frequency = self.added.get(word)
        if frequency is None:
            frequency = self.own.get(word)
        if frequency is not None:
            return frequency
        if word in self:
            return 0
        raise KeyError(word)

    def get(self, word: str, default: int | None = None) -> int | None:  # type: ignore[override]  # jieba asks for nothing else
        """How frequent a word is; 0 where a word begins so, else `default`."""
        frequency = self.added.get(word)
        if frequency is None:
            frequency = self.own.get(word)
        return frequency if frequency is not None else 0 if word in self else default

    def __setitem__(self, word: str, frequency: int) -> None:
        if word not in self.added:
            insort(self._sorted, word)
        self.added[word] = frequency

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (word for word in self._sorted if word not in self.own)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def reference(
    words: Iterable[str] = (), deleted: Iterable[str] = (), main: Path | None = None
) -> Reference:
    """jieba with our dictionary and `words`, without `deleted`; `main` replaces its own dictionary.

    `main` is a file of lines "word frequency". Nothing that one reference adds is in another.
    """
    tokenizer = copy.copy(_loaded(main).tokenizer)
    added = sorted(word for word in words if word)
    gone = frozenset(word for word in deleted if len(word) > 1)
    if not added and not gone:
        return Reference(tokenizer)
    tokenizer.FREQ = known = Words(tokenizer.FREQ)
    # In order, so that equal words are equally frequent whatever order they were given in.
    for word in added:
        tokenizer.add_word(word)
    for word in gone:
        # del_word would split the word for every tokenizer of the process, for good.
        if word in known:
            known[word] = 0
    return Reference(tokenizer, gone)


def is_common(word: str) -> bool:
    """Whether a word stands in jieba's own dictionary, and so in everyday talk; those of our own
    dictionary are words of trade.
    """
    known = _loaded(None)
    return len(word) == 1 or (bool(known.tokenizer.FREQ.get(word)) and word not in known.before)


def fast(given: Reference) -> Fast:
    """rjieba told what `given`, made of jieba's own main dictionary, knows beyond that."""
    # Its own default instance holds a whole dictionary for nobody.
    rjieba.clear()  # type: ignore[no-untyped-call]  # its stub names no result
    tokenizer = rjieba.Jieba()
    known, frequencies = _loaded(None), given.tokenizer.FREQ
    added = frequencies.added if isinstance(frequencies, Words) else {}
    told = 0
    for word in (*known.before, *(word for word in added if word not in known.before)):
        own = known.before.get(word, known.tokenizer.FREQ.get(word, 0))
        frequency = frequencies.get(word) or 0
        if frequency and frequency != own and _CUTTABLE.fullmatch(word):
            tokenizer.add_word(word, frequency, None)
            told += frequency - own
    # jieba counts a word that it is told twice twice.
    missing = given.tokenizer.total - told - known.total
    if missing > 0:
        tokenizer.add_word(_FILLER, missing, None)
    return Fast(tokenizer, given, frequencies)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A tokenizer with our dictionary, how frequent the words of that were `before`, and the total
    of jieba's own words.
    """

    tokenizer: Tokenizer
    before: Mapping[str, int]
    total: int


@functools.cache
def _loaded(main: Path | None) -> _Loaded:
    tokenizer = cast(Tokenizer, _bare(main))
    words = DICTIONARY.read_text(encoding="utf-8").split()
    before = {word: tokenizer.FREQ.get(word, 0) for word in words}
    total = sum(tokenizer.FREQ.values())
    for word in words:
        tokenizer.add_word(word)
    return _Loaded(tokenizer, before, total)


def _bare(main: Path | None):  # type: ignore[no-untyped-def]  # jieba ships no types
    with warnings.catch_warnings():
        # jieba's sources hold escapes that Python 3.12 warns of, and it looks for pkg_resources.
        warnings.simplefilter("ignore")
        import jieba  # noqa: PLC0415  # loading the dictionary is worth doing only where needed
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer() if main is None else jieba.Tokenizer(str(main.resolve()))
    tokenizer.tmp_dir = _cache_folder()
    if main is None:
        tokenizer.cache_file = "jieba.cache"
    tokenizer.initialize()
    return tokenizer


def _cache_folder() -> str:
    # jieba unmarshals its cache, so no other user may be able to write there.
    folder = Path(tempfile.gettempdir()) / f"qunyun-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        return tempfile.mkdtemp(prefix="qunyun-")
    return str(folder)
