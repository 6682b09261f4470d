"""Traces of a person in what others wrote: found and taken out. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ahocorasick_rs import AhoCorasick

from bot import quoted
from bot.models.columns import escape, unescape

GONE_NAME, GONE_TEXT = quoted.GONE_NAME, quoted.GONE_TEXT
# Shorter words are anybody's: they are looked for only where they clearly are a name or an id.
FEWEST = {"id": 6, "name": 3, "text": 8}
# How a name stands in what others write: called, quoted, or before what was said.
AROUND = (("@", ""), ("「", "\uff1a"), ("「", ":"), ("", " · "))


@dataclass(frozen=True)
class Traces:
    """What to look for. `pseudonym` stands for the person from now on; `common` are words that a
    name may happen to equal (verticals, products, topics): such a name is taken out only where it
    clearly is one.
    """

    ids: frozenset[str]
    names: frozenset[str]
    texts: frozenset[str]
    pseudonym: str
    common: frozenset[str] = frozenset()

    @property
    def telling(self) -> frozenset[str]:
        """Names, and what they said where it is long enough to be nobody else's."""
        return self.names | {text for text, _ in _long(self.texts, "text", "")}

    def clean(self, value: object) -> object:
        """A string, or strings inside lists and mappings, without any trace; equal where none."""
        if isinstance(value, str):
            return self._clean(value)
        if isinstance(value, list):
            return [self.clean(one) for one in value]
        if isinstance(value, Mapping):
            return {self.clean(key): self.clean(one) for key, one in value.items()}
        return value

    def naming(self) -> list[str]:
        """What a text that names the person holds, as it is stored: to ask a database for."""
        own = dict(_long(self.texts, "text", ""))
        return [needle for needle, _ in self._needles if unescape(needle) not in own]

    def _clean(self, text: str) -> str:
        whole = self._whole.get(text)
        if whole is not None:
            return whole
        # The automaton reads UTF-8, which lone surrogates are not.
        stored = escape(text)
        places = self._automaton.find_matches_as_indexes(stored, overlapping=True)
        found = {self._needles[place] for place, _, _ in places}
        # The longest first, since a text may hold a name.
        for needle, instead in sorted(found, key=lambda each: (-len(each[0]), each)):
            stored = stored.replace(needle, instead)
        return unescape(stored)

    @cached_property
    def _whole(self) -> dict[str, str]:
        """Strings that are nothing but a trace, however short."""
        return {
            **dict.fromkeys(self.names - self.common, GONE_NAME),
            **dict.fromkeys(self.ids, self.pseudonym),
        }

    @cached_property
    def _needles(self) -> list[tuple[str, str]]:
        needles = {
            **dict(_long(self.texts, "text", GONE_TEXT)),
            **dict(_long(self.names - self.common, "name", GONE_NAME)),
            **dict(_long(self.ids, "id", self.pseudonym)),
        }
        for name in self.names:
            for before, after in AROUND:
                needles[before + name + after] = before + GONE_NAME + after
        return sorted((escape(needle), instead) for needle, instead in needles.items())

    @cached_property
    def _automaton(self) -> AhoCorasick:
        return AhoCorasick([needle for needle, _ in self._needles])


def _long(words: Collection[str], kind: str, instead: str) -> Iterable[tuple[str, str]]:
    return ((word, instead) for word in words if len(word) >= FEWEST[kind])
