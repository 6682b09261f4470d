"""Threads: which open question a message may answer that neither quotes nor mentions anybody.

A guess, and named as one: its rule is `window`. A question stays open for ten minutes, until
somebody quotes it or mentions its asker, or the asker gives thanks. Whether it was guessed to be
answered before closes nothing, so that what is decided of a message never hangs on a chain of
earlier guesses, however far back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import add, itemgetter
from typing import Final

from bot.text import manners

# In seconds, as all times here.
WINDOW: Final = 600.0
# Without words in common, only what is said right after the one open question.
_RIGHT_AFTER: Final = 90.0
_FEW: Final = 6
# So many pairs of neighbouring characters in common, or half of the question's, tie them.
_TIES: Final = 2
_SAY_NOTHING: Final = frozenset(
    "的了吗呢吧是我你他她有没在和也都就还不一个这那啊哦嗯好什怎多少几么"
)


@dataclass
class Open:
    """A question that waits, the `number`-th message of its room; `since` is how much others have
    said since.
    """

    number: int
    id: int
    platform_id: str
    contact_id: int
    sender: str
    at: float
    normal: str
    since: int = 0

    @cached_property
    def pairs(self) -> frozenset[str]:
        """What an answer may have in common with it."""
        return pairs(self.normal)


def still_open(waiting: Sequence[Open], first: int, at: float) -> list[Open]:
    """Which of the questions that waited, oldest first, wait still: they are as young as that, and
    at least the `first` message of the room.
    """
    return [one for one in waiting if one.number >= first and at - one.at <= WINDOW]


def after(
    waiting: Sequence[Open],
    contact_id: int,
    normal: str,
    quote: str | None,
    mentions: Sequence[str],
) -> list[Open]:
    """Which of them wait still after somebody said something."""
    left: list[Open] = []
    for question in waiting:
        if question.contact_id == contact_id:
            if not manners.thanks(normal):
                left.append(question)
        elif quote != question.platform_id and question.sender not in mentions:
            question.since += 1
            left.append(question)
    return left


def answered(waiting: Sequence[Open], normal: str, contact_id: int, at: float) -> int | None:
    """Our id of the question, of those that wait, that a normalised text may answer."""
    if len(normal) < _TIES:
        return None
    others = [one for one in reversed(waiting) if one.contact_id != contact_id]
    if not others:
        return None
    # Those that say nothing are in no question's, so they need not be taken out here.
    said = frozenset(map(add, normal, normal[1:]))
    closest = max(((_closeness(said, one), one.at, one.id) for one in others), key=_CLOSENESS)
    if closest[0]:
        return closest[2]
    fresh = [one for one in others if at - one.at <= _RIGHT_AFTER and one.since < _FEW]
    return fresh[0].id if len(fresh) == 1 else None


def pairs(normal: str) -> frozenset[str]:
    """The pairs of neighbouring characters of a normalised text that say something."""
    return frozenset(
        first + second
        for first, second in pairwise(normal)
        if first not in _SAY_NOTHING and second not in _SAY_NOTHING
    )


_CLOSENESS: Final = itemgetter(0, 1)


def _closeness(said: frozenset[str], question: Open) -> float:
    asked = question.pairs
    shared = len(said & asked)
    return shared / (len(asked) + 5) if shared >= _TIES or 2 * shared >= len(asked) > 0 else 0.0
