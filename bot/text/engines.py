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
from collections.abc import Iterable, Mapping
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

    FREQ: dict[str, int]
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


def reference(
    words: Iterable[str] = (), deleted: Iterable[str] = (), main: Path | None = None
) -> Reference:
    """jieba with our dictionary and `words`, without `deleted`; `main` replaces its own dictionary.

    `main` is a file of lines "word frequency". Nothing is shared with another reference.
    """
    tokenizer = copy.copy(_loaded(main))
    # The copy shares nothing that add_word changes.
    tokenizer.FREQ = dict(tokenizer.FREQ)
    for word in words:
        if word:
            tokenizer.add_word(word)
    gone = frozenset(word for word in deleted if len(word) > 1)
    for word in gone:
        # del_word would split the word for every tokenizer of the process, for good.
        if word in tokenizer.FREQ:
            tokenizer.FREQ[word] = 0
    return Reference(cast(Tokenizer, tokenizer), gone)


def is_common(word: str) -> bool:
    """Whether a word stands in jieba's own dictionary, and so in everyday talk; those of our own
    dictionary are words of trade.
    """
    return len(word) == 1 or (bool(_own().get(word)) and word not in _domain())


def fast(given: Reference) -> Fast:
    """rjieba told what `given`, made of jieba's own main dictionary, knows beyond that."""
    tokenizer = rjieba.Jieba()
    own = _own()
    frequencies = given.tokenizer.FREQ
    told = 0
    for word, frequency in frequencies.items():
        if frequency and frequency != own.get(word, 0) and _CUTTABLE.fullmatch(word):
            tokenizer.add_word(word, frequency, None)
            told += frequency - own.get(word, 0)
    # jieba counts a word that it is told twice twice.
    missing = given.tokenizer.total - told - sum(own.values())
    if missing > 0:
        tokenizer.add_word(_FILLER, missing, None)
    return Fast(tokenizer, given, frequencies)


def _own() -> Mapping[str, int]:
    return cast(Mapping[str, int], _bare(None).FREQ)


@functools.cache
def _loaded(main: Path | None):  # type: ignore[no-untyped-def]  # jieba ships no types
    tokenizer = copy.copy(_bare(main))
    tokenizer.FREQ = dict(tokenizer.FREQ)
    for word in _domain():
        tokenizer.add_word(word)
    return tokenizer


@functools.cache
def _domain() -> tuple[str, ...]:
    return tuple(DICTIONARY.read_text(encoding="utf-8").split())


@functools.cache
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
