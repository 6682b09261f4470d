"""Cut Chinese text into words: jieba decides, rjieba does it fast where both say the same."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.text import engines, spans
from bot.text.engines import Engine
from bot.text.spans import Span

STOP_WORDS = Path(__file__).parent / "stopwords.txt"


@dataclass(frozen=True, slots=True, eq=False)
class Segmenter:
    """Cuts text with jieba's dictionary, ours, and the words it was given.

    Immutable: to load other words is to make another and to put it in the place of the old one.
    """

    engine: Engine
    stop: frozenset[str]

    def words(self, text: str) -> list[str]:
        """The words of `text` in order, punctuation and blanks included."""
        return self.engine.cut(text)

    def spans(self, text: str) -> list[Span]:
        """`text` in pieces: what is one thing whatever its letters (emoticon, emoji, @name, link,
        order or phone number) as one piece, the rest as words; joined they give it back.
        """
        found: list[Span] = []
        for piece in spans.parted(text):
            if piece.kind is spans.Kind.WORD:
                found += [Span(spans.Kind.WORD, word) for word in self.engine.cut(piece.text)]
            else:
                found.append(piece)
        return found

    def keywords(self, text: str) -> list[str]:
        """The words that say what `text` is about: no numbers, names, links, blanks, stop words."""
        return [
            span.text
            for span in self.spans(text)
            if span.kind is spans.Kind.WORD
            and any(character.isalpha() for character in span.text)
            and span.text.casefold() not in self.stop
        ]


def segmenter(
    words: Iterable[str] = (),
    deleted: Iterable[str] = (),
    stop: Iterable[str] = (),
    main: Path | None = None,
) -> Segmenter:
    """A segmenter that also knows `words`: product names, operators' own words.

    `deleted` are no words, `stop` say nothing (beside our own list), and `main` is a main
    dictionary in the place of jieba's. With a deletion or such a dictionary jieba itself cuts,
    because rjieba would cut otherwise.
    """
    reference = engines.reference(words, deleted, main)
    engine = reference if reference.deleted or main is not None else engines.fast(reference)
    return Segmenter(engine, _stop_words() | frozenset(word.casefold() for word in stop))


def is_common(word: str) -> bool:
    """Whether a word is one of everyday talk, and not one of trade."""
    return engines.is_common(word)


@functools.cache
def _stop_words() -> frozenset[str]:
    return frozenset(STOP_WORDS.read_text(encoding="utf-8").split())
