"""Which products a message names: every name, alias, SKU and tracked link, longest match first."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ahocorasick_rs

_SURROGATE = re.compile("[\ud800-\udfff]")
_NONE = frozenset[int]()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Names (as `key` gives them) and the products that each stands for."""

    automaton: ahocorasick_rs.AhoCorasick
    names: tuple[str, ...]
    products: tuple[tuple[int, ...], ...]

    def mentioned(self, text: str) -> frozenset[int]:
        """The ids of the products that `text` names."""
        return self.named(key(text))

    def named(self, folded: str) -> frozenset[int]:
        """As `mentioned`, for a text that went through `key`."""
        found = self.automaton.find_matches_as_indexes(folded)
        if not found:
            return _NONE
        return frozenset(
            product
            for index, start, end in found
            if _stands_alone(folded, start, end)
            for product in self.products[index]
        )


def lexicon(names: Mapping[int, Iterable[str]]) -> Lexicon:
    """A lexicon of products by id; a name of two products mentions both."""
    owners: dict[str, set[int]] = {}
    for product, given in names.items():
        for name in given:
            if key(name).strip():
                owners.setdefault(key(name).strip(), set()).add(product)
    patterns = tuple(sorted(owners))
    return Lexicon(
        ahocorasick_rs.AhoCorasick(patterns, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest),
        patterns,
        tuple(tuple(sorted(owners[name])) for name in patterns),
    )


def key(text: str) -> str:
    """Text as names are compared: compatibility forms and case folded, lone surrogates replaced."""
    if text.isascii():
        return text.lower()
    try:
        text.encode()
    except UnicodeEncodeError:
        text = _SURROGATE.sub("\ufffd", text)
    return unicodedata.normalize("NFKC", text).casefold()


def _stands_alone(text: str, start: int, end: int) -> bool:
    # "A1" is not named by "A12" nor by "BA1"; Chinese has no such boundary.
    return not (
        (start > 0 and _is_latin(text[start - 1]) and _is_latin(text[start]))
        or (end < len(text) and _is_latin(text[end]) and _is_latin(text[end - 1]))
    )


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
