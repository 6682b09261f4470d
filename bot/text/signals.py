"""What one message is by its own words; what needs its neighbours is decided in `judging`.

A change of any rule of `asking`, `feeling`, `grievances`, `manners`, `selling`, `lexicon`,
`judging` or here raises RULE_VERSION. docs/signals.md lists the rules and what they cannot do.
"""

from typing import Final, NamedTuple

from bot.models import SignalKind
from bot.text import asking, cues, feeling, manners, selling, similarity
from bot.text.wording import Wording

RULE_VERSION = 6


class Sign(NamedTuple):
    """One signal of a message, and the rule that heard it.

    `severity` is a complaint's, 1 to 3; `target` is our id of the question that is answered.
    """

    kind: SignalKind
    rule: str
    severity: int | None = None
    target: int | None = None


# Types that say nothing but themselves.
STICKERS: Final = frozenset({"emoticon"})
_STICKER: Final = (Sign(SignalKind.STICKER, "sticker"),)
_PLUS_ONE: Final = (Sign(SignalKind.PLUS_ONE, "whole"),)
_GREETING: Final = Sign(SignalKind.GREETING, "whole")
# Nothing longer is a greeting.
_GREETING_WITHIN: Final = 16


def of(kind: str, wording: Wording | None, *, names_product: bool = False) -> tuple[Sign, ...]:
    """The signals that a message carries by itself, at most one of them ineffective.

    `kind` is the message type; `wording` is None where there is no text.
    """
    if kind in STICKERS:
        return _STICKER
    if wording is None:
        return ()
    plain, normal = wording.plain, _without_emoticons(wording)
    if _is_empty_of_words(wording, normal):
        return _STICKER
    if manners.agrees(normal):
        return _PLUS_ONE
    cue = cues.of(plain)
    found: list[Sign] = []
    asked = _asked(plain, cue, found) if cue else None
    if cue & _MOODS:
        found += _feelings(plain, cue, asks=asked is not None, names_product=names_product)
    if cue & cues.SHARE and asked is None and manners.shares(plain):
        # "求分享" asks for a share; it is not one.
        found.append(Sign(SignalKind.SHARE, "word"))
    if cue & cues.PURCHASE and (bought := asking.purchase(plain)) is not None:
        found.append(Sign(SignalKind.PURCHASE_INTENT, bought))
    if cue & cues.ADVERTISEMENT:
        has_link = kind == "link" or "http" in wording.folded
        advertised = selling.advertisement(plain, has_link=has_link)
        if advertised is not None:
            found.append(Sign(SignalKind.ADVERTISEMENT, advertised))
    numbered = selling.order_number(plain)
    if numbered is not None:
        found.append(Sign(SignalKind.ORDER_NUMBER, numbered))
    return tuple(found) if found else _manners(normal)


def is_unsure(wording: Wording, *, names_product: bool = False) -> bool:
    """Whether words of a complaint are in a text, and the rules abstain."""
    plain = wording.plain
    if not cues.of(plain) & cues.GRIEVANCE:
        return False
    return feeling.grievance(plain, names_product=names_product) == feeling.UNSURE


_MOODS: Final = cues.GRIEVANCE | cues.PRAISE


def _asked(plain: str, cue: int, found: list[Sign]) -> str | None:
    """The rule by which a text asks, noted in `found`."""
    asked = asking.question(plain) if cue & cues.QUESTION else None
    if cue & cues.PRICE and asking.price(plain):
        found.append(Sign(SignalKind.PRICE_QUESTION, "price"))
        asked = asked or "price"
    if asked is not None:
        found.append(Sign(SignalKind.QUESTION, asked))
    return asked


def asks(kind: str, wording: Wording | None) -> bool:
    """Whether `of` would say that this is a question, for less."""
    if wording is None or kind in STICKERS:
        return False
    normal = _without_emoticons(wording)
    if _is_empty_of_words(wording, normal) or manners.agrees(normal):
        return False
    return _asked(wording.plain, cues.of(wording.plain), []) is not None


def _feelings(plain: str, cue: int, *, asks: bool, names_product: bool) -> list[Sign]:
    grievance = None
    if cue & cues.GRIEVANCE:
        grievance = feeling.grievance(plain, names_product=names_product)
    if grievance is not None and grievance.severity:
        return [Sign(SignalKind.COMPLAINT, grievance.rule, grievance.severity)]
    if grievance is None and cue & cues.PRAISE and not asks:
        pleases = feeling.praises(plain, names_product=names_product)
        return [Sign(SignalKind.PRAISE, "word")] if pleases else []
    return []


def _manners(normal: str) -> tuple[Sign, ...]:
    if manners.checks_in(normal):
        return (Sign(SignalKind.CHECK_IN, "word"),)
    if len(normal) <= _GREETING_WITHIN and manners.greets(normal):
        return (_GREETING,)
    return ()


def _is_empty_of_words(wording: Wording, normal: str) -> bool:
    # A link says something, though `plain` has none.
    return not normal and "http" not in wording.folded


def _without_emoticons(wording: Wording) -> str:
    return similarity.bare(wording.plain) if "[" in wording.said else wording.normal
