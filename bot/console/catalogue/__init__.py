"""The words of the console: Chinese in the code, other languages in a file per page group.

A file maps the Chinese text, word for word, to its translation; `{names}` stay as they are, and
`{n:order|orders}` is the word for one or for any other number of them. A test names every text that
has no translation and every translation that nothing shows.
"""

from functools import cache
from pathlib import Path
from string import Formatter
from types import MappingProxyType

import yaml

from bot.translation import Translate

FOLDER = Path(__file__).parent
CHINESE, ENGLISH = "zh", "en"
LANGUAGES = {CHINESE: "简体中文", ENGLISH: "English"}


class _Counting(Formatter):
    """Fills in values, and the form of a word that goes with a number: `{n:order|orders}`."""

    def format_field(self, value: object, spec: str) -> str:
        one, several, others = spec.partition("|")
        if not several:
            return format(value, spec)
        return one if value in (1, "1") else others


@cache
def catalogue(language: str) -> MappingProxyType[str, str]:
    """Every translation into a language, from all its files."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.yaml")):
        found |= yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return MappingProxyType(found)


def translator(language: str) -> Translate:
    """A function from a Chinese text and its values to what the reader sees."""
    known, counting = catalogue(language), _Counting()

    def translate(text: str, /, **values: object) -> str:
        shown = known.get(text, text)
        if not values:
            return shown
        # What counts nothing is filled in by the interpreter itself, some ten times as quick.
        return counting.vformat(shown, (), values) if "|" in shown else shown.format_map(values)

    return translate


def language_for(chosen: str | None, accepted: str) -> str:
    """The operator's choice, else the first of an Accept-Language header that we speak."""
    if chosen in LANGUAGES:
        return str(chosen)
    for each in accepted.lower().split(","):
        name = each.partition(";")[0].strip().partition("-")[0]
        if name in LANGUAGES:
            return name
    return CHINESE
