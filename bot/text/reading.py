"""What one message says by itself, read before anybody looks at its neighbours (`judging`)."""

from typing import Final, NamedTuple

from bot.models import SignalKind
from bot.text import manners, signals
from bot.text.lexicon import Cut, Lexicon
from bot.text.signals import Sign
from bot.text.wording import wording

_NO_PRODUCTS: Final = frozenset[int]()
# What a flood or a repetition adds nothing to: it counts for little anyway.
_SAY_LITTLE: Final = frozenset({SignalKind.STICKER, SignalKind.PLUS_ONE, SignalKind.CHECK_IN})
# What answers nobody unless it says whom.
_ANSWER_NOBODY: Final = _SAY_LITTLE | {SignalKind.GREETING, SignalKind.ADVERTISEMENT}
_TELLING: Final = frozenset({SignalKind.PRAISE, SignalKind.PURCHASE_INTENT})
_TELLING_FROM: Final = 6


class Reading(NamedTuple):
    """`normal` is the text as likeness sees it, empty where there is none.

    Whether it `asks`, `tells` of something of one's own, says so `little` that it cannot be a
    flood or a repetition, and `may_answer` without saying whom.
    """

    normal: str = ""
    signs: tuple[Sign, ...] = ()
    products: frozenset[int] = _NO_PRODUCTS
    asks: bool = False
    tells: bool = False
    little: bool = False
    may_answer: bool = True


NOTHING: Final = Reading()


def read(kind: str, text: str | None, lexicon: Lexicon, cut: Cut) -> Reading:
    """A message by its type and its text, None where it has none."""
    words = None if text is None else wording(text)
    products = _NO_PRODUCTS if words is None else lexicon.named(words.folded, cut)
    signs = signals.of(kind, words, names_product=bool(products))
    normal = "" if words is None else words.normal
    tells = words is not None and len(normal) >= _TELLING_FROM and manners.tells(words.plain)
    if not signs:
        return Reading(normal, signs, products, False, tells)
    kinds = [sign.kind for sign in signs]
    return Reading(
        normal,
        signs,
        products,
        SignalKind.QUESTION in kinds,
        tells and _TELLING.issuperset(kinds),
        not _SAY_LITTLE.isdisjoint(kinds),
        _ANSWER_NOBODY.isdisjoint(kinds),
    )


def said(text: str | None, lexicon: Lexicon, cut: Cut) -> Reading:
    """A message that signals nothing, whatever it says: one of ours."""
    if text is None:
        return NOTHING
    words = wording(text)
    return Reading(words.normal, products=lexicon.named(words.folded, cut))


def normal(text: str | None) -> Reading:
    """A message that nobody has to understand."""
    return NOTHING if text is None else Reading(wording(text).normal)
