"""Forbidden words (违禁词): what no post may contain, found however it is dressed up.

Words and texts are compared without case, in one width, and without characters that nobody sees.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import ahocorasick_rs
from sqlalchemy import delete, select
from sqlmodel import Session

from bot import csv_files, database
from bot.errors import Fault, InvalidInput
from bot.models import ForbiddenWord
from bot.text import lexicon

WORD = database.table(ForbiddenWord).c.word
LONGEST = 50
# Format characters, joiners, variation selectors and fillers: they show nothing at all.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class Words:
    """Forbidden words in their compared form, and what finds them all in one pass."""

    words: tuple[str, ...]
    automaton: ahocorasick_rs.AhoCorasick

    def found(self, text: str) -> str | None:
        """The first forbidden word in a text, the longest where several begin there."""
        if not self.words:
            return None
        matches = self.automaton.find_matches_as_indexes(key(text))
        return self.words[matches[0][0]] if matches else None


def load(session: Session) -> Words:
    """The words as they stand; what finds them is made again only where they have changed."""
    return _words(tuple(listed(session)))


def listed(session: Session) -> list[str]:
    """Every word in its compared form, by code point."""
    order = database.code_points(WORD, session)
    return list(session.connection().scalars(select(WORD).order_by(order)))


def add(session: Session, words: Iterable[str]) -> int:
    """Forbid words; returns how many are new, so that repeating is safe.

    Raises InvalidInput where one of them is no word.
    """
    rows = [{"word": word} for word in _checked("words", ((0, word) for word in words))]
    return database.insert_rows(session, ForbiddenWord, rows, skip_existing=True)


def remove(session: Session, words: Iterable[str]) -> int:
    """Allow words again, however they are written; returns how many stood."""
    wanted = [(found,) for word in words if (found := key(word).strip())]
    given = database.given(session, {"word": WORD.type}, wanted)
    statement = delete(ForbiddenWord).where(WORD.in_(select(given.c.word)))
    return session.connection().execute(statement).rowcount


def read(path: Path) -> list[str]:
    """The words of a file in their compared form, each once: one a line, `#` begins a comment line.

    The file is utf-8, utf-8-sig or gb18030. Raises InvalidInput that names every wrong line.
    """
    lines = enumerate(csv_files.decode(path).split("\n"), start=1)
    said = ((number, line.strip()) for number, line in lines)
    return _checked(path.name, (each for each in said if each[1] and not each[1].startswith("#")))


def key(text: str) -> str:
    """Text as forbidden words are compared."""
    return lexicon.key(_UNSEEN.sub("", text))


def _checked(file: str, words: Iterable[tuple[int, str]]) -> list[str]:
    found: dict[str, None] = {}
    faults = []
    for line, word in words:
        compared = key(word).strip()
        problem = _problem(compared)
        if problem:
            faults.append(Fault(file, line, "word", *problem))
        found[compared] = None
    if faults:
        raise InvalidInput(*faults)
    return list(found)


def _problem(word: str) -> tuple[str, str] | None:
    if len(word) > LONGEST:
        return f"违禁词有 {len(word)} 个字", f"每行写一个词,最多 {LONGEST} 个字"
    if "\ufffd" in word or any(unicodedata.category(letter) == "Cc" for letter in word):
        return "含有乱码或看不见的字符", "另存为 UTF-8 的纯文本,每行一个词"
    # Every text would contain what is nothing but punctuation.
    if not any(unicodedata.category(letter)[0] in "LN" or _shows(letter) for letter in word):
        return "没有文字", "写一个词,或者去掉这一行"
    return None


def _shows(letter: str) -> bool:
    return unicodedata.category(letter) == "So"


@lru_cache(maxsize=4)
def _words(words: tuple[str, ...]) -> Words:
    longest = ahocorasick_rs.MatchKind.LeftmostLongest
    return Words(words, ahocorasick_rs.AhoCorasick(words, matchkind=longest))


NONE = _words(())
