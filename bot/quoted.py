"""How a member stands in what another writes: 「name：what they said」 before an answer, and @name.
Pure.

A quote may hold quotes, a name may hold colons, blanks and brackets: every way to read them counts.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

GONE_NAME, GONE_TEXT = "已注销", "〔已删除〕"
# What WeChat writes between a quote and the answer to it.
_RULED_OFF = "」\n- -"
# Quotes in quotes, quotes side by side, and colons of one are looked at so far: more is no talk.
_DEEPEST, _MOST, _COLONS = 8, 64, 8
_LONGEST_NAME = 64
_COLON = re.compile(r"[：:]")
_BRACKET = re.compile(r"[「」]")
# What follows an @ up to where a name must have ended; WeChat ends one with a blank of its own.
_CALLED = re.compile(rf"@([^@\n]{{1,{_LONGEST_NAME}}})")
_ENDS = re.compile(r"(?<=\w)(?=\W)|(?<=\W)(?=\S)|\Z")


class _Quote(NamedTuple):
    """A quote's place in a text, brackets included, and what stands between these."""

    start: int
    end: int
    inside: str


def words(text: str | None) -> set[str]:
    """The names and the words that a text may quote or call."""
    if not text:
        return set()
    found = {part for quote in _all(text, _DEEPEST) for part in _parts(quote.inside)}
    return found | {name for match in _CALLED.finditer(text) for name in _names(match[1])}


def without(text: str | None, gone: frozenset[str]) -> str | None:
    """The text with these names and words taken out where it quotes or calls."""
    if not text or not gone:
        return text
    return _CALLED.sub(lambda match: _called(match[1], gone), _cut(text, gone, _DEEPEST))


def _all(text: str, deep: int) -> Iterator[_Quote]:
    """Its quotes, those inside of others too."""
    for quote in _quotes(text):
        yield quote
        if deep > 1:
            yield from _all(quote.inside, deep - 1)


def _quotes(text: str) -> Iterator[_Quote]:
    """The quotes of a text that are in no other, in order.

    What members write may open brackets without closing them, or close more: then a quote goes on
    to where WeChat rules it off.
    """
    closed, last = _closed(text), text.rfind("」")
    ruled_off = text.rfind(_RULED_OFF)
    at = 0
    for _ in range(_MOST):
        start = text.find("「", at)
        if not 0 <= start < last:
            return
        end = closed.get(start, ruled_off if ruled_off > start else last)
        # A quote before an answer is the first thing in a text.
        if start == 0 and ruled_off > end:
            end = ruled_off
        yield _Quote(start, end + 1, text[start + 1 : end])
        at = end + 1


def _closed(text: str) -> dict[int, int]:
    """Where each bracket that opens is closed, of those that are."""
    waiting: list[int] = []
    closed = {}
    for match in _BRACKET.finditer(text):
        if match[0] == "「":
            waiting.append(match.start())
        elif waiting:
            closed[waiting.pop()] = match.start()
    return closed


def _parts(inside: str) -> Iterator[str]:
    """What may be the name in a quote, and what may be the words, however the name is written."""
    for colon, _ in zip(
        _COLON.finditer(inside, 0, _LONGEST_NAME + 1), range(_COLONS), strict=False
    ):
        yield from filter(None, (inside[: colon.start()], inside[colon.end() :]))


def _names(called: str) -> Iterator[str]:
    """What may be the name after an @, the longest last: where it ends nobody knows."""
    for end in _ENDS.finditer(called):
        if name := called[: end.start()].rstrip():
            yield name


def _cut(text: str, gone: frozenset[str], deep: int) -> str:
    """The text without the quotes of whoever is gone. Either part tells whose one is: a name may
    have changed since, and short words are anybody's.
    """
    left, at = [], 0
    for quote in _quotes(text):
        if gone.isdisjoint(_parts(quote.inside)):
            inside = _cut(quote.inside, gone, deep - 1) if deep > 1 else quote.inside
        else:
            inside = f"{GONE_NAME}：{GONE_TEXT}"
        left += [text[at : quote.start], f"「{inside}」"]
        at = quote.end
    return "".join([*left, text[at:]])


def _called(called: str, gone: frozenset[str]) -> str:
    name = max((one for one in _names(called) if one in gone), key=len, default="")
    return f"@{GONE_NAME if name else ''}{called[len(name) :]}"
