"""Which rules of signals may hold of a text at all: one pass of an automaton tells.

Every message of every room passes here, and most hold nothing that any rule looks for. Each rule
names cues, one of which stands in whatever it finds; tests/units/test_cues.py draws texts from the
rules and looks for one that has none.
"""

import functools
from typing import Final

import ahocorasick_rs

from bot.text import asking, feeling, grievances, manners, selling

QUESTION, PRICE, PURCHASE, GRIEVANCE, PRAISE, SHARE, ADVERTISEMENT = (1 << n for n in range(7))

_CUES: Final = {
    QUESTION: asking.QUESTION_CUES,
    PRICE: asking.PRICE_CUES,
    PURCHASE: asking.PURCHASE_CUES,
    GRIEVANCE: grievances.CUES,
    PRAISE: feeling.PRAISE_CUES,
    SHARE: manners.SHARE_CUES,
    ADVERTISEMENT: selling.ADVERTISEMENT_CUES,
}
_WORDS: Final = sorted({word for words in _CUES.values() for word in words})
_BITS: Final = [sum(bit for bit, words in _CUES.items() if word in words) for word in _WORDS]


def of(plain: str) -> int:
    """The rules whose cues are in a text, as bits."""
    bits = 0
    for index, _, _ in _automaton().find_matches_as_indexes(plain, overlapping=True):
        bits |= _BITS[index]
    return bits


@functools.cache
def _automaton() -> ahocorasick_rs.AhoCorasick:
    return ahocorasick_rs.AhoCorasick(_WORDS)
