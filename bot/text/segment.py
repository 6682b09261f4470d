"""Cut Chinese text into words. jieba is the reference; it is imported here alone."""

import copy
import functools
import logging
import os
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

DICTIONARY = Path(__file__).parent / "dictionary.txt"


class Tokenizer(Protocol):
    """The part of jieba's tokenizer that we use."""

    def lcut(self, sentence: str) -> list[str]:
        """The words of a sentence; joined they give it back."""

    def add_word(self, word: str) -> None:
        """Make `word` one word from now on."""


@dataclass(frozen=True, slots=True)
class Segmenter:
    """Cuts text with jieba's dictionary, ours, and the words it was given."""

    tokenizer: Tokenizer

    def words(self, text: str) -> list[str]:
        """The words of `text` in order, punctuation and blanks included."""
        return self.tokenizer.lcut(text)


def segmenter(words: Iterable[str] = ()) -> Segmenter:
    """A segmenter that also knows `words`: product names, operators' own words."""
    tokenizer = copy.copy(_reference())
    # The copy shares nothing that add_word changes.
    tokenizer.FREQ = dict(tokenizer.FREQ)
    for word in words:
        tokenizer.add_word(word)
    return Segmenter(cast(Tokenizer, tokenizer))


@functools.cache
def _reference():  # type: ignore[no-untyped-def]  # jieba ships no types
    with warnings.catch_warnings():
        # jieba's sources hold escapes that Python 3.12 warns of, and it looks for pkg_resources.
        warnings.simplefilter("ignore")
        import jieba  # noqa: PLC0415  # loading the dictionary is worth doing only where needed
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir = _cache_folder()
    tokenizer.cache_file = "jieba.cache"
    tokenizer.initialize()
    for word in DICTIONARY.read_text(encoding="utf-8").split():
        tokenizer.add_word(word)
    return tokenizer


def _cache_folder() -> str:
    # jieba unmarshals its cache, so no other user may be able to write there.
    folder = Path(tempfile.gettempdir()) / f"qunyun-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        return tempfile.mkdtemp(prefix="qunyun-")
    return str(folder)
